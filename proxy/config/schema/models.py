"""`models`: names, the providers behind each, and the order in which they are tried."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, TypeAlias
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field

from proxy.config.schema.base import Many, NotServed, Section, Shown, problem
from proxy.config.schema.credentials import (
    CredentialLocation,
    EnvLocation,
    Location,
    NoCredential,
)
from proxy.config.schema.overrides import ExtraBody, ExtraHeaders
from proxy.config.schema.timeouts import Timeouts

OPENAI_API_BASE = "https://api.openai.com/v1/"
SERVED_TYPES = ("dummy", "openai")
UNSERVED_TYPES = (
    "anthropic",
    "aws_bedrock",
    "aws_sagemaker",
    "azure",
    "deepseek",
    "fireworks",
    "gcp_vertex_anthropic",
    "gcp_vertex_gemini",
    "google_ai_studio_gemini",
    "groq",
    "hyperbolic",
    "mistral",
    "openrouter",
    "sglang",
    "tgi",
    "together",
    "vllm",
    "xai",
)
PROVIDER_TYPES = (*SERVED_TYPES, *UNSERVED_TYPES)
DEFAULT_LOCATIONS: Mapping[str, CredentialLocation] = {
    "openai": EnvLocation("OPENAI_API_KEY"),
    "dummy": NoCredential(),
}


def _check_api_base(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        url = urlsplit(value)
        usable = url.scheme in ("http", "https") and bool(url.hostname) and url.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise problem("not an http or https URL", "write it like `http://127.0.0.1:11434/v1`")
    if url.username or url.password or url.query or url.fragment:
        raise problem(
            "`api_base` must not hold a user name, a password, a query or a fragment",
            "leave only scheme, host, port and path; name the key in `api_key_location`",
        )
    return value if value.endswith("/") else value + "/"


ApiBase = Annotated[str, BeforeValidator(_check_api_base), Shown("URL")]


class CommonProvider(Section):
    not_served = frozenset({"cost", "batch_cost", "discard_unknown_chunks"})

    timeouts: Timeouts = Field(Timeouts(), description="Limits of one attempt.")
    extra_body: ExtraBody = Field((), description="Changes to the request body.")
    extra_headers: ExtraHeaders = Field((), description="Changes to the request headers.")


class OpenAIProvider(CommonProvider):
    not_served = CommonProvider.not_served | {
        "include_encrypted_reasoning",
        "provider_tools",
        "content_type_overrides",
    }

    type: Literal["openai"] = Field(description="OpenAI, or anything that speaks its protocol.")
    model_name: str = Field(min_length=1, description="The model's name at the provider.")
    api_base: ApiBase = Field(
        OPENAI_API_BASE, description="The base URL; `chat/completions` is put behind it."
    )
    api_key_location: Location = Field(
        DEFAULT_LOCATIONS["openai"], description="Where its key is found."
    )
    api_type: Annotated[Literal["chat_completions"], NotServed(("responses",))] = Field(
        "chat_completions", description="Which of its APIs is called."
    )


class DummyProvider(CommonProvider):
    type: Literal["dummy"] = Field(description="Canned answers with no network, for tests.")
    model_name: str = Field(
        min_length=1, description="Chooses the behaviour: `good`, `slow`, `error`, …"
    )
    api_key_location: Location = Field(
        DEFAULT_LOCATIONS["dummy"], description="`none` or `dynamic::KEY`."
    )


ProviderConfig: TypeAlias = Annotated[
    OpenAIProvider | DummyProvider, Field(discriminator="type"), NotServed(UNSERVED_TYPES)
]


class ModelConfig(Section):
    not_served = frozenset({"skip_relay", "namespace"})

    routing: Many[str] = Field(
        description="Provider names in the order in which they are tried; all of them, each once."
    )
    providers: Mapping[str, ProviderConfig] = Field(description="The providers, by name.")
    timeouts: Timeouts = Field(
        Timeouts(), description="Limits of the model, all its providers together."
    )

"""The provider types: which keys each has, and where its key is found unless the entry says so."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias
from urllib.parse import urlsplit

from proxy.config.schema.addresses import (
    DYNAMIC_PREFIX,
    OLLAMA_API_BASE,
    OPENAI_API_BASE,
    ApiBase,
    Endpoint,
)
from proxy.config.schema.base import Many, Section
from proxy.config.schema.cloud_providers import (
    CLOUD_LOCATIONS,
    AnthropicProvider,
    BedrockProvider,
    GeminiProvider,
    SagemakerProvider,
    VertexAnthropicProvider,
    VertexGeminiProvider,
)
from proxy.config.schema.credentials import (
    CredentialLocation,
    EnvLocation,
    FallbackLocation,
    Identities,
    Location,
    NoCredential,
)
from proxy.config.schema.form import Field
from proxy.config.schema.hosted import HOSTED, HOSTED_BY_TYPE
from proxy.config.schema.provider_base import CommonProvider

KEYED_TYPES = ("fireworks", "groq", "mistral", "together")
"""Hosted vendors with keys of their own."""
PLAIN_TYPES = tuple(row.type for row in HOSTED if row.type not in KEYED_TYPES)
COMPATIBLE_TYPES = tuple(
    sorted({"azure", "ollama", "openai", "sglang", "tgi", "vllm", *HOSTED_BY_TYPE})
)
OTHER_TYPES = (
    "anthropic",
    "aws_bedrock",
    "aws_sagemaker",
    "gcp_vertex_anthropic",
    "gcp_vertex_gemini",
    "google_ai_studio_gemini",
)
"""Those with protocols of their own."""
PROVIDER_TYPES = (*COMPATIBLE_TYPES, "dummy", *OTHER_TYPES)
SOVEREIGN_CLOUDS = (".azure.us", ".azure.cn")
"""Ends of hosts in Azure's clouds that have token servers of their own."""
ADDRESSLESS_TYPES = ("sglang", "tgi", "vllm")
"""Servers of one's own: they have no address unless the configuration names it."""


def _env_or_none(variable: str) -> CredentialLocation:
    """For servers of one's own: TensorZero's types name a variable, its pages say `none`."""
    return FallbackLocation(EnvLocation(variable), NoCredential())


DEFAULT_LOCATIONS: Mapping[str, CredentialLocation] = {
    **CLOUD_LOCATIONS,
    **{row.type: EnvLocation(row.key_variable) for row in HOSTED},
    "azure": EnvLocation("AZURE_API_KEY"),
    "dummy": NoCredential(),
    "ollama": NoCredential(),
    "openai": EnvLocation("OPENAI_API_KEY"),
    "sglang": _env_or_none("SGLANG_API_KEY"),
    "tgi": _env_or_none("TGI_API_KEY"),
    "vllm": _env_or_none("VLLM_API_KEY"),
}


def default_location(data: Mapping[str, Any]) -> CredentialLocation:
    """Where the key of a provider's type is, from the keys read before."""
    return DEFAULT_LOCATIONS[data["type"]]


MODEL_NAME = Field(min_length=1, description="The model's name at the provider.")
BY_TYPE = Field(
    default_factory=default_location,
    description="Where its key is found; by default `env::TYPE_API_KEY`, with the type's name.",
)
OF_A_SERVER = Field(
    default_factory=default_location,
    description="Where its key is found; by default `env::TYPE_API_KEY`, with the type's name, "
    "or no key if that variable is not set.",
)


class OpenAIKeys(Section):
    type: Literal["openai"] = Field(description="OpenAI, or anything that speaks its protocol.")
    model_name: str = MODEL_NAME
    api_base: ApiBase = Field(
        OPENAI_API_BASE, description="The base URL; `chat/completions` is put behind it."
    )
    api_key_location: Location = Field(
        DEFAULT_LOCATIONS["openai"], description="Where its key is found."
    )
    api_type: Literal["chat_completions", "responses"] = Field(
        "chat_completions", description="Which of its APIs is called."
    )
    include_encrypted_reasoning: bool = Field(
        False, description="Of the Responses API: asks for reasoning that can be sent back."
    )
    provider_tools: Many[Any] = Field(
        (), description="Of the Responses API: tools that the provider runs itself."
    )
    content_type_overrides: Mapping[str, Literal["image_url", "file", "input_audio"]] = Field(
        default_factory=dict, description="Which content block a kind of file becomes."
    )


class OpenAIProvider(OpenAIKeys, CommonProvider): ...


class AzureKeys(Section):
    type: Literal["azure"] = Field(description="Azure OpenAI.")
    deployment_id: str = Field(min_length=1, description="The deployment's name there.")
    endpoint: Endpoint = Field(
        description="The resource's URL, such as `https://my-resource.openai.azure.com`."
    )
    api_key_location: Location = Field(
        DEFAULT_LOCATIONS["azure"],
        description="Where its key is found; `sdk` is the machine's identity at Microsoft Entra, "
        "without a key.",
    )

    @property
    def endpoint_key(self) -> str | None:
        """Under which name a call brings the address, where it does."""
        key = self.endpoint.removeprefix(DYNAMIC_PREFIX)
        return key if key != self.endpoint else None

    @property
    def tokens(self) -> Identities:
        """For the cloud in which the resource is."""
        host = "" if self.endpoint_key else urlsplit(self.endpoint).hostname or ""
        end = host.rpartition(".")[2] if host.endswith(SOVEREIGN_CLOUDS) else "com"
        return Identities(f"https://cognitiveservices.azure.{end}/.default")


class AzureProvider(AzureKeys, CommonProvider): ...


if TYPE_CHECKING:
    PlainType: TypeAlias = str
else:
    PlainType = Literal[PLAIN_TYPES]


class HostedProvider(CommonProvider):
    type: PlainType = Field(description="A vendor with a fixed address.")
    model_name: str = MODEL_NAME
    api_key_location: Location = BY_TYPE


class ThinkingProvider(CommonProvider):
    type: Literal["fireworks", "together"] = Field(
        description="A vendor with a fixed address, whose models may think aloud in the text."
    )
    model_name: str = MODEL_NAME
    api_key_location: Location = BY_TYPE
    parse_think_blocks: bool = Field(
        True, description="Whether `<think>` in a text is told apart as thoughts."
    )


class GroqProvider(CommonProvider):
    type: Literal["groq"] = Field(description="Groq.")
    model_name: str = MODEL_NAME
    api_key_location: Location = BY_TYPE
    reasoning_format: str | None = Field(
        None, min_length=1, description="Sent where the caller sends none, such as `parsed`."
    )


class MistralProvider(CommonProvider):
    type: Literal["mistral"] = Field(description="Mistral.")
    model_name: str = MODEL_NAME
    api_key_location: Location = BY_TYPE
    prompt_mode: str | None = Field(
        None, min_length=1, description="Sent where the caller sends none, such as `reasoning`."
    )


class ServerKeys(Section):
    type: Literal["sglang", "vllm"] = Field(description="A server of your own.")
    model_name: str = MODEL_NAME
    api_base: ApiBase = Field(description="Its base URL, which often ends in `/v1`.")
    api_key_location: Location = OF_A_SERVER


class ServerProvider(ServerKeys, CommonProvider): ...


class TgiProvider(CommonProvider):
    type: Literal["tgi"] = Field(description="A server of your own, which serves one model.")
    api_base: ApiBase = Field(description="Its base URL, which often ends in `/v1`.")
    api_key_location: Location = OF_A_SERVER


class OllamaKeys(Section):
    type: Literal["ollama"] = Field(
        description="An Ollama server. This type is ours: TensorZero's gateway has `openai` with "
        "an `api_base` for it."
    )
    model_name: str = MODEL_NAME
    api_base: ApiBase = Field(OLLAMA_API_BASE, description="Its base URL.")
    api_key_location: Location = Field(
        DEFAULT_LOCATIONS["ollama"], description="Where its key is found."
    )


class OllamaProvider(OllamaKeys, CommonProvider): ...


class DummyKeys(Section):
    type: Literal["dummy"] = Field(description="Canned answers with no network, for tests.")
    model_name: str = Field(
        min_length=1, description="Chooses the behaviour: `good`, `slow`, `error`, …"
    )
    api_key_location: Location = Field(
        DEFAULT_LOCATIONS["dummy"], description="`none` or `dynamic::KEY`."
    )


class DummyProvider(DummyKeys, CommonProvider): ...


ProviderConfig: TypeAlias = Annotated[
    OpenAIProvider
    | AzureProvider
    | HostedProvider
    | ThinkingProvider
    | GroqProvider
    | MistralProvider
    | ServerProvider
    | TgiProvider
    | OllamaProvider
    | DummyProvider
    | AnthropicProvider
    | BedrockProvider
    | SagemakerProvider
    | VertexAnthropicProvider
    | VertexGeminiProvider
    | GeminiProvider,
    Field(discriminator="type"),
]

"""`embedding_models`: names of models that make vectors, and the providers behind each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, TypeAlias

from proxy.config.schema.base import Many, Millis, Refused, Section
from proxy.config.schema.cost import UnifiedCosts
from proxy.config.schema.credentials import Location
from proxy.config.schema.form import Field
from proxy.config.schema.overrides import ExtraBody, ExtraHeaders
from proxy.config.schema.provider_base import TRANSPORT, TransportName
from proxy.config.schema.providers import (
    BY_TYPE,
    MODEL_NAME,
    PROVIDER_TYPES,
    AzureKeys,
    DummyKeys,
    OllamaKeys,
    OpenAIKeys,
    ServerKeys,
)

EMBEDDING_TYPES = (
    "azure",
    "dummy",
    "mistral",
    "ollama",
    "openai",
    "openrouter",
    "sglang",
    "together",
    "vllm",
)


class CommonEmbedding(Section):
    """What providers of embedding models share."""

    timeout_ms: Millis | None = Field(None, description="The limit of one attempt.")
    extra_body: ExtraBody = Field((), description="Changes to the request body.")
    extra_headers: ExtraHeaders = Field((), description="Changes to the request headers.")
    cost: UnifiedCosts = Field((), description="What calls cost.")
    transport: TransportName = TRANSPORT


class OpenAIEmbedding(OpenAIKeys, CommonEmbedding): ...


class AzureEmbedding(AzureKeys, CommonEmbedding): ...


class HostedEmbedding(CommonEmbedding):
    type: Literal["mistral", "openrouter", "together"] = Field(
        description="A vendor with a fixed address."
    )
    model_name: str = MODEL_NAME
    api_key_location: Location = BY_TYPE


class ServerEmbedding(ServerKeys, CommonEmbedding): ...


class OllamaEmbedding(OllamaKeys, CommonEmbedding): ...


class DummyEmbedding(DummyKeys, CommonEmbedding): ...


EmbeddingProviderConfig: TypeAlias = Annotated[
    OpenAIEmbedding
    | AzureEmbedding
    | HostedEmbedding
    | ServerEmbedding
    | OllamaEmbedding
    | DummyEmbedding,
    Field(discriminator="type"),
    Refused(
        tuple(each for each in PROVIDER_TYPES if each not in EMBEDDING_TYPES),
        message="unsupported provider config for embedding",
    ),
]


class EmbeddingModelConfig(Section):
    routing: Many[str] = Field(
        description="Provider names in the order in which they are tried; all of them, each once."
    )
    providers: Mapping[str, EmbeddingProviderConfig] = Field(description="The providers, by name.")
    timeout_ms: Millis | None = Field(
        None, description="The limit of the model, all its providers together."
    )

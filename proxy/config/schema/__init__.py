"""The schema: every key that can be configured, as frozen pydantic models.

One file per section; a section joins by a file here and a field of `root.Config`. A model says
which keys exist, their types, defaults and one line of meaning (the documentation's tables are made
of these). What TensorZero's schema has and this version does not serve is named in `not_served` or
in a `NotServed` mark, so that it is refused as what it is and not as a typing error. What depends
on several keys is the business of `proxy.config.rules`.

Everybody may import these values; they hold no secret, no open file and no connection.
"""

from __future__ import annotations

from proxy.config.schema.credentials import (
    CallerCredential,
    CredentialLocation,
    DynamicLocation,
    EnvLocation,
    FallbackLocation,
    NoCredential,
    PathFromEnvLocation,
    PathLocation,
)
from proxy.config.schema.embedding_models import EmbeddingModelConfig, EmbeddingProviderConfig
from proxy.config.schema.experimentation import Experimentation, StaticExperimentation
from proxy.config.schema.functions import ChatFunction, FunctionConfig
from proxy.config.schema.gateway import Gateway, split_address
from proxy.config.schema.metrics import MetricConfig
from proxy.config.schema.models import ModelConfig
from proxy.config.schema.overrides import ExtraBodyRule, ExtraHeaderRule
from proxy.config.schema.postgres import Postgres
from proxy.config.schema.providers import (
    COMPATIBLE_TYPES,
    PROVIDER_TYPES,
    AzureProvider,
    DummyProvider,
    OpenAIProvider,
    ProviderConfig,
)
from proxy.config.schema.root import Config
from proxy.config.schema.shorthands import (
    EMBEDDING_SHORTHAND_TYPES,
    SHORTHAND_TYPES,
    shorthand_provider,
)
from proxy.config.schema.timeouts import Retries, Timeouts
from proxy.config.schema.variants import ChatCompletionVariant, Template, VariantConfig
from proxy.config.schema.zeroproxy import ApiKey, DefaultProvider, ZeroProxy

__all__ = [
    "COMPATIBLE_TYPES",
    "EMBEDDING_SHORTHAND_TYPES",
    "PROVIDER_TYPES",
    "SHORTHAND_TYPES",
    "ApiKey",
    "AzureProvider",
    "CallerCredential",
    "ChatCompletionVariant",
    "ChatFunction",
    "Config",
    "CredentialLocation",
    "DefaultProvider",
    "DummyProvider",
    "DynamicLocation",
    "EmbeddingModelConfig",
    "EmbeddingProviderConfig",
    "EnvLocation",
    "Experimentation",
    "ExtraBodyRule",
    "ExtraHeaderRule",
    "FallbackLocation",
    "FunctionConfig",
    "Gateway",
    "MetricConfig",
    "ModelConfig",
    "NoCredential",
    "OpenAIProvider",
    "PathFromEnvLocation",
    "PathLocation",
    "Postgres",
    "ProviderConfig",
    "Retries",
    "StaticExperimentation",
    "Template",
    "Timeouts",
    "VariantConfig",
    "ZeroProxy",
    "shorthand_provider",
    "split_address",
]

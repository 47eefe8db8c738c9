"""The schema: every key that can be configured, as frozen pydantic models.

One file per section; a section joins by a file here and a field of `root.Config`. A model says
which keys exist, their types, defaults and one line of meaning (the documentation's tables are
made of these). It is TensorZero's whole schema; what nothing is built behind yet has a `NotBuilt`
mark, or `not_built` for a whole table, and `unbuilt` finds it in a configuration. What depends on
several keys is the business of `proxy.config.rules`.

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
    SdkLocation,
)
from proxy.config.schema.embedding_models import EmbeddingModelConfig, EmbeddingProviderConfig
from proxy.config.schema.evaluators import EvaluationConfig, EvaluatorConfig
from proxy.config.schema.experimentation import (
    AdaptiveExperimentation,
    AdaptiveShares,
    Experimentation,
    StaticExperimentation,
    StaticShares,
)
from proxy.config.schema.functions import ChatFunction, FunctionConfig, JsonFunction
from proxy.config.schema.gateway import Gateway, split_address
from proxy.config.schema.metrics import MetricConfig
from proxy.config.schema.models import ModelConfig
from proxy.config.schema.named_files import SchemaFile, Template
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
from proxy.config.schema.tools import SpecificTool, ToolChoice, ToolConfig
from proxy.config.schema.unbuilt import Unbuilt, blocking, find_unbuilt
from proxy.config.schema.variants import (
    BestOfNVariant,
    ChainOfThoughtVariant,
    ChatCompletionVariant,
    DiclVariant,
    InputWrappers,
    Judged,
    MixtureOfNVariant,
    VariantConfig,
)
from proxy.config.schema.zeroproxy import ApiKey, DefaultProvider, ZeroProxy

__all__ = [
    "COMPATIBLE_TYPES",
    "EMBEDDING_SHORTHAND_TYPES",
    "PROVIDER_TYPES",
    "SHORTHAND_TYPES",
    "AdaptiveExperimentation",
    "AdaptiveShares",
    "ApiKey",
    "AzureProvider",
    "BestOfNVariant",
    "CallerCredential",
    "ChainOfThoughtVariant",
    "ChatCompletionVariant",
    "ChatFunction",
    "Config",
    "CredentialLocation",
    "DefaultProvider",
    "DiclVariant",
    "DummyProvider",
    "DynamicLocation",
    "EmbeddingModelConfig",
    "EmbeddingProviderConfig",
    "EnvLocation",
    "EvaluationConfig",
    "EvaluatorConfig",
    "Experimentation",
    "ExtraBodyRule",
    "ExtraHeaderRule",
    "FallbackLocation",
    "FunctionConfig",
    "Gateway",
    "InputWrappers",
    "JsonFunction",
    "Judged",
    "MetricConfig",
    "MixtureOfNVariant",
    "ModelConfig",
    "NoCredential",
    "OpenAIProvider",
    "PathFromEnvLocation",
    "PathLocation",
    "Postgres",
    "ProviderConfig",
    "Retries",
    "SchemaFile",
    "SdkLocation",
    "SpecificTool",
    "StaticExperimentation",
    "StaticShares",
    "Template",
    "Timeouts",
    "ToolChoice",
    "ToolConfig",
    "Unbuilt",
    "VariantConfig",
    "ZeroProxy",
    "blocking",
    "find_unbuilt",
    "shorthand_provider",
    "split_address",
]

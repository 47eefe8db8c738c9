"""The whole configuration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from proxy.config.schema.base import NotBuilt, Section
from proxy.config.schema.embedding_models import EmbeddingModelConfig
from proxy.config.schema.evaluators import EvaluationConfig
from proxy.config.schema.foreign import Autopilot, ClickHouse
from proxy.config.schema.form import Field, model_validator
from proxy.config.schema.functions import FunctionConfig
from proxy.config.schema.gateway import Gateway
from proxy.config.schema.metrics import MetricConfig
from proxy.config.schema.models import ModelConfig
from proxy.config.schema.object_storage import ObjectStorage
from proxy.config.schema.optimizers import OptimizerConfig
from proxy.config.schema.postgres import Postgres
from proxy.config.schema.provider_types import ProviderTypes
from proxy.config.schema.rate_limiting import RateLimiting
from proxy.config.schema.tools import ToolConfig
from proxy.config.schema.zeroproxy import ZeroProxy
from proxy.config.tree import table


class Config(Section):
    gateway: Gateway = Field(Gateway.by_default(), description="The server itself.")
    models: Mapping[str, ModelConfig] = Field(default_factory=dict, description="Models, by name.")
    embedding_models: Mapping[str, EmbeddingModelConfig] = Field(
        default_factory=dict, description="Embedding models, by name."
    )
    functions: Mapping[str, FunctionConfig] = Field(
        default_factory=dict, description="Functions, by name."
    )
    metrics: Mapping[str, MetricConfig] = Field(
        default_factory=dict, description="Metrics, by name."
    )
    tools: Mapping[str, ToolConfig] = Field(default_factory=dict, description="Tools, by name.")
    evaluations: Annotated[Mapping[str, EvaluationConfig], NotBuilt("evaluations")] = Field(
        default_factory=dict, description="Evaluations, by name. Deprecated: a function's own."
    )
    rate_limiting: Annotated[RateLimiting, NotBuilt("rate limits")] = Field(
        RateLimiting.by_default(), description="Limits in time."
    )
    object_storage: Annotated[ObjectStorage | None, NotBuilt("object storage")] = Field(
        None, description="Where files of inputs are kept."
    )
    provider_types: ProviderTypes = Field(
        ProviderTypes.by_default(), description="What holds for all providers of a type."
    )
    optimizers: Annotated[Mapping[str, OptimizerConfig], NotBuilt("optimizers")] = Field(
        default_factory=dict, description="Optimizers, by name."
    )
    clickhouse: ClickHouse = Field(ClickHouse.by_default(), description="Accepted, without effect.")
    autopilot: Autopilot = Field(Autopilot.by_default(), description="Accepted, without effect.")
    postgres: Postgres = Field(Postgres.by_default(), description="The use of the database.")
    zeroproxy: ZeroProxy = Field(ZeroProxy.by_default(), description="What is ours.")

    @model_validator(mode="before")
    @classmethod
    def _lock(cls, data: Any) -> Any:
        """Who asks for managed keys wants no open door: without keys of ours nobody gets in."""
        auth = table(table(data, "gateway"), "auth")
        own = table(data, "zeroproxy")
        if auth.get("enabled") is not True or own.get("api_keys"):
            return data
        nobody = {"name": "gateway.auth", "sha256": "0" * 64}
        return data | {"zeroproxy": own | {"api_keys": [nobody]}}

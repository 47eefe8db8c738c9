"""The whole configuration."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import Field

from proxy.config.schema.base import Section
from proxy.config.schema.embedding_models import EmbeddingModelConfig
from proxy.config.schema.functions import FunctionConfig
from proxy.config.schema.gateway import Gateway
from proxy.config.schema.metrics import MetricConfig
from proxy.config.schema.models import ModelConfig
from proxy.config.schema.postgres import Postgres
from proxy.config.schema.zeroproxy import ZeroProxy


class Config(Section):
    not_served = frozenset(
        {
            "autopilot",
            "clickhouse",
            "evaluations",
            "object_storage",
            "optimizers",
            "provider_types",
            "rate_limiting",
            "tools",
        }
    )

    gateway: Gateway = Field(Gateway(), description="The server itself.")
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
    postgres: Postgres = Field(Postgres(), description="The use of the database.")
    zeroproxy: ZeroProxy = Field(ZeroProxy(), description="What is ours.")

"""`postgres`: the database's use. Its address comes from the environment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from pydantic import AliasChoices, Field

from proxy.config.schema.base import Count, Days, Section


class Postgres(Section):
    hints: ClassVar[Mapping[str, str]] = {
        "url": "set the environment variable DATABASE_URL; it may hold a password"
    }

    connection_pool_size: Count = Field(20, description="Connections of one process at most.")
    inference_metadata_retention_days: Days | None = Field(
        None, description="Age at which metadata is dropped; null keeps it."
    )
    inference_data_retention_days: Days | None = Field(
        None,
        validation_alias=AliasChoices("inference_data_retention_days", "inference_retention_days"),
        description="Age at which inputs and outputs are dropped; null keeps them. "
        "At most that of the metadata. Older name: `inference_retention_days`.",
    )
    enabled: bool | None = Field(None, description="Deprecated; ignored.")

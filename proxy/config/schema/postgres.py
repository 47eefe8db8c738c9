"""`postgres`: the database's use. Its address comes from the environment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar

from proxy.config.schema.base import Days, NoEffect, NotBuilt, Section, Shown
from proxy.config.schema.form import AliasChoices, Field

Connections = Annotated[int, Field(ge=1, le=2**32 - 1), Shown("integer ≥ 1")]


class Postgres(Section):
    hints: ClassVar[Mapping[str, str]] = {
        "url": "set the environment variable DATABASE_URL; it may hold a password"
    }

    connection_pool_size: Annotated[Connections, NotBuilt()] = Field(
        20, description="Connections of one process at most."
    )
    inference_metadata_retention_days: Days | None = Field(
        None, description="Age at which metadata is dropped; null keeps it."
    )
    inference_data_retention_days: Days | None = Field(
        None,
        validation_alias=AliasChoices("inference_data_retention_days", "inference_retention_days"),
        description="Age at which inputs and outputs are dropped; null keeps them. "
        "At most that of the metadata. Older name: `inference_retention_days`.",
    )
    enabled: Annotated[bool | None, NoEffect("the address decides")] = Field(
        None, description="Deprecated; ignored."
    )

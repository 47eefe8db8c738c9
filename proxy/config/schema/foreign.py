"""Sections about programs that are not here: they are accepted, and a warning explains them."""

from __future__ import annotations

from typing import Annotated

from proxy.config.schema.base import Many, NoEffect, Section
from proxy.config.schema.form import Field


class ClickHouse(Section):
    disable_automatic_migrations: Annotated[
        bool, NoEffect("there is no ClickHouse here; records go to Postgres")
    ] = Field(False, description="Accepted; there is no ClickHouse here, records go to Postgres.")


class Autopilot(Section):
    tool_whitelist: Annotated[Many[str], NoEffect("there is no autopilot here")] = Field(
        (), description="Accepted; there is no autopilot here."
    )

"""Sections about programs that are not here: they are accepted, and a warning explains them."""

from __future__ import annotations

from pydantic import Field

from proxy.config.schema.base import Many, Section


class ClickHouse(Section):
    disable_automatic_migrations: bool = Field(
        False, description="Accepted; there is no ClickHouse here, records go to Postgres."
    )


class Autopilot(Section):
    tool_whitelist: Many[str] = Field((), description="Accepted; there is no autopilot here.")

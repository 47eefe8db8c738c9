"""Rows of inferences as SQL finds them, once the writer has written them."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import asyncpg

from tests.harness import eventually

JSON = {
    "input",
    "output",
    "inference_params",
    "extra_body",
    "dynamic_tools",
    "dynamic_provider_tools",
    "allowed_tools",
    "tool_choice",
    "output_schema",
    "auxiliary_content",
    "tags",
    "input_messages",
}


async def stored(db: asyncpg.Connection, kind: str, inference_id: Any) -> dict[str, Any]:
    """The row of a `chat` or `json` inference, metadata and data together, JSON decoded."""
    query = (
        f"SELECT * FROM tensorzero.{kind}_inferences"
        f" JOIN tensorzero.{kind}_inference_data USING (id, created_at) WHERE id = $1"
    )
    row = await eventually(lambda: db.fetchrow(query, _uuid(inference_id)))
    return decoded(row)


async def model_calls(
    db: asyncpg.Connection, inference_id: Any, count: int
) -> list[dict[str, Any]]:
    """The rows of an inference's calls of models, in the order of their ids: `count` of them."""
    query = (
        "SELECT * FROM tensorzero.model_inferences"
        " JOIN tensorzero.model_inference_data USING (id, created_at)"
        " WHERE inference_id = $1 ORDER BY id"
    )

    async def found() -> list[Any] | None:
        rows = await db.fetch(query, _uuid(inference_id))
        return rows if len(rows) >= count else None

    rows = [decoded(row) for row in await eventually(found)]
    assert len(rows) == count, [row["model_name"] for row in rows]
    return rows


async def feedback_of(db: asyncpg.Connection, table: str, feedback_id: Any) -> dict[str, Any]:
    """A row of `tensorzero.{table}_feedback`."""
    query = f"SELECT * FROM tensorzero.{table}_feedback WHERE id = $1"
    row = await eventually(lambda: db.fetchrow(query, _uuid(feedback_id)))
    return decoded(row)


def decoded(row: Any) -> dict[str, Any]:
    """A row with its JSON columns as values."""
    return {
        key: json.loads(value) if key in JSON and isinstance(value, str) else value
        for key, value in row.items()
    }


def _uuid(given: Any) -> UUID:
    return UUID(str(given))

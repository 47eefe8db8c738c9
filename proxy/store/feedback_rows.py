"""Feedback and configuration snapshots: single rows, inserted by named statements."""

from __future__ import annotations

from uuid import UUID

import asyncpg

from proxy.store.clean import clean_text
from proxy.store.queries import query
from proxy.store.rows import tags_column
from proxy.types.exchange import ConfigSnapshot, Feedback
from proxy.types.ids import id_time


async def fetch_target(connection: asyncpg.Connection, feedback: Feedback) -> UUID | None:
    """The id that the feedback is about, if that is stored by now. Raises what asyncpg raises."""
    if feedback.response_id:
        name = clean_text(feedback.response_id)
        row = await connection.fetchrow(query("fetch_response_target"), name)
        if row is None:
            return None
        found: UUID = row[0] if feedback.level == "inference" else row[1]
        return found
    target = UUID(bytes=feedback.target_id)
    if feedback.level == "episode":
        exists = await connection.fetchval(query("fetch_episode_exists"), target)
    elif target.version != 7:
        return None
    else:
        exists = await connection.fetchval(query("fetch_inference_exists"), target, id_time(target))
    return target if exists else None


async def insert_feedback(connection: asyncpg.Connection, feedback: Feedback, target: UUID) -> None:
    """Insert one value; a repeat changes nothing. Raises what asyncpg raises."""
    boolean = feedback.metric_type == "boolean"
    identifier = UUID(bytes=feedback.id)
    await connection.execute(
        query(f"insert_{feedback.metric_type}_metric_feedback"),
        identifier,
        target,
        clean_text(feedback.metric_name),
        bool(feedback.value) if boolean else feedback.value,
        tags_column(feedback.tags),
        feedback.config_hash or None,
        id_time(identifier),
    )


async def insert_rejected(connection: asyncpg.Connection, feedback: Feedback, reason: str) -> None:
    """Insert what could not be joined to anything, with the reason. Raises what asyncpg raises."""
    identifier = UUID(bytes=feedback.id)
    await connection.execute(
        query("insert_feedback_rejected"),
        identifier,
        clean_text(feedback.metric_name),
        feedback.metric_type,
        feedback.level,
        UUID(bytes=feedback.target_id) if feedback.target_id else None,
        clean_text(feedback.response_id) or None,
        feedback.value,
        tags_column(feedback.tags),
        feedback.config_hash or None,
        reason,
        id_time(identifier),
    )


async def upsert_config(connection: asyncpg.Connection, snapshot: ConfigSnapshot) -> None:
    """Insert the text of a configuration, or note that it is used again."""
    await connection.execute(
        query("upsert_config_snapshot"),
        snapshot.hash,
        clean_text(snapshot.text),
        snapshot.version,
        snapshot.created_ms / 1000,
    )

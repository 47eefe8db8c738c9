"""Feedback and configuration snapshots: single rows, inserted by named statements."""

from __future__ import annotations

from uuid import UUID

import asyncpg

from proxy.store.clean import clean_text
from proxy.store.human_feedback import insert_human_feedback
from proxy.store.queries import query
from proxy.store.row_values import tags_column
from proxy.types.exchange import ConfigSnapshot, Feedback
from proxy.types.feedback import COMMENT, DEMONSTRATION, StoredInference
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


async def fetch_stored_inference(
    connection: asyncpg.Connection, inference_id: UUID
) -> StoredInference | None:
    """What is stored of an inference, None if nothing is. Raises what asyncpg raises."""
    if inference_id.version != 7:
        return None
    moment = id_time(inference_id)
    row = await connection.fetchrow(query("fetch_stored_inference"), inference_id, moment)
    return None if row is None else read_stored_inference(row)


def read_stored_inference(row: asyncpg.Record) -> StoredInference:
    """A row of `fetch_stored_inference`."""
    return StoredInference(
        id=UUID(int=row["id"].int),
        function_name=row["function_name"],
        variant_name=row["variant_name"],
        episode_id=UUID(int=row["episode_id"].int),
        function_type=row["function_type"],
        output_schema=(row["output_schema"] or "").encode(),
        dynamic_tools=(row["dynamic_tools"] or "").encode(),
        allowed_tools=(row["allowed_tools"] or "").encode(),
    )


async def insert_feedback(connection: asyncpg.Connection, feedback: Feedback, target: UUID) -> None:
    """Insert one feedback; a repeat changes nothing. Raises what asyncpg raises."""
    identifier = UUID(bytes=feedback.id)
    last = (tags_column(feedback.tags), feedback.config_hash or None, id_time(identifier))
    if feedback.metric_type == COMMENT:
        values: tuple[object, ...] = (target, feedback.level, clean_text(feedback.text))
        await connection.execute(query("insert_comment_feedback"), identifier, *values, *last)
    elif feedback.metric_type == DEMONSTRATION:
        values = (target, feedback.text)
        await connection.execute(query("insert_demonstration_feedback"), identifier, *values, *last)
    else:
        value = bool(feedback.value) if feedback.metric_type == "boolean" else feedback.value
        statement = query(f"insert_{feedback.metric_type}_metric_feedback")
        name = clean_text(feedback.metric_name)
        await connection.execute(statement, identifier, target, name, value, *last)
        await insert_human_feedback(connection, feedback, target)


async def insert_rejected(connection: asyncpg.Connection, feedback: Feedback, reason: str) -> None:
    """Insert what could not be joined to anything, with the reason. Raises what asyncpg raises."""
    identifier = UUID(bytes=feedback.id)
    has_number = feedback.metric_type not in (COMMENT, DEMONSTRATION)
    await connection.execute(
        query("insert_feedback_rejected"),
        identifier,
        clean_text(feedback.metric_name),
        feedback.metric_type,
        feedback.level,
        UUID(bytes=feedback.target_id) if feedback.target_id else None,
        clean_text(feedback.response_id) or None,
        feedback.value if has_number else None,
        clean_text(feedback.text) or None,
        tags_column(feedback.tags),
        feedback.config_hash or None,
        clean_text(reason),
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

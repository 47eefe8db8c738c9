"""Feedback by people on what an evaluation has judged: one more row, for later evaluations.

An evaluation finds what people said of the same output of the same datapoint by the output's text,
so that has to be spelled alike always: compact, its keys sorted.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

import asyncpg
import orjson

from proxy.store.clean import clean_text
from proxy.store.queries import query
from proxy.types.exchange import Feedback
from proxy.types.feedback import DATAPOINT_ID, EVALUATOR_INFERENCE_ID, HUMAN_FEEDBACK
from proxy.types.ids import id_time


@dataclass(frozen=True, slots=True)
class _Judged:
    datapoint_id: UUID
    evaluator_inference_id: UUID


async def insert_human_feedback(
    connection: asyncpg.Connection, feedback: Feedback, target: UUID
) -> None:
    """Insert the row, if the tags say that this is such feedback. Raises what asyncpg raises.

    What is said of an episode, or of an inference whose output is no longer kept, has none.
    """
    judged = _judged(feedback)
    if judged is None or target.version != 7:
        return
    output = await connection.fetchval(query("fetch_inference_output"), target, id_time(target))
    if output is None:
        return
    identifier = UUID(bytes=feedback.id)
    await connection.execute(
        query("insert_inference_evaluation_human_feedback"),
        identifier,
        clean_text(feedback.metric_name),
        judged.datapoint_id,
        with_sorted_keys(output),
        feedback.text,
        judged.evaluator_inference_id,
        id_time(identifier),
    )


def with_sorted_keys(text: str) -> str:
    """The JSON text in the one spelling in which outputs are compared."""
    try:
        return orjson.dumps(orjson.loads(text), option=orjson.OPT_SORT_KEYS).decode()
    except orjson.JSONDecodeError:
        return text


def _judged(feedback: Feedback) -> _Judged | None:
    if feedback.level != "inference" or HUMAN_FEEDBACK.encode() not in feedback.tags:
        return None
    tags: Mapping[str, str] = json.loads(feedback.tags)
    if not {HUMAN_FEEDBACK, DATAPOINT_ID, EVALUATOR_INFERENCE_ID} <= tags.keys():
        return None
    return _Judged(UUID(tags[DATAPOINT_ID]), UUID(tags[EVALUATOR_INFERENCE_ID]))

"""The real `tensorzero` client: feedback of each kind, what is kept of it and what is refused."""

from __future__ import annotations

import json
from typing import Any

import asyncpg
import pytest

from tests.harness import Proxy
from tests.stored_inferences import feedback_of
from tests.tensorzero_clients import Client, needs_client, refused, said

pytestmark = needs_client

HUMOR = {
    "name": "get_humor",
    "description": "How funny something is",
    "parameters": {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]},
    "strict": False,
}


def call_of(name: str, arguments: Any) -> dict[str, Any]:
    return {"type": "tool_call", "id": "c", "name": name, "arguments": arguments}


@pytest.mark.parametrize(
    ("metric_name", "table", "value", "level"),
    [
        ("exact", "boolean_metric", True, "inference"),
        ("exact", "boolean_metric", False, "inference"),
        ("solved", "boolean_metric", True, "episode"),
        ("distance", "float_metric", 0.1, "inference"),
        ("distance", "float_metric", 3, "inference"),
        ("stars", "float_metric", -4.5, "episode"),
    ],
)
async def test_a_metric_is_kept_with_its_target(
    client: Client,
    functions_db: asyncpg.Connection,
    metric_name: str,
    table: str,
    value: Any,
    level: str,
) -> None:
    answer = await client.inference(function_name="talk", input=said())
    target = getattr(answer, f"{level}_id")
    given = await client.feedback(
        metric_name=metric_name, value=value, tags={"by": "me"}, **{f"{level}_id": target}
    )
    row = await feedback_of(functions_db, table, given.feedback_id)
    assert (row["metric_name"], row["value"]) == (metric_name, value)
    assert str(row["target_id"]) == str(target) and row["tags"] == {"by": "me"}
    assert given.feedback_id.version == 7


@pytest.mark.parametrize("level", ["inference", "episode"])
async def test_a_comment_is_kept_at_either_level(
    client: Client, functions_db: asyncpg.Connection, level: str
) -> None:
    answer = await client.inference(function_name="answer", input=said())
    target = getattr(answer, f"{level}_id")
    given = await client.feedback(
        metric_name="comment", value="schön 😀", **{f"{level}_id": target}
    )
    row = await feedback_of(functions_db, "comment", given.feedback_id)
    assert (row["value"], row["target_type"]) == ("schön 😀", level)
    assert str(row["target_id"]) == str(target)


async def demonstrated(client: Client, db: asyncpg.Connection, value: Any, **asked: Any) -> Any:
    """What is kept of a demonstration for a new inference."""
    answer = await client.inference(input=said(), **asked)
    given = await client.feedback(
        metric_name="demonstration", value=value, inference_id=answer.inference_id
    )
    row = await feedback_of(db, "demonstration", given.feedback_id)
    assert str(row["inference_id"]) == str(answer.inference_id)
    return json.loads(row["value"])


async def test_a_demonstration_for_a_chat_is_kept_as_blocks(
    client: Client, functions_db: asyncpg.Connection
) -> None:
    text = [{"type": "text", "text": "Better."}]
    for value in ("Better.", text):
        assert await demonstrated(client, functions_db, value, function_name="talk") == text
    arguments = {"units": "celsius", "location": "Rome"}
    kept = await demonstrated(
        client,
        functions_db,
        [*text, call_of("get_temperature", arguments)],
        function_name="weather",
    )
    first, call = kept
    assert first == text[0]
    assert (call["name"], call["raw_name"], call["id"]) == (
        "get_temperature",
        "get_temperature",
        "c",
    )
    assert call["arguments"] == arguments == json.loads(call["raw_arguments"])
    assert list(call["arguments"]) == ["units", "location"]


async def test_a_demonstration_may_call_tools_that_the_request_brought(
    client: Client, functions_db: asyncpg.Connection
) -> None:
    kept = await demonstrated(
        client,
        functions_db,
        [call_of("get_humor", {"n": 3})],
        function_name="weather",
        additional_tools=[HUMOR],
    )
    assert kept[0]["arguments"] == {"n": 3}


async def test_a_demonstration_for_json_is_kept_raw_and_parsed(
    client: Client, functions_db: asyncpg.Connection
) -> None:
    kept = await demonstrated(client, functions_db, {"answer": "yes"}, function_name="answer")
    assert kept == {"raw": '{"answer":"yes"}', "parsed": {"answer": "yes"}}
    own = {"type": "object", "properties": {"n": {"type": "number"}}, "required": ["n"]}
    kept = await demonstrated(
        client, functions_db, {"n": 1}, function_name="answer", output_schema=own
    )
    assert kept["parsed"] == {"n": 1}


async def test_feedback_may_follow_a_stream_and_a_strategy(
    client: Client, functions_db: asyncpg.Connection
) -> None:
    for name in ("talk", "best", "mix", "recall"):
        chunks = await client.stream(function_name=name, input=said())
        given = await client.feedback(
            metric_name="exact", value=True, inference_id=chunks[0].inference_id
        )
        await feedback_of(functions_db, "boolean_metric", given.feedback_id)


async def test_dry_feedback_is_checked_and_not_kept(
    client: Client, functions_db: asyncpg.Connection
) -> None:
    answer = await client.inference(function_name="talk", input=said())
    target = {"metric_name": "exact", "inference_id": answer.inference_id}
    dry = await client.feedback(value=True, dryrun=True, **target)
    wet = await client.feedback(value=True, **target)
    await feedback_of(functions_db, "boolean_metric", wet.feedback_id)
    query = "SELECT count(*) FROM tensorzero.boolean_metric_feedback WHERE id = $1::text::uuid"
    assert await functions_db.fetchval(query, str(dry.feedback_id)) == 0
    status, _ = await refused(client.feedback(value="yes", dryrun=True, **target))
    assert status == 400


# What is refused.

TALK, WEATHER, ANSWER = "talk", "weather", "answer"
SCHEMA_FAULT = (
    "Demonstration does not fit function output schema: JSON Schema validation failed:\n"
    '1 is not of type "string"\n\nSchema:\n{'
)


@pytest.mark.parametrize(
    ("function_name", "metric_name", "value", "message"),
    [
        (TALK, "exact", 1, "Feedback value for metric `exact` must be a boolean"),
        (TALK, "exact", "true", "Feedback value for metric `exact` must be a boolean"),
        (TALK, "distance", True, "Feedback value for metric `distance` must be a number"),
        (TALK, "distance", "1", "Feedback value for metric `distance` must be a number"),
        (TALK, "comment", 1, "Feedback value for a comment must be a string"),
        (
            TALK,
            "demonstration",
            1,
            "Demonstration must be a string or an array of content blocks",
        ),
        (TALK, "demonstration", [{"type": "zzz"}], "Invalid demonstration content block: "),
        (
            WEATHER,
            "demonstration",
            [call_of("elsewhere", {})],
            "Demonstration contains invalid tool name",
        ),
        (
            WEATHER,
            "demonstration",
            [call_of("get_temperature", {"location": 1})],
            "Demonstration contains invalid tool call arguments",
        ),
        (ANSWER, "demonstration", {"answer": 1}, SCHEMA_FAULT),
        (
            TALK,
            "solved",
            True,
            'Correct ID was not provided for feedback level "episode".',
        ),
    ],
)
async def test_a_value_that_does_not_fit_is_refused(
    client: Client, function_name: str, metric_name: str, value: Any, message: str
) -> None:
    answer = await client.inference(function_name=function_name, input=said())
    status, text = await refused(
        client.feedback(metric_name=metric_name, value=value, inference_id=answer.inference_id)
    )
    assert (status, json.loads(text)["error"][: len(message)]) == (400, message)


OLD = "0199a000-0000-7000-8000-000000000000"


@pytest.mark.parametrize(
    ("given", "status", "message"),
    [
        ({"metric_name": "nope", "inference_id": OLD}, 404, "Unknown metric: nope"),
        (
            {"metric_name": "exact", "episode_id": OLD},
            400,
            'Correct ID was not provided for feedback level "inference".',
        ),
        (
            {"metric_name": "exact"},
            400,
            'Correct ID was not provided for feedback level "inference".',
        ),
        (
            {"metric_name": "solved", "episode_id": OLD, "inference_id": OLD},
            400,
            "Both episode_id and inference_id cannot be provided",
        ),
        (
            {"metric_name": "comment", "value": "x"},
            400,
            "Exactly one of inference_id or episode_id must be provided",
        ),
        (
            {"metric_name": "exact", "inference_id": OLD},
            400,
            f"Inference ID: {OLD} does not exist",
        ),
        ({"metric_name": "solved", "episode_id": OLD}, 400, f"Episode ID: {OLD} does not exist"),
        (
            {"metric_name": "exact", "inference_id": OLD, "tags": {"tensorzero::a": "b"}},
            400,
            "Tag name cannot start with 'tensorzero::': tensorzero::a",
        ),
    ],
)
async def test_a_wrong_target_or_name_is_refused(
    client: Client, given: dict[str, Any], status: int, message: str
) -> None:
    found, text = await refused(client.feedback(**{"value": True} | given))
    assert (found, json.loads(text)["error"]) == (status, message)


def test_fields_that_nobody_knows_are_refused(functions_proxy: Proxy) -> None:
    body = {"metric_name": "exact", "value": True, "inference_id": OLD, "surplus": 1}
    status, _, answered = functions_proxy.post("/feedback", body)
    assert status == 400 and "unknown field `surplus`" in json.loads(answered)["error"]

"""The real `tensorzero` client: JSON functions and tools."""

from __future__ import annotations

import json
from typing import Any

import asyncpg
import pytest

from tests.harness import ROOT
from tests.stored_inferences import model_calls, stored
from tests.tensorzero_clients import TEXT, Client, needs_client, refused, said, texts

pytestmark = needs_client

FILES = ROOT / "tests" / "data" / "functions"
ANSWER_SCHEMA = json.loads((FILES / "answer.json").read_text())
HUMOR = {
    "name": "get_humor",
    "description": "How funny something is",
    "parameters": {"type": "object", "properties": {"text": {"type": "string"}}},
    "strict": False,
}


# JSON.


@pytest.mark.parametrize("variant", ["off", "on", "strict"])
async def test_a_json_function_answers_raw_and_parsed_and_is_kept(
    client: Client, functions_db: asyncpg.Connection, variant: str
) -> None:
    answer = await client.inference(function_name="answer", variant_name=variant, input=said())
    assert answer.output.raw == '{"answer":"Hello"}'
    assert answer.output.parsed == {"answer": "Hello"}
    assert (answer.variant_name, answer.finish_reason) == (variant, "stop")
    row = await stored(functions_db, "json", answer.inference_id)
    assert row["output"] == {"raw": '{"answer":"Hello"}', "parsed": {"answer": "Hello"}}
    assert row["output_schema"] == ANSWER_SCHEMA and row["auxiliary_content"] == []
    assert row["inference_params"] == {"chat_completion": {}}
    (call,) = await model_calls(functions_db, answer.inference_id, 1)
    assert call["output"] == [{"type": "text", "text": '{"answer":"Hello"}'}]


@pytest.mark.parametrize(
    ("variant", "raw"),
    [("otherwise", '{"response":"Hello"}'), ("prose", TEXT), ("silent", None)],
)
async def test_what_the_schema_does_not_take_is_raw_but_not_parsed(
    client: Client, functions_db: asyncpg.Connection, variant: str, raw: str | None
) -> None:
    answer = await client.inference(function_name="answer", variant_name=variant, input=said())
    assert (answer.output.raw, answer.output.parsed) == (raw, None)
    row = await stored(functions_db, "json", answer.inference_id)
    assert row["output"] == {"raw": raw, "parsed": None}


async def test_mode_tool_takes_the_arguments_for_the_answer(
    client: Client, functions_db: asyncpg.Connection
) -> None:
    answer = await client.inference(function_name="mood", input=said())
    assert answer.output.parsed == {"sentiment": "positive", "confidence": 0.95}
    assert answer.output.raw == '{"sentiment":"positive","confidence":0.95}'
    row = await stored(functions_db, "json", answer.inference_id)
    assert row["output"]["parsed"] == answer.output.parsed


async def test_what_is_thought_beside_the_answer_is_kept_but_not_told(
    client: Client, functions_db: asyncpg.Connection
) -> None:
    answer = await client.inference(function_name="answer", variant_name="thinks", input=said())
    assert answer.output.parsed == {"answer": "Hello"}
    row = await stored(functions_db, "json", answer.inference_id)
    (thought,) = row["auxiliary_content"]
    assert (thought["type"], thought["text"]) == ("thought", "hmmm")


async def test_a_request_brings_its_own_output_schema(
    client: Client, functions_db: asyncpg.Connection
) -> None:
    schema = {"type": "object", "properties": {"response": {"type": "string"}}, "required": ["z"]}
    for required, parsed in ((["response"], {"response": "Hello"}), (["z"], None)):
        answer = await client.inference(
            function_name="answer",
            variant_name="otherwise",
            input=said(),
            output_schema=schema | {"required": required},
        )
        assert answer.output.parsed == parsed
        row = await stored(functions_db, "json", answer.inference_id)
        assert row["output_schema"] == schema | {"required": required}


async def test_an_output_schema_that_is_none_is_met_by_nothing(client: Client) -> None:
    answer = await client.inference(
        function_name="answer", input=said(), output_schema={"type": "nonsense"}
    )
    assert (answer.output.raw, answer.output.parsed) == ('{"answer":"Hello"}', None)


async def test_the_json_mode_of_the_request_wins(
    client: Client, functions_db: asyncpg.Connection
) -> None:
    answer = await client.inference(
        function_name="answer", input=said(), params={"chat_completion": {"json_mode": "off"}}
    )
    assert answer.output.parsed == {"answer": "Hello"}
    row = await stored(functions_db, "json", answer.inference_id)
    assert row["inference_params"] == {"chat_completion": {"json_mode": "off"}}


async def test_a_chat_with_json_mode_tool_answers_in_text(client: Client) -> None:
    answer = await client.inference(
        model_name="dummy::good_tool",
        input=said(),
        params={"chat_completion": {"json_mode": "tool"}},
        output_schema={"type": "object"},
    )
    assert json.loads(texts(answer)[0]) == {"sentiment": "positive", "confidence": 0.95}


@pytest.mark.parametrize(
    "given",
    [
        {"allowed_tools": ["get_temperature"]},
        {"additional_tools": [HUMOR]},
        {"tool_choice": "auto"},
        {"parallel_tool_calls": True},
    ],
)
async def test_a_json_function_has_no_tools(client: Client, given: dict[str, Any]) -> None:
    (name,) = given
    status, text = await refused(client.inference(function_name="answer", input=said(), **given))
    assert status == 400 and f"Cannot pass `{name}` to a JSON function" in text
    tools = {**given, "output_schema": {}, "params": {"chat_completion": {"json_mode": "tool"}}}
    status, text = await refused(client.inference(function_name="talk", input=said(), **tools))
    assert status == 400 and f"Cannot pass `{name}` when using JSON mode `tool`." in text


# Tools.


async def test_a_tool_call_is_read_by_the_schema_of_its_tool(
    client: Client, functions_db: asyncpg.Connection
) -> None:
    arguments = {"location": "Brooklyn", "units": "celsius"}
    answer = await client.inference(function_name="weather", input=said())
    (call,) = answer.content
    assert (call.name, call.raw_name, call.arguments) == (
        "get_temperature",
        "get_temperature",
        arguments,
    )
    assert json.loads(call.raw_arguments) == arguments and call.id == "0"
    assert answer.finish_reason == "tool_call"
    row = await stored(functions_db, "chat", answer.inference_id)
    assert row["output"] == [
        {
            "type": "tool_call",
            "id": "0",
            "name": "get_temperature",
            "raw_name": "get_temperature",
            "arguments": arguments,
            "raw_arguments": call.raw_arguments,
        }
    ]
    assert row["allowed_tools"] == {"tools": ["get_temperature"], "choice": "function_default"}
    assert (row["tool_choice"], row["parallel_tool_calls"]) == ("auto", True)
    assert row["dynamic_tools"] == row["dynamic_provider_tools"] == []
    (asked,) = await model_calls(functions_db, answer.inference_id, 1)
    assert asked["output"] == [
        {
            "type": "tool_call",
            "id": "0",
            "name": "get_temperature",
            "arguments": call.raw_arguments,
        }
    ]


@pytest.mark.parametrize(
    ("variant", "raw_arguments"),
    [
        ("wrong", '{"location":"Brooklyn","units":"Celsius"}'),
        ("garbled", "Not valid 'JSON'"),
    ],
)
async def test_arguments_that_do_not_fit_are_raw_only(
    client: Client, functions_db: asyncpg.Connection, variant: str, raw_arguments: str
) -> None:
    answer = await client.inference(function_name="weather", variant_name=variant, input=said())
    (call,) = answer.content
    assert (call.name, call.arguments) == ("get_temperature", None)
    assert call.raw_arguments == raw_arguments
    row = await stored(functions_db, "chat", answer.inference_id)
    assert row["output"][0]["arguments"] is None


async def test_a_call_of_a_tool_that_nobody_offered_has_no_name(client: Client) -> None:
    answer = await client.inference(model_name="dummy::tool", input=said())
    (call,) = answer.content
    assert (call.name, call.raw_name) == (None, "get_temperature")


async def test_a_request_brings_more_tools_and_says_how_they_are_used(
    client: Client, functions_db: asyncpg.Connection
) -> None:
    answer = await client.inference(
        function_name="weather",
        input=said(),
        additional_tools=[HUMOR],
        tool_choice={"specific": "get_humor"},
        parallel_tool_calls=False,
        provider_tools=[{"tool": {"type": "web_search"}}],
    )
    row = await stored(functions_db, "chat", answer.inference_id)
    assert row["dynamic_tools"] == [{"type": "function", **HUMOR}]
    assert row["tool_choice"] == {"specific": "get_humor"}
    assert row["parallel_tool_calls"] is False
    (given,) = row["dynamic_provider_tools"]
    assert given["tool"] == {"type": "web_search"} and given.get("scope") is None


async def test_allowed_tools_narrow_and_add(
    client: Client, functions_db: asyncpg.Connection
) -> None:
    answer = await client.inference(
        function_name="weather", input=said(), allowed_tools=["get_wind"]
    )
    assert answer.content[0].raw_name == "get_temperature"
    row = await stored(functions_db, "chat", answer.inference_id)
    assert row["allowed_tools"] == {"tools": ["get_wind"], "choice": "explicit"}


async def test_the_client_own_kinds_of_tool_choice_are_taken(
    client: Client, functions_db: asyncpg.Connection
) -> None:
    for choice in ("none", "auto", "required"):
        answer = await client.inference(function_name="weather", input=said(), tool_choice=choice)
        row = await stored(functions_db, "chat", answer.inference_id)
        assert row["tool_choice"] == choice

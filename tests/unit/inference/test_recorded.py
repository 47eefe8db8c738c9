"""Answers that were relayed as they came are read by the tools and schemas that were in force."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from proxy.errors import InvalidRequest
from proxy.inference.recorded import RecordedOutputReader
from proxy.types.content import Text, Thought, ToolCall, Unknown, blocks_to_json
from proxy.types.exchange import InferenceDetails

SCHEMA = b'{"type":"object","properties":{"b":{"type":"number"}},"required":["b"]}'
TOOLS = b'[{"name":"weather","parameters":' + SCHEMA + b'},{"name":"free","parameters":null}]'


def read(details: InferenceDetails, *blocks: Any) -> tuple[bytes, bytes]:
    return RecordedOutputReader().read(details, blocks_to_json(blocks))


def test_the_last_text_is_the_json_and_the_rest_stands_beside_it() -> None:
    thought, first = Thought("hm", extra_data=b'{"z": 1.0, "a": 2}'), Text("So:")
    details = InferenceDetails("json", output_schema=SCHEMA)
    output, auxiliary = read(details, thought, first, Text('{"z": 1e2, "b": 1.50}'))
    assert output == rb'{"raw":"{\"z\": 1e2, \"b\": 1.50}","parsed":{"z":1e2,"b":1.50}}'
    assert auxiliary == blocks_to_json([thought, first])


@pytest.mark.parametrize("text", ["no JSON", '{"b":"one"}', '{"b": NaN}'])
def test_what_does_not_meet_the_schema_is_not_parsed(text: str) -> None:
    output, auxiliary = read(InferenceDetails("json", output_schema=SCHEMA), Text(text))
    assert orjson.loads(output) == {"raw": text, "parsed": None} and auxiliary == b"[]"


def test_arguments_of_a_tool_call_are_the_json_of_a_function() -> None:
    call = ToolCall("1", "respond", '{"b":2}')
    output, auxiliary = read(InferenceDetails("json", output_schema=SCHEMA), call)
    assert orjson.loads(output) == {"raw": '{"b":2}', "parsed": {"b": 2}} and auxiliary == b"[]"


def test_without_a_schema_any_json_will_do() -> None:
    output, _ = read(InferenceDetails("json"), Text("[1, 2]"))
    assert orjson.loads(output) == {"raw": "[1, 2]", "parsed": [1, 2]}


def test_an_answer_without_text_has_no_json() -> None:
    output, auxiliary = read(InferenceDetails("json"), Unknown(b'{"x": 1}'))
    assert orjson.loads(output) == {"raw": None, "parsed": None}
    assert auxiliary == blocks_to_json([Unknown(b'{"x": 1}')])


def test_a_call_of_an_offered_tool_has_a_name_and_arguments() -> None:
    details = InferenceDetails("chat", tools=TOOLS)
    call = ToolCall("c", "weather", '{"z": 1.0, "b": 3}')
    output, _ = read(details, Text("look"), call)
    assert output == (
        b'[{"type":"text","text":"look"},{"type":"tool_call","id":"c","raw_name":"weather",'
        rb'"raw_arguments":"{\"z\": 1.0, \"b\": 3}","name":"weather","arguments":{"z":1.0,"b":3}}]'
    )


@pytest.mark.parametrize(
    ("name", "arguments", "meant"),
    [
        ("weather", '{"b":"x"}', ("weather", None)),
        ("weather", "{", ("weather", None)),
        ("free", "anything", ("free", None)),
        ("other", '{"b":1}', (None, None)),
    ],
)
def test_what_no_tool_takes_is_kept_as_written(
    name: str, arguments: str, meant: tuple[str | None, None]
) -> None:
    output, _ = read(InferenceDetails("chat", tools=TOOLS), ToolCall("c", name, arguments))
    (block,) = orjson.loads(output)
    assert (block["raw_name"], block["raw_arguments"]) == (name, arguments)
    assert (block["name"], block["arguments"]) == meant


def test_of_no_offered_tools_no_call_has_a_name() -> None:
    output, _ = read(InferenceDetails("chat", tools=b"[]"), ToolCall("c", "weather", "{}"))
    assert orjson.loads(output)[0]["name"] is None


def test_what_is_no_list_of_blocks_is_refused() -> None:
    with pytest.raises(InvalidRequest):
        RecordedOutputReader().read(InferenceDetails("json"), b'{"a":1}')

"""Answers that were relayed as they came are read by the tools and schemas that were in force."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import orjson
import pytest

from proxy.errors import InvalidRequest
from proxy.inference.recorded import RecordedOutputReader
from proxy.models.cost import Price, dump_prices
from proxy.types.content import Text, Thought, ToolCall, Unknown, blocks_to_json
from proxy.types.exchange import InferenceDetails, ModelCall
from proxy.wire.chat_completions.decode import ChatCompletionsDecoder

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


class TestCosts:
    """What a relayed answer cost, read from its bytes by the prices in its record."""

    PRICES = (
        Price(("usage", "n"), ("usage", "n"), Decimal("0.5"), True),
        Price(("usage", "m"), ("usage", "m"), Decimal("2"), False),
    )

    def call(self, stream: bool, *blocks: bytes) -> ModelCall:
        return ModelCall(
            id=bytes(16),
            model_name="m",
            provider_name="p",
            wire="chat_completions",
            stream=stream,
            raw_request=b"",
            raw_response=list(blocks),
            response_time_ms=1,
            ttft_ms=None,
            output=b"",
            input_tokens=None,
            output_tokens=None,
            finish_reason="",
            prices=dump_prices(self.PRICES),
        )

    def test_a_whole_answer_is_charged_however_its_bytes_are_cut(self) -> None:
        call = self.call(False, b'{"usage": {"n"', b": 3, ", b'"m": 1}}')
        assert RecordedOutputReader().cost(call, ()) == Decimal("3.5")

    def test_a_stream_is_charged_by_the_greatest_count_of_its_events(self) -> None:
        events = b'data: {"usage": {"n": 3}}\n\ndata: {"usage": {"n": 4}}\n\ndata: [DONE]\n\n'
        call = self.call(True, events[:30], events[30:])
        read = ChatCompletionsDecoder().decode_call(call).events
        assert RecordedOutputReader().cost(call, read) == Decimal("2.0")

    def test_a_count_that_must_be_there_and_is_not_leaves_the_cost_unknown(self) -> None:
        assert RecordedOutputReader().cost(self.call(False, b'{"usage": {"m": 1}}'), ()) is None

    def test_an_answer_that_is_no_json_has_no_cost(self) -> None:
        assert RecordedOutputReader().cost(self.call(False, b"oops"), ()) is None

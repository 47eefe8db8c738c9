from __future__ import annotations

import orjson
import pytest

from proxy.inference.json_mode import (
    as_text_deltas,
    asking,
    mode_in_force,
    raw_part,
    read_json_output,
    unwrap_thinking,
    wrap_thinking,
)
from proxy.inference.schemas import Schema
from proxy.types.content import Text, Thought, ToolCall
from proxy.types.response import TextDelta, ThoughtDelta, ToolCallDelta

RAW = b'{"type": "object", "properties": {"answer": {"type": "string"}}, "required": ["answer"]}'
SCHEMA = Schema(RAW)


@pytest.mark.parametrize(
    ("requested", "configured", "kind", "mode"),
    [
        ("on", "tool", "json", "on"),
        (None, "tool", "json", "tool"),
        (None, "implicit_tool", "json", "tool"),
        (None, None, "json", "strict"),
        (None, None, "chat", "off"),
    ],
)
def test_the_requests_mode_wins_over_the_variants_and_that_over_the_default(
    requested: str | None, configured: str | None, kind: str, mode: str
) -> None:
    assert mode_in_force(requested, configured, "json" if kind == "json" else "chat") == mode


def test_strict_sends_the_schema_as_it_is() -> None:
    asked = asking("strict", RAW)
    assert asked.response_format == (
        b'{"type":"json_schema","json_schema":{"name":"response","strict":true,"schema":'
        + RAW
        + b"}}"
    )
    assert asked.tools is None


def test_tool_offers_and_demands_one_tool() -> None:
    asked = asking("tool", RAW)
    assert asked.response_format is None
    assert orjson.loads(asked.tools or b"") == [
        {
            "type": "function",
            "function": {
                "name": "respond",
                "description": "Respond to the user using the output schema provided.",
                "parameters": orjson.loads(RAW),
            },
        }
    ]
    assert asked.tool_choice == b'{"type":"function","function":{"name":"respond"}}'


def test_the_last_text_or_call_is_the_output_and_the_rest_is_auxiliary() -> None:
    blocks = (
        Thought("hm"),
        Text("first"),
        ToolCall("1", "respond", '{"answer": "x"}'),
        Thought("."),
    )
    output = read_json_output(blocks, SCHEMA)
    assert output.raw == '{"answer": "x"}'
    assert output.parsed == b'{"answer":"x"}'
    assert output.auxiliary == (Thought("hm"), Text("first"), Thought("."))
    assert orjson.dumps(output.as_json()) == (
        b'{"raw":"{\\"answer\\": \\"x\\"}","parsed":{"answer":"x"}}'
    )


@pytest.mark.parametrize("text", ["no json", '{"answer": 1}', "", '{"answer": "x"} x'])
def test_what_does_not_fit_is_raw_and_not_parsed(text: str) -> None:
    output = read_json_output((Text(text),), SCHEMA)
    assert (output.raw, output.parsed) == (text, None)


def test_an_answer_without_text_has_no_output() -> None:
    output = read_json_output((Thought("hm"),), SCHEMA)
    assert (output.raw, output.parsed, output.auxiliary) == (None, None, (Thought("hm"),))


def test_a_stream_sends_texts_and_arguments_as_raw_and_keeps_thoughts() -> None:
    deltas = (ThoughtDelta("0", "hm"), TextDelta("0", '{"a"'), ToolCallDelta("1", "respond", ":1}"))
    assert raw_part(deltas) == '{"a":1}'
    assert as_text_deltas(deltas[1:]) == (TextDelta("0", '{"a"'), TextDelta("1", ":1}"))


def test_thinking_is_asked_for_before_the_response() -> None:
    wrapped = orjson.loads(wrap_thinking(RAW))
    assert list(wrapped["properties"]) == ["thinking", "response"]
    assert wrapped["properties"]["response"] == orjson.loads(RAW)
    assert wrapped["required"] == ["thinking", "response"]
    assert wrapped["additionalProperties"] is False


def test_references_inside_a_wrapped_schema_still_lead_somewhere() -> None:
    schema = Schema(wrap_thinking(b'{"$defs": {"n": {"type": "integer"}}, "$ref": "#/$defs/n"}'))
    assert schema.accepts({"thinking": "", "response": 1})
    assert not schema.accepts({"thinking": "", "response": "1"})


def test_thinking_becomes_a_thought_where_the_json_stood() -> None:
    text = '{"thinking": "hmmm", "response": { "answer": "tokyo!", "n": 1.0 }}'
    output = read_json_output((Thought("a"), Text(text), Thought("b")), Schema(wrap_thinking(RAW)))
    unwrapped = unwrap_thinking(output)
    assert unwrapped.raw == '{"answer":"tokyo!","n":1.0}'
    assert unwrapped.parsed == b'{"answer":"tokyo!","n":1.0}'
    assert unwrapped.auxiliary == (Thought("a"), Thought("hmmm"), Thought("b"))


def test_an_output_that_does_not_fit_is_not_unwrapped() -> None:
    output = read_json_output((Text('{"response": {}}'),), Schema(wrap_thinking(RAW)))
    assert unwrap_thinking(output) == output

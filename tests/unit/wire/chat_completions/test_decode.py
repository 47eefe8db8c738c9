"""Recorded answers, whole or damaged, never raise and keep what they hold."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.types.content import Text
from proxy.types.decoded import Decoder
from proxy.types.exchange import ModelCall
from proxy.wire.chat_completions.decode import ChatCompletionsDecoder, decode_call

SAMPLES = sorted((Path(__file__).parents[3] / "data" / "chat_completions").glob("*.json"))


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_a_sample_is_decoded_whole_and_at_every_cut_without_raising(path: Path) -> None:
    sample = json.loads(path.read_text(encoding="utf-8"))
    body = sample["body"].encode()
    whole = decode_call(sample["stream"], [body[:10], body[10:]])
    assert whole.complete == (whole.error_status is None)
    assert whole.answer.usage.known == ('"usage": {' in sample["body"])
    for cut in range(len(body)):
        part = decode_call(sample["stream"], [body[:cut]])
        assert len(part.answer.blocks) <= len(whole.answer.blocks)


def test_a_stream_answered_with_plain_json_is_read_as_such() -> None:
    body = b' {"id":"x","choices":[{"message":{"content":"a"},"finish_reason":"stop"}]}'
    decoded = decode_call(True, [body])
    assert (decoded.answer.blocks, decoded.complete, decoded.answer.id) == (
        (Text("a"),),
        True,
        "x",
    )


def test_an_error_in_a_whole_answer_is_told() -> None:
    decoded = decode_call(False, [b'{"error":{"message":"x","code":429}}'])
    assert (decoded.error_status, decoded.complete, decoded.answer.blocks) == (429, False, ())


def test_what_cannot_be_read_is_told() -> None:
    assert decode_call(False, [b'{"id":"x","cho']).unread
    assert decode_call(False, [b"<html>"]).unread
    assert decode_call(True, [b"data: {broken\n\n"]).unread
    assert not decode_call(True, [b'data: {"choices":[{"delta"']).unread
    assert not decode_call(True, [b""]).unread


def model_call(stream: bool, *blocks: bytes) -> ModelCall:
    return ModelCall(
        id=b"",
        model_name="m",
        provider_name="p",
        wire="chat_completions",
        stream=stream,
        raw_request=b"",
        raw_response=list(blocks),
        response_time_ms=0,
        ttft_ms=None,
        output=b"",
        input_tokens=None,
        output_tokens=None,
        finish_reason="",
    )


def test_the_record_gets_blocks_counts_and_the_providers_id() -> None:
    body = json.loads((SAMPLES[0].parent / "whole_tools.json").read_text())["body"].encode()
    decoder: Decoder = ChatCompletionsDecoder()
    decoded = decoder.decode_call(model_call(False, body[:9], body[9:]))
    assert (decoded.input_tokens, decoded.output_tokens, decoded.cache_read) == (9, 4, 3)
    assert (decoded.response_id, decoded.finish_reason) == ("chatcmpl-own3", "tool_call")
    assert (decoded.usage_found, decoded.complete, decoded.error) == (True, True, "")
    (call,) = json.loads(decoded.output)
    assert call == {
        "type": "tool_call",
        "id": "call_9",
        "name": "lookup",
        "arguments": '{"q": "x"}',
    }
    assert b'"arguments":{"q": "x"}' in decoded.inference_output


def test_a_call_cut_before_its_first_block_has_no_output() -> None:
    decoded = ChatCompletionsDecoder().decode_call(model_call(True, b'data: {"id"'))
    assert (decoded.output, decoded.complete, decoded.error) == (b"[]", False, "")
    assert (decoded.input_tokens, decoded.usage_found) == (None, False)


def test_the_record_gets_what_was_said_and_with_which_tools() -> None:
    decoded = ChatCompletionsDecoder().decode_input(
        "chat_completions",
        b'{"model":"m","temperature":0.5,"parallel_tool_calls":true,"messages":['
        b'{"role":"system","content":"s"},{"role":"user","content":"u"}],"tools":['
        b'{"type":"function","function":{"name":"f","parameters":{"z": 1.0, "a":2},"strict":true}},'
        b'{"type":"custom","custom":{"name":"g"}}],'
        b'"tool_choice":{"type":"function","function":{"name":"f"}}}',
    )
    turns = b'[{"role":"user","content":[{"type":"text","text":"u"}]}]'
    assert decoded.input == b'{"system":"s","messages":' + turns + b"}"
    assert (decoded.system, decoded.messages) == ("s", turns)
    assert decoded.params == b'{"chat_completion":{"temperature":0.5}}'
    assert decoded.dynamic_tools == (
        b'[{"type":"function","name":"f","description":"","parameters":{"z": 1.0, "a":2},'
        b'"strict":true},{"type":"openai_custom","name":"g"}]'
    )
    assert (decoded.tool_choice, decoded.parallel_tool_calls) == (b'{"specific":"f"}', True)


@pytest.mark.parametrize(
    ("choice", "stored"),
    [
        ("null", b'"auto"'),
        ('"required"', b'"required"'),
        ('"none"', b'"none"'),
        ('{"type":"allowed_tools","allowed_tools":{"mode":"required"}}', b'"required"'),
        ("7", b'"auto"'),
    ],
)
def test_the_tool_choice_gets_the_stored_words(choice: str, stored: bytes) -> None:
    body = '{"messages":[],"tools":[],"tool_choice":%s}' % choice  # noqa: UP031
    decoder = ChatCompletionsDecoder()
    assert decoder.decode_input("chat_completions", body.encode()).tool_choice == stored
    without = decoder.decode_input("chat_completions", b'{"messages":[],"tool_choice":"auto"}')
    assert (without.tool_choice, without.dynamic_tools) == (b"", b"")


SYNTAX = (
    b"data: ",
    b"\n\n",
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b"null",
    b"0",
    b'"a"',
    b"\xff",
    b"1e999",
)
NAMES = (b'"choices":', b'"delta":', b'"index":', b'"content":', b'"tool_calls":', b'"usage":')
JSON_BITS = st.sampled_from((*SYNTAX, *NAMES))
ANSWER_KEYS = ("choices", "delta", "message", "content", "index", "finish_reason", "usage", "error")
CALL_KEYS = ("tool_calls", "function_call", "function", "name", "arguments", "id", "type", "text")
OTHER_KEYS = ("reasoning", "reasoning_details", "refusal", "thinking", "created", "prompt_tokens")
KEYS = st.sampled_from((*ANSWER_KEYS, *CALL_KEYS, *OTHER_KEYS))


@given(
    st.booleans(), st.lists(JSON_BITS, max_size=40) | st.lists(st.binary(max_size=9), max_size=9)
)
def test_nothing_that_arrives_makes_it_raise(stream: bool, blocks: list[bytes]) -> None:
    decode_call(stream, blocks)


SHAPES = st.recursive(
    st.sampled_from([None, True, 1, -1, 1.5, "", "a", "stop"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=20,
)


@given(SHAPES, st.booleans())
def test_no_shape_of_json_makes_it_raise(choice: object, stream: bool) -> None:
    body = json.dumps({"id": "x", "choices": [choice], "usage": choice, "error": None}).encode()
    decode_call(stream, [b"data: " + body + b"\n\n" if stream else body])

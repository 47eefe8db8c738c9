"""Whole answers."""

from __future__ import annotations

import json
from typing import Any

import pytest

from proxy.errors import UpstreamGarbage
from proxy.types.content import Text, Thought, ToolCall, Unknown
from proxy.types.response import Answer
from proxy.types.usage import NO_USAGE, Usage
from proxy.wire.messages.response import decode_response


def answer(*content: dict[str, Any], **members: Any) -> Answer:
    body = {"id": "msg_1", "type": "message", "content": list(content), **members}
    return decode_response(json.dumps(body, ensure_ascii=False).encode())


def test_an_answer_is_read_block_by_block() -> None:
    search = {"type": "server_tool_use", "id": "s1", "name": "web_search", "input": {"q": "x"}}
    cited = {"type": "text", "text": "a", "citations": [{"type": "page_location"}]}
    given = answer(
        {"type": "thinking", "thinking": "hm", "signature": "s"},
        {"type": "redacted_thinking", "data": "d"},
        search,
        cited,
        {"type": "text", "text": "b", "citations": None},
        {"type": "tool_use", "id": "t1", "name": "f", "input": {"b": 1, "a": 2.0}},
        {"type": "tool_result", "tool_use_id": "t"},
    )
    assert given.id == "msg_1"
    assert given.blocks[:2] == (Thought("hm", "s"), Thought(None, "d"))
    assert isinstance(given.blocks[2], Unknown)
    assert json.loads(given.blocks[2].data) == search
    assert given.blocks[3] == Text("a", b'{"citations":[{"type": "page_location"}]}')
    assert given.blocks[4:6] == (Text("b"), ToolCall("t1", "f", '{"b":1,"a":2.0}'))
    assert isinstance(given.blocks[6], Unknown)


def test_arguments_keep_the_spelling_of_their_numbers() -> None:
    body = b'{"content":[{"type":"tool_use","id":"t","name":"f","input":{"a":1e2,"b":1.50}}]}'
    assert decode_response(body).blocks == (ToolCall("t", "f", '{"a":1e2,"b":1.50}'),)


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("end_turn", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("stop_sequence", "stop_sequence"),
        ("tool_use", "tool_call"),
        ("refusal", "content_filter"),
        ("pause_turn", "unknown"),
        ("yet to be invented", "unknown"),
        (None, None),
        ("", None),
    ],
)
def test_every_reason_to_stop_has_a_neutral_word(word: str | None, reason: str | None) -> None:
    assert answer(stop_reason=word).finish_reason == reason


def test_the_text_that_stopped_it_and_the_tier_are_told() -> None:
    given = answer(stop_sequence="END", usage={"service_tier": "standard"})
    assert (given.stop_sequence, given.service_tier) == ("END", "standard")


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        ({}, NO_USAGE),
        ({"input_tokens": 3, "output_tokens": 4}, Usage(3, 4)),
        (
            {
                "input_tokens": 3,
                "output_tokens": 4,
                "cache_read_input_tokens": 10,
                "cache_creation_input_tokens": 100,
                "output_tokens_details": {"thinking_tokens": 2},
            },
            Usage(113, 4, 10, 100, 2),
        ),
        (
            {"cache_creation": {"ephemeral_5m_input_tokens": 1, "ephemeral_1h_input_tokens": 2}},
            Usage(3, None, None, 3),
        ),
        ({"output_tokens": 4, "cache_creation": {}}, Usage(None, 4)),
    ],
)
def test_input_is_all_that_was_read(usage: dict[str, Any], expected: Usage) -> None:
    assert answer(usage=usage).usage == expected


def test_members_of_another_type_count_as_not_there() -> None:
    given = decode_response(b'{"id":5,"content":"x","usage":[],"stop_reason":{}}')
    assert given.blocks == ()
    assert (given.id, given.usage, given.finish_reason) == ("", NO_USAGE, None)
    assert decode_response(b"[]").blocks == ()


@pytest.mark.parametrize("text", ["\\ud83d", "\xff"])
def test_what_strict_parsers_refuse_is_read_all_the_same(text: str) -> None:
    body = b'{"n":NaN,"content":[{"type":"text","text":"' + text.encode("latin-1") + b'"}]}'
    if text == "\\ud83d":
        body = body.replace(b"NaN", b"1")
    assert decode_response(body).blocks == (Text("\ufffd"),)


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b'{"a":' * 100_000, b"[" * 3000, b'{"n":NaN,"a":"\\ud83d"}']
)
def test_bytes_that_are_no_json_are_garbage(body: bytes) -> None:
    with pytest.raises(UpstreamGarbage):
        decode_response(body)

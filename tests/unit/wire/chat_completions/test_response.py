"""Whole answers: lenient in, strict out."""

from __future__ import annotations

import json
from typing import Any

import pytest
from openai.types.chat import ChatCompletion

from proxy.errors import UpstreamGarbage
from proxy.types.content import Text, Thought, ToolCall, Unknown
from proxy.types.response import Answer
from proxy.types.usage import Usage
from proxy.wire.chat_completions.response import decode_response, encode_response
from proxy.wire.chat_completions.thoughts import encode_detail


def body(message: object, finish: object = "stop", **members: object) -> bytes:
    choice = {"index": 0, "message": message, "finish_reason": finish}
    whole = {"id": "chatcmpl-1", "created": 5, "choices": [choice], **members}
    return json.dumps(whole).encode()


@pytest.mark.parametrize(
    ("message", "blocks"),
    [
        ({"content": "hi"}, (Text("hi"),)),
        ({"content": ""}, (Text(""),)),
        ({"content": None}, ()),
        ({}, ()),
        ({"content": [{"type": "text", "text": "a"}, "b"]}, (Text("a"), Text("b"))),
        ({"content": {"a": 1}}, (Text('{"a":1}'),)),
        ({"content": [{"type": "new", "x": 1}]}, (Unknown(b'{"type":"new","x":1}'),)),
        ({"content": "a", "reasoning_content": "r"}, (Thought("r"), Text("a"))),
        ({"content": "a", "reasoning": "r", "refusal": None}, (Thought("r"), Text("a"))),
        (
            {
                "content": [
                    {"type": "thinking", "thinking": [{"text": "r"}]},
                    {"type": "text", "text": "a"},
                ]
            },
            (Thought("r"), Text("a")),
        ),
        (
            {
                "content": "",
                "tool_calls": [{"id": "c", "function": {"name": "f", "arguments": "{}"}}],
            },
            (ToolCall("c", "f", "{}"),),
        ),
        (
            {"tool_calls": [{"function": {"name": "f", "arguments": {"a": 1}}}]},
            (ToolCall("", "f", '{"a":1}'),),
        ),
        (
            {"tool_calls": {"id": "c", "custom": {"name": "f", "input": "x"}}},
            (ToolCall("c", "f", "x", b'{"type":"custom"}'),),
        ),
        (
            {"function_call": {"name": "f", "arguments": "{}"}},
            (ToolCall("", "f", "{}", b'{"type":"function_call"}'),),
        ),
        ({"refusal": "no"}, (Unknown(b'{"type":"refusal","refusal":"no"}'),)),
        ({"content": "\ud83d\ude00 \ud800"}, (Text("\U0001f600 \ufffd"),)),
        ({"content": 7, "tool_calls": "x", "reasoning": 1}, ()),
        ("hello", ()),
    ],
)
def test_what_a_message_holds_becomes_blocks(message: object, blocks: tuple[object, ...]) -> None:
    assert decode_response(body(message)).blocks == blocks


def test_signed_reasoning_keeps_its_signature_and_its_details() -> None:
    details = [{"type": "reasoning.text", "text": "r", "signature": "s"}]
    (thought,) = decode_response(body({"reasoning": "r", "reasoning_details": details})).blocks
    assert isinstance(thought, Thought)
    assert (thought.text, thought.signature) == ("r", "s")
    assert encode_detail(thought) == details


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("stop", "stop"),
        ("eos_token", "stop"),
        ("length", "length"),
        ("tool_calls", "tool_call"),
        ("function_call", "tool_call"),
        ("content_filter", "content_filter"),
        ("error", "unknown"),
        (None, None),
        ("", None),
        (3, None),
    ],
)
def test_finish_reasons_get_the_stored_words(word: object, reason: str | None) -> None:
    assert decode_response(body({"content": "x"}, word)).finish_reason == reason


@pytest.mark.parametrize(
    ("members", "usage"),
    [
        ({"usage": {"prompt_tokens": 3, "completion_tokens": 0}}, Usage(3, 0)),
        (
            {
                "usage": {
                    "prompt_tokens": 3,
                    "completion_tokens": 4,
                    "prompt_tokens_details": {"cached_tokens": 1, "cache_write_tokens": 2},
                    "completion_tokens_details": {"reasoning_tokens": 5},
                }
            },
            Usage(3, 4, 1, 2, 5),
        ),
        ({"usage": {"prompt_tokens": 3.0, "prompt_cache_hit_tokens": 2}}, Usage(3, None, 2)),
        ({"x_groq": {"usage": {"prompt_tokens": 3, "completion_tokens": 4}}}, Usage(3, 4)),
        ({"usage": None}, Usage()),
        ({"usage": {"prompt_tokens": True, "completion_tokens": "4"}}, Usage(None, 4)),
        ({"usage": {"prompt_tokens": "9" * 30, "completion_tokens": "x"}}, Usage()),
        ({"choices": [{"usage": {"prompt_tokens": 3}}]}, Usage(3)),
        ({"usage": {"prompt_tokens": 3, "num_cached_tokens": 2}}, Usage(3, None, 2)),
        ({"usage": {"prompt_tokens": -1, "completion_tokens": 0.5}}, Usage()),
    ],
)
def test_tokens_are_read_wherever_they_stand(members: dict[str, Any], usage: Usage) -> None:
    assert decode_response(body({"content": "x"}, **members)).usage == usage


def test_of_several_choices_the_first_counts() -> None:
    choices = [{"index": 1, "message": {"content": "b"}}, {"index": 0, "message": {"content": "a"}}]
    assert decode_response(json.dumps({"choices": choices}).encode()).blocks == (Text("a"),)


@pytest.mark.parametrize("raw", [b"", b"{", b"<html>", b"[" * 100_000])
def test_what_is_no_json_is_garbage(raw: bytes) -> None:
    with pytest.raises(UpstreamGarbage):
        decode_response(raw)


@pytest.mark.parametrize("raw", [b"null", b"[]", b'"x"', b'{"choices":{}}', b'{"choices":[7]}'])
def test_json_that_is_no_answer_has_no_blocks(raw: bytes) -> None:
    assert decode_response(raw).blocks == ()


def test_broken_utf8_and_nan_do_not_lose_the_text() -> None:
    raw = b'{"choices":[{"message":{"content":"a\xff"},"logprobs":NaN}]}'
    assert decode_response(raw).blocks == (Text("a\ufffd"),)


ANSWER = Answer(
    id="r1",
    blocks=(Thought("hm"), Text("a"), ToolCall("c1", "f", "{}"), Text("b")),
    usage=Usage(3, 4, cache_read=2, reasoning=1),
    finish_reason="tool_call",
    created=7,
)


def test_an_encoded_answer_is_whole_and_read_by_the_openai_package() -> None:
    raw = encode_response(ANSWER, "demo")
    completion = ChatCompletion.model_validate(json.loads(raw), strict=True)
    (choice,) = completion.choices
    assert (completion.id, completion.object, completion.created) == ("r1", "chat.completion", 7)
    assert completion.model == "demo"
    assert (choice.index, choice.finish_reason, choice.message.content) == (0, "tool_calls", "ab")
    (call,) = choice.message.tool_calls or []
    assert (call.id, call.type, call.function.name) == ("c1", "function", "f")
    assert completion.usage is not None
    assert completion.usage.total_tokens == 7
    assert b"tensorzero" not in raw


def test_what_was_encoded_is_decoded_to_the_same() -> None:
    decoded = decode_response(encode_response(ANSWER, "demo"))
    assert (decoded.id, decoded.usage, decoded.finish_reason, decoded.created) == (
        (ANSWER.id, ANSWER.usage, ANSWER.finish_reason, ANSWER.created)
    )
    assert decoded.blocks == (Thought("hm"), Text("ab"), ToolCall("c1", "f", "{}"))
    refusal = Answer("r", (Unknown(b'{"type":"refusal","refusal":"no"}'),))
    assert decode_response(encode_response(refusal, "demo")).blocks == refusal.blocks


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (Answer("r", ()), "stop"),
        (Answer("r", (ToolCall("c", "f", ""),)), "tool_calls"),
        (Answer("r", (), finish_reason="stop_sequence"), "stop"),
        (Answer("r", (), finish_reason="unknown"), "stop"),
        (Answer("r", (), finish_reason="length"), "length"),
        (Answer("r", (), finish_reason="content_filter"), "content_filter"),
    ],
)
def test_a_client_sees_openais_finish_reasons_only(answer: Answer, reason: str) -> None:
    encoded = json.loads(encode_response(answer, "demo"))
    assert encoded["choices"][0]["finish_reason"] == reason
    assert "usage" not in encoded

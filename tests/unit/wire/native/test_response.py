"""Answers of `/inference`. Each test name is one line of the compatibility tables."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import UUID

import orjson
import pytest

from proxy.types.content import Block, Text, Thought, ToolCall, Unknown
from proxy.types.usage import Usage
from proxy.wire.envelope.response import RawSource
from proxy.wire.native.response import (
    encode_error,
    encode_inference_response,
    encode_json_inference_response,
)

ID = UUID("0199a000-0000-7000-8000-000000000001")
EPISODE = UUID("0199a000-0000-7000-8000-000000000002")
CALL = UUID("0199a000-0000-7000-8000-000000000003")
IDS: dict[str, Any] = {"inference_id": ID, "episode_id": EPISODE, "variant_name": "v1"}
HEAD = (
    b'{"inference_id":"0199a000-0000-7000-8000-000000000001",'
    b'"episode_id":"0199a000-0000-7000-8000-000000000002","variant_name":"v1",'
)


def chat(*blocks: Block, **more: Any) -> bytes:
    return encode_inference_response(blocks, **{**IDS, "usage": Usage(), **more})


def block(shown: Block) -> Any:
    return orjson.loads(chat(shown))["content"][0]


def usage(counted: Usage, cost: Decimal | None = None) -> Any:
    return orjson.loads(chat(usage=counted, cost=cost))["usage"]


def case(sentence: str, *values: object) -> Any:
    return pytest.param(*values, id=sentence)


def test_members_of_a_chat_functions_answer_stand_in_their_order() -> None:
    answer = chat(
        Text("hello"),
        usage=Usage(11, 7),
        cost=Decimal("0.000138000"),
        finish_reason="stop",
    )
    assert answer == HEAD + (
        b'"content":[{"type":"text","text":"hello"}],'
        b'"usage":{"input_tokens":11,"output_tokens":7,"cost":0.000138},"finish_reason":"stop"}'
    )


def test_members_of_a_json_functions_answer_stand_in_their_order() -> None:
    answer = encode_json_inference_response(
        '{"b": 1.50}', b'{"b": 1.50}', **IDS, usage=Usage(1, 2), finish_reason="length"
    )
    assert answer == HEAD + (
        b'"output":{"raw":"{\\"b\\": 1.50}","parsed":{"b": 1.50}},'
        b'"usage":{"input_tokens":1,"output_tokens":2,"cost":null},"finish_reason":"length"}'
    )


def test_an_output_that_is_none_still_has_both_members() -> None:
    answer = encode_json_inference_response(None, None, **IDS, usage=Usage())
    assert orjson.loads(answer)["output"] == {"raw": None, "parsed": None}


def test_what_was_asked_for_stands_between_usage_and_finish_reason() -> None:
    source = RawSource("openai", CALL)
    answer = chat(
        raw_usage=[source.entry(b'{"total_tokens":3}')],
        original_response="{}",
        raw_response=[RawSource("openai").entry("broken"), source.entry("{}")],
        finish_reason="stop",
    )
    entry = '{"model_inference_id":"%s","provider_type":"openai","api_type":"chat_completions",'
    entry %= CALL
    assert answer == HEAD + (
        b'"content":[],"usage":{"input_tokens":null,"output_tokens":null,"cost":null},'
        b'"raw_usage":[' + entry.encode() + b'"data":{"total_tokens":3}}],'
        b'"original_response":"{}",'
        b'"raw_response":[{"provider_type":"openai","api_type":"chat_completions",'
        b'"data":"broken"},' + entry.encode() + b'"data":"{}"}],"finish_reason":"stop"}'
    )


def test_raw_data_that_was_asked_for_may_be_nothing() -> None:
    answer = orjson.loads(chat(raw_usage=[], raw_response=[]))
    assert (answer["raw_usage"], answer["raw_response"]) == ([], [])


def test_a_finish_reason_that_is_not_known_is_left_out() -> None:
    assert "finish_reason" not in orjson.loads(chat())


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        case(
            "a tool call, read",
            ToolCall("1", "get", '{"a":1}'),
            {
                "type": "tool_call",
                "id": "1",
                "raw_name": "get",
                "raw_arguments": '{"a":1}',
                "name": "get",
                "arguments": {"a": 1},
            },
        ),
        case(
            "a tool call whose arguments are no JSON",
            ToolCall("1", "get", "{"),
            {
                "type": "tool_call",
                "id": "1",
                "raw_name": "get",
                "raw_arguments": "{",
                "name": "get",
                "arguments": None,
            },
        ),
        case("a thought", Thought("hm"), {"type": "thought", "text": "hm"}),
        case(
            "a thought with all members",
            Thought("hm", "s", b"[]", "p", b"{}"),
            {
                "type": "thought",
                "text": "hm",
                "signature": "s",
                "summary": [],
                "provider_type": "p",
                "extra_data": {},
            },
        ),
        case(
            "an unknown block",
            Unknown(b'{"x":1}', "m", "p"),
            {"type": "unknown", "data": {"x": 1}, "model_name": "m", "provider_name": "p"},
        ),
    ],
)
def test_a_block_is_shown(shown: Block, expected: dict[str, object]) -> None:
    assert block(shown) == expected
    assert list(block(shown)) == list(expected)


def test_parsed_arguments_keep_the_order_of_keys_and_the_spelling_of_numbers() -> None:
    assert b'"arguments":{ "z":1.50, "a":1E+2 }}' in chat(
        ToolCall("1", "get", '{ "z":1.50, "a":1E+2 }')
    )


def test_half_a_character_does_not_lose_the_answer() -> None:
    answer = orjson.loads(chat(Text("\ud83d"), Unknown(b'{"x":1}')).replace(b"\\ud83d", b"-"))
    assert [each["type"] for each in answer["content"]] == ["text", "unknown"]


def test_counts_of_a_providers_cache_stand_there_only_when_reported() -> None:
    assert list(usage(Usage(1, 2))) == ["input_tokens", "output_tokens", "cost"]
    assert usage(Usage(1, 2, cache_read=0, cache_write=3), Decimal(0)) == {
        "input_tokens": 1,
        "output_tokens": 2,
        "provider_cache_read_input_tokens": 0,
        "provider_cache_write_input_tokens": 3,
        "cost": 0.0,
    }


def test_an_error_is_a_text() -> None:
    assert encode_error("Unknown function: F") == b'{"error":"Unknown function: F"}'


def test_an_error_may_bear_its_structure_and_what_providers_said() -> None:
    entry = RawSource("openai").entry("no")
    assert encode_error("x", error_json=b'{"A":1}', raw_response=[entry]) == (
        b'{"error":"x","error_json":{"A":1},"raw_response":[' + entry + b"]}"
    )

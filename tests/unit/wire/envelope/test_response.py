"""Whole answers and errors of `/openai/v1`. Each id is one line of the compatibility tables."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import orjson
import pytest

from proxy.types.content import Block, Text, Thought, ToolCall, Unknown
from proxy.types.response import Answer, FinishReason
from proxy.types.usage import NO_USAGE, Usage
from proxy.wire.envelope.errors import encode_error
from proxy.wire.envelope.response import (
    RawSource,
    encode_envelope_response,
    raw_usage_in,
    served_model,
)

INFERENCE = UUID("0199a000-0000-7000-8000-000000000001")
EPISODE = UUID("0199a000-0000-7000-8000-000000000002")


def case(sentence: str, *values: object) -> Any:
    return pytest.param(*values, id=sentence)


def encode(
    *blocks: Block, usage: Usage = NO_USAGE, reason: FinishReason | None = "stop", **more: Any
) -> bytes:
    return encode_envelope_response(
        Answer("chatcmpl-1", blocks, usage, reason),
        inference_id=INFERENCE,
        episode_id=EPISODE,
        model="tensorzero::function_name::f::variant_name::v",
        created=1795226686,
        **more,
    )


def message(*blocks: Block, **more: Any) -> Any:
    return orjson.loads(encode(*blocks, **more))["choices"][0]["message"]


def test_members_stand_in_their_order() -> None:
    assert encode(Text("hi"), usage=Usage(11, 7)) == (
        b'{"id":"0199a000-0000-7000-8000-000000000001",'
        b'"episode_id":"0199a000-0000-7000-8000-000000000002",'
        b'"choices":[{"index":0,"finish_reason":"stop",'
        b'"message":{"role":"assistant","content":"hi"}}],'
        b'"created":1795226686,"model":"tensorzero::function_name::f::variant_name::v",'
        b'"system_fingerprint":"","service_tier":null,"object":"chat.completion",'
        b'"usage":{"prompt_tokens":11,"completion_tokens":7,"total_tokens":18,'
        b'"tensorzero_cost":null}}'
    )


@pytest.mark.parametrize(
    ("served", "model"),
    [
        case(
            "a function shows itself and its variant",
            ("f", "v", "m"),
            "tensorzero::function_name::f::variant_name::v",
        ),
        case(
            "a model shows its name",
            (None, "openai::gpt", "openai::gpt"),
            "tensorzero::model_name::openai::gpt",
        ),
    ],
)
def test_the_model_says_what_was_served(served: tuple[str | None, str, str], model: str) -> None:
    assert served_model(*served) == model


@pytest.mark.parametrize(
    ("blocks", "content"),
    [
        case("texts are joined without anything between", [Text("a"), Text("b")], "ab"),
        case("an empty text is a text", [Text("")], ""),
        case("without a text it is null", [ToolCall("1", "f", "{}")], None),
        case("without any block it is null", [], None),
    ],
)
def test_content_is_all_text(blocks: list[Block], content: str | None) -> None:
    assert message(*blocks)["content"] == content


def test_tool_calls_stand_with_raw_name_and_arguments() -> None:
    assert message(Text("a"), ToolCall("1", "f", "{not json")) == {
        "role": "assistant",
        "content": "a",
        "tool_calls": [
            {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{not json"}}
        ],
    }


def test_thoughts_and_unknown_blocks_are_extra_content_with_their_place() -> None:
    blocks = (
        Thought("why", "sig", provider_type="p"),
        Text("a"),
        Unknown(b'{"z": 1.0}', "m", "p"),
        Thought(None),
    )
    raw = encode(*blocks)
    assert b'"data":{"z": 1.0}' in raw
    extras = orjson.loads(raw)["choices"][0]["message"]["tensorzero_extra_content"]
    assert [list(extra.items()) for extra in extras] == [
        [
            ("type", "thought"),
            ("insert_index", 0),
            ("text", "why"),
            ("signature", "sig"),
            ("provider_type", "p"),
        ],
        [
            ("type", "unknown"),
            ("insert_index", 2),
            ("data", {"z": 1.0}),
            ("model_name", "m"),
            ("provider_name", "p"),
        ],
        [("type", "thought"), ("insert_index", 3), ("text", None)],
    ]


def test_what_is_empty_is_left_out_of_a_message() -> None:
    assert list(message(Text("a"))) == ["role", "content"]


@pytest.mark.parametrize(
    "raw_output",
    [
        case("the raw output", '{"a": 1}'),
        case("even when it did not parse", "{a"),
        case("null when there was none", None),
    ],
)
def test_of_a_json_function_the_content_is_the_raw_output(raw_output: str | None) -> None:
    blocks = (Thought("t"), ToolCall("1", "respond", "x"))
    said = message(*blocks, json_function=True, raw_output=raw_output)
    assert said == {"role": "assistant", "content": raw_output}


@pytest.mark.parametrize(
    ("reason", "word"),
    [
        case("stop is stop", "stop", "stop"),
        case("stop_sequence is stop", "stop_sequence", "stop"),
        case("unknown is stop", "unknown", "stop"),
        case("none is stop", None, "stop"),
        case("length is length", "length", "length"),
        case("content_filter is content_filter", "content_filter", "content_filter"),
        case("tool_call is tool_calls", "tool_call", "tool_calls"),
    ],
)
def test_a_finish_reason_is_put_into_the_dialect(reason: FinishReason | None, word: str) -> None:
    body = orjson.loads(encode(Text("a"), reason=reason))
    assert body["choices"][0]["finish_reason"] == word


@pytest.mark.parametrize(
    ("usage", "shown"),
    [
        case("what is unknown is left out", NO_USAGE, b'{"tensorzero_cost":null}'),
        case(
            "with one count unknown there is no total",
            Usage(3, None),
            b'{"prompt_tokens":3,"tensorzero_cost":null}',
        ),
        case(
            "zero is a count",
            Usage(0, 0),
            b'{"prompt_tokens":0,"completion_tokens":0,"total_tokens":0,"tensorzero_cost":null}',
        ),
        case(
            "the provider's cache is shown when it was reported",
            Usage(3, 4, cache_read=2, cache_write=1),
            b'{"prompt_tokens":3,"completion_tokens":4,"total_tokens":7,'
            b'"prompt_tokens_details":{"cached_tokens":2},'
            b'"tensorzero_provider_cache_write_input_tokens":1,"tensorzero_cost":null}',
        ),
    ],
)
def test_usage_shows_what_is_known(usage: Usage, shown: bytes) -> None:
    assert encode(usage=usage).endswith(b'"usage":' + shown + b"}")


def test_raw_data_follows_the_usage_when_asked_for() -> None:
    source = RawSource("openai", EPISODE)
    raw = encode(
        raw_usage=[source.entry(b'{"z": 1.0}')],
        raw_response=[RawSource("openai").entry("failed"), source.entry('{"a":1}')],
        original_response="body",
    )
    assert raw.partition(b',"tensorzero_raw_usage"')[2] == (
        b':[{"model_inference_id":"0199a000-0000-7000-8000-000000000002",'
        b'"provider_type":"openai","api_type":"chat_completions","data":{"z": 1.0}}],'
        b'"tensorzero_original_response":"body",'
        b'"tensorzero_raw_response":['
        b'{"provider_type":"openai","api_type":"chat_completions","data":"failed"},'
        b'{"model_inference_id":"0199a000-0000-7000-8000-000000000002",'
        b'"provider_type":"openai","api_type":"chat_completions","data":"{\\"a\\":1}"}]}'
    )


def test_raw_data_that_was_asked_for_and_is_none_is_an_empty_list() -> None:
    assert encode(raw_usage=[], raw_response=[]).endswith(
        b'"tensorzero_raw_usage":[],"tensorzero_raw_response":[]}'
    )


@pytest.mark.parametrize(
    ("text", "usage"),
    [
        case("the usage as it was spelled", '{"usage": {"a": 1.0}}', b'{"a": 1.0}'),
        case("the usage that one vendor hides", '{"x_groq":{"usage":{"a":1}}}', b'{"a":1}'),
        case("null without a usage", '{"a":1}', b"null"),
        case("null without a body", None, b"null"),
        case("null for what cannot be read", '{"usage":', b"null"),
    ],
)
def test_the_providers_usage_is_found_in_its_body(text: str | None, usage: bytes) -> None:
    assert raw_usage_in(text) == usage


def test_half_a_character_in_an_answer_is_no_fault() -> None:
    assert b"\\ud83d" in encode(Text("\ud83d"), raw_usage=[b"1"])


# Errors.


@pytest.mark.parametrize(
    ("more", "body"),
    [
        case("the message alone", {}, b'{"error":{"message":"no \\"x\\""}}'),
        case(
            "the structured error under two names where it is configured",
            {"error_json": b'{"a": 1}'},
            b'{"error":{"message":"no \\"x\\"","error_json":{"a": 1},'
            b'"tensorzero_error_json":{"a": 1}}}',
        ),
        case(
            "raw responses of failed providers when asked for",
            {"raw_response": [RawSource("p").entry("b")]},
            b'{"error":{"message":"no \\"x\\""},"tensorzero_raw_response":'
            b'[{"provider_type":"p","api_type":"chat_completions","data":"b"}]}',
        ),
        case("no raw responses", {"raw_response": []}, b'{"error":{"message":"no \\"x\\""}}'),
    ],
)
def test_an_error_is_an_object_with_a_message(more: dict[str, Any], body: bytes) -> None:
    assert encode_error('no "x"', **more) == body

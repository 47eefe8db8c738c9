"""Whole answers of the protocol."""

from __future__ import annotations

import json
from typing import Any

import pytest

from proxy.errors import UpstreamGarbage
from proxy.types.content import Text, Thought, ToolCall, Unknown
from proxy.types.usage import NO_USAGE, Usage
from proxy.wire.converse.response import decode_response
from tests.unit.wire.converse.bodies import (
    CITATION,
    HIDDEN,
    answer,
    document,
    image,
    raw,
    reasoning,
    text,
    tool_result,
    tool_use,
)


def test_an_answer_is_read_block_by_block() -> None:
    body = answer(
        reasoning("why", "sig"),
        HIDDEN,
        text("Paris"),
        {"citationsContent": {"content": [{"text": "on the Seine"}], "citations": [CITATION]}},
        tool_use(type="tool_use"),
        tool_use("s1", type="server_tool_use"),
        tool_result({"json": {"a": 1}}, type="code_result"),
        {"brandNew": 1},
    )
    read = decode_response(body)
    assert read.blocks[:3] == (Thought("why", "sig"), Thought(None, "c2VjcmV0"), Text("Paris"))
    assert read.blocks[3] == Text("on the Seine", raw({"citations": [CITATION]}))
    assert read.blocks[4] == ToolCall("t1", "weather", '{"town":"Lima"}')
    assert [type(block) for block in read.blocks[5:]] == [Unknown] * 3
    assert read.raw_response == body.decode()
    assert (read.id, read.created) == ("", 0)


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop_sequence"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("tool_use", "tool_call"),
        ("content_filtered", "content_filter"),
        ("guardrail_intervened", "content_filter"),
        ("malformed_tool_use", "unknown"),
        (None, None),
    ],
)
def test_reasons_to_stop(word: Any, reason: Any) -> None:
    assert decode_response(answer(text("a"), stopReason=word)).finish_reason == reason


def test_tokens_from_the_cache_and_for_it_are_input_too() -> None:
    usage = {
        "inputTokens": 5,
        "outputTokens": 7,
        "cacheReadInputTokens": 100,
        "cacheWriteInputTokens": 20,
    }
    assert decode_response(answer(text("a"), usage=usage)).usage == Usage(125, 7, 100, 20)
    assert decode_response(answer(text("a"), usage={"outputTokens": 7})).usage == Usage(None, 7)
    assert decode_response(answer(text("a"), usage={"inputTokens": -1})).usage == NO_USAGE
    assert decode_response(answer(text("a"), usage=None)).usage == NO_USAGE


def test_the_tier_and_the_text_that_ended_it_are_told() -> None:
    read = decode_response(
        answer(
            text("a"),
            serviceTier={"type": "flex"},
            additionalModelResponseFields={"stop_sequence": "END"},
        )
    )
    assert (read.service_tier, read.stop_sequence) == ("flex", "END")


def test_empty_texts_beside_other_blocks_are_left_out() -> None:
    assert decode_response(answer(text(""), tool_use())).blocks == (
        ToolCall("t1", "weather", '{"town":"Lima"}'),
    )
    assert decode_response(answer(text(""))).blocks == (Text(""),)
    assert decode_response(answer()).blocks == ()
    cited = {"citationsContent": {"content": [], "citations": [CITATION]}}
    said_nothing = {"citationsContent": {"content": [text("")]}}
    blocks = decode_response(answer(said_nothing, cited)).blocks
    assert [isinstance(block, Text) and block.extra is not None for block in blocks] == [True]


def test_files_and_results_of_tools_in_an_answer_are_kept_as_they_came() -> None:
    parts = (image(), document(), tool_result(text("a")))
    blocks = decode_response(answer(*parts)).blocks
    assert [json.loads(block.data) for block in blocks if isinstance(block, Unknown)] == [*parts]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not json",
        b"[]",
        b"{}",
        b'{"output":{}}',
        b'{"output":5}',
        b'{"output":{"message":{"content":[{"toolUse":' + b"[" * 5000 + b"]" * 5000 + b"}]}}}",
    ],
)
def test_what_is_no_answer_is_garbage(body: bytes) -> None:
    with pytest.raises(UpstreamGarbage):
        decode_response(body)


def test_json_that_is_not_quite_json_is_read() -> None:
    body = answer(text("é")).decode().replace("é", "\udc80").encode("utf-8", "surrogateescape")
    [block] = decode_response(body).blocks
    assert block == Text("�")
    body = answer(text("x")).replace(b'"x"', b'"\\ud800"')
    assert decode_response(body).blocks == (Text("�"),)


def test_numbers_in_arguments_keep_their_spelling() -> None:
    body = answer(tool_use()).replace(b'"Lima"', b"1.50")
    [call] = decode_response(body).blocks
    assert isinstance(call, ToolCall)
    assert call.arguments == '{"town":1.50}'
    assert json.loads(call.arguments) == {"town": 1.5}

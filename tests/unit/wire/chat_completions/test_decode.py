"""Recorded answers, whole or damaged, never raise and keep what they hold."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.types.content import Text
from proxy.wire.chat_completions.decode import decode_call

SAMPLES = sorted((Path(__file__).parents[3] / "data" / "chat_completions").glob("*.json"))


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_a_sample_is_decoded_whole_and_at_every_cut_without_raising(path: Path) -> None:
    sample = json.loads(path.read_text(encoding="utf-8"))
    body = sample["body"].encode()
    whole = decode_call(sample["stream"], [body[:10], body[10:]])
    assert whole.complete == (whole.error_status is None)
    assert whole.usage_found == ('"usage": {' in sample["body"])
    for cut in range(len(body)):
        part = decode_call(sample["stream"], [body[:cut]])
        assert len(part.answer.blocks) <= len(whole.answer.blocks)


def test_a_stream_answered_with_plain_json_is_read_as_such() -> None:
    body = b' {"id":"x","choices":[{"message":{"content":"a"},"finish_reason":"stop"}]}'
    decoded = decode_call(True, [body])
    assert (decoded.answer.blocks, decoded.complete, decoded.response_id) == (
        (Text("a"),),
        True,
        "x",
    )


def test_an_error_in_a_whole_answer_is_told() -> None:
    decoded = decode_call(False, [b'{"error":{"message":"x","code":429}}'])
    assert (decoded.error_status, decoded.complete, decoded.answer.blocks) == (429, False, ())


def test_a_cut_whole_answer_keeps_its_raw_text() -> None:
    decoded = decode_call(False, [b'{"id":"x","cho'])
    assert (decoded.complete, decoded.answer.raw_response) == (False, '{"id":"x","cho')


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
KEYS = st.sampled_from(
    "choices delta message content index tool_calls function name arguments id type text usage "
    "prompt_tokens finish_reason error reasoning reasoning_details refusal function_call "
    "thinking created".split()
)


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

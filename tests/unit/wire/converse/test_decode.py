"""What the record learns from the raw bytes of a call."""

from __future__ import annotations

import json

import pytest

from proxy.errors import InvalidRequest
from proxy.types.exchange import ModelCall
from proxy.wire.converse.decode import ConverseDecoder, decode_call
from tests.exchanges.eventstream import encode_exception
from tests.fake_upstream import split
from tests.unit.wire.converse.bodies import (
    BEGIN,
    FULL,
    answer,
    counted,
    delta,
    ended,
    raw,
    text,
    tool_use,
)

STREAM = BEGIN + delta(0, text="Paris") + ended() + counted()


def test_a_whole_answer_is_read() -> None:
    decoded = decode_call(False, [answer(text("Paris"), tool_use())]).to_decoded()
    assert [block["type"] for block in json.loads(decoded.output)] == ["text", "tool_call"]
    assert (decoded.input_tokens, decoded.output_tokens) == (5, 7)
    assert (decoded.finish_reason, decoded.complete, decoded.error) == ("stop", True, "")


def test_a_stream_is_read_however_it_was_cut() -> None:
    for cut in range(0, len(STREAM), 17):
        decoded = decode_call(True, split(STREAM, [cut])).to_decoded()
        assert json.loads(decoded.output) == [{"type": "text", "text": "Paris"}]
        assert (decoded.output_tokens, decoded.complete) == (7, True)


def test_what_came_before_damage_is_kept() -> None:
    broken = bytearray(STREAM)
    broken[-200] ^= 1
    read = decode_call(True, [bytes(broken)])
    assert json.loads(read.to_decoded().output) == [{"type": "text", "text": "Paris"}]
    assert not read.complete
    assert read.unread
    cut = decode_call(True, [STREAM[:-250]])
    assert (cut.complete, cut.unread) == (False, "")


def test_errors_inside_a_200_are_noted() -> None:
    read = decode_call(False, [raw({"__type": "ThrottlingException", "message": "m"})])
    assert (read.complete, read.error_status) == (False, 429)
    read = decode_call(True, [BEGIN, encode_exception("throttlingException", {"message": "m"})])
    assert (read.complete, read.error_status) == (False, 429)


@pytest.mark.parametrize("body", [b"", b"{", b'{"a":1}', b"\xff" * 40])
def test_garbage_is_no_answer(body: bytes) -> None:
    read = decode_call(False, [body])
    assert not read.complete
    assert read.answer.blocks == ()


def test_the_record_has_the_answer_of_a_call() -> None:
    call = ModelCall(
        id=b"\x00" * 16,
        model_name="m",
        provider_name="p",
        wire="converse",
        stream=True,
        raw_request=raw(FULL),
        raw_response=[STREAM],
        response_time_ms=1,
        ttft_ms=1,
        output=b"",
        input_tokens=None,
        output_tokens=None,
        finish_reason="",
    )
    decoded = ConverseDecoder().decode_call(call)
    assert json.loads(decoded.output) == [{"type": "text", "text": "Paris"}]
    assert decoded.usage_found


def test_the_record_has_what_was_asked() -> None:
    decoded = ConverseDecoder().decode_input("converse", raw(FULL))
    assert decoded.system == "Be short."
    assert json.loads(decoded.params)["chat_completion"]["max_tokens"] == 9
    assert json.loads(decoded.dynamic_tools)[0]["name"] == "weather"


def test_an_input_that_is_none_is_refused() -> None:
    with pytest.raises(InvalidRequest):
        ConverseDecoder().decode_input("converse", b"[]")

"""Chat completions out of a hosted container: events, lines, and what goes wrong."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest

from proxy.errors import InvalidRequest, UpstreamGarbage
from proxy.types.content import Text, ToolCall
from proxy.types.exchange import ModelCall
from proxy.types.response import Answer, Chunk
from proxy.types.usage import Usage
from proxy.wire.accumulate import ChunkAccumulator
from proxy.wire.payload_parts.decode import PayloadPartsDecoder, decode_call
from proxy.wire.payload_parts.stream import StreamDecoder
from tests.exchanges.eventstream import encode_event, encode_exception
from tests.fake_upstream import split


def chunk(text: str | None = None, reason: str | None = None, **members: object) -> str:
    delta = {} if text is None else {"content": text}
    choice = {"index": 0, "delta": delta, "finish_reason": reason}
    return json.dumps({"id": "c", "choices": [choice], **members})


CALL = {"index": 0, "id": "t", "function": {"name": "now", "arguments": "{}"}}
PIECES = (
    chunk("Par"),
    chunk("is"),
    json.dumps({"choices": [{"index": 0, "delta": {"tool_calls": [CALL]}}]}),
    chunk(reason="stop", usage={"prompt_tokens": 5, "completion_tokens": 2}),
)
EVENTS = "".join(f"data: {piece}\n\n" for piece in PIECES)
BARE = "".join(f"data:{piece}\n\n" for piece in PIECES)  # as older containers write
LINES = "\n".join(PIECES)


def framed(output: str, *cuts: int) -> bytes:
    return b"".join(
        encode_event("PayloadPart", piece.decode()) for piece in split(output.encode(), list(cuts))
    )


def read(pieces: Sequence[bytes], *, tell_damage: bool = True) -> tuple[StreamDecoder, list[Chunk]]:
    decoder = StreamDecoder(tell_damage=tell_damage)
    chunks = [chunk for piece in pieces for chunk in decoder.feed(piece)]
    return decoder, [*chunks, *decoder.close()]


def answer_of(chunks: Sequence[Chunk]) -> Answer:
    accumulator = ChunkAccumulator()
    for each in chunks:
        accumulator.add(each)
    return accumulator.answer()


@pytest.mark.parametrize("output", [EVENTS, EVENTS + "data: [DONE]\n\n", BARE, LINES, LINES + "\n"])
def test_the_output_may_be_cut_anywhere(output: str) -> None:
    for cut in range(1, len(output), 5):
        decoder, chunks = read([framed(output, cut)])
        answer = answer_of(chunks)
        assert answer.blocks == (Text("Paris"), ToolCall("t", "now", "{}"))
        assert answer.usage == Usage(5, 2)
        assert decoder.complete
        assert not decoder.damaged


def test_frames_may_be_cut_anywhere() -> None:
    whole = framed("\n" + EVENTS, 40, 41)
    expected = read([whole])[1]
    for cut in range(0, len(whole), 7):
        assert read(split(whole, [cut]))[1] == expected


def test_done_ends_it() -> None:
    decoder, _ = read([framed(EVENTS + "data: [DONE]\n\n")])
    assert decoder.done


def test_frames_of_other_kinds_say_nothing() -> None:
    assert read([encode_event("Heartbeat", {"a": 1})])[1] == []


@pytest.mark.parametrize(
    ("name", "status"), [("ModelStreamError", 424), ("InternalStreamFailure", 500)]
)
def test_exceptions_are_errors(name: str, status: int) -> None:
    said = {"Message": "The container died", "ErrorCode": "ModelInvocationTimeExceeded"}
    decoder, _ = read([framed(EVENTS[:60]), encode_exception(name, said)])
    assert decoder.error_status == status
    assert json.loads(decoder.error_body)["Message"] == "The container died"
    assert not decoder.complete


def test_an_error_that_the_container_writes_is_an_error() -> None:
    decoder, _ = read([framed('data: {"error": {"message": "m", "code": 429}}\n\n')])
    assert decoder.error_status == 429
    assert b'"m"' in decoder.error_body


def test_output_that_is_no_json_is_damage() -> None:
    decoder, chunks = read([framed("data: {nonsense\n\n" + EVENTS)])
    assert decoder.damaged
    assert isinstance(chunks[0].error, UpstreamGarbage)
    assert decoder.complete


def test_a_line_without_an_end_is_given_up() -> None:
    decoder = StreamDecoder(1000, tell_damage=True)
    chunks: list[Chunk] = []
    for _ in range(10):
        chunks += decoder.feed(framed("{" + "x" * 300))
    assert decoder.damaged
    assert any(chunk.error is not None for chunk in chunks)


def call_of(*blocks: bytes, stream: bool) -> ModelCall:
    return ModelCall(
        id=b"\x00" * 16,
        model_name="m",
        provider_name="p",
        wire="payload_parts",
        stream=stream,
        raw_request=b"",
        raw_response=list(blocks),
        response_time_ms=1,
        ttft_ms=None,
        output=b"",
        input_tokens=None,
        output_tokens=None,
        finish_reason="",
    )


def test_the_record_has_the_answer() -> None:
    decoder = PayloadPartsDecoder()
    streamed = decoder.decode_call(call_of(framed(EVENTS, 30), stream=True))
    assert json.loads(streamed.output)[0] == {"type": "text", "text": "Paris"}
    message = {"role": "assistant", "content": "Paris"}
    body = json.dumps({"choices": [{"message": message, "finish_reason": "stop"}]}).encode()
    whole = decoder.decode_call(call_of(body, stream=False))
    assert json.loads(whole.output) == [{"type": "text", "text": "Paris"}]
    assert whole.complete


def test_the_record_has_what_was_asked() -> None:
    body = json.dumps({"messages": [{"role": "user", "content": "Hi"}]}).encode()
    assert b"Hi" in PayloadPartsDecoder().decode_input("", body).input
    with pytest.raises(InvalidRequest):
        PayloadPartsDecoder().decode_input("", b"[]")


def test_an_error_in_a_whole_answer_is_noted() -> None:
    read = decode_call(False, [b'{"error": {"message": "m", "code": 503}}'])
    assert (read.complete, read.error_status) == (False, 503)

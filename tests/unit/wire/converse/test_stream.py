"""Streamed answers of the protocol."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable
from typing import Any

import pytest

from proxy.errors import UpstreamGarbage
from proxy.types.content import Text, Thought, ToolCall, Unknown
from proxy.types.response import Answer, Chunk, TextDelta, ThoughtDelta, ToolCallDelta
from proxy.types.usage import Usage
from proxy.wire.accumulate import ChunkAccumulator
from proxy.wire.converse.stream import MAX_OPEN_CALLS, StreamDecoder
from tests.exchanges.eventstream import encode_event, encode_exception, encode_frame
from tests.fake_upstream import split
from tests.unit.wire.converse.bodies import BEGIN, CITATION, counted, delta, ended, start, stop

TOOL_START = {"toolUseId": "t1", "name": "weather"}
CODE_START = {"toolUseId": "s1", "name": "code", "type": "server_tool_use"}

STREAM = b"".join(
    (
        BEGIN,
        delta(0, reasoningContent={"text": "Hm"}),
        delta(0, reasoningContent={"signature": "sig"}),
        stop(0),
        delta(1, text="Par"),
        delta(1, text="is"),
        delta(1, citation=CITATION),
        stop(1),
        start(2, toolUse=TOOL_START),
        delta(2, toolUse={"input": '{"to'}),
        delta(2, toolUse={"input": 'wn":"Lima"}'}),
        stop(2),
        ended("tool_use", additionalModelResponseFields={"stop_sequence": "END"}),
        counted(serviceTier={"type": "default"}),
    )
)


def read(*pieces: bytes, **options: Any) -> tuple[StreamDecoder, list[Chunk]]:
    decoder = StreamDecoder(**options)
    chunks = [chunk for piece in pieces for chunk in decoder.feed(piece)]
    return decoder, [*chunks, *decoder.close()]


def answer_of(chunks: Iterable[Chunk]) -> Answer:
    accumulator = ChunkAccumulator()
    for chunk in chunks:
        accumulator.add(chunk)
    return accumulator.answer()


def test_a_stream_makes_the_answer() -> None:
    decoder, chunks = read(STREAM)
    answer = answer_of(chunks)
    assert answer.blocks[0] == Thought("Hm", "sig")
    text = answer.blocks[1]
    assert isinstance(text, Text)
    assert text.text == "Paris"
    assert json.loads(text.extra or b"") == {"citations": [CITATION]}
    assert answer.blocks[2] == ToolCall("t1", "weather", '{"town":"Lima"}')
    assert answer.finish_reason == "tool_call"
    assert answer.usage == Usage(5, 7)
    assert chunks[-2].stop_sequence == "END"
    assert chunks[-1].service_tier == "default"
    assert decoder.complete
    assert decoder.done
    assert not decoder.damaged


def test_deltas_are_known_by_their_block_and_calls_by_their_own_id() -> None:
    _, chunks = read(STREAM)
    deltas = [part for chunk in chunks for part in chunk.deltas]
    assert deltas[0] == ThoughtDelta("0", "Hm")
    assert deltas[1] == ThoughtDelta("0", None, "sig")
    assert deltas[2] == TextDelta("1", "Par")
    assert deltas[5] == ToolCallDelta("t1", "weather", "")
    assert deltas[6] == ToolCallDelta("t1", None, '{"to')


def test_the_raw_text_of_a_chunk_is_its_events_payload() -> None:
    _, [chunk] = read(delta(0, text="a"))
    assert json.loads(chunk.raw or "")["delta"] == {"text": "a"}


def test_a_stream_cut_anywhere_gives_the_same_chunks() -> None:
    expected = read(STREAM)[1]
    for cut in range(len(STREAM)):
        assert read(*split(STREAM, [cut]))[1] == expected
    assert read(*(bytes([byte]) for byte in STREAM))[1] == expected


def blocks_of(*frames: bytes) -> list[Any]:
    blocks = answer_of(read(*frames)[1]).blocks
    assert all(isinstance(block, Unknown) for block in blocks)
    return [json.loads(block.data) for block in blocks if isinstance(block, Unknown)]


def test_tools_that_the_provider_runs_are_given_whole() -> None:
    assert blocks_of(
        start(0, toolUse=CODE_START),
        delta(0, toolUse={"input": '{"code":'}),
        delta(0, toolUse={"input": '"1+1"}'}),
        stop(0),
        start(1, toolResult={"toolUseId": "s1", "status": "success", "type": "code_result"}),
        delta(1, toolResult=[{"text": "2"}]),
        delta(1, toolResult=[{"json": {"exit": 0}}]),
        stop(1),
    ) == [
        {"toolUse": {**CODE_START, "input": {"code": "1+1"}}},
        {
            "toolResult": {
                "toolUseId": "s1",
                "status": "success",
                "type": "code_result",
                "content": [{"text": "2"}, {"json": {"exit": 0}}],
            }
        },
    ]


def test_images_are_given_whole() -> None:
    first, second = (base64.b64encode(part).decode() for part in (b"abcd", b"efgh!"))
    assert blocks_of(
        start(0, image={"format": "png"}),
        delta(0, image={"source": {"bytes": first}}),
        delta(0, image={"source": {"bytes": second}}),
        stop(0),
        start(1, image={"format": "png"}),
        delta(1, image={"error": {"message": "no"}}),
        stop(1),
        start(2, image={"format": "png"}),
        delta(2, image={"source": {"bytes": "?"}}),
        delta(2, image={"source": {"bytes": "!"}}),
        stop(2),
    ) == [
        {
            "image": {
                "format": "png",
                "source": {"bytes": base64.b64encode(b"abcdefgh!").decode()},
            }
        },
        {"image": {"format": "png", "error": {"message": "no"}}},
        {"image": {"format": "png", "source": {"bytes": "?!"}}},
    ]


def test_arguments_of_the_provider_that_are_no_json_stay_a_text() -> None:
    frames = start(0, toolUse=CODE_START), delta(0, toolUse={"input": "{"}), stop(0)
    assert blocks_of(*frames) == [{"toolUse": {**CODE_START, "input": "{"}}]
    frames = start(0, toolUse=CODE_START), stop(0), stop(0)
    assert blocks_of(*frames) == [{"toolUse": {**CODE_START, "input": {}}}]


def test_blocks_that_nobody_knows_survive() -> None:
    assert blocks_of(
        start(0, hologram={"depth": 3}),
        delta(0, hologram={"bytes": "AA=="}),
        stop(0),
        delta(1, scent={"note": "rose"}),
        stop(1),
        delta(2, text="a", scent={"note": "rose"})[:0],
        start(3, toolUse={"name": "without an id"}),
        delta(3, other=1),
        stop(3),
    ) == [
        {"start": {"hologram": {"depth": 3}}, "deltas": [{"hologram": {"bytes": "AA=="}}]},
        {"scent": {"note": "rose"}},
        {"start": {"toolUse": {"name": "without an id"}}, "deltas": [{"other": 1}]},
    ]


def test_hidden_thoughts_are_given_whole_even_when_the_end_does_not_come() -> None:
    one, two = (base64.b64encode(part).decode() for part in (b"secret", b"s!"))
    frames = [delta(0, reasoningContent={"redactedContent": part}) for part in (one, two)]
    whole = base64.b64encode(b"secrets!").decode()
    for end in ([stop(0)], []):
        answer = answer_of(read(*frames, *end)[1])
        assert answer.blocks == (Thought(None, whole),)
    assert answer_of(read(frames[0], stop(0))[1]).blocks == (Thought(None, one),)


def test_events_that_nobody_knows_survive() -> None:
    decoder, chunks = read(
        encode_event("brandNew", {"a": 1}),
        encode_event("brandNew", {"a": 2}),
        encode_frame({":event-type": "empty", ":message-type": "event"}, b""),
        STREAM,
    )
    unknown = [block for block in answer_of(chunks).blocks if isinstance(block, Unknown)]
    assert [json.loads(block.data) for block in unknown] == [
        {"brandNew": {"a": 1}},
        {"brandNew": {"a": 2}},
        {"empty": {}},
    ]
    assert decoder.complete


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("throttlingException", 429),
        ("validationException", 400),
        ("modelStreamErrorException", 424),
        ("serviceUnavailableException", 503),
        ("internalServerException", 500),
        ("brandNewException", 500),
    ],
)
def test_exceptions_in_a_stream_are_errors(name: str, status: int) -> None:
    decoder, chunks = read(BEGIN, delta(0, text="a"), encode_exception(name, {"message": "m"}))
    assert decoder.error_status == status
    assert json.loads(decoder.error_body) == {"__type": name, "message": "m"}
    assert not decoder.complete
    assert answer_of(chunks).blocks == (Text("a"),)


def test_errors_that_no_model_describes_are_errors_too() -> None:
    head = {":message-type": "error", ":error-code": "InternalError", ":error-message": "sorry"}
    decoder, _ = read(encode_frame(head, b""))
    assert decoder.error_status == 500
    assert json.loads(decoder.error_body) == {"__type": "InternalError", "message": "sorry"}


def test_an_exception_that_is_no_json_keeps_its_words() -> None:
    head = {":message-type": "exception", ":exception-type": "throttlingException"}
    decoder, _ = read(encode_frame(head, b"slow \xff down"))
    assert json.loads(decoder.error_body)["message"] == "slow � down"


def event(kind: str, payload: bytes) -> bytes:
    return encode_frame({":event-type": kind, ":message-type": "event"}, payload)


@pytest.mark.parametrize("payload", [b"no json", b"[]", b'{"a":'])
def test_a_payload_that_cannot_be_read_is_damage(payload: bytes) -> None:
    decoder, chunks = read(event("contentBlockDelta", payload), STREAM, tell_damage=True)
    assert decoder.damaged
    assert isinstance(chunks[0].error, UpstreamGarbage)
    assert decoder.complete
    decoder, chunks = read(event("contentBlockDelta", payload))
    assert (decoder.damaged, chunks) == (True, [])


@pytest.mark.parametrize(
    "payload",
    [
        {},
        {"delta": {}},
        {"delta": 5},
        {"delta": {"text": 5}},
        {"contentBlockIndex": "x", "delta": {"text": "a"}},
    ],
)
def test_members_of_other_types_do_no_harm(payload: Any) -> None:
    for kind in ("contentBlockDelta", "contentBlockStart", "contentBlockStop", "messageStop"):
        decoder, _ = read(event(kind, json.dumps(payload).encode()), tell_damage=True)
        assert not decoder.damaged


def test_a_name_that_cannot_be_encoded_survives() -> None:
    payload = b'{"contentBlockIndex":0,"delta":{"\\ud800":1}}'
    assert blocks_of(event("contentBlockDelta", payload), stop(0)) == [{"\ud800": 1}]


def test_the_type_of_an_ordinary_call_says_nothing() -> None:
    _, [chunk] = read(start(0, toolUse={**TOOL_START, "type": "tool_use"}))
    assert chunk.deltas == (ToolCallDelta("t1", "weather", ""),)
    _, [chunk] = read(start(0, toolUse={**TOOL_START, "more": 1}))
    assert chunk.deltas == (ToolCallDelta("t1", "weather", "", b'{"more":1}'),)


def test_a_call_without_arguments_has_none_when_it_ends() -> None:
    call = (start(0, toolUse=TOOL_START), delta(0, toolUse={"input": ""}))
    _, chunks = read(*call, stop(0), stop(0))
    assert answer_of(chunks).blocks == (ToolCall("t1", "weather", "{}"),)
    _, chunks = read(*call)
    assert answer_of(chunks).blocks == (ToolCall("t1", "weather", ""),)


def test_counts_before_the_end_do_not_end_it() -> None:
    decoder, _ = read(counted(), delta(0, text="a"))
    assert not decoder.done
    assert not decoder.complete
    _, [chunk] = read(encode_event("metadata", {}))
    assert chunk.usage is None


def test_blocks_kept_until_they_are_whole_are_bounded() -> None:
    frames = [start(0, toolUse=CODE_START)]
    frames += [delta(0, toolUse={"input": "x" * 400})] * 3
    decoder, chunks = read(*frames, stop(0), max_event_bytes=1000)
    assert decoder.damaged
    assert answer_of(chunks).blocks == ()
    # What was given makes room again.
    again = [start(0, toolUse=CODE_START), delta(0, toolUse={"input": '"' + "x" * 300 + '"'})]
    decoder, chunks = read(*([*again, stop(0)] * 5), max_event_bytes=1000)
    assert not decoder.damaged


def test_calls_that_never_end_are_bounded() -> None:
    decoder = StreamDecoder()
    for number in range(MAX_OPEN_CALLS + 1):
        decoder.feed(start(number, toolUse=TOOL_START))
    assert decoder.damaged

"""Streams of named events."""

from __future__ import annotations

import json
from typing import Any

import pytest

from proxy.errors import UpstreamGarbage
from proxy.types.content import Text, Thought, ToolCall, Unknown
from proxy.types.response import Answer, Chunk, TextDelta, UnknownDelta
from proxy.types.usage import Usage
from proxy.wire.accumulate import ChunkAccumulator
from proxy.wire.messages.stream import StreamDecoder

START_USAGE = {"input_tokens": 10, "cache_read_input_tokens": 5, "output_tokens": 1}


def event(kind: str, **members: Any) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **members})}\n\n".encode()


def begin(**members: Any) -> bytes:
    message = {"id": "msg_1", "content": [], "usage": START_USAGE, **members}
    return event("message_start", message=message)


def opened(index: int, **block: Any) -> bytes:
    return event("content_block_start", index=index, content_block=block)


def delta(index: int, kind: str, **members: Any) -> bytes:
    return event("content_block_delta", index=index, delta={"type": kind, **members})


def closed(index: int) -> bytes:
    return event("content_block_stop", index=index)


def ending(reason: str | None = "end_turn", **members: Any) -> bytes:
    usage = members.pop("usage", {"output_tokens": 20})
    body = {"stop_reason": reason, "stop_sequence": None, **members}
    return event("message_delta", delta=body, usage=usage)


STOP = event("message_stop")
PING = event("ping")
CALL = {"type": "tool_use", "id": "t1", "name": "f", "input": {}}


def chunks(*events: bytes, **options: Any) -> list[Chunk]:
    decoder = StreamDecoder(**options)
    return [*decoder.feed(b"".join(events)), *decoder.close()]


def read(*events: bytes, **options: Any) -> tuple[StreamDecoder, Answer]:
    decoder, accumulator = StreamDecoder(**options), ChunkAccumulator()
    for chunk in (*decoder.feed(b"".join(events)), *decoder.close()):
        accumulator.add(chunk)
    return decoder, accumulator.answer()


def blocks(*events: bytes) -> tuple[Any, ...]:
    return read(begin(), *events, ending(), STOP)[1].blocks


LONG = (
    begin(),
    PING,
    opened(0, type="thinking", thinking="", signature=""),
    delta(0, "thinking_delta", thinking="h", estimated_tokens=1),
    delta(0, "thinking_delta", thinking="m"),
    delta(0, "signature_delta", signature="s"),
    closed(0),
    opened(1, type="redacted_thinking", data="d"),
    closed(1),
    opened(2, type="text", text=""),
    delta(2, "text_delta", text="gr"),
    delta(2, "text_delta", text="ün"),
    closed(2),
    opened(3, **CALL, caller={"type": "direct"}),
    delta(3, "input_json_delta", partial_json=""),
    delta(3, "input_json_delta", partial_json='{"a":'),
    delta(3, "input_json_delta", partial_json=" 1}"),
    closed(3),
    opened(4, type="server_tool_use", id="s1", name="web_search", input={}),
    delta(4, "input_json_delta", partial_json='{"q": 1}'),
    closed(4),
    opened(5, type="web_search_tool_result", tool_use_id="s1", content=[{"url": "u"}]),
    closed(5),
    ending("tool_use", usage={"output_tokens": 20, "service_tier": "batch"}),
    STOP,
)


def test_a_stream_is_read_to_the_answer_that_it_makes() -> None:
    decoder, answer = read(*LONG)
    assert answer.id == "msg_1"
    assert answer.blocks[:4] == (
        Thought("hm", "s"),
        Thought(None, "d"),
        Text("grün"),
        ToolCall("t1", "f", '{"a": 1}', b'{"caller":{"type":"direct"}}'),
    )
    assert [
        json.loads(block.data) for block in answer.blocks[4:] if isinstance(block, Unknown)
    ] == [
        {"type": "server_tool_use", "id": "s1", "name": "web_search", "input": {"q": 1}},
        {"type": "web_search_tool_result", "tool_use_id": "s1", "content": [{"url": "u"}]},
    ]
    assert answer.finish_reason == "tool_call"
    assert (answer.usage, answer.service_tier) == (Usage(15, 20, 5), "batch")
    assert (decoder.done, decoder.complete, decoder.damaged) == (True, True, False)


def test_chunks_do_not_depend_on_where_the_bytes_are_cut() -> None:
    body = b"".join(LONG)
    whole = chunks(body)
    for at in range(len(body)):
        decoder = StreamDecoder()
        parts = [*decoder.feed(body[:at]), *decoder.feed(body[at:]), *decoder.close()]
        assert parts == whole, at


def test_pings_and_ends_of_blocks_are_no_chunks() -> None:
    given = chunks(begin(), PING, opened(0, type="text", text=""), closed(0), ending(), STOP)
    assert len(given) == 3


def test_the_chunk_of_an_event_has_its_bytes() -> None:
    (first, *_) = chunks(begin())
    assert json.loads(first.raw or "")["type"] == "message_start"
    assert first.response_id == "msg_1"


def test_citations_are_gathered_beside_their_text() -> None:
    (text,) = blocks(
        opened(0, type="text", text="", citations=[]),
        delta(0, "citations_delta", citation={"type": "page_location", "n": 1}),
        delta(0, "text_delta", text="a"),
        delta(0, "citations_delta", citation={"type": "page_location", "n": 2}),
        closed(0),
    )
    assert isinstance(text, Text)
    assert text.text == "a"
    assert [each["n"] for each in json.loads(text.extra or b"")["citations"]] == [1, 2]


def test_a_call_without_arguments_has_an_empty_object() -> None:
    assert blocks(opened(0, **CALL), closed(0)) == (ToolCall("t1", "f", "{}"),)


def test_arguments_may_come_whole_with_the_beginning() -> None:
    call = {**CALL, "input": {"a": 1}}
    assert blocks(opened(0, **call), closed(0)) == (ToolCall("t1", "f", '{"a":1}'),)
    assert blocks(opened(0, **call)) == (ToolCall("t1", "f", '{"a":1}'),)


def test_a_call_that_is_cut_short_is_left_as_it_came() -> None:
    _, answer = read(begin(), opened(0, **CALL), delta(0, "input_json_delta", partial_json='{"a'))
    assert answer.blocks == (ToolCall("t1", "f", '{"a'),)


def test_a_text_that_begins_before_the_stream_is_part_of_it() -> None:
    _, answer = read(
        begin(content=[{"type": "text", "text": "a"}]), delta(0, "text_delta", text="b")
    )
    assert answer.blocks == (Text("ab"),)


def test_halves_of_a_character_meet() -> None:
    high, low = '{"type":"text_delta","text":"\\ud83d"}', '{"type":"text_delta","text":"\\ude00"}'
    frame = 'data: {{"type":"content_block_delta","index":0,"delta":{}}}\n\n'
    _, answer = read((frame.format(high) + frame.format(low)).encode())
    assert answer.blocks == (Text("😀"),)


def test_deltas_of_an_unknown_block_become_part_of_it() -> None:
    (block,) = blocks(
        opened(0, type="poem", content=None),
        delta(0, "poem_delta", content="short ", encrypted_content=None, level=3),
        delta(0, "poem_delta", content="story"),
        closed(0),
    )
    expected = {"type": "poem", "content": "short story", "level": 3}
    assert json.loads(block.data) == expected


def test_a_summary_of_what_was_said_comes_whole() -> None:
    (block,) = blocks(
        opened(0, type="compaction", content="so far"),
        delta(0, "compaction_delta", content="all of it", encrypted_content="e"),
        closed(0),
    )
    expected = {"type": "compaction", "content": "all of it", "encrypted_content": "e"}
    assert json.loads(block.data) == expected


def test_an_input_of_an_unknown_block_that_is_no_json_stays_a_text() -> None:
    tool = {"type": "mcp_tool_use", "id": "x", "input": {}}
    _, answer = read(opened(0, **tool), delta(0, "input_json_delta", partial_json='{"a'))
    (block,) = answer.blocks
    assert isinstance(block, Unknown)
    assert json.loads(block.data)["input"] == '{"a'


def test_what_nobody_knows_is_passed_on() -> None:
    given = chunks(
        begin(),
        event("weather", sunny=True),
        opened(0, type="text", text="a"),
        delta(0, "colour_delta", colour="red"),
        opened(1, type="thinking", thinking=""),
        delta(1, "text_delta", text="b"),
        opened(2, **CALL),
        delta(2, "text_delta", text="c"),
        delta(7, "smell_delta", smell="rose"),
    )
    unknown = [item for chunk in given for item in chunk.deltas if isinstance(item, UnknownDelta)]
    assert len({item.id for item in unknown}) == 5
    assert [json.loads(item.data).get("type") for item in unknown] == [
        "weather",
        "colour_delta",
        "text_delta",
        "text_delta",
        "smell_delta",
    ]


def test_texts_and_thoughts_whose_beginning_was_lost_are_read() -> None:
    assert blocks(
        delta(0, "thinking_delta", thinking="hm"),
        delta(0, "signature_delta", signature="s"),
        delta(1, "text_delta", text="a"),
    ) == (Thought("hm", "s"), Text("a"))


def test_counts_at_the_end_hold_even_where_they_are_smaller() -> None:
    usage = {"input_tokens": 3, "cache_read_input_tokens": 0, "output_tokens": 20}
    assert read(begin(), ending(usage=usage), STOP)[1].usage == Usage(3, 20, 0)


def test_a_stream_that_is_cut_short_tells_the_counts_of_its_beginning() -> None:
    decoder, answer = read(begin(), opened(0, type="text", text="a"))
    assert answer.usage == Usage(15, 1, 5)
    assert not decoder.complete
    assert [chunk.usage for chunk in chunks(begin(usage={}))] == [None]
    assert chunks(ending(usage={}))[0].usage is None


def test_a_stop_sequence_is_told() -> None:
    _, answer = read(begin(), ending("stop_sequence", stop_sequence="END"), STOP)
    assert (answer.finish_reason, answer.stop_sequence) == ("stop_sequence", "END")


def test_nothing_counts_after_the_end() -> None:
    decoder, answer = read(begin(), ending(), STOP, opened(0, type="text", text="late"))
    assert answer.blocks == ()
    assert decoder.done


def test_a_stream_may_end_without_its_mark() -> None:
    decoder, _ = read(begin(), ending())
    assert decoder.complete
    decoder, _ = read(begin(), ending(None))
    assert not decoder.complete


def test_an_error_in_a_stream_is_told() -> None:
    error = {"type": "overloaded_error", "message": "Overloaded"}
    decoder, answer = read(begin(), opened(0, type="text", text="a"), event("error", error=error))
    assert decoder.error_status == 529
    assert json.loads(decoder.error_body)["error"] == error
    assert not decoder.complete
    assert answer.blocks == (Text("a"),)


@pytest.mark.parametrize(
    "bad",
    [
        b"data: {nonsense\n\n",
        b"data: [1]\n\n",
        event("content_block_start", content_block={"type": "text"}),
        event("content_block_delta", index="0", delta={"type": "text_delta"}),
        event("content_block_stop"),
        delta(9, "input_json_delta", partial_json="{}"),
    ],
)
def test_an_event_that_cannot_be_read_is_damage(bad: bytes) -> None:
    decoder, answer = read(begin(), bad, opened(1, type="text", text="a"), ending(), STOP)
    assert decoder.damaged
    assert answer.blocks == (Text("a"),)
    told = chunks(begin(), bad, tell_damage=True)
    assert any(isinstance(chunk.error, UpstreamGarbage) for chunk in told)


def test_an_event_without_data_is_no_damage() -> None:
    decoder, _ = read(b"event: ping\ndata:\n\n", begin())
    assert not decoder.damaged


def test_a_message_that_is_begun_anew_does_not_run_into_the_first() -> None:
    _, answer = read(
        begin(), opened(0, type="text", text="a"), begin(), opened(0, type="text", text="b")
    )
    assert answer.blocks == (Text("a"), Text("b"))


def test_an_unknown_block_that_grows_without_end_is_given_up() -> None:
    decoder = StreamDecoder(max_event_bytes=1000)
    decoder.feed(opened(0, type="new", text=""))
    for _ in range(20):
        decoder.feed(delta(0, "text_delta", text="x" * 50))
    assert decoder.damaged
    decoder.feed(closed(0))
    rest = opened(1, type="new", a=1) + closed(1)
    (chunk,) = [chunk for chunk in decoder.feed(rest) if chunk.deltas]
    assert json.loads(chunk.deltas[0].data) == {"type": "new", "a": 1}  # type: ignore[union-attr]


def test_texts_of_a_stream_have_the_ids_of_their_blocks() -> None:
    given = chunks(begin(), opened(3, type="text", text="a"))
    assert given[1].deltas == (TextDelta("3", "a"),)

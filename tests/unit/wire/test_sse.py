"""Events come out the same however the bytes are cut; the bound holds; offsets are true."""

from __future__ import annotations

import re
from collections.abc import Iterable
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.wire.sse import Event, SSEParser

STREAMS = {
    "ordinary": b'data: {"a":1}\n\ndata: {"b":2}\n\ndata: [DONE]\n\n',
    "crlf": b"event: x\r\ndata: 1\r\n\r\ndata: 2\r\n\r\n",
    "lone cr": b"data: 1\rdata: 2\r\rdata: 3\r\r",
    "mixed line ends": b"data: 1\r\ndata: 2\n\r\ndata: 3\r\n\ndata: 4\r\r\ndata: 5\n\n",
    "no space after the colon": b"data:1\n\ndata:  2\n\ndata:[DONE]\n\n",
    "comments": b": hello\n\ndata: 1\n:between\ndata: 2\n\n: bye\n\n",
    "several data lines": b"data: a\ndata:\ndata: b\n\ndata\n\ndata:\n\n",
    "event names": b"event: error\ndata: 1\n\ndata: 2\n\nevent:ping\n\nevent\ndata: 3\n\n",
    "other fields": b"id: 7\nretry: 10\nfoo: bar\ndata: 1\nnonsense\n\n",
    "long characters": "data: h\u00e9 \u20ac \U0001f600\n\ndata: \u2028\x0b\x85\n\n".encode(),
    "byte order mark": b"\xef\xbb\xbfdata: 1\n\n\xef\xbb\xbfdata: 2\n\n",
    "no final blank line": b"data: 1\n\ndata: 2\n",
    "no final line end": b"data: 1\r\n\r\ndata: 2",
    "only a byte order mark and a line": b"\xef\xbb\xbfdata: 1",
    "blank lines": b"\n\n\r\n\ndata: 1\n\n\n\n\ndata: 2\n\n",
    "nothing": b"",
    "no stream at all": b'{"error": {"message": "x"}}',
}


def reference(body: bytes) -> list[tuple[bytes, bytes]]:
    """(event, data) by the book, read in one go."""
    events: list[tuple[bytes, bytes]] = []
    name, data = b"", list[bytes]()
    for line in [*re.split(rb"\r\n|\n|\r", body.removeprefix(b"\xef\xbb\xbf")), b""]:
        if not line:
            if data:
                events.append((name, b"\n".join(data)))
            name, data = b"", []
            continue
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if field == b"data":
            data.append(value)
        elif field == b"event":
            name = value
    return events


def parse(blocks: Iterable[bytes], parser: SSEParser | None = None) -> list[Event]:
    parser = parser or SSEParser()
    return [event for block in blocks for event in parser.feed(block)] + parser.close()


def plain(events: Iterable[Event]) -> list[tuple[bytes, bytes]]:
    return [(event.event, event.data) for event in events]


def cuts(body: bytes) -> Iterable[list[bytes]]:
    for position in range(len(body) + 1):
        yield [body[:position], body[position:]]
    for size in (1, 2, 3, 7):
        yield [body[at : at + size] for at in range(0, len(body), size)]


@pytest.mark.parametrize("body", STREAMS.values(), ids=STREAMS.keys())
def test_events_are_the_same_at_every_cut(body: bytes) -> None:
    for blocks in cuts(body):
        assert plain(parse(blocks)) == reference(body), blocks


LINE_ENDS = (b"\n", b"\r", b"\r\n", b"\n\n")
FIELDS = (b"data:", b"data: ", b"data", b"event: e", b"id: 1", b":")
VALUES = (b"x", b" ", b"\xef\xbb\xbf", b"\xf0\x9f\x98\x80", b"\xff", b"[DONE]", b'{"a":"\\n"}')
PIECES = st.sampled_from((*LINE_ENDS, *FIELDS, *VALUES))


@given(st.lists(PIECES, max_size=30), st.data())
def test_events_are_the_same_at_any_cuts_of_any_stream(
    pieces: list[bytes], data: st.DataObject
) -> None:
    body = b"".join(pieces)
    places = sorted(data.draw(st.lists(st.integers(0, len(body)), max_size=8)))
    ends = [*places, len(body)]
    blocks = [body[begin:end] for begin, end in zip([0, *places], ends, strict=True)]
    assert plain(parse(blocks)) == reference(body)


@pytest.mark.parametrize("body", STREAMS.values(), ids=STREAMS.keys())
def test_the_bytes_between_an_events_offsets_are_that_event(body: bytes) -> None:
    for blocks in cuts(body):
        end = 0
        for event in parse(blocks):
            assert event.start >= end
            end = event.end
            assert plain(parse([body[event.start : end]])) == [(event.event, event.data)]


def test_an_event_is_given_with_the_byte_that_completes_it() -> None:
    parser = SSEParser()
    assert parser.feed(b"data: 1\r\n") == []
    (event,) = parser.feed(b"\r")
    assert (event.data, event.end, parser.consumed) == (b"1", 10, 10)
    assert parser.feed(b"\ndata: 2\n") == []
    (event,) = parser.feed(b"\nrest")
    assert (event.data, event.start, event.end) == (b"2", 11, 20)
    assert parser.consumed - len(b"\nrest") + 1 == event.end


def test_the_last_event_is_known_by_its_beginning() -> None:
    (event,) = SSEParser().feed(b"data: [DONE]\n\n")
    assert event.is_done
    (event,) = SSEParser().feed(b'data: {"text":"[DONE]"}\n\n')
    assert not event.is_done


EVENTS = st.sampled_from((b"data: x\n\n", b"data: [DONE]\n\n", b"data: \n\n", b"data:  y\n\n"))


@given(st.lists(EVENTS | EVENTS | PIECES, max_size=20), st.integers(1, 40), st.data())
def test_blocks_of_whole_events_are_read_alike_both_ways(
    pieces: list[bytes], bound: int, data: st.DataObject
) -> None:
    joints = data.draw(st.lists(st.booleans(), min_size=len(pieces), max_size=len(pieces)))
    blocks = [b""]
    for piece, joint in zip(pieces, joints, strict=True):
        blocks.append(piece) if joint else blocks.append(blocks.pop() + piece)
    fast, complete = SSEParser(bound), SSEParser(bound)
    for block in blocks:
        told = fast.feed(block)
        with patch.object(SSEParser, "whole", return_value=None):
            assert told == complete.feed(block)
        assert fast.consumed == complete.consumed
    assert fast.close() == complete.close()


def test_a_block_of_whole_events_is_known_without_taking_it() -> None:
    parser = SSEParser()
    assert parser.whole(b"data: 1\n\ndata:  2\n\n") == [b"1", b" 2"]
    assert parser.consumed == 0


@pytest.mark.parametrize(
    "block",
    [
        b"",
        b"data: \n",
        b"data: 1\n",
        b"data: 1\n\n\n",
        b"data: 1\ndata: 2\n\n",
        b"data: 1\n\n: hello\n\n",
        b"data: 1\r\n\r\n",
        b"data: 1\rdata: 2\n\n",
        b"data:1\n\n",
        b"event: x\ndata: 1\n\n",
        b"\ndata: 1\n\n",
        b"\xef\xbb\xbfdata: 1\n\n",
        b"data: 1\n\ndata: 2",
    ],
)
def test_other_blocks_are_no_whole_events(block: bytes) -> None:
    assert SSEParser().whole(block) is None


@pytest.mark.parametrize("before", [b"data: 1", b"data: 1\n", b"event: x\n", b": x", b"x\r", b"id"])
def test_nothing_is_whole_while_something_is_under_way(before: bytes) -> None:
    parser = SSEParser()
    assert parser.feed(before) == []
    assert parser.whole(b"data: 2\n\n") is None


def test_only_the_first_bytes_of_all_are_a_byte_order_mark() -> None:
    parser = SSEParser()
    assert plain(parser.feed(b"data: 1\n\n")) == [(b"", b"1")]
    assert parser.feed(b"\xef\xbb\xbfdata: 2\n\n") == []


def test_a_stream_with_other_line_ends_is_read_line_by_line() -> None:
    parser = SSEParser()
    assert plain(parser.feed(b"data: 1\r\n\r\n")) == [(b"", b"1")]
    assert parser.whole(b"data: 2\n\n") is None
    assert plain(parser.feed(b"data: 2\n\n")) == [(b"", b"2")]


LONG = b"data: 1\n\ndata: " + b"x" * 500 + b"\ndata: y\n\ndata: 2\n\n"


def test_a_too_long_event_is_marked_and_those_around_it_stand() -> None:
    for blocks in cuts(LONG):
        events = parse(blocks, SSEParser(max_event_bytes=100))
        assert [event.oversize for event in events] == [False, True, False]
        assert plain(events) == [(b"", b"1"), (b"", b""), (b"", b"2")]


def test_a_too_long_event_is_told_at_once_and_not_kept() -> None:
    parser = SSEParser(max_event_bytes=100)
    told = [event for _ in range(1000) for event in parser.feed(b"data: 123456789\n")]
    assert [event.oversize for event in told] == [True]
    told = [event for _ in range(1000) for event in parser.feed(b"x" * 50)]
    assert told == []
    assert len(parser._pending) + sum(map(len, parser._data)) <= 200


def test_a_comment_without_end_is_neither_kept_nor_an_event() -> None:
    parser = SSEParser(max_event_bytes=100)
    for _ in range(1000):
        assert parser.feed(b":" + b"x" * 50) == []
    assert len(parser._pending) <= 100
    assert plain(parser.feed(b"\ndata: 1\n\n")) == [(b"", b"1")]

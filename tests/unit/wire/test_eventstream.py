"""Binary event streams: read however they are cut, given up where botocore gives them up."""

from __future__ import annotations

import os
import random
import struct
from binascii import crc32
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import pytest

from proxy.types.response import Chunk
from proxy.wire.eventstream import (
    MAX_HEADERS_BYTES,
    MAX_PAYLOAD_BYTES,
    Frame,
    FrameReader,
    FrameStream,
)
from tests.fake_upstream import split

DAMAGED = 60_000 if os.environ.get("PROVE") else 3_000
WIDEST = MAX_PAYLOAD_BYTES + MAX_HEADERS_BYTES + 16


def field(name: str, kind: int, raw: bytes) -> bytes:
    return bytes([len(name.encode())]) + name.encode() + bytes([kind]) + raw


def text(name: str, value: str) -> bytes:
    raw = value.encode()
    return field(name, 7, struct.pack("!H", len(raw)) + raw)


EVERY_TYPE = b"".join(
    (
        field("yes", 0, b""),
        field("no", 1, b""),
        field("byte", 2, struct.pack("!b", -7)),
        field("short", 3, struct.pack("!h", -300)),
        field("integer", 4, struct.pack("!i", -70_000)),
        field("long", 5, struct.pack("!q", -(2**40))),
        field("bytes", 6, struct.pack("!H", 3) + b"\x00\xff\x01"),
        text("größe", "später"),
        field("time", 8, struct.pack("!q", 1_700_000_000_000)),
        field("uuid", 9, bytes(range(16))),
    )
)


def frame(headers: bytes, payload: bytes) -> bytes:
    prelude = struct.pack("!II", 16 + len(headers) + len(payload), len(headers))
    body = prelude + struct.pack("!I", crc32(prelude)) + headers + payload
    return body + struct.pack("!I", crc32(body))


STREAM = (
    frame(EVERY_TYPE, b'{"a":1}'),
    frame(b"", b""),
    frame(text(":event-type", "x") + text(":message-type", "event"), b"p" * 300),
    frame(text(":event-type", "y"), "né".encode()),
)


def read(pieces: Iterable[bytes], largest: int = WIDEST) -> tuple[list[Frame], bool]:
    reader = FrameReader(largest)
    frames = [each for piece in pieces for each in reader.feed(piece)]
    return frames, bool(reader.failed)


def test_headers_of_every_type_are_read() -> None:
    [only], failed = read([STREAM[0]])
    assert not failed
    assert only.payload == b'{"a":1}'
    assert only.headers == {
        "yes": True,
        "no": False,
        "byte": -7,
        "short": -300,
        "integer": -70_000,
        "long": -(2**40),
        "bytes": b"\x00\xff\x01",
        "größe": "später",
        "time": 1_700_000_000_000,
        "uuid": bytes(range(16)),
    }
    assert only.text("größe") == "später"
    assert only.text("byte") == only.text("missing") == ""


def test_a_stream_cut_anywhere_gives_the_same_frames() -> None:
    whole = b"".join(STREAM)
    expected = read([whole])
    assert len(expected[0]) == len(STREAM)
    for cut in range(len(whole)):
        assert read(split(whole, [cut])) == expected
    assert read(bytes([byte]) for byte in whole) == expected


def test_a_frame_beyond_the_bound_is_skipped_and_the_next_is_read() -> None:
    whole = STREAM[0] + frame(b"", b"x" * 1000) + STREAM[1]
    for size in (1, 7, 500, len(whole)):
        pieces = [whole[start : start + size] for start in range(0, len(whole), size)]
        frames, failed = read(pieces, largest=400)
        assert not failed
        assert [each.oversize for each in frames] == [False, True, False]


def test_memory_stays_within_the_bound_while_a_frame_is_skipped() -> None:
    reader = FrameReader(100)
    head = frame(b"", b"x" * 1_000_000)
    for start in range(0, len(head) - 10, 5_000):
        reader.feed(head[start : start + 5_000])
        assert len(reader._data) <= 5_000


@pytest.mark.parametrize(
    ("total", "headers"),
    [
        (WIDEST + 1, 0),
        (MAX_HEADERS_BYTES + 17, MAX_HEADERS_BYTES + 1),
        (15, 0),
        (40, 30),
        (0, 0),
    ],
)
def test_impossible_lengths_end_the_stream_at_once(total: int, headers: int) -> None:
    prelude = struct.pack("!II", total, headers)
    whole = STREAM[1] + prelude + struct.pack("!I", crc32(prelude))
    frames, failed = read([whole])
    assert (len(frames), failed) == (1, True)


def test_nothing_is_read_behind_a_damaged_frame() -> None:
    broken = bytearray(STREAM[2])
    broken[-1] ^= 1
    frames, failed = read([STREAM[0], bytes(broken), STREAM[1]])
    assert (len(frames), failed) == (1, True)


@pytest.mark.parametrize(
    "headers",
    [
        text("a", "1") + text("a", "2"),
        field("a", 10, b""),
        field("a", 7, struct.pack("!H", 1) + b"\xff"),
        b"\x02\xff\xfe\x00",
        b"\x01a",
        field("a", 4, b"\x00"),
        field("a", 6, b"\x00"),
    ],
)
def test_headers_that_make_no_sense_are_damage(headers: bytes) -> None:
    assert read([frame(headers, b"")]) == ([], True)


# Damage, with botocore as the judge.


def by_botocore(pieces: Sequence[bytes]) -> tuple[list[tuple[Any, bytes]], bool]:
    """The frames, and whether it raised; it is then not asked again."""
    buffer = pytest.importorskip("botocore.eventstream").EventStreamBuffer()
    events = []
    try:
        for piece in pieces:
            buffer.add_data(piece)
            for event in buffer:
                events.append((event.headers, event.payload))
    except Exception:
        return events, True
    return events, False


def damaged(source: random.Random) -> list[bytes]:
    frames = [source.choice(STREAM) for _ in range(source.randint(1, 5))]
    if source.random() < 0.4:
        position = source.randrange(len(frames))
        frames[position] = with_broken_headers(source, frames[position])
    whole = bytearray(b"".join(frames))
    for _ in range(source.choice((0, 1, 1, 1, 2, 4))):
        damage(source, whole)
    cuts = sorted(source.randrange(len(whole) + 1) for _ in range(source.randrange(4)))
    return list(split(bytes(whole), cuts))


def damage(source: random.Random, whole: bytearray) -> None:
    place = source.randrange(len(whole) or 1)
    match source.randrange(5):
        case 0 if whole:
            whole[place] ^= 1 << source.randrange(8)
        case 1:
            del whole[place : place + source.randint(1, 20)]
        case 2:
            whole[place:place] = source.randbytes(source.randint(1, 20))
        case 3:
            del whole[place:]
        case _:
            whole[place : place + 8] = source.randbytes(8)


def with_broken_headers(source: random.Random, raw: bytes) -> bytes:
    """A frame whose checksums are right, and whose headers were damaged before."""
    total, size = struct.unpack_from("!II", raw)
    headers, payload = bytearray(raw[12 : 12 + size]), raw[12 + size : total - 4]
    for _ in range(source.randint(1, 3)):
        if headers:
            headers[source.randrange(len(headers))] = source.randrange(256)
    if source.random() < 0.5:
        del headers[source.randrange(len(headers) + 1) :]
    return frame(bytes(headers), payload)


def test_damaged_streams_are_read_as_far_as_botocore_reads_them() -> None:
    source = random.Random(20)
    failures = 0
    for number in range(DAMAGED):
        pieces = damaged(source)
        frames, failed = read(pieces)
        ours = [(each.headers, each.payload) for each in frames]
        assert (ours, failed) == by_botocore(pieces), f"stream {number}"
        failures += failed
    assert failures > DAMAGED / 4


# Streams of events.


class Payloads(FrameStream):
    """Gives each payload as the raw text of a chunk; `end` ends the stream."""

    def decode_frame(self, frame: Frame) -> list[Chunk]:
        self.done = frame.payload == b"end"
        return [Chunk(raw=frame.payload.decode())]


def payloads(*said: str) -> Iterator[bytes]:
    return (frame(b"", each.encode()) for each in said)


def test_what_comes_behind_the_end_does_not_count() -> None:
    decoder = Payloads()
    chunks = decoder.feed(b"".join(payloads("a", "end", "b")))
    assert [chunk.raw for chunk in chunks] == ["a", "end"]
    assert decoder.complete
    assert decoder.close() == []


@pytest.mark.parametrize("tell", [True, False])
def test_damage_is_noted_once_and_told_when_asked(tell: bool) -> None:
    decoder = Payloads(tell_damage=tell)
    broken = bytearray(next(payloads("b")))
    broken[-1] ^= 1
    chunks = decoder.feed(next(payloads("a")) + bytes(broken)) + decoder.feed(b"more")
    assert [chunk.raw for chunk in chunks] == (["a", None] if tell else ["a"])
    assert decoder.damaged
    assert [chunk.error is not None for chunk in chunks][1:] == ([True] if tell else [])


def test_an_event_beyond_the_bound_is_damage_and_the_stream_goes_on() -> None:
    decoder = Payloads(100, tell_damage=True)
    chunks = decoder.feed(b"".join(payloads("a", "x" * 200, "b")))
    assert [chunk.raw for chunk in chunks] == ["a", None, "b"]
    assert decoder.damaged


def test_a_frame_that_is_cut_short_is_no_damage() -> None:
    decoder = Payloads(tell_damage=True)
    assert decoder.feed(next(payloads("a"))[:-3]) == decoder.close() == []
    assert not decoder.damaged
    assert not decoder.complete

"""Ways to damage an answer, whole or streamed; every one is chosen and steered by a seeded source.

A stream is taken apart into its events (server-sent events, or the frames of AWS' event streams,
told apart by their first byte), so that what is inside an event can be damaged while its frame
stays sound; otherwise checksums would keep all damage from the code behind them.
"""

from __future__ import annotations

import copy
import json
import random
import struct
from binascii import crc32
from collections.abc import Callable, Iterator, Sequence
from typing import Any

Damager = Callable[[bytes, random.Random], bytes]

DEEP = 3000
HALF = "\ud800"
"""Half of a character: JSON can say it, and no UTF-8 can."""
GARBAGE = (
    b"\x00\xff\xfe\xfd",
    b"\xed\xa0\x80\xf0\x90",
    b"\r\n\r\n",
    b"data: {\n\n",
    b"data: [DONE]\n\n",
    b"event: error\ndata: {}\n\n",
    b"data: null\n\n",
    b": comment\n",
    b"<html>502</html>",
    b"{" * 50,
    b"]" * 50,
    b"\\ud800",
)
ODD_VALUES: tuple[Any, ...] = (
    None,
    True,
    False,
    0,
    -1,
    2**63,
    2**64,
    10**400,
    -(10**30),
    1.5,
    1e300,
    "",
    HALF,
    "\x00",
    "x" * 5000,
    [],
    {},
    [[]],
    [None],
    {"": {}},
    {"type": None},
    {"type": "unheard_of"},
)
"""Put in the place of any value; a lone surrogate is written as an escape."""


def with_each_value_replaced(body: bytes, odd: Any) -> Iterator[bytes]:
    """The body again and again, each time with another of its values replaced, and with another of
    its members' names spoilt. All of its events that hold JSON are gone through."""
    events, binary = events_of(body), is_binary(body)
    for number, event in enumerate(events):
        head, payload, tail = _taken_apart(event, binary)
        try:
            places = len(_places(json.loads(payload)))
        except ValueError:
            continue
        for changed in _replaced(payload, places, odd):
            spoilt = _put_together(head, changed, tail, binary)
            yield b"".join((*events[:number], spoilt, *events[number + 1 :]))


def _replaced(payload: bytes, places: int, odd: Any) -> Iterator[bytes]:
    for place in range(places):
        value = json.loads(payload)
        holder, key = _places(value)[place]
        holder[key] = odd
        yield json.dumps(value).encode()
        if isinstance(holder, dict):
            value = json.loads(payload)
            holder, key = _places(value)[place]
            holder[f"{key}{HALF}"] = holder.pop(key)
            yield json.dumps(value).encode()


def flip_bits(body: bytes, source: random.Random) -> bytes:
    """A few bytes changed."""
    damaged = bytearray(body)
    for _ in range(source.randint(1, 4)):
        damaged[source.randrange(len(damaged))] ^= 1 << source.randrange(8)
    return bytes(damaged)


def cut(body: bytes, source: random.Random) -> bytes:
    """The end is missing."""
    return body[: source.randrange(len(body))]


def lose_a_piece(body: bytes, source: random.Random) -> bytes:
    """Some bytes in the middle are missing."""
    start = source.randrange(len(body))
    return body[:start] + body[start + source.randint(1, 200) :]


def double_a_piece(body: bytes, source: random.Random) -> bytes:
    """Some bytes come twice."""
    start = source.randrange(len(body))
    end = start + source.randint(1, 200)
    return body[:end] + body[start:]


def insert_garbage(body: bytes, source: random.Random) -> bytes:
    """Something that does not belong there."""
    place = source.randrange(len(body) + 1)
    junk = source.choice((*GARBAGE, source.randbytes(source.randint(1, 64))))
    return body[:place] + junk + body[place:]


def spoil_encoding(body: bytes, source: random.Random) -> bytes:
    """Bytes that are no UTF-8 in the place of as many."""
    place = source.randrange(len(body))
    junk = source.choice((b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf5\x80\x80\x80"))
    return body[:place] + junk + body[place + len(junk) :]


def shuffle_events(body: bytes, source: random.Random) -> bytes:
    """Events in another order, some of them missing, some twice."""
    events = events_of(body)
    match source.randrange(4):
        case 0:
            del events[source.randrange(len(events))]
        case 1:
            place = source.randrange(len(events))
            events.insert(place, events[source.randrange(len(events))])
        case 2:
            one, other = (source.randrange(len(events)) for _ in range(2))
            events[one], events[other] = events[other], events[one]
        case _:
            events = [event for event in events if source.random() > 0.2]
    return b"".join(events)


def change_values(body: bytes, source: random.Random) -> bytes:
    """Values of the wrong type, or far too large, in sound JSON."""
    return _inside(body, source, _changed)


def nest_deeply(body: bytes, source: random.Random) -> bytes:
    """A value that is nested thousands of levels deep, in sound JSON."""
    return _inside(body, source, _nested)


DAMAGERS: Sequence[Damager] = (
    flip_bits,
    cut,
    lose_a_piece,
    double_a_piece,
    insert_garbage,
    spoil_encoding,
    shuffle_events,
    change_values,
    change_values,
    change_values,
    nest_deeply,
)
"""Those that reach farthest into a decoder stand here more than once."""


def damaged(body: bytes, source: random.Random) -> bytes:
    """The same with one or two damages."""
    for _ in range(source.choice((1, 1, 2))):
        if body:
            body = source.choice(DAMAGERS)(body, source)
    return body


def is_binary(body: bytes) -> bool:
    """Whether it is an AWS event stream: its first bytes are a length below 16 MiB."""
    return body[:1] == b"\x00"


def events_of(body: bytes) -> list[bytes]:
    """The parts of a stream, which joined give it again; a whole answer has but one."""
    return _frames(body) if is_binary(body) else _blocks(body)


def _frames(body: bytes) -> list[bytes]:
    frames, place = [], 0
    while place + 4 <= len(body):
        size = max(struct.unpack_from(">I", body, place)[0], 16)
        frames.append(body[place : place + size])
        place += size
    return [*frames, body[place:]] if body[place:] else frames


def _blocks(body: bytes) -> list[bytes]:
    separator = b"\r\n\r\n" if b"\r\n\r\n" in body else b"\n\n"
    *blocks, rest = body.split(separator)
    return [block + separator for block in blocks] + ([rest] if rest or not blocks else [])


def _inside(
    body: bytes, source: random.Random, change: Callable[[Any, random.Random], str]
) -> bytes:
    """The body with the JSON of one of its events changed; as it is when that has none."""
    events = events_of(body)
    place = source.randrange(len(events))
    head, payload, tail = _taken_apart(events[place], is_binary(body))
    try:
        value = json.loads(payload)
    except (ValueError, RecursionError):
        return flip_bits(body, source)
    changed = change(value, source).encode("utf-8", "replace")
    events[place] = _put_together(head, changed, tail, is_binary(body))
    return b"".join(events)


def _taken_apart(event: bytes, binary: bool) -> tuple[bytes, bytes, bytes]:
    """(what stands before the JSON, the JSON, what stands behind it)."""
    if binary:
        if len(event) < 16:
            return event, b"", b""
        size = 12 + struct.unpack_from(">I", event, 4)[0]
        return event[12:size], event[size:-4], b""
    start = event.find(b"data:")
    start = start + 5 if start >= 0 else 0
    end = len(event.rstrip())
    return event[:start], event[start:end], event[end:]


def _put_together(head: bytes, payload: bytes, tail: bytes, binary: bool) -> bytes:
    if not binary:
        return head + payload + tail
    prelude = struct.pack(">II", 16 + len(head) + len(payload), len(head))
    frame = prelude + struct.pack(">I", crc32(prelude)) + head + payload
    return frame + struct.pack(">I", crc32(frame))


def _changed(value: Any, source: random.Random) -> str:
    for _ in range(source.randint(1, 3)):
        places = list(_places(value))
        if not places:
            return json.dumps(odd_value(source))
        holder, key = source.choice(places)
        match source.randrange(6):
            case 0:
                del holder[key]
            case 1:
                other, name = source.choice(places)
                holder[key] = other[name] if name_in(other, name) else None
                if _is_cyclic(value):
                    holder[key] = None
            case 2 if isinstance(holder, dict):
                holder[key + source.choice(("x", "_", " ", "\x00", HALF))] = holder.pop(key)
            case _:
                holder[key] = odd_value(source)
    return json.dumps(value)


def odd_value(source: random.Random) -> Any:
    """One of them, that nobody else has."""
    return copy.deepcopy(source.choice(ODD_VALUES))


def name_in(holder: Any, name: Any) -> bool:
    """Whether that member or item is still there."""
    return name in holder if isinstance(holder, dict) else name < len(holder)


def _is_cyclic(value: Any) -> bool:
    try:
        json.dumps(value)
    except (ValueError, RecursionError):
        return True
    return False


def _nested(value: Any, source: random.Random) -> str:
    places = list(_places(value))
    opening, closing = source.choice((("[", "]"), ('{"a":', "}"), ('[{"type":', "}]")))
    depth = source.choice((30, 200, DEEP))
    deep = opening * depth + "1" + closing * depth
    if not places:
        return deep
    holder, key = source.choice(places)
    mark = "deep-thing-stands-here"
    holder[key] = mark
    return json.dumps(value).replace(f'"{mark}"', deep)


def _places(value: Any) -> list[tuple[Any, Any]]:
    """Every (object, name) and (list, index) below a value."""
    found: list[tuple[Any, Any]] = []
    waiting = [value] if isinstance(value, dict | list) else []
    while waiting:
        holder = waiting.pop()
        items = holder.items() if isinstance(holder, dict) else enumerate(holder)
        for key, each in items:
            found.append((holder, key))
            if isinstance(each, dict | list):
                waiting.append(each)
    return found


def first_change(original: bytes, damaged_body: bytes) -> int:
    """How many bytes the two begin alike with."""
    low, high = 0, min(len(original), len(damaged_body))
    while low < high:
        middle = (low + high + 1) // 2
        if original[:middle] == damaged_body[:middle]:
            low = middle
        else:
            high = middle - 1
    return low

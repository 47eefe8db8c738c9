"""Server-sent events, read incrementally (WHATWG HTML, 9.2.6 "Interpreting an event stream").

Two readers. `SSEParser` gives the events of a stream, however its bytes are cut. `EndDetector` only
finds where a stream says that it is over, at a fraction of the cost.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

import msgspec

DONE = b"[DONE]"
DEFAULT_MAX_EVENT_BYTES = 8 * 1024 * 1024
BOM = b"\xef\xbb\xbf"

_LINE_END = re.compile(rb"\r\n?|\n")


class Event(msgspec.Struct, frozen=True, gc=False):
    """One event. `start` and `end` are byte offsets in the whole stream.

    The bytes `[start, end)` run from the event's first field to the blank line that completed it,
    included. (Of a CRLF cut in two after the CR, the LF is not included: the event was complete.)
    """

    data: bytes
    """The `data` lines, joined by LF, without the one space that may follow the colon."""
    event: bytes = b""
    start: int = 0
    end: int = 0
    oversize: bool = False
    """The event passed the parser's bound: `data` is empty, its bytes are skipped, not kept."""

    @property
    def is_done(self) -> bool:
        """Whether this is OpenAI's last event; its SDKs, too, look at the beginning only."""
        return self.data.startswith(DONE)


class SSEParser:
    """Takes blocks, gives events. Time is linear in the bytes fed, whatever the size of the blocks.

    Memory is bounded by `max_event_bytes` and one block. An event beyond the bound does not raise:
    events before and after it are still good, and whoever relays the stream must not fail for want
    of parsing. It is given at once, marked `oversize`, and then skipped to its end.
    """

    __slots__ = (
        "_after_cr",
        "_any_cr",
        "_at_start",
        "_data",
        "_event",
        "_max",
        "_pending",
        "_size",
        "_skipping",
        "_start",
        "consumed",
    )

    def __init__(self, max_event_bytes: int = DEFAULT_MAX_EVENT_BYTES) -> None:
        self.consumed = 0
        """Bytes fed so far; an event's position in the last block is `end - (consumed - len)`."""
        self._max = max_event_bytes
        self._pending = bytearray()  # the beginning of a line whose end has not come
        self._data: list[bytes] = []
        self._event = b""
        self._size = 0
        self._start = -1
        self._at_start = True
        self._any_cr = False
        self._after_cr = False
        self._skipping = False

    def feed(self, block: bytes) -> list[Event]:
        """The events that this block completes."""
        events: list[Event] = []
        if not block:
            return events
        whole = self.whole(block)
        if whole is not None:
            return self._of_whole(whole)
        self.consumed += len(block)
        if self._after_cr:  # the LF of a CRLF whose CR ended the last block
            self._after_cr = False
            if block[0] == 10:
                block = block[1:]
        if not self._any_cr and b"\r" in block:
            self._any_cr = True
        if b"\n" not in block and not (self._any_cr and b"\r" in block):
            self._pending += block
        else:
            self._read_lines(block, events)
        self._bound(events)
        return events

    def whole(self, block: bytes) -> list[bytes] | None:
        """The data of each event in a block of nothing but ordinary ones: a line of data without an
        event's name, and a blank one. None for all other blocks, and where an event is under way.

        The block is not taken. Whoever does not feed it can do without the offsets of later events.
        """
        if (
            not self.idle
            or len(block) > self._max
            or not block.startswith(b"data: ")
            or not block.endswith(b"\n\n")
            or b"\r" in block
        ):
            return None
        events = block[6:-2].split(b"\n\ndata: ")
        return events if block.count(b"\n") == 2 * len(events) else None

    @property
    def idle(self) -> bool:
        """Whether all that was fed is over and done with, and all its lines ended with a LF."""
        return self._start < 0 and not self._pending and not self._any_cr

    def _of_whole(self, data: list[bytes]) -> list[Event]:
        self._at_start = False
        events = []
        for each in data:
            start = self.consumed
            self.consumed = end = start + len(each) + 8
            events.append(Event(each, b"", start, end))
        return events

    def close(self) -> list[Event]:
        """The last event, if the stream ended without the blank line that completes it.

        (The specification drops such an event; every client SDK reads it, and so do we.)
        """
        events: list[Event] = []
        line = bytes(self._pending)
        self._pending.clear()
        if self._at_start:
            line = line.removeprefix(BOM)
        if line:
            self._line(line, self.consumed - len(line))
        if self._data and not self._skipping:
            self._dispatch(self.consumed, events)
        return events

    def _read_lines(self, block: bytes, events: list[Event]) -> None:
        scan = len(self._pending)
        text = bytes(self._pending) + block if scan else block
        base = self.consumed - len(text)
        if self._at_start:
            self._at_start = False
            if text.startswith(BOM):
                text = text[3:]
                base += 3
                scan = max(0, scan - 3)
        if self._any_cr:
            position = self._read_any_ends(text, scan, base, events)
        else:
            position = self._read_line_feeds(text, scan, base, events)
        self._pending[:] = text[position:]

    def _read_line_feeds(self, text: bytes, scan: int, base: int, events: list[Event]) -> int:
        position = 0
        find = text.find
        while (end := find(b"\n", scan)) >= 0:
            if end == position:
                self._blank(base + end + 1, events)
            elif (
                self._start < 0
                and end - position <= self._max
                and text.startswith(b"data: ", position)
                and text.startswith(b"\n", end + 1)
            ):  # the ordinary event: one line of data and a blank one
                start, position = position, end + 2
                event = Event(text[start + 6 : end], b"", base + start, base + position)
                events.append(event)
                scan = position
                continue
            else:
                self._line(text[position:end], base + position)
            position = scan = end + 1
        return position

    def _read_any_ends(self, text: bytes, scan: int, base: int, events: list[Event]) -> int:
        position = 0
        for match in _LINE_END.finditer(text, scan):
            end, after = match.span()
            if end == position:
                self._blank(base + after, events)
            else:
                self._line(text[position:end], base + position)
            position = after
        self._after_cr = position == len(text) and text.endswith(b"\r")
        return position

    def _line(self, line: bytes, offset: int) -> None:
        """Take one line that is not blank; `offset` is where it begins."""
        if line[0] == 58:  # a colon: a comment
            return
        if self._start < 0:
            self._start = offset
        self._size += len(line)
        if line.startswith(b"data:"):
            self._data.append(line[6:] if line[5:6] == b" " else line[5:])
        elif line.startswith(b"event:"):
            self._event = line[7:] if line[6:7] == b" " else line[6:]
        elif line == b"data":
            self._data.append(b"")
        elif line == b"event":
            self._event = b""

    def _blank(self, end: int, events: list[Event]) -> None:
        if self._skipping or not self._data:
            self._reset()
        elif self._size > self._max:
            self._oversize(end, events)
            self._reset()
        else:
            self._dispatch(end, events)

    def _dispatch(self, end: int, events: list[Event]) -> None:
        data = self._data[0] if len(self._data) == 1 else b"\n".join(self._data)
        events.append(Event(data, self._event, self._start, end))
        self._reset()

    def _reset(self) -> None:
        self._data = []
        self._event = b""
        self._size = 0
        self._start = -1
        self._skipping = False

    def _bound(self, events: list[Event]) -> None:
        """Let go of an event that has grown too long; only its end is still waited for."""
        if self._size + len(self._pending) <= self._max:
            return
        if self._pending[:1] == b":":
            self._pending[:] = b":"
            if self._size <= self._max:
                return
        if not self._skipping:
            if self._start < 0:
                self._start = self.consumed - len(self._pending)
            self._oversize(self.consumed, events)
            self._skipping = True
        self._data = []
        self._size = self._max
        if self._pending:  # a colon makes the rest of this line a comment
            self._pending[:] = b":"

    def _oversize(self, end: int, events: list[Event]) -> None:
        events.append(Event(b"", self._event, self._start, end, oversize=True))


@dataclass(frozen=True, slots=True)
class FinalLine:
    """The line with which a protocol's last event begins: `hint` is what every such line contains,
    `pattern` the line itself behind a line end, `longest` its greatest length in bytes."""

    hint: bytes
    pattern: re.Pattern[bytes]
    longest: int


DONE_LINE = FinalLine(DONE, re.compile(rb"[\r\n]data: ?\[DONE\]"), len(b"data: [DONE]"))


def final_events(names: Collection[str]) -> FinalLine:
    """Streams whose last event bears one of these names instead of the data `[DONE]`."""
    choice = b"|".join(re.escape(name.encode()) for name in sorted(names))
    longest = len("event: ") + max(len(name) for name in names) + 1
    return FinalLine(b"event:", re.compile(rb"[\r\n]event: ?(?:%b)(?=[\r\n])" % choice), longest)


class EndDetector:
    """Finds the line that begins a stream's last event in blocks, however cut, without reading the
    events.

    Only at the beginning of a line does it count, and no line begins inside a JSON string, so a
    model that writes the word does not end its own stream.
    """

    __slots__ = ("_line", "_tail")

    def __init__(self, line: FinalLine = DONE_LINE) -> None:
        self._line = line
        self._tail = b"\n"

    @property
    def skips(self) -> bool:
        """Whether a block need not be fed if it ends with a line feed and has no `hint` in it: it
        is whole lines, and none of them the one. That stays so until another block is fed."""
        return self._tail == b"\n"

    @property
    def hint(self) -> bytes:
        """See `FinalLine`."""
        return self._line.hint

    def feed(self, block: bytes) -> int | None:
        """The offset in this block from which to hold its bytes back, if the line completes in it.

        That is where the line begins, or 0 when it began in an earlier block. The line `[DONE]`
        counts as complete with its last bracket: its line end may never come.
        """
        tail, line = self._tail, self._line
        if self.skips and block.endswith(b"\n") and line.hint not in block:
            return None
        found = None
        if line.hint in block or line.hint in tail + block[: line.longest]:
            whole = tail + block
            # A search by pattern looks at every byte; the line cannot begin long before its hint.
            match = line.pattern.search(whole, max(0, whole.find(line.hint) - line.longest - 1))
            if match is not None:
                found = max(0, match.start() + 1 - len(tail))
        keep = line.longest
        if block.endswith(b"\n"):
            self._tail = b"\n"  # The next line begins with the next block.
        else:
            self._tail = block[-keep:] if len(block) >= keep else (tail + block)[-keep:]
        return found

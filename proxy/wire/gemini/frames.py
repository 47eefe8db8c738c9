"""The objects of a stream, in whichever form it comes.

With `alt=sse` they are server-sent events. Without, they are the items of one JSON list, written
over several lines. Errors come as an object of their own, also behind events, and so does the whole
answer of a server that does not stream. No line of an event begins with a bracket, so one that does
begins plain JSON.
"""

from __future__ import annotations

import re

from proxy.wire.sse import DEFAULT_MAX_EVENT_BYTES, Event, SSEParser

_FIRST = re.compile(rb"(?:\xef\xbb\xbf)?[ \t\r\n]*[\[{]")
_LATER = re.compile(rb"[\r\n][ \t]*[\[{]")
_OUTSIDE = re.compile(rb'["\[\]{}]')
_INSIDE = re.compile(rb'["\\]')


class FrameReader(SSEParser):
    """As `SSEParser`, and each object of plain JSON is an event, too."""

    __slots__ = ("_at_line_start", "_json", "_limit")

    def __init__(self, max_event_bytes: int = DEFAULT_MAX_EVENT_BYTES) -> None:
        super().__init__(max_event_bytes)
        self._limit = max_event_bytes
        self._json: ObjectReader | None = None
        self._at_line_start = True

    def feed(self, block: bytes) -> list[Event]:
        """See `SSEParser.feed`."""
        events: list[Event] = []
        while block:
            if self._json is None:
                block = self._feed_lines(block, events)
            else:
                block = self._feed_json(self._json, block, events)
        return events

    def _feed_lines(self, block: bytes, events: list[Event]) -> bytes:
        """Read up to where plain JSON begins; gives what follows."""
        match = (self._at_line_start and _FIRST.match(block)) or _LATER.search(block)
        if not match:
            events += super().feed(block)
            self._at_line_start = self._ends_blank(block)
            return b""
        begin = match.end() - 1
        events += super().feed(block[:begin])
        events += super().feed(b"\n\n")
        self._json = ObjectReader(self._limit)
        return block[begin:]

    def _ends_blank(self, block: bytes) -> bool:
        """Whether nothing but space stands in the last line so far."""
        line_end = max(block.rfind(b"\n"), block.rfind(b"\r"))
        blank = not block[line_end + 1 :].strip(b" \t\xef\xbb\xbf")
        return blank and (line_end >= 0 or self._at_line_start)

    def _feed_json(self, reader: ObjectReader, block: bytes, events: list[Event]) -> bytes:
        used = reader.feed(block, events)
        if reader.done:
            self._json, self._at_line_start = None, True
        return block[used:]


class ObjectReader:
    """Takes the bytes of one JSON value, gives it if it is an object, and if it is a list the
    objects in it, each as an event. One beyond the bound is given up, as `SSEParser` does."""

    __slots__ = (
        "_depth",
        "_escaped",
        "_held",
        "_in_list",
        "_in_text",
        "_limit",
        "_skipping",
        "_started",
        "done",
    )

    def __init__(self, limit: int) -> None:
        self.done = False
        """The value is whole."""
        self._limit = limit
        self._held = bytearray()  # the object so far
        self._started = False
        self._in_list = False
        self._depth = 0  # brackets around, without that of the list
        self._in_text = False
        self._escaped = False
        self._skipping = False

    def feed(self, block: bytes, events: list[Event]) -> int:
        """Take bytes up to the value's end; gives how many, and puts objects into `events`."""
        position = begin = 0
        while position < len(block) and not self.done:
            if self._in_text:
                position = self._skip_text(block, position)
                continue
            match = _OUTSIDE.search(block, position)
            if match is None:
                position = len(block)
                break
            position = match.end()
            bracket = match[0]
            if bracket == b'"':
                self._in_text = True
            elif bracket in b"[{":
                begin = self._enter(bracket, match.start(), begin)
            elif self._leave():
                self._keep(block[begin:position], events)
                self._give(events)
        if self._depth:
            self._keep(block[begin:position], events)
        return position

    def _enter(self, bracket: bytes, start: int, begin: int) -> int:
        """Gives where the object begins that the bracket stands in."""
        if not self._started and bracket == b"[":
            self._started = self._in_list = True
            return begin
        self._started = True
        self._depth += 1
        return start if self._depth == 1 else begin

    def _leave(self) -> bool:
        """Whether a closing bracket ends an object."""
        if not self._depth:
            self.done = True
            return False
        self._depth -= 1
        self.done = not self._depth and not self._in_list
        return not self._depth

    def _skip_text(self, block: bytes, position: int) -> int:
        if self._escaped:
            self._escaped = False
            return position + 1
        match = _INSIDE.search(block, position)
        if match is None:
            return len(block)
        if match[0] == b'"':
            self._in_text = False
        else:
            self._escaped = True
        return match.end()

    def _keep(self, piece: bytes, events: list[Event]) -> None:
        if self._skipping:
            return
        self._held += piece
        if len(self._held) > self._limit:
            self._held.clear()
            self._skipping = True
            events.append(Event(b"", oversize=True))

    def _give(self, events: list[Event]) -> None:
        if not self._skipping:
            events.append(Event(bytes(self._held)))
        self._held.clear()
        self._skipping = False

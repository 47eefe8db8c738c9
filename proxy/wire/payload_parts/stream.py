"""Streamed answers: a container's output in frames, as neutral chunks."""

from __future__ import annotations

from proxy.errors import UpstreamGarbage
from proxy.types.response import Chunk
from proxy.wire.chat_completions.stream import StreamDecoder as InnerDecoder
from proxy.wire.converse.errors import error_in
from proxy.wire.eventstream import Frame, FrameStream
from proxy.wire.sse import DEFAULT_MAX_EVENT_BYTES

PART = "PayloadPart"


class StreamDecoder(FrameStream):
    """See `StreamReader`."""

    def __init__(
        self, max_event_bytes: int = DEFAULT_MAX_EVENT_BYTES, *, tell_damage: bool = False
    ) -> None:
        super().__init__(max_event_bytes, tell_damage=tell_damage)
        self._inner = InnerDecoder(max_event_bytes, tell_damage=tell_damage)
        self._lines = Lines(max_event_bytes)

    def decode_frame(self, frame: Frame) -> list[Chunk]:
        """See `FrameStream.decode_frame`. Frames of other kinds say nothing of the answer."""
        found = error_in(frame)
        if found is not None:
            self.error_status, self.error_body = found
            return [Chunk(raw=frame.payload.decode("utf-8", "replace"))]
        if frame.text(":event-type") != PART:
            return []
        return self._noted(self._inner.feed(self._lines.feed(frame.payload)))

    def rest(self) -> list[Chunk]:
        """See `FrameStream.rest`."""
        chunks = self._inner.feed(self._lines.close()) + self._inner.close()
        return self._noted(chunks)

    def _noted(self, chunks: list[Chunk]) -> list[Chunk]:
        inner = self._inner
        self.done, self.finished = inner.done, inner.finished
        self.damaged = self.damaged or inner.damaged
        if self.error_status is None and inner.error_status is not None:
            self.error_status, self.error_body = inner.error_status, inner.error_body
        return chunks


class Lines:
    """Makes events of lines, where a container writes JSON objects and no events; the first
    character that is not white tells."""

    def __init__(self, max_line_bytes: int) -> None:
        self._max = max_line_bytes
        self._wrap: bool | None = None
        self._line = bytearray()

    def feed(self, block: bytes) -> bytes:
        """The block, or the events that it completes.

        Raises:
            UpstreamGarbage: a line is longer than the bound.
        """
        if self._wrap is None:
            first = block.lstrip()[:1]
            if not first:
                return b""
            self._wrap = first == b"{"
        if not self._wrap:
            return block
        *lines, last = (bytes(self._line) + block).split(b"\n") if b"\n" in block else (block,)
        if lines:
            self._line.clear()
        self._line += last
        if len(self._line) > self._max:
            self._line.clear()
            raise UpstreamGarbage("a line of the stream is too long")
        return b"".join(map(_event, lines))

    def close(self) -> bytes:
        """The last event, of a line without an end."""
        line, self._line = bytes(self._line), bytearray()
        return _event(line)


def _event(line: bytes) -> bytes:
    line = line.strip()
    return b"data: " + line + b"\n\n" if line else b""

"""Streamed answers, decoded."""

from __future__ import annotations

from proxy.errors import UpstreamGarbage
from proxy.types.response import Chunk, TextDelta
from proxy.types.usage import NO_USAGE
from proxy.wire.chat_completions.errors import find_error
from proxy.wire.chat_completions.response import decode_finish_reason, decode_usage, first_choice
from proxy.wire.lenient import lenient_object
from proxy.wire.sse import DEFAULT_MAX_EVENT_BYTES, Event, SSEParser
from proxy.wire.values import count_of, text_of

BLOCK_ID = "0"


class StreamDecoder:
    """Fed the bytes of a stream, gives its chunks: one for each event that holds JSON.

    Raises nothing: an event that cannot be read is passed over and leaves `damaged` behind.
    """

    def __init__(self, max_event_bytes: int = DEFAULT_MAX_EVENT_BYTES) -> None:
        self.done = False
        """`[DONE]` has come; what comes after it does not count."""
        self.finished = False
        """The provider gave a finish reason."""
        self.damaged = False
        """Some event could not be read."""
        self.error_status: int | None = None
        """Of an error that came as an event, the status that it stands for."""
        self._parser = SSEParser(max_event_bytes)

    @property
    def complete(self) -> bool:
        """Whether the answer came to its end; some servers send no `[DONE]`."""
        return (self.done or self.finished) and self.error_status is None

    def feed(self, block: bytes) -> list[Chunk]:
        """The chunks that this block completes."""
        return self._decode(self._parser.feed(block))

    def close(self) -> list[Chunk]:
        """The last chunk, at the end of the body, however it came."""
        damaged = self.damaged
        chunks = self._decode(self._parser.close())
        self.damaged = damaged  # an event that was cut short is no damage
        return chunks

    def _decode(self, events: list[Event]) -> list[Chunk]:
        chunks = []
        for event in events:
            if self.done:
                break
            if event.is_done:
                self.done = True
            elif event.oversize:
                self.damaged = True
            else:
                chunk = self._decode_event(event)
                if chunk is not None:
                    chunks.append(chunk)
        return chunks

    def _decode_event(self, event: Event) -> Chunk | None:
        status = find_error(event.data, event.event)
        if status is not None:
            self.error_status = status
        try:
            body = lenient_object(event.data)
        except UpstreamGarbage:
            self.damaged = True
            return None
        choice = first_choice(body)
        text, usage = choice.get("text"), decode_usage(body)
        reason = decode_finish_reason(choice.get("finish_reason"))
        self.finished = self.finished or reason is not None
        return Chunk(
            deltas=(TextDelta(BLOCK_ID, text),) if isinstance(text, str) and text else (),
            usage=None if usage == NO_USAGE else usage,
            finish_reason=reason,
            raw=event.data.decode("utf-8", "replace"),
            response_id=text_of(body.get("id")),
            created=count_of(body.get("created")) or 0,
        )

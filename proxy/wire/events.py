"""Streamed answers, decoded as they come: what all protocols do alike, and those over server-sent
events in particular."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from proxy.errors import UpstreamGarbage
from proxy.types.response import Chunk
from proxy.wire.sse import DEFAULT_MAX_EVENT_BYTES, Event, SSEParser

UNREADABLE = "a chunk of the provider's stream cannot be read"


class StreamReader(ABC):
    """Fed the bytes of a stream, cut anywhere, gives its chunks.

    Raises nothing: what cannot be read is passed over and leaves `damaged` behind; with
    `tell_damage`, a chunk that is an error stands in its place.
    """

    text_id = ""
    """Of whose parts `texts` tells; empty where it never does."""

    def __init__(self, *, tell_damage: bool = False) -> None:
        self.done = False
        """The protocol's own mark of the end has come; what comes after it does not count."""
        self.finished = False
        """The provider said why its answer ends."""
        self.damaged = False
        """Some event could not be read."""
        self.error_status: int | None = None
        """Of an error that came as an event, the status that it stands for."""
        self.error_body = b""
        """What such an event said."""
        self._tell_damage = tell_damage

    @property
    def complete(self) -> bool:
        """Whether the answer came to its end; many servers send no mark of it."""
        return (self.done or self.finished) and self.error_status is None

    @abstractmethod
    def feed(self, block: bytes) -> list[Chunk]:
        """The chunks that this block completes."""

    def texts(self, block: bytes) -> Sequence[str]:
        """The short way for what most blocks are: whole events, each a chunk that says more of the
        text `text_id` and nothing that its stream has not said before.

        The parts of the text, none empty, one for each event; the block counts as read. For all
        other blocks nothing, and they have to be fed.
        """
        return ()

    @abstractmethod
    def close(self) -> list[Chunk]:
        """The last chunks, at the end of the body, however it came."""


class EventDecoder(StreamReader):
    """Of a stream of server-sent events: one chunk for each event that holds JSON."""

    def __init__(
        self, max_event_bytes: int = DEFAULT_MAX_EVENT_BYTES, *, tell_damage: bool = False
    ) -> None:
        super().__init__(tell_damage=tell_damage)
        self._max_event_bytes = max_event_bytes
        self._parser = SSEParser(max_event_bytes)

    def feed(self, block: bytes) -> list[Chunk]:
        """See `StreamReader.feed`."""
        return self._decode(self._parser.feed(block))

    def close(self) -> list[Chunk]:
        """See `StreamReader.close`."""
        damaged, self._tell_damage = self.damaged, False
        chunks = self._decode(self._parser.close())
        self.damaged = damaged  # an event that was cut short is no damage
        rest = self.rest()
        return chunks if rest is None else [*chunks, rest]

    def _decode(self, events: list[Event]) -> list[Chunk]:
        chunks = []
        for event in events:
            if self.done:
                break
            if event.is_done:
                self.done = True
                break
            chunk = self._chunk_of(event)
            if chunk is not None:
                chunks.append(chunk)
        return chunks

    def _chunk_of(self, event: Event) -> Chunk | None:
        before, self.damaged = self.damaged, event.oversize
        chunk = None if event.oversize else self.decode_event(event)
        lost, self.damaged = self.damaged, before or self.damaged
        if lost and self._tell_damage and event.data.strip():
            return Chunk(error=UpstreamGarbage(UNREADABLE))
        return chunk

    @abstractmethod
    def decode_event(self, event: Event) -> Chunk | None:
        """The chunk of an event that is neither `[DONE]` nor too large; None when it cannot be
        read, which it notes in `damaged`."""

    def rest(self) -> Chunk | None:
        """What was kept back until the end of the body."""
        return None

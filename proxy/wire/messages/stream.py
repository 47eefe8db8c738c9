"""Streamed answers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from proxy.errors import UpstreamGarbage
from proxy.types.response import Chunk, Delta, UnknownDelta
from proxy.wire.events import EventDecoder
from proxy.wire.lenient import lenient_dumps, lenient_object
from proxy.wire.messages.errors import find_error
from proxy.wire.messages.parts import Gathered, Part, missed_part, open_part
from proxy.wire.messages.response import decode_finish_reason, decode_usage
from proxy.wire.sse import DEFAULT_MAX_EVENT_BYTES, Event
from proxy.wire.values import count_of, object_of, objects_of, text_of

Body = Mapping[str, object]

_SILENT = frozenset({"ping", "message_stop", "content_block_stop"})
"""Events that are no chunk, unless they complete a block."""


class StreamDecoder(EventDecoder):
    """See `EventDecoder`. Ids of texts and thoughts are the block's index, as at TensorZero.

    Counts of tokens at the beginning may be larger than those at the end, which alone hold (after a
    summary took the place of what was said, say): they are told with the end, however it comes.
    """

    def __init__(
        self, max_event_bytes: int = DEFAULT_MAX_EVENT_BYTES, *, tell_damage: bool = False
    ) -> None:
        super().__init__(max_event_bytes, tell_damage=tell_damage)
        self._parts: dict[int, Part] = {}
        self._usage: dict[str, object] = {}
        self._usage_told = False
        self._messages = 0
        self._strangers = 0
        self._room = max_event_bytes  # for blocks that are given when they are whole

    def rest(self) -> Chunk | None:
        """Such blocks, and counts, as far as they came, when the body ended before them."""
        parts = [part for part in self._parts.values() if isinstance(part, Gathered)]
        self._parts.clear()
        deltas = tuple(delta for part in parts for delta in part.close())
        untold = self._usage and not self._usage_told
        usage = decode_usage(self._usage) if untold else None
        return Chunk(deltas, usage=usage) if deltas or usage else None

    def decode_event(self, event: Event) -> Chunk | None:
        raw = event.data.decode("utf-8", "replace")
        status = find_error(event.data, event.event)
        if status is not None:
            self.error_status, self.error_body = status, event.data
            return Chunk(raw=raw)
        try:
            body = lenient_object(event.data)
        except UpstreamGarbage:
            body = {}
        if not body:
            self.damaged = self.damaged or bool(event.data.strip())
            return None
        kind = text_of(body.get("type"))
        deltas = tuple(self._deltas(kind, body, len(event.data)))
        if not deltas and (kind in _SILENT or self.damaged):
            return None
        return self._chunk(kind, body, deltas, raw)

    def _chunk(self, kind: str, body: Body, deltas: tuple[Delta, ...], raw: str) -> Chunk:
        if kind == "message_start":
            message = object_of(body.get("message"))
            tier = self._count(message)
            identifier = text_of(message.get("id"))
            return Chunk(deltas, raw=raw, response_id=identifier, service_tier=tier)
        if kind == "message_delta":
            return self._ending(object_of(body.get("delta")), body, raw)
        return Chunk(deltas, raw=raw)

    def _ending(self, delta: Body, body: Body, raw: str) -> Chunk:
        tier = self._count(body)
        self._usage_told = True
        reason = decode_finish_reason(delta.get("stop_reason"))
        self.finished = self.finished or reason is not None
        stop = delta.get("stop_sequence")
        return Chunk(
            usage=decode_usage(self._usage) if self._usage else None,
            finish_reason=reason,
            raw=raw,
            stop_sequence=text_of(stop) if isinstance(stop, str) else None,
            service_tier=tier,
        )

    def _count(self, source: Body) -> str:
        """Take the counts, of which later ones hold; the service tier stands among them."""
        usage = object_of(source.get("usage"))
        self._usage |= {key: value for key, value in usage.items() if value is not None}
        return text_of(usage.get("service_tier"))

    def _deltas(self, kind: str, body: Body, size: int) -> Iterator[Delta]:
        match kind:
            case "message_start":
                self._messages += 1
                self._parts.clear()
                content = objects_of(object_of(body.get("message")).get("content"))
                for index, block in enumerate(content):
                    yield from self._open(index, block, size)
            case "content_block_start":
                block = object_of(body.get("content_block"))
                yield from self._open(self._index(body), block, size)
            case "content_block_delta":
                yield from self._add(self._index(body), object_of(body.get("delta")), size)
            case "content_block_stop":
                yield from self._close(self._index(body))
            case "message_stop":
                self.done = True
                for index in tuple(self._parts):
                    yield from self._close(index)
            case "message_delta" | "ping":
                return
            case _:
                yield self._stranger("event", body)

    def _index(self, body: Body) -> int | None:
        index = count_of(body.get("index"))
        self.damaged = self.damaged or index is None
        return index

    def _open(self, index: int | None, block: Body, size: int) -> Iterator[Delta]:
        if index is None:
            return
        part = open_part(self._name(index), block)
        self._parts[index] = part
        if self._has_room(part, index, size):
            yield from part.start()

    def _add(self, index: int | None, delta: Body, size: int) -> Iterator[Delta]:
        if index is None:
            return
        kind = text_of(delta.get("type"))
        part = self._parts.get(index) or missed_part(self._name(index), kind)
        if part is None and kind == "input_json_delta":
            self.damaged = True  # of whom, nobody knows
        elif part is None or (added := part.add(kind, delta)) is None:
            yield self._stranger(self._name(index), delta)
        elif self._has_room(part, index, size):
            self._parts[index] = part
            yield from added

    def _name(self, index: int) -> str:
        """The id of the block; one of a message that was begun anew is not that of the first."""
        return str(index) if self._messages < 2 else f"{self._messages}.{index}"

    def _close(self, index: int | None) -> Iterator[Delta]:
        part = None if index is None else self._parts.pop(index, None)
        if part is not None:
            yield from part.close()
        if isinstance(part, Gathered):
            self._room += part.size

    def _has_room(self, part: Part, index: int, size: int) -> bool:
        """Whether a block that is gathered is not too large; if it is, it is given up."""
        if not isinstance(part, Gathered):
            return True
        part.size += size
        self._room -= size
        if self._room >= 0:
            return True
        self._room += part.size
        del self._parts[index]
        self.damaged = True
        return False

    def _stranger(self, where: str, body: Body) -> UnknownDelta:
        """What came that nobody knows, as it is."""
        self._strangers += 1
        return UnknownDelta(f"{where}.{self._strangers}", lenient_dumps(body))

"""Streamed answers: events in frames as neutral chunks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType

import orjson

from proxy.errors import InvalidRequest, UpstreamGarbage
from proxy.types.response import (
    Chunk,
    Delta,
    TextDelta,
    ThoughtDelta,
    ToolCallDelta,
    UnknownDelta,
)
from proxy.types.usage import NO_USAGE
from proxy.wire.converse.blocks import CLIENT_TOOL, SERVER_TOOL
from proxy.wire.converse.errors import error_in
from proxy.wire.converse.gathered import Gathered
from proxy.wire.converse.raws import (
    Raw,
    answered_object,
    as_object,
    to_list,
    to_object,
    with_members,
)
from proxy.wire.converse.response import (
    decode_stop_reason,
    decode_stop_sequence,
    decode_tier,
    decode_usage,
)
from proxy.wire.eventstream import Frame, FrameStream
from proxy.wire.sse import DEFAULT_MAX_EVENT_BYTES
from proxy.wire.values import raw_text

MAX_OPEN_CALLS = 4096


class StreamDecoder(FrameStream):
    """See `StreamReader`. Texts and thoughts are known by the index of their block, as in
    TensorZero; calls of tools by their own ids. The raw text of a chunk is its event's payload."""

    def __init__(
        self, max_event_bytes: int = DEFAULT_MAX_EVENT_BYTES, *, tell_damage: bool = False
    ) -> None:
        super().__init__(max_event_bytes, tell_damage=tell_damage)
        self._calls: dict[str, str] = {}  # index of a block -> id of its tool call
        self._silent: set[str] = set()  # indices of calls that have no arguments yet
        self._gathered: dict[str, Gathered] = {}  # blocks that are given when they are whole
        self._room = max_event_bytes  # what these may take together
        self._unknown = 0

    def decode_frame(self, frame: Frame) -> list[Chunk]:
        """See `FrameStream.decode_frame`."""
        found = error_in(frame)
        if found is not None:
            self.error_status, self.error_body = found
            return [Chunk(raw=_text(frame.payload))]
        kind = frame.text(":event-type")
        payload = answered_object(frame.payload) if frame.payload else {}
        decode = _EVENTS.get(kind)
        try:
            chunk = decode(self, payload) if decode else self._unknown_event(kind, frame.payload)
        except InvalidRequest as error:
            raise UpstreamGarbage(str(error)) from error
        return [_with_raw(chunk, frame.payload)]

    def rest(self) -> list[Chunk]:
        """Blocks whose end did not come, as far as they came."""
        deltas = [delta for index in list(self._gathered) for delta in self._close_block(index)]
        return [Chunk(tuple(deltas))] if deltas else []

    # The events.

    def _message_start(self, event: Raw) -> Chunk:
        return Chunk()

    def _block_start(self, event: Raw) -> Chunk:
        index, start = _index(event), as_object(event.get("start"))
        use = as_object(start.get("toolUse"))
        identifier = raw_text(use.get("toolUseId"))
        if identifier is None or raw_text(use.get("type")) == SERVER_TOOL:
            return Chunk(self._gather(index, "start", event.get("start", b"{}")))
        if len(self._calls) >= MAX_OPEN_CALLS:
            raise UpstreamGarbage("too many blocks of the stream are open")
        self._calls[index] = identifier
        self._silent.add(index)
        extra = {key: raw for key, raw in use.items() if key not in ("toolUseId", "name")}
        if extra.get("type") == CLIENT_TOOL:
            del extra["type"]
        name = raw_text(use.get("name"))
        return Chunk((ToolCallDelta(identifier, name, "", with_members(None, extra)),))

    def _block_delta(self, event: Raw) -> Chunk:
        index, delta = _index(event), as_object(event.get("delta"))
        if index in self._gathered:
            return Chunk(self._gather(index, "delta", event.get("delta", b"{}")))
        deltas: list[Delta] = []
        for kind, raw in delta.items():
            deltas += self._delta(index, kind, raw)
        return Chunk(tuple(deltas))

    def _delta(self, index: str, kind: str, raw: bytes) -> tuple[Delta, ...]:
        text = raw_text(raw)
        if kind == "text" and text is not None:
            return (TextDelta(index, text),)
        if kind == "citation":
            return (TextDelta(index, "", to_object({"citations": to_list([raw])})),)
        members = as_object(raw)
        if kind == "toolUse" and index in self._calls:
            arguments = raw_text(members.get("input")) or ""
            if arguments:
                self._silent.discard(index)
            return (ToolCallDelta(self._calls[index], None, arguments),)
        if kind == "reasoningContent" and members.keys() <= {"text", "signature"}:
            text, signature = raw_text(members.get("text")), raw_text(members.get("signature"))
            return (ThoughtDelta(index, text, signature),)
        return self._gather(index, "delta", to_object({kind: raw}))

    def _block_stop(self, event: Raw) -> Chunk:
        """A call that came without arguments has none, which in JSON is said so."""
        index = _index(event)
        call = self._calls.pop(index, None)
        if call is not None and index in self._silent:
            self._silent.discard(index)
            return Chunk((ToolCallDelta(call, None, "{}"), *self._close_block(index)))
        return Chunk(self._close_block(index))

    def _message_stop(self, event: Raw) -> Chunk:
        reason = decode_stop_reason(event)
        self.finished = self.finished or reason is not None
        return Chunk(finish_reason=reason, stop_sequence=decode_stop_sequence(event))

    def _metadata(self, event: Raw) -> Chunk:
        """The last event. It comes behind the end of the message."""
        self.done = self.finished
        usage = decode_usage(event)
        return Chunk(usage=None if usage == NO_USAGE else usage, service_tier=decode_tier(event))

    def _unknown_event(self, kind: str, payload: bytes) -> Chunk:
        self._unknown += 1
        data = orjson.dumps({kind: orjson.Fragment(payload or b"{}")})
        return Chunk((UnknownDelta(f"event {self._unknown}", data),))

    # Blocks that are kept until they are whole.

    def _gather(self, index: str, part: str, raw: bytes) -> tuple[Delta, ...]:
        self._room -= len(raw)
        if self._room < 0:
            self._gathered.clear()
            raise UpstreamGarbage("a block of the stream is too large")
        self._gathered.setdefault(index, Gathered()).add(part, raw)
        return ()

    def _close_block(self, index: str) -> tuple[Delta, ...]:
        gathered = self._gathered.pop(index, None)
        if gathered is None:
            return ()
        self._room += gathered.size
        return gathered.deltas(index)


_EVENTS: Mapping[str, Callable[[StreamDecoder, Raw], Chunk]] = MappingProxyType(
    {
        "messageStart": StreamDecoder._message_start,
        "contentBlockStart": StreamDecoder._block_start,
        "contentBlockDelta": StreamDecoder._block_delta,
        "contentBlockStop": StreamDecoder._block_stop,
        "messageStop": StreamDecoder._message_stop,
        "metadata": StreamDecoder._metadata,
    }
)


def _index(event: Raw) -> str:
    return event.get("contentBlockIndex", b"0").decode("utf-8", "replace")


def _text(payload: bytes) -> str:
    return payload.decode("utf-8", "replace")


def _with_raw(chunk: Chunk, payload: bytes) -> Chunk:
    return replace(chunk, raw=_text(payload))

"""Streamed answers, decoded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from proxy.errors import UpstreamGarbage
from proxy.types.response import Chunk, Delta
from proxy.types.usage import NO_USAGE
from proxy.wire.events import EventDecoder
from proxy.wire.lenient import lenient_object
from proxy.wire.responses.errors import FINAL_EVENTS, error_status
from proxy.wire.responses.output import OutputItems
from proxy.wire.responses.response import decode_created, decode_finish_reason, decode_usage
from proxy.wire.sse import DEFAULT_MAX_EVENT_BYTES, Event
from proxy.wire.values import object_of, text_of

Body = Mapping[str, object]

_ARGUMENTS = ("response.function_call_arguments.delta", "response.custom_tool_call_input.delta")


class StreamDecoder(EventDecoder):
    """See `EventDecoder`."""

    def __init__(self, max_event_bytes: int = DEFAULT_MAX_EVENT_BYTES) -> None:
        super().__init__(max_event_bytes)
        self._items = OutputItems()

    def rest(self) -> Chunk | None:
        """What items held back until they were whole."""
        deltas = tuple(self._items.close())
        return Chunk(deltas) if deltas else None

    def decode_event(self, event: Event) -> Chunk | None:
        try:
            body = lenient_object(event.data)
        except UpstreamGarbage:
            self.damaged = True
            return None
        name = event.event.decode("utf-8", "replace")
        status = error_status(body, name)
        if status is not None:
            self.error_status = status
        kind = text_of(body.get("type")) or name
        response = object_of(body.get("response"))
        deltas = tuple(self._deltas(kind, body, response))
        usage = decode_usage(response)
        reason = None
        if kind in FINAL_EVENTS:
            reason = decode_finish_reason(response, self._items.called)
        self.finished = self.finished or reason is not None
        return Chunk(
            deltas=deltas,
            usage=None if usage == NO_USAGE else usage,
            finish_reason=reason,
            raw=event.data.decode("utf-8", "replace"),
            response_id=text_of(response.get("id")),
            created=decode_created(response),
        )

    def _deltas(self, kind: str, body: Body, response: Body) -> Iterator[Delta]:
        items = self._items
        if kind in FINAL_EVENTS:
            yield from items.finish_all(response.get("output"))
        elif kind == "response.output_item.added":
            yield from items.begin(_place(items, body), object_of(body.get("item")))
        elif kind == "response.output_item.done":
            yield from items.finish(_place(items, body), object_of(body.get("item")))
        elif kind.endswith(".delta"):
            yield from self._text_deltas(kind, body, _delta(body))

    def _text_deltas(self, kind: str, body: Body, text: str) -> Iterator[Delta]:
        items, place = self._items, self._items.place_of(body)
        if kind == "response.output_text.delta":
            yield from items.text(place, _part(body, "content_index"), text)
        elif kind == "response.refusal.delta":
            items.refusal(place, _part(body, "content_index"), text)
        elif kind in _ARGUMENTS:
            yield from items.arguments(place, text)
        elif kind == "response.reasoning_text.delta":
            yield from items.thought(place, _part(body, "content_index"), text)
        elif kind == "response.reasoning_summary_text.delta":
            yield from items.summary(place, _part(body, "summary_index"), text)


def _delta(body: Body) -> str:
    """The delta as it came: a surrogate pair may be cut in two between this one and the next."""
    delta = body.get("delta")
    return delta if isinstance(delta, str) else ""


def _place(items: OutputItems, body: Body) -> str:
    """An item may be told by its own id where the event names no place."""
    item = object_of(body.get("item"))
    return items.place_of({"item_id": item.get("id"), **body})


def _part(body: Body, key: str) -> str:
    index = body.get(key)
    return str(index) if isinstance(index, int) else "0"

"""Streamed answers, decoded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from proxy.errors import UpstreamGarbage
from proxy.types.response import Chunk, Delta, UnknownDelta
from proxy.types.usage import NO_USAGE
from proxy.wire.events import EventDecoder
from proxy.wire.lenient import lenient_object
from proxy.wire.responses.errors import FINAL_EVENTS, error_status
from proxy.wire.responses.extras import Members
from proxy.wire.responses.output import ARGUMENTS, SUMMARY, OutputItems
from proxy.wire.responses.response import (
    decode_created,
    decode_finish_reason,
    decode_logprobs,
    decode_usage,
    token_logprobs,
)
from proxy.wire.sse import DEFAULT_MAX_EVENT_BYTES, Event
from proxy.wire.values import object_of, objects_of, text_of

_WHOLE: Mapping[str, str] = MappingProxyType(
    {
        "response.output_text": "text",
        "response.refusal": "refusal",
        "response.function_call_arguments": "arguments",
        "response.custom_tool_call_input": "input",
        "response.reasoning_text": "text",
        "response.reasoning_summary_text": "text",
    }
)
"""The member in which `….done` repeats what `….delta` said."""

_SILENT = frozenset(
    {
        "",
        "error",
        "keepalive",
        "ping",
        "response.content_part.added",
        "response.content_part.done",
        "response.created",
        "response.in_progress",
        "response.queued",
        "response.reasoning_summary_part.added",
        "response.reasoning_summary_part.done",
        *FINAL_EVENTS,
    }
)
"""Events that say nothing which does not come elsewhere. So it is with all others that name an
item: they tell of its progress, and it will come whole."""


class StreamDecoder(EventDecoder):
    """See `EventDecoder`."""

    def __init__(
        self, max_event_bytes: int = DEFAULT_MAX_EVENT_BYTES, *, tell_damage: bool = False
    ) -> None:
        super().__init__(max_event_bytes, tell_damage=tell_damage)
        self._items = OutputItems()
        self._unknown = 0

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
            self.error_status, self.error_body = status, event.data
        return self._chunk(text_of(body.get("type")) or name, body, event.data)

    def _chunk(self, kind: str, body: Members, data: bytes) -> Chunk:
        response = object_of(body.get("response"))
        logprobs = decode_logprobs(self._logprobs(kind, body, response))
        deltas = tuple(self._deltas(kind, body, response, data))
        usage = decode_usage(response)
        reason = None
        if kind in FINAL_EVENTS:
            reason = decode_finish_reason(response, self._items.called, kind)
        self.finished = self.finished or reason is not None
        self.done = kind in FINAL_EVENTS and kind != "error"
        return Chunk(
            deltas=deltas,
            usage=None if usage == NO_USAGE else usage,
            finish_reason=reason,
            raw=data.decode("utf-8", "replace"),
            response_id=text_of(response.get("id")),
            created=decode_created(response),
            logprobs=logprobs,
            service_tier=text_of(response.get("service_tier")) if kind in FINAL_EVENTS else "",
        )

    def _deltas(self, kind: str, body: Members, response: Members, data: bytes) -> Iterator[Delta]:
        items = self._items
        if kind in FINAL_EVENTS:
            yield from items.finish_all(response.get("output"))
        elif kind == "response.output_item.added":
            yield from items.begin(_place(items, body), object_of(body.get("item")))
        elif kind == "response.output_item.done":
            yield from items.finish(_place(items, body), object_of(body.get("item")))
        elif kind == "response.output_text.annotation.added":
            annotation = object_of(body.get("annotation"))
            yield from items.annotation(
                items.place_of(body), _part(body, "content_index"), annotation
            )
        elif kind.rpartition(".")[0] in _WHOLE:
            yield from self._texts(kind, body)
        elif kind not in _SILENT and not {"item_id", "output_index"} & body.keys():
            self._unknown += 1
            yield UnknownDelta(f"event {self._unknown}", data)

    def _texts(self, kind: str, body: Members) -> Iterator[Delta]:
        subject, _, moment = kind.rpartition(".")
        member = "delta" if moment == "delta" else _WHOLE[subject]
        # As it came: a surrogate pair may be cut in two between this delta and the next.
        given = body.get(member)
        text = given if isinstance(given, str) else ""
        items, place = self._items, self._items.place_of(body)
        part = _part(body, "summary_index" if "summary" in subject else "content_index")
        if subject == "response.refusal":
            if moment == "delta":
                items.refusal(place, part, text)
            elif isinstance(given, str):
                yield from items.refused(place, part, text)
            return
        if moment == "done":
            text = items.rest(place, _key(subject, part), text)
            if not text:
                return
        if subject == "response.output_text":
            yield from items.text(place, part, text)
        elif subject == "response.reasoning_text":
            yield from items.thought(place, part, text)
        elif subject == "response.reasoning_summary_text":
            yield from items.summary(place, part, text)
        else:
            yield from items.arguments(place, text)

    def _logprobs(self, kind: str, body: Members, response: Members) -> Iterator[Members]:
        """Those of a delta's tokens, or those of a whole message that had none in its deltas."""
        items = self._items
        if kind == "response.output_text.delta":
            tokens = objects_of(body.get("logprobs"))
            if tokens:
                items.weighed(items.place_of(body))
            yield from tokens
        elif kind == "response.output_item.done":
            yield from self._unweighed(_place(items, body), object_of(body.get("item")))
        elif kind in FINAL_EVENTS:
            for index, item in enumerate(objects_of(response.get("output"))):
                yield from self._unweighed(items.place_in(index, item), item)

    def _unweighed(self, place: str, item: Members) -> Iterator[Members]:
        if self._items.is_new(place):
            self._items.weighed(place)
            yield from token_logprobs(item)


def _key(subject: str, part: str) -> str:
    """How the items call a text, of which a `done` event repeats the whole."""
    if subject in ("response.function_call_arguments", "response.custom_tool_call_input"):
        return ARGUMENTS
    return f"{SUMMARY} {part}" if "summary" in subject else part


def _place(items: OutputItems, body: Members) -> str:
    """An item may be told by its own id where the event names no place."""
    item = object_of(body.get("item"))
    return items.place_of({"item_id": item.get("id"), **body})


def _part(body: Members, key: str) -> str:
    index = body.get(key)
    return str(index) if isinstance(index, int) else "0"

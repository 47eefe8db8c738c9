"""Streamed answers, decoded."""

from __future__ import annotations

from proxy.errors import UpstreamGarbage
from proxy.types.response import Chunk, TextDelta
from proxy.types.usage import NO_USAGE
from proxy.wire.chat_completions.errors import find_error
from proxy.wire.chat_completions.response import decode_finish_reason, decode_usage, first_choice
from proxy.wire.events import EventDecoder
from proxy.wire.lenient import lenient_object
from proxy.wire.sse import Event
from proxy.wire.values import count_of, text_of

BLOCK_ID = "0"


class StreamDecoder(EventDecoder):
    """See `EventDecoder`."""

    def decode_event(self, event: Event) -> Chunk | None:
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

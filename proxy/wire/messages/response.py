"""Whole answers."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from proxy.errors import InvalidRequest, UpstreamGarbage
from proxy.types.response import Answer, FinishReason
from proxy.types.usage import NO_USAGE, Usage
from proxy.wire.lenient import lenient_dumps, lenient_loads
from proxy.wire.members import object_members, value_of
from proxy.wire.messages.content import Raw, decode_answer_block, items_of
from proxy.wire.values import count_of, object_of, raw_text, text_of

_FINISH_REASONS: Mapping[str, FinishReason] = MappingProxyType(
    {
        "end_turn": "stop",
        "max_tokens": "length",
        "model_context_window_exceeded": "length",
        "refusal": "content_filter",
        "stop_sequence": "stop_sequence",
        "tool_use": "tool_call",
    }
)
"""A turn that is only paused, or ends for a reason yet to be invented, ends for an unknown one."""


def decode_response(body: bytes) -> Answer:
    """A whole answer. Members that are missing, null or of another type count as not there.

    Raises:
        UpstreamGarbage: it is no JSON, or nested too deeply.
    """
    try:
        return _decode(_members(body), body)
    except (InvalidRequest, RecursionError) as error:
        raise UpstreamGarbage(f"no JSON: {error}") from error


def _members(body: bytes) -> Raw:
    """Those of the object, raw; what strict parsers refuse is written anew."""
    try:
        return object_members(body)
    except InvalidRequest:
        value = lenient_loads(body)
    return object_members(lenient_dumps(value)) if isinstance(value, dict) else {}


def _decode(members: Raw, body: bytes) -> Answer:
    usage = object_of(value_of(members.get("usage", b"null")))
    return Answer(
        id=raw_text(members.get("id")) or "",
        blocks=tuple(map(decode_answer_block, items_of(members.get("content")))),
        usage=decode_usage(usage),
        finish_reason=decode_finish_reason(raw_text(members.get("stop_reason"))),
        raw_response=body.decode("utf-8", "replace"),
        stop_sequence=raw_text(members.get("stop_sequence")),
        service_tier=text_of(usage.get("service_tier")),
    )


def decode_finish_reason(word: object) -> FinishReason | None:
    """The neutral word for the protocol's."""
    if not isinstance(word, str) or not word:
        return None
    return _FINISH_REASONS.get(word, "unknown")


def decode_usage(usage: Mapping[str, object]) -> Usage:
    """The token counts. The protocol counts what came from the cache, and what went into it,
    beside the other input; the neutral input is all of it."""
    if not usage:
        return NO_USAGE
    given, read = (
        count_of(usage.get("input_tokens")),
        count_of(usage.get("cache_read_input_tokens")),
    )
    written = _written(usage)
    known = [count for count in (given, read, written) if count is not None]
    details = object_of(usage.get("output_tokens_details"))
    return Usage(
        sum(known) if known else None,
        count_of(usage.get("output_tokens")),
        read,
        written,
        count_of(details.get("thinking_tokens")),
    )


def _written(usage: Mapping[str, object]) -> int | None:
    """Tokens that went into the cache; where no sum is given, that of its parts by time to live."""
    written = count_of(usage.get("cache_creation_input_tokens"))
    if written is not None:
        return written
    parts = map(count_of, object_of(usage.get("cache_creation")).values())
    known = [count for count in parts if count is not None]
    return sum(known) if known else None

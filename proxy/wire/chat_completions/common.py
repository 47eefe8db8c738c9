"""What nearly all answers are: one choice that is some text; and what nearly all chunks are, too.

A typed parser reads them in one step, and refuses all others: those with a member that is not
listed here, or with a value where these have none. `response` and `stream` read them, slower and
with all that vendors have thought of. What both can read, both read alike: the tests hold them
against each other.
"""

from __future__ import annotations

from typing import Any

import msgspec

from proxy.types.content import Text
from proxy.types.response import Answer, Chunk, TextDelta
from proxy.types.usage import NO_USAGE
from proxy.wire.chat_completions.encode_stream import BLOCK_ID
from proxy.wire.chat_completions.finish_reasons import decode_finish_reason
from proxy.wire.chat_completions.ordinary import UNREADABLE, Count, Counts, Nothing


class _Said(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """A message, or a delta."""

    content: str | None = None
    role: Any = None
    refusal: None = None
    annotations: Nothing = None
    tool_calls: Nothing = None
    function_call: None = None
    audio: None = None
    reasoning: None = None
    reasoning_content: None = None
    reasoning_details: Nothing = None


class _Placed(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """What a choice has beside what is said, whole or in part."""

    index: Count = None
    finish_reason: str | None = None
    logprobs: None = None
    stop_reason: None = None
    matched_stop: None = None


class _Choice(_Placed, kw_only=True, gc=False):
    message: _Said


class _Part(_Placed, kw_only=True, gc=False):
    delta: _Said


class _Usage(Counts, gc=False):
    service_tier: str | None = None


class _Named(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """What an answer says of itself, and each of its chunks again."""

    id: str | None = None
    object: Any = None
    created: Count = None
    model: Any = None
    system_fingerprint: Any = None
    service_tier: str | None = None


class _Answer(_Named, kw_only=True, gc=False):
    choices: tuple[_Choice]
    usage: _Usage | None = None


class _Chunk(_Named, kw_only=True, gc=False):
    choices: tuple[_Part]
    usage: None = None
    obfuscation: Any = None


_decode_answer = msgspec.json.Decoder(_Answer).decode
_decode_chunk = msgspec.json.Decoder(_Chunk).decode
_NOTHING_SAID = ()


def decode_common_answer(body: bytes) -> Answer | None:
    """A whole answer; None where it is not of the common kind, as no error is."""
    try:
        said = _decode_answer(body)
    except UNREADABLE:
        return None
    (choice,) = said.choices
    text = choice.message.content
    if text is None or said.object == "error":
        return None
    usage, tier = said.usage, said.service_tier
    if usage is not None:
        tier = tier or usage.service_tier
    return Answer(
        said.id or "",
        (Text(text),),
        NO_USAGE if usage is None else usage.usage(),
        decode_finish_reason(choice.finish_reason),
        body.decode("utf-8", "replace"),
        said.created or 0,
        service_tier=tier or "",
    )


def decode_common_chunk(data: bytes) -> Chunk | None:
    """The chunk in an event's data, which is no error; None where it is not of the common kind."""
    try:
        said = _decode_chunk(data)
    except UNREADABLE:
        return None
    (part,) = said.choices
    if part.index:
        return None
    text = part.delta.content
    return Chunk(
        _NOTHING_SAID if text is None else (TextDelta(BLOCK_ID, text),),
        None,
        decode_finish_reason(part.finish_reason),
        data.decode("utf-8", "replace"),
        said.id or "",
        said.created or 0,
        service_tier=said.service_tier or "",
    )

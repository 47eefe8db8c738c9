"""What nearly all answers are: one choice that is some text; and what nearly all chunks are, too.

A typed parser reads them in one step, and refuses all others: those with a member that is not
listed here, or with a value where these have none. (What may be anything is not read by the
complete way either.) `response` and `stream` read them, slower and
with all that vendors have thought of. What both can read, both read alike: the tests hold them
against each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import msgspec

from proxy.types.content import Text
from proxy.types.response import Answer, Chunk, TextDelta
from proxy.types.usage import NO_USAGE
from proxy.wire.chat_completions.encode_stream import BLOCK_ID
from proxy.wire.chat_completions.finish_reasons import decode_finish_reason
from proxy.wire.chat_completions.ordinary import UNREADABLE, Count, Counts, Kind, Nothing


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
    native_finish_reason: Any = None
    content_filter_results: Any = None
    seed: Any = None
    text: Any = None


class _Choice(_Placed, kw_only=True, gc=False):
    message: _Said


class _Part(_Placed, kw_only=True, gc=False):
    delta: _Said


class _Usage(Counts, gc=False):
    service_tier: str | None = None


class _Named(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """What an answer says of itself, and each of its chunks again."""

    id: str | None = None
    object: Kind = None
    created: Count = None
    model: Any = None
    system_fingerprint: Any = None
    provider: Any = None
    service_tier: str | None = None


class _Answer(_Named, kw_only=True, gc=False):
    choices: tuple[_Choice]
    usage: _Usage | None = None


class _Event(_Named, kw_only=True, gc=False):
    usage: None = None
    obfuscation: Any = None


class _Chunk(_Event, kw_only=True, gc=False):
    choices: tuple[_Part]


class _MoreText(_Placed, kw_only=True, gc=False):
    index: Literal[0] | None = None
    finish_reason: None = None
    delta: _Said


class _TextChunk(_Event, kw_only=True, gc=False):
    choices: tuple[_MoreText]


_decode_answer = msgspec.json.Decoder(_Answer).decode
_decode_chunk = msgspec.json.Decoder(_Chunk).decode
_decode_text = msgspec.json.Decoder(_TextChunk).decode
_NOTHING_SAID = ()


def decode_common_answer(body: bytes) -> Answer | None:
    """A whole answer; None where it is not of the common kind, as no error is."""
    try:
        said = _decode_answer(body)
    except UNREADABLE:
        return None
    (choice,) = said.choices
    text = choice.message.content
    if text is None:
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


def text_and_padding(data: bytes) -> tuple[str | None, object] | None:
    """Of a common chunk that says no more than a text: that, and what pads it to some length."""
    try:
        said = _decode_text(data)
    except UNREADABLE:
        return None
    return said.choices[0].delta.content, said.obfuscation


def decode_texts(events: Sequence[bytes], service_tier: str) -> list[str] | None:
    """Of the data of events that are common chunks, the texts; None where one of them has none, or
    says more than that: why the answer ends, another tier."""
    texts = []
    for data in events:
        try:
            said = _decode_text(data)
        except UNREADABLE:
            return None
        text = said.choices[0].delta.content
        if not text or (said.service_tier or "") != service_tier:
            return None
        texts.append(text)
    return texts

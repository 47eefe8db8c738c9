"""Whole answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType

from proxy.errors import UpstreamGarbage
from proxy.types.content import Block, Text, ToolCall, Unknown
from proxy.types.response import Answer, Choice, FinishReason
from proxy.types.usage import NO_USAGE, Usage
from proxy.wire.gemini.logprobs import decode_logprobs
from proxy.wire.gemini.parts import CallIds, PartReader
from proxy.wire.gemini.sources import metadata_extra, metadata_of
from proxy.wire.lenient import lenient_dumps, lenient_object, whole_text
from proxy.wire.values import count_of, object_of, objects_of, text_of

_FILTERED: FinishReason = "content_filter"
_FINISH_REASONS: Mapping[str, FinishReason] = MappingProxyType(
    {
        "STOP": "stop",
        "MAX_TOKENS": "length",
        "CONTINUATION": "length",
        "SAFETY": _FILTERED,
        "RECITATION": _FILTERED,
        "BLOCKLIST": _FILTERED,
        "PROHIBITED_CONTENT": _FILTERED,
        "SPII": _FILTERED,
        "IMAGE_SAFETY": _FILTERED,
        "IMAGE_PROHIBITED_CONTENT": _FILTERED,
        "IMAGE_RECITATION": _FILTERED,
        "MODEL_ARMOR": _FILTERED,
        "ESCALATION": _FILTERED,
        "PUP_LIMITED_DISABLED": _FILTERED,
        "MALFORMED_FUNCTION_CALL": "tool_call",
        "UNEXPECTED_TOOL_CALL": "tool_call",
        "TOO_MANY_TOOL_CALLS": "tool_call",
    }
)
_NUMBERED = ("FINISH_REASON_UNSPECIFIED", "STOP", "MAX_TOKENS", "SAFETY", "RECITATION", "OTHER")
"""The reasons whose numbers mean the same everywhere; numbers come when a request asks for them."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """One of an answer's candidates, as far as it came."""

    index: int
    parts: Sequence[object]
    finish_reason: FinishReason | None
    logprobs: bytes | None
    metadata: Mapping[str, object]
    """What it says of its sources."""


def decode_response(body: bytes) -> Answer:
    """A whole answer. Members that are missing, null or of another type count as not there.

    Raises:
        UpstreamGarbage: it is no JSON, or nested too deeply.
    """
    try:
        return _decode(lenient_object(body), body.decode("utf-8", "replace"))
    except RecursionError:
        raise UpstreamGarbage("the answer is nested too deeply") from None


def _decode(answer: Mapping[str, object], text: str) -> Answer:
    reader = PartReader(CallIds(seed_of(answer)))
    choices = sorted(
        (_choice(candidate, reader) for candidate in read_candidates(answer)),
        key=lambda choice: choice.index,
    )
    first = choices[0] if choices else Choice(0, feedback_of(answer), blocked(answer))
    usage = object_of(answer.get("usageMetadata"))
    return Answer(
        id=text_of(answer.get("responseId")),
        blocks=first.blocks,
        usage=decode_usage(usage),
        finish_reason=first.finish_reason,
        raw_response=text,
        created=decode_time(answer),
        others=tuple(choices[1:]),
        logprobs=first.logprobs,
        service_tier=decode_tier(usage),
    )


def seed_of(answer: Mapping[str, object]) -> str:
    """What tells this answer from all others."""
    return text_of(answer.get("responseId")) or lenient_dumps(answer).decode()


def read_candidates(answer: Mapping[str, object]) -> list[Candidate]:
    """An answer's candidates, or those of a piece of one; an index given twice counts once."""
    found: dict[int, Candidate] = {}
    for place, candidate in enumerate(objects_of(answer.get("candidates"))):
        index = count_of(candidate.get("index"))
        index = place if index is None else index
        found.setdefault(index, _candidate(index, candidate))
    return list(found.values())


def _candidate(index: int, candidate: Mapping[str, object]) -> Candidate:
    parts = object_of(candidate.get("content")).get("parts")
    return Candidate(
        index,
        parts if isinstance(parts, list) else (),
        decode_finish_reason(candidate.get("finishReason")),
        decode_logprobs(candidate),
        metadata_of(candidate),
    )


def _choice(candidate: Candidate, reader: PartReader) -> Choice:
    blocks = [block for part in candidate.parts for block in reader.read(part)]
    if candidate.metadata:
        _add_metadata(blocks, candidate)
    reason = called_for(candidate.finish_reason, any(isinstance(b, ToolCall) for b in blocks))
    return Choice(candidate.index, tuple(blocks), reason, candidate.logprobs)


def _add_metadata(blocks: list[Block], candidate: Candidate) -> None:
    """Put what is said of the sources on the last text, or into a block of its own."""
    for place in range(len(blocks) - 1, -1, -1):
        block = blocks[place]
        if isinstance(block, Text):
            extra = metadata_extra(candidate.metadata, list(map(_shown, candidate.parts)))
            own = lenient_object(block.extra or b"{}")
            blocks[place] = replace(block, extra=lenient_dumps({**own, **lenient_object(extra)}))
            return
    blocks.append(Unknown(lenient_dumps(candidate.metadata)))


def _shown(part: object) -> str:
    """The text of a part that is no thought."""
    members = object_of(part)
    return "" if members.get("thought") is True else text_of(members.get("text"))


def decode_finish_reason(word: object) -> FinishReason | None:
    """The neutral word. As TensorZero, save for recitations, which are filtered content."""
    if isinstance(word, int) and not isinstance(word, bool):
        word = _NUMBERED[word] if 0 <= word < len(_NUMBERED) else "OTHER"
    if not isinstance(word, str) or not word:
        return None
    return _FINISH_REASONS.get(word.upper(), "unknown")


def called_for(reason: FinishReason | None, called: bool) -> FinishReason | None:
    """The protocol says `STOP` also where the model waits for its tools."""
    return "tool_call" if called and reason == "stop" else reason


def feedback_of(answer: Mapping[str, object]) -> tuple[Block, ...]:
    """Why a prompt got no candidate."""
    feedback = object_of(answer.get("promptFeedback"))
    return (Unknown(lenient_dumps({"promptFeedback": feedback})),) if feedback else ()


def blocked(answer: Mapping[str, object]) -> FinishReason | None:
    """The reason of an answer without candidates."""
    return _FILTERED if answer.get("promptFeedback") else None


def decode_usage(usage: Mapping[str, object]) -> Usage:
    """The token counts of a `usageMetadata`; thoughts are part of the output, what was taken from
    a cache is part of the input."""
    said, thought = (
        count_of(usage.get(name)) for name in ("candidatesTokenCount", "thoughtsTokenCount")
    )
    counts = [count for count in (said, thought) if count is not None]
    read = Usage(
        input_tokens=count_of(usage.get("promptTokenCount")),
        output_tokens=sum(counts) if counts else None,
        cache_read=count_of(usage.get("cachedContentTokenCount")),
        reasoning=thought,
    )
    return read if read.known else NO_USAGE


def decode_tier(usage: Mapping[str, object]) -> str:
    """In which tier the answer was made."""
    return whole_text(text_of(usage.get("serviceTier"))).lower()


def decode_time(answer: Mapping[str, object]) -> int:
    """`createTime` as Unix time."""
    try:
        return max(0, int(datetime.fromisoformat(text_of(answer.get("createTime"))).timestamp()))
    except (ValueError, OverflowError):
        return 0

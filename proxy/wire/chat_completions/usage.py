"""Counts of tokens, wherever vendors put them."""

from __future__ import annotations

from collections.abc import Mapping

from proxy.types.usage import NO_USAGE, Usage
from proxy.wire.values import count_of, object_of, objects_of, text_of


def decode_usage(answer: Mapping[str, object]) -> Usage:
    """The token counts of an answer or of a chunk.

    Where the total shows that thoughts were counted beside the output, they are part of it here, as
    TensorZero counts them. What was asked anew although it might have been cached is a write.
    """
    usage = _usage_of(answer)
    if usage is None:
        return NO_USAGE
    if usage.keys() <= _TOTALS:
        return Usage(_count(usage.get("prompt_tokens")), _count(usage.get("completion_tokens")))
    prompt = object_of(usage.get("prompt_tokens_details"))
    completion = object_of(usage.get("completion_tokens_details"))
    reasoning = _first(completion.get("reasoning_tokens"), usage.get("reasoning_tokens"))
    return Usage(
        _count(usage.get("prompt_tokens")),
        _output(usage, reasoning),
        _first(
            prompt.get("cached_tokens"),
            usage.get("prompt_cache_hit_tokens"),
            usage.get("cached_tokens"),
            usage.get("cache_read_input_tokens"),
            usage.get("num_cached_tokens"),
        ),
        _first(
            prompt.get("cache_write_tokens"),
            usage.get("cache_creation_input_tokens"),
            usage.get("prompt_cache_miss_tokens"),
        ),
        reasoning,
    )


def _usage_of(answer: Mapping[str, object]) -> Mapping[str, object] | None:
    """Most have it in the body; some beside the choice, or among what is their own."""
    usage = answer.get("usage")
    if isinstance(usage, dict):
        return usage
    places = (object_of(answer.get("x_groq")), *objects_of(answer.get("choices")))
    for place in places:
        usage = place.get("usage")
        if isinstance(usage, dict):
            return usage
    return None


_TOTALS = frozenset({"prompt_tokens", "completion_tokens", "total_tokens"})
"""Of a usage that tells no more."""


def service_tier_of(answer: Mapping[str, object]) -> str:
    """In which the answer was served; some tell it with the counts."""
    told = text_of(answer.get("service_tier"))
    usage = answer.get("usage")
    return told or (text_of(usage.get("service_tier")) if isinstance(usage, dict) else "")


def _count(value: object) -> int | None:
    """A count, which some servers spell as a text."""
    if value is None:
        return None
    if isinstance(value, str) and value.isascii() and value.isdecimal():
        return int(value) if len(value) < _LONGEST else None
    return count_of(value)


_LONGEST = 19
"""Digits of a count in a text."""


def _output(usage: Mapping[str, object], reasoning: int | None) -> int | None:
    """Thoughts are part of the output for most vendors, beside it for some."""
    counts = [_count(usage.get(key)) for key in ("prompt_tokens", "completion_tokens")]
    prompt, output = counts
    total = _count(usage.get("total_tokens"))
    if not reasoning or prompt is None or output is None or total is None:
        return output
    return output + reasoning if total == prompt + output + reasoning else output


def encode_usage(usage: Usage) -> dict[str, object]:
    """OpenAI's usage, with the total that strict clients insist on."""
    prompt, completion = usage.input_tokens or 0, usage.output_tokens or 0
    cached = {"cached_tokens": usage.cache_read, "cache_write_tokens": usage.cache_write}
    prompt_details = {key: count for key, count in cached.items() if count is not None}
    encoded: dict[str, object] = {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
    }
    if prompt_details:
        encoded["prompt_tokens_details"] = prompt_details
    if usage.reasoning is not None:
        encoded["completion_tokens_details"] = {"reasoning_tokens": usage.reasoning}
    return encoded


def _first(*values: object) -> int | None:
    for value in values:
        if value is not None and (count := _count(value)) is not None:
            return count
    return None

"""Counts of tokens, wherever vendors put them."""

from __future__ import annotations

from collections.abc import Mapping

from proxy.types.usage import NO_USAGE, Usage
from proxy.wire.values import count_of, object_of


def decode_usage(answer: Mapping[str, object]) -> Usage:
    """The token counts of an answer or of a chunk.

    Where the total shows that thoughts were counted beside the output, they are part of it here, as
    TensorZero counts them. What was asked anew although it might have been cached is a write.
    """
    usage = answer.get("usage")
    if not isinstance(usage, dict):
        extra = answer.get("x_groq")
        usage = extra.get("usage") if isinstance(extra, dict) else None
    if not isinstance(usage, dict):
        return NO_USAGE
    prompt = object_of(usage.get("prompt_tokens_details"))
    completion = object_of(usage.get("completion_tokens_details"))
    reasoning = _first(completion.get("reasoning_tokens"), usage.get("reasoning_tokens"))
    return Usage(
        count_of(usage.get("prompt_tokens")),
        _output(usage, reasoning),
        _first(
            prompt.get("cached_tokens"),
            usage.get("prompt_cache_hit_tokens"),
            usage.get("cached_tokens"),
        ),
        _first(
            prompt.get("cache_write_tokens"),
            usage.get("cache_creation_input_tokens"),
            usage.get("prompt_cache_miss_tokens"),
        ),
        reasoning,
    )


def _output(usage: Mapping[str, object], reasoning: int | None) -> int | None:
    """Thoughts are part of the output for most vendors, beside it for some."""
    counts = [count_of(usage.get(key)) for key in ("prompt_tokens", "completion_tokens")]
    prompt, output = counts
    total = count_of(usage.get("total_tokens"))
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
        count = count_of(value)
        if count is not None:
            return count
    return None

"""Whole answers of `/inference`, and errors."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import TypedDict

from proxy.types.content import AnyBlock, Json, output_block_json
from proxy.types.ids import Identifier
from proxy.types.response import FinishReason
from proxy.types.usage import Usage
from proxy.wire.dumps import dumps

Cost = Decimal | float
"""Dollars."""


class Head(TypedDict):
    """What every answer begins with."""

    inference_id: Identifier | str
    episode_id: Identifier | str
    variant_name: str


class Extras(TypedDict):
    """What stands beside an answer's content. What was not asked for is None; the lists hold raw
    entries (`wire.envelope.response.RawSource.entry`)."""

    usage: Usage
    cost: Cost | None
    finish_reason: FinishReason | None
    raw_usage: Sequence[bytes] | None
    original_response: str | None
    raw_response: Sequence[bytes] | None


def encode_inference_response(
    content: Sequence[AnyBlock],
    *,
    inference_id: Identifier | str,
    episode_id: Identifier | str,
    variant_name: str,
    usage: Usage,
    cost: Cost | None = None,
    finish_reason: FinishReason | None = None,
    raw_usage: Sequence[bytes] | None = None,
    original_response: str | None = None,
    raw_response: Sequence[bytes] | None = None,
) -> bytes:
    """The body of a chat function's answer.

    A bare `ToolCall` among the blocks counts as one of a known tool whose arguments are good if
    they are JSON. What was not asked for is None; the two lists hold raw entries
    (`wire.envelope.response.RawSource.entry`).
    """
    return dumps(
        {
            **_head(inference_id, episode_id, variant_name),
            "content": encode_content(content),
            "usage": encode_usage(usage, cost),
            **_extras(raw_usage, original_response, raw_response, finish_reason),
        }
    )


def encode_json_inference_response(
    raw: str | None,
    parsed: bytes | None,
    *,
    inference_id: Identifier | str,
    episode_id: Identifier | str,
    variant_name: str,
    usage: Usage,
    cost: Cost | None = None,
    finish_reason: FinishReason | None = None,
    raw_usage: Sequence[bytes] | None = None,
    original_response: str | None = None,
    raw_response: Sequence[bytes] | None = None,
) -> bytes:
    """The body of a JSON function's answer: what the model wrote, and the value (raw JSON) that it
    is, None when it is none that the schema takes. The rest as above."""
    return dumps(
        {
            **_head(inference_id, episode_id, variant_name),
            "output": encode_json_output(raw, parsed),
            "usage": encode_usage(usage, cost),
            **_extras(raw_usage, original_response, raw_response, finish_reason),
        }
    )


def encode_error(
    message: str,
    *,
    error_json: bytes | None = None,
    raw_response: Sequence[bytes] | None = None,
) -> bytes:
    """`{"error": …}`.

    `error_json` is the structured error (raw JSON), where the configuration asks for it;
    `raw_response` has raw entries, for a caller that asked for them.
    """
    body: dict[str, object] = {"error": message}
    if error_json is not None:
        body["error_json"] = error_json
    if raw_response:
        body["raw_response"] = list(raw_response)
    return dumps(body)


def encode_content(blocks: Sequence[AnyBlock]) -> list[Json]:
    """The blocks as a caller sees them."""
    return [output_block_json(block) for block in blocks]


def encode_json_output(raw: str | None, parsed: bytes | None) -> Json:
    """Both members always stand there."""
    return {"raw": raw, "parsed": parsed}


def encode_usage(usage: Usage, cost: Cost | None) -> Json:
    """Counts that are not known are null, those of a provider's cache are then left out."""
    encoded: dict[str, object] = {
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
    }
    if usage.cache_read is not None:
        encoded["provider_cache_read_input_tokens"] = usage.cache_read
    if usage.cache_write is not None:
        encoded["provider_cache_write_input_tokens"] = usage.cache_write
    encoded["cost"] = None if cost is None else float(cost)
    return encoded


def _head(inference_id: Identifier | str, episode_id: Identifier | str, variant_name: str) -> Json:
    return {
        "inference_id": str(inference_id),
        "episode_id": str(episode_id),
        "variant_name": variant_name,
    }


def _extras(
    raw_usage: Sequence[bytes] | None,
    original_response: str | None,
    raw_response: Sequence[bytes] | None,
    finish_reason: FinishReason | None,
) -> Json:
    members: dict[str, object] = {}
    if raw_usage is not None:
        members["raw_usage"] = list(raw_usage)
    if original_response is not None:
        members["original_response"] = original_response
    if raw_response is not None:
        members["raw_response"] = list(raw_response)
    if finish_reason is not None:
        members["finish_reason"] = finish_reason
    return members

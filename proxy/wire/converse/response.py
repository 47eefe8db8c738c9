"""Whole answers as neutral ones."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from proxy.errors import InvalidRequest, UpstreamGarbage
from proxy.types.content import Block, Text, Thought, ToolCall, Unknown
from proxy.types.response import Answer, FinishReason
from proxy.types.usage import NO_USAGE, Usage
from proxy.wire.converse.blocks import decode_block
from proxy.wire.converse.raws import Raw, answered_object, as_list, as_object
from proxy.wire.values import raw_integer, raw_text

_FINISH_REASONS: Mapping[str, FinishReason] = MappingProxyType(
    {
        "end_turn": "stop",
        "stop_sequence": "stop_sequence",
        "max_tokens": "length",
        "model_context_window_exceeded": "length",
        "tool_use": "tool_call",
        "content_filtered": "content_filter",
        "guardrail_intervened": "content_filter",
    }
)


def decode_response(body: bytes) -> Answer:
    """A whole answer. Members that are missing or of another type count as not there.

    Raises:
        UpstreamGarbage: it is no JSON, or has no message.
    """
    answer = answered_object(body)
    try:
        blocks = _decode_message(answer)
        return Answer(
            id="",
            blocks=blocks,
            usage=decode_usage(answer),
            finish_reason=decode_stop_reason(answer),
            raw_response=body.decode("utf-8", "replace"),
            stop_sequence=decode_stop_sequence(answer),
            service_tier=decode_tier(answer),
        )
    except InvalidRequest as error:  # JSON inside JSON that is none
        raise UpstreamGarbage(f"a part of the answer is no JSON: {error}") from error


def _decode_message(answer: Raw) -> tuple[Block, ...]:
    message = as_object(as_object(answer.get("output")).get("message"))
    if not message:
        raise UpstreamGarbage("the answer has no message")
    blocks = tuple(_decode_block(raw) for raw in as_list(message.get("content")))
    if len(blocks) > 1:
        blocks = tuple(block for block in blocks if _says_anything(block))
    return blocks


def _says_anything(block: Block) -> bool:
    if not isinstance(block, Text) or block.text:
        return True
    return bool(as_list(as_object(block.extra).get("citations")))


def _decode_block(raw: bytes) -> Block:
    """What an answer has beside these (images, results of tools that the provider runs itself) has
    no neutral form in one."""
    block = decode_block(raw)
    return block if isinstance(block, Text | ToolCall | Thought) else Unknown(raw)


def decode_stop_reason(answer: Raw) -> FinishReason | None:
    """TensorZero's word for the protocol's."""
    word = raw_text(answer.get("stopReason"))
    return _FINISH_REASONS.get(word, "unknown") if word else None


def decode_usage(answer: Raw) -> Usage:
    """The token counts. Those from the cache and for it, which the protocol counts apart, are input
    tokens, too."""
    usage = as_object(answer.get("usage"))
    if not usage:
        return NO_USAGE
    fresh = _count(usage, "inputTokens")
    read = _count(usage, "cacheReadInputTokens")
    written = _count(usage, "cacheWriteInputTokens")
    total = None if fresh is None else fresh + (read or 0) + (written or 0)
    return Usage(total, _count(usage, "outputTokens"), read, written)


def _count(usage: Raw, name: str) -> int | None:
    count = raw_integer(usage.get(name))
    return count if count is not None and count >= 0 else None


def decode_stop_sequence(answer: Raw) -> str | None:
    """The text that ended the answer, where the request asked for that field of the model's."""
    return raw_text(as_object(answer.get("additionalModelResponseFields")).get("stop_sequence"))


def decode_tier(answer: Raw) -> str:
    """In which service tier it was served; empty where that is not said."""
    return raw_text(as_object(answer.get("serviceTier")).get("type")) or ""

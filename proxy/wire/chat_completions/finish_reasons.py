"""Why an answer ended, in the words of all vendors."""

from __future__ import annotations

from collections.abc import Mapping

from proxy.types.response import FinishReason

_FINISH_REASONS: Mapping[str, FinishReason] = {
    "stop": "stop",
    "eos": "stop",
    "eos_token": "stop",
    "end_turn": "stop",
    "stop_sequence": "stop_sequence",
    "length": "length",
    "max_tokens": "length",
    "model_length": "length",
    "tool_calls": "tool_call",
    "tool_use": "tool_call",
    "function_call": "tool_call",
    "content_filter": "content_filter",
}


def decode_finish_reason(word: object) -> FinishReason | None:
    """TensorZero's word for a provider's."""
    if not isinstance(word, str) or not word:
        return None
    return _FINISH_REASONS.get(word, "unknown")

"""Whole answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

from proxy.errors import InvalidRequest
from proxy.types.content import Block, Json, Text, Thought, ToolCall, Unknown
from proxy.types.ids import Identifier
from proxy.types.immutable import immutable
from proxy.types.response import Answer, FinishReason
from proxy.types.usage import Usage
from proxy.wire.dumps import dumps
from proxy.wire.envelope.content import compact
from proxy.wire.members import object_members

NULL = b"null"

_FINISH_REASONS: Mapping[FinishReason, str] = {
    "length": "length",
    "content_filter": "content_filter",
    "tool_call": "tool_calls",
}


@immutable
class RawSource:
    """Where raw data comes from, for entries of `tensorzero_raw_usage` and `…_raw_response`."""

    provider_type: str
    model_inference_id: Identifier | None = None
    """None for an attempt that failed."""
    api_type: str = "chat_completions"
    tells_usage: bool = True
    """Whether its bodies say what it used; a provider without HTTP has none of its own."""

    def usage_entry(self, body: str | None) -> bytes:
        """The entry of the usage in a body or a chunk."""
        return self.entry(raw_usage_in(body) if self.tells_usage else NULL)

    def entry(self, data: str | bytes) -> bytes:
        """One entry: `data` is a text (a provider's body), or raw JSON (its usage)."""
        identifier = self.model_inference_id
        return dumps(
            {
                **({} if identifier is None else {"model_inference_id": str(identifier)}),
                "provider_type": self.provider_type,
                "api_type": self.api_type,
                "data": data,
            }
        )


USAGE_PATHS = (
    ("usage",),
    ("usageMetadata",),
    ("x_groq", "usage"),
    ("message", "usage"),
    ("response", "usage"),
)
"""Where bodies and chunks of the protocols tell of tokens."""


def raw_usage_in(text: str | None) -> bytes:
    """The usage as a provider's body or chunk has it, as raw JSON on one line; `null` when it has
    none."""
    if text is None or not any(path[-1] in text for path in USAGE_PATHS):
        return NULL
    raw = text.encode("utf-8", "replace")
    try:
        found = next((each for path in USAGE_PATHS if (each := _at(raw, path)) != NULL), NULL)
    except InvalidRequest:
        return NULL
    return compact(found).encode() if b"\n" in found or b"\r" in found else found


def _at(raw: bytes, path: Sequence[str]) -> bytes:
    """The raw value at a path of members; `null` where there is none."""
    for name in path:
        if not raw.startswith(b"{"):
            return NULL
        raw = object_members(raw).get(name, NULL)
    return raw


def served_model(function_name: str | None, variant_name: str, model_name: str) -> str:
    """What an answer's `model` says: function and variant, or the model that was called."""
    if function_name is None:
        return f"tensorzero::model_name::{model_name}"
    return f"tensorzero::function_name::{function_name}::variant_name::{variant_name}"


def encode_envelope_response(
    answer: Answer,
    *,
    inference_id: Identifier | str,
    episode_id: Identifier | str,
    model: str,
    created: int,
    json_function: bool = False,
    raw_output: str | None = None,
    raw_usage: Sequence[bytes] | None = None,
    raw_response: Sequence[bytes] | None = None,
    original_response: str | None = None,
    cost: Decimal | None = None,
) -> bytes:
    """The body of an answer that was not streamed.

    `model` is what `served_model` says, `created` Unix time in seconds. Of a JSON function
    `raw_output` is the content. What was not asked for is None; the two lists hold raw entries.
    """
    message = _message_of_json(raw_output) if json_function else _message(answer.blocks)
    reason = _FINISH_REASONS.get(answer.finish_reason or "stop", "stop")
    body: dict[str, object] = {
        "id": str(inference_id),
        "episode_id": str(episode_id),
        "choices": [{"index": 0, "finish_reason": reason, "message": message}],
        "created": created,
        "model": model,
        "system_fingerprint": "",
        "service_tier": None,
        "object": "chat.completion",
        "usage": encode_usage(answer.usage, cost),
    }
    if raw_usage is not None:
        body["tensorzero_raw_usage"] = list(raw_usage)
    if original_response is not None:
        body["tensorzero_original_response"] = original_response
    if raw_response is not None:
        body["tensorzero_raw_response"] = list(raw_response)
    return dumps(body)


def encode_finish_reason(reason: FinishReason | None) -> str:
    """OpenAI's word; `stop` for what it has no word for, and for none."""
    return _FINISH_REASONS.get(reason or "stop", "stop")


def encode_usage(usage: Usage, cost: Decimal | None = None) -> dict[str, object]:
    """Counts that are not known are left out, a cost (in dollars) that is not known is null."""
    prompt, completion = usage.input_tokens, usage.output_tokens
    encoded: dict[str, object] = {}
    if prompt is not None and completion is not None:
        encoded = {
            "prompt_tokens": prompt,
            "completion_tokens": completion,
            "total_tokens": prompt + completion,
        }
    elif prompt is not None:
        encoded["prompt_tokens"] = prompt
    elif completion is not None:
        encoded["completion_tokens"] = completion
    if usage.cache_read is not None:
        encoded["prompt_tokens_details"] = {"cached_tokens": usage.cache_read}
    if usage.cache_write is not None:
        encoded["tensorzero_provider_cache_write_input_tokens"] = usage.cache_write
    encoded["tensorzero_cost"] = None if cost is None else float(cost)
    return encoded


def _message_of_json(raw_output: str | None) -> Json:
    return {"role": "assistant", "content": raw_output}


def _message(blocks: Sequence[Block]) -> Json:
    if len(blocks) == 1 and isinstance(blocks[0], Text):
        return {"role": "assistant", "content": blocks[0].text}
    texts = [block.text for block in blocks if isinstance(block, Text)]
    calls = [_call(block) for block in blocks if isinstance(block, ToolCall)]
    extras = [
        _extra(block, index)
        for index, block in enumerate(blocks)
        if isinstance(block, Thought | Unknown)
    ]
    message: dict[str, object] = {
        "role": "assistant",
        "content": "".join(texts) if texts else None,
    }
    if calls:
        message["tool_calls"] = calls
    if extras:
        message["tensorzero_extra_content"] = extras
    return message


def _call(call: ToolCall) -> Json:
    function = {"name": call.name, "arguments": call.arguments}
    return {"id": call.id, "type": "function", "function": function}


def _extra(block: Thought | Unknown, index: int) -> Json:
    """The block as the native API shows it, with its place in the list of all blocks."""
    shown = block.as_json()
    return {"type": shown["type"], "insert_index": index, **shown}

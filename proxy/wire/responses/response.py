"""Whole answers, decoded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from proxy.types.content import Block, Text, Thought, ToolCall, Unknown, summary_to_json
from proxy.types.response import Answer, FinishReason
from proxy.types.usage import Usage
from proxy.wire.chat_completions.response import arguments_text, refusal_block
from proxy.wire.lenient import lenient_dumps, lenient_object
from proxy.wire.values import count_of, object_of, objects_of, text_of

TEXT_PARTS = ("output_text", "text")
CALL_ARGUMENTS = (("function_call", "arguments"), ("custom_tool_call", "input"))
"""The items that call a tool of the client's, and the member in which they say with what."""

_INCOMPLETE: Mapping[str, FinishReason] = {
    "max_output_tokens": "length",
    "max_tokens": "length",
    "content_filter": "content_filter",
}


def decode_response(body: bytes) -> Answer:
    """A whole answer. Members that are missing, null or of another type count as not there.

    Raises:
        UpstreamGarbage: it is no JSON.
    """
    response = lenient_object(body)
    items = objects_of(response.get("output"))
    blocks = tuple(block for item in items for block in decode_item(item))
    called = any(isinstance(block, ToolCall) for block in blocks)
    return Answer(
        id=text_of(response.get("id")),
        blocks=blocks,
        usage=decode_usage(response),
        finish_reason=decode_finish_reason(response, called),
        raw_response=body.decode("utf-8", "replace"),
        created=decode_created(response),
    )


def decode_item(item: Mapping[str, object]) -> Iterator[Block]:
    """The blocks of an item of the output; a message has one for each of its parts."""
    kind = item.get("type")
    arguments = call_arguments(item)
    if kind == "message":
        for part in objects_of(item.get("content")):
            yield from _decode_part(part)
    elif arguments is not None:
        yield ToolCall(call_id(item), text_of(item.get("name")), arguments)
    elif kind == "reasoning":
        yield decode_thought(item)
    else:
        yield Unknown(lenient_dumps(item))


def _decode_part(part: Mapping[str, object]) -> Iterator[Block]:
    """A part of a message; a text that is empty is none."""
    text, refusal = part.get("text"), part.get("refusal")
    if part.get("type") in TEXT_PARTS and isinstance(text, str):
        if text:
            yield Text(text_of(text))
    elif part.get("type") == "refusal" and isinstance(refusal, str):
        yield refusal_block(refusal)
    else:
        yield Unknown(lenient_dumps(part))


def decode_thought(item: Mapping[str, object]) -> Thought:
    """Reasoning: its own words where the provider shows them, its summary, and its sealed form."""
    texts = thought_texts(item)
    return Thought(
        text="".join(texts) if any(texts) else None,
        signature=text_of(item.get("encrypted_content")) or None,
        summary=summary_to_json(summary_texts(item)),
    )


def thought_texts(item: Mapping[str, object]) -> list[str]:
    """The texts of a reasoning item's own content."""
    return [text_of(part.get("text")) for part in objects_of(item.get("content"))]


def summary_texts(item: Mapping[str, object]) -> list[str]:
    """The texts of a reasoning item's summary."""
    return [text_of(part.get("text")) for part in objects_of(item.get("summary"))]


def call_arguments(item: Mapping[str, object]) -> str | None:
    """With what the item calls a tool of the client's; None if it is no such call."""
    for kind, member in CALL_ARGUMENTS:
        if item.get("type") == kind:
            return arguments_text(item.get(member))
    return None


def call_id(item: Mapping[str, object]) -> str:
    """The id by which the tool's result will name the call."""
    return text_of(item.get("call_id")) or text_of(item.get("id"))


def decode_usage(response: Mapping[str, object]) -> Usage:
    """The token counts of a response."""
    usage = object_of(response.get("usage"))
    taken = object_of(usage.get("input_tokens_details"))
    given = object_of(usage.get("output_tokens_details"))
    return Usage(
        count_of(usage.get("input_tokens")),
        count_of(usage.get("output_tokens")),
        count_of(taken.get("cached_tokens")),
        count_of(taken.get("cache_write_tokens")),
        count_of(given.get("reasoning_tokens")),
    )


def decode_finish_reason(response: Mapping[str, object], called: bool) -> FinishReason | None:
    """TensorZero's word for the way a response ended; None if it has not, or failed.

    A status that is missing, as some servers leave it, is that of a completed response if there is
    any output at all.
    """
    status = response.get("status")
    if status == "incomplete":
        reason = object_of(response.get("incomplete_details")).get("reason")
        return _INCOMPLETE.get(text_of(reason), "unknown")
    if status == "completed" or (status is None and response.get("output")):
        return "tool_call" if called else "stop"
    return None


def decode_created(response: Mapping[str, object]) -> int:
    """Unix time in seconds; some servers state it in fractions."""
    created = response.get("created_at")
    if isinstance(created, float) and 0 <= created < 1e15:
        return int(created)
    return count_of(created) or 0

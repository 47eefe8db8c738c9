"""Whole answers, decoded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from proxy.types.content import Block, Text, Thought, ToolCall, Unknown, summary_to_json
from proxy.types.response import Answer, FinishReason
from proxy.types.usage import Usage
from proxy.wire.chat_completions.response import arguments_text, refusal_block
from proxy.wire.lenient import lenient_dumps, lenient_object
from proxy.wire.responses.extras import Members, call_extra, text_extra, thought_data
from proxy.wire.values import count_of, object_of, objects_of, text_of

TEXT_PARTS = ("output_text", "text")
CALL_ARGUMENTS = (("function_call", "arguments"), ("custom_tool_call", "input"))
"""The items that call a tool of the client's, and the member in which they say with what."""

_INCOMPLETE: Mapping[str, FinishReason] = {
    "max_output_tokens": "length",
    "max_tokens": "length",
    "content_filter": "content_filter",
}
_ENDED = {"response.completed": "completed", "response.incomplete": "incomplete"}


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
        logprobs=decode_logprobs(each for item in items for each in token_logprobs(item)),
        service_tier=text_of(response.get("service_tier")),
    )


def decode_item(item: Members) -> Iterator[Block]:
    """The blocks of an item of the output; a message has one for each of its parts."""
    kind = item.get("type")
    arguments = call_arguments(item)
    if kind == "message":
        yield from _decode_message(item)
    elif arguments is not None:
        yield ToolCall(call_id(item), text_of(item.get("name")), arguments, call_extra(item))
    elif kind == "reasoning":
        yield decode_thought(item)
    else:
        yield Unknown(lenient_dumps(item))


def _decode_message(item: Members) -> Iterator[Block]:
    """The parts of a message; a text that is empty is none."""
    first = True
    for part in objects_of(item.get("content")):
        text = part_text(part)
        if text:
            yield Text(text_of(text), text_extra(item if first else None, part))
            first = False
        elif text is None:
            yield decode_other_part(part)


def part_text(part: Members) -> str | None:
    """The text of a part of an answer's message, as it came; None where it is no text."""
    text = part.get("text")
    return text if part.get("type") in TEXT_PARTS and isinstance(text, str) else None


def decode_other_part(part: Members) -> Unknown:
    """A part that is no text: a refusal, or what nobody here knows."""
    refusal = part.get("refusal")
    if part.get("type") == "refusal" and isinstance(refusal, str):
        return refusal_block(refusal)
    return Unknown(lenient_dumps(part))


def decode_thought(item: Members) -> Thought:
    """Reasoning: its own words where the provider shows them, its summary, and its sealed form."""
    texts = thought_texts(item)
    thought = Thought(
        text="".join(texts) if any(texts) else None,
        signature=text_of(item.get("encrypted_content")) or None,
        summary=summary_to_json(summary_texts(item)),
    )
    return replace(thought, extra_data=thought_data(item, thought))


def token_logprobs(item: Members) -> Iterator[Members]:
    """The log probabilities of the tokens of a message's texts."""
    for part in objects_of(item.get("content")) if item.get("type") == "message" else ():
        yield from objects_of(part.get("logprobs"))


def decode_logprobs(tokens: Iterable[Members]) -> bytes | None:
    """See `Answer.logprobs`: a token has the same members there, some of which may be left out."""
    content = [_logprob(token) for token in tokens]
    return lenient_dumps({"content": content}) if content else None


def _logprob(token: Members) -> dict[str, object]:
    top = [_likely(each) for each in objects_of(token.get("top_logprobs"))]
    return {**_likely(token), "top_logprobs": top}


def _likely(token: Members) -> dict[str, object]:
    return {key: token.get(key) for key in ("token", "logprob", "bytes")}


def thought_texts(item: Members) -> list[str]:
    """The texts of a reasoning item's own content."""
    return [text_of(part.get("text")) for part in objects_of(item.get("content"))]


def summary_texts(item: Members) -> list[str]:
    """The texts of a reasoning item's summary."""
    return [text_of(part.get("text")) for part in objects_of(item.get("summary"))]


def call_arguments(item: Members) -> str | None:
    """With what the item calls a tool of the client's; None if it is no such call."""
    for kind, member in CALL_ARGUMENTS:
        if item.get("type") == kind:
            return arguments_text(item.get(member))
    return None


def call_id(item: Members) -> str:
    """The id by which the tool's result will name the call."""
    return text_of(item.get("call_id")) or text_of(item.get("id"))


def decode_usage(response: Members) -> Usage:
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


def decode_finish_reason(response: Members, called: bool, event: str = "") -> FinishReason | None:
    """TensorZero's word for the way a response ended; None if it has not, or failed.

    A status that is missing, as some servers leave it, is that of the event which tells of the end,
    or else that of a completed response if there is any output at all.
    """
    status = response.get("status") or _ENDED.get(event)
    if status == "incomplete":
        reason = object_of(response.get("incomplete_details")).get("reason")
        return _INCOMPLETE.get(text_of(reason), "unknown")
    if status == "completed" or (status is None and response.get("output")):
        return "tool_call" if called else "stop"
    return None


def decode_created(response: Members) -> int:
    """Unix time in seconds; some servers state it in fractions."""
    created = response.get("created_at")
    if isinstance(created, float) and 0 <= created < 1e15:
        return int(created)
    return count_of(created) or 0

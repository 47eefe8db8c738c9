"""Whole answers of a provider as neutral ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from proxy.types.content import Block, Text, Thought, ToolCall, Unknown
from proxy.types.response import Answer, Choice
from proxy.wire.chat_completions.common import decode_common_answer
from proxy.wire.chat_completions.encode_answer import encode_finish_reason, encode_response
from proxy.wire.chat_completions.errors import find_error
from proxy.wire.chat_completions.finish_reasons import decode_finish_reason
from proxy.wire.chat_completions.logprobs import logprobs_of
from proxy.wire.chat_completions.message import (
    arguments_text,
    call_extra,
    called,
    choices_of,
    citations_extra,
    details_of,
    further_block,
    further_members,
    images_of,
    is_plain,
    reasoning_text,
    stop_sequence_of,
    tool_calls_of,
)
from proxy.wire.chat_completions.messages import decode_thinking, refusal_block
from proxy.wire.chat_completions.think_tags import FIELD_DATA, TAGS_DATA, split_thinking
from proxy.wire.chat_completions.thoughts import decode_detail, place_of, says_something
from proxy.wire.chat_completions.usage import decode_usage, encode_usage, service_tier_of
from proxy.wire.lenient import lenient_dumps, lenient_object, whole_text
from proxy.wire.values import count_of, text_of

__all__ = [
    "arguments_text",
    "choices_of",
    "decode_finish_reason",
    "decode_response",
    "decode_usage",
    "encode_finish_reason",
    "encode_response",
    "encode_usage",
    "find_error",
    "first_choice",
    "refusal_block",
]


def decode_response(body: bytes, *, think_tags: bool = False) -> Answer:
    """A whole answer. Members that are missing, null or of another type count as not there.

    With `think_tags`, what the text has between `<think>` and `</think>` is a thought.

    Raises:
        UpstreamGarbage: it is no JSON.
    """
    if not think_tags and (common := decode_common_answer(body)) is not None:
        return common
    return decode_uncommon(body, think_tags)


def decode_uncommon(body: bytes, think_tags: bool) -> Answer:
    """The same where it is known not to be a common one; it may be."""
    answer = lenient_object(body)
    choice, *others = _choices(answer) or [{}]
    return Answer(
        id=text_of(answer.get("id")),
        blocks=_decode_choice(choice, think_tags),
        usage=decode_usage(answer),
        finish_reason=decode_finish_reason(choice.get("finish_reason")),
        raw_response=body.decode("utf-8", "replace"),
        created=count_of(answer.get("created")) or 0,
        others=tuple(_other(index, other, think_tags) for index, other in enumerate(others, 1)),
        logprobs=logprobs_of(choice),
        stop_sequence=stop_sequence_of(choice),
        service_tier=service_tier_of(answer),
    )


def _choices(answer: Mapping[str, object]) -> list[Mapping[str, object]]:
    """In the order of their numbers; some servers count from 1, or number all of them 0."""
    return [choice for _, choice in sorted(choices_of(answer), key=lambda item: item[0])]


def _other(index: int, choice: Mapping[str, object], think_tags: bool) -> Choice:
    reason = decode_finish_reason(choice.get("finish_reason"))
    return Choice(index, _decode_choice(choice, think_tags), reason, logprobs_of(choice))


def first_choice(answer: Mapping[str, object]) -> Mapping[str, object]:
    """The choice of index 0, or of no index; an empty mapping when there is none."""
    return next((choice for index, choice in choices_of(answer) if not index), {})


def _decode_choice(choice: Mapping[str, object], think_tags: bool) -> tuple[Block, ...]:
    told = (choice.get(name) for name in ("message", "delta"))
    message = next((each for each in told if isinstance(each, dict)), None)
    if message is None:
        message = {"content": choice.get("text")}  # of an older protocol
    text = message.get("content")
    if isinstance(text, str) and not think_tags and is_plain(message):
        return (Text(whole_text(text)),)
    front, before = _decode_reasoning(message, think_tags)
    content = list(_decode_content(message.get("content"), think_tags))
    calls = [
        block for call in _decode_tool_calls(message) for block in (*before.pop(call.id, ()), call)
    ]
    blocks = [*front, *_cited(content, message), *calls, *_decode_rest(message)]
    if len(blocks) > 1:
        blocks = [block for block in blocks if block != Text("")]
    return tuple(blocks)


def _decode_content(content: object, think_tags: bool) -> Iterator[Block]:
    """The blocks of a `content`: a string, a list of parts, or structured output as an object."""
    if isinstance(content, str):
        yield from _decode_text(whole_text(content), think_tags)
    elif isinstance(content, dict):
        yield Text(lenient_dumps(content).decode())
    for part in content if isinstance(content, list) else ():
        if isinstance(part, str):
            yield Text(whole_text(part))
        elif isinstance(part, dict):
            yield _decode_part(part)


def _decode_text(text: str, think_tags: bool) -> Iterator[Block]:
    thought = None
    if think_tags:
        text, thought = split_thinking(text)
    if thought is not None:
        yield Thought(thought, extra_data=TAGS_DATA)
    yield Text(text)


def _decode_part(part: Mapping[str, object]) -> Block:
    kind = part.get("type")
    if kind in ("text", "output_text") and isinstance(part.get("text"), str):
        return Text(text_of(part.get("text")))
    thought = decode_thinking(part) if kind == "thinking" else None
    return thought or Unknown(lenient_dumps(part))


def _cited(content: list[Block], message: Mapping[str, object]) -> list[Block]:
    """The sources of a text belong to its first block."""
    extra = citations_extra(message)
    if extra is None:
        return content
    for index, block in enumerate(content):
        if isinstance(block, Text):
            return [*content[:index], Text(block.text, extra), *content[index + 1 :]]
    return [*content, Text("", extra)]


def _decode_reasoning(
    message: Mapping[str, object], think_tags: bool
) -> tuple[list[Block], dict[str, list[Block]]]:
    """The thoughts, and those of tool calls, by their ids."""
    text, details = reasoning_text(message), details_of(message)
    front: list[Block] = []
    if text and not any(map(says_something, details)):
        front.append(Thought(text, extra_data=FIELD_DATA if think_tags else None))
    ids = {text_of(call.get("id")) for call in tool_calls_of(message)} - {""}
    before: dict[str, list[Block]] = {}
    for detail in details:
        place = place_of(detail)
        (before.setdefault(place, []) if place in ids else front).append(decode_detail(detail))
    return front, before


def _decode_tool_calls(message: Mapping[str, object]) -> Iterator[ToolCall]:
    for call in tool_calls_of(message):
        name, arguments = called(call)
        yield ToolCall(text_of(call.get("id")), name, arguments, call_extra(call))
    legacy = message.get("function_call")
    if isinstance(legacy, dict):
        name, arguments = called({"function": legacy})
        yield ToolCall("", name, arguments, call_extra(legacy, legacy=True))


def _decode_rest(message: Mapping[str, object]) -> Iterator[Block]:
    refusal = message.get("refusal")
    if isinstance(refusal, str) and refusal:
        yield refusal_block(whole_text(refusal))
    audio = message.get("audio")
    if isinstance(audio, dict):
        yield Unknown(lenient_dumps({"type": "audio", "audio": audio}))
    yield from images_of(message)
    further = further_members(message)
    if further:
        yield further_block(further)

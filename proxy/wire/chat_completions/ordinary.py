"""Ordinary answers, read for the record at a fraction of the usual cost.

Most answers are one choice with a text, thoughts or tool calls, and counts of tokens. These are
read into typed values by a parser that passes over everything else, without one object for it.
What is not quite like that (several choices, other blocks, members that nobody knows, counts
spelled otherwise, damage, errors) is not read here at all: `None` says that the complete way,
`response` or `stream`, has to read it. Where both can, they find the same; the tests hold them
against each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter
from typing import Annotated, Any, Literal, TypeAlias

import msgspec
import orjson

from proxy.types.content import Block, Text, Thought, ToolCall, blocks_to_json, output_to_json
from proxy.types.decoded import Decoded
from proxy.types.exchange import ModelCall
from proxy.types.usage import NO_USAGE, Usage
from proxy.wire.chat_completions.finish_reasons import decode_finish_reason

UNREADABLE = (ValueError, RecursionError)
"""What the parser raises for what is not ordinary."""

Count: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=2**53)] | None
Nothing: TypeAlias = tuple[()] | None
"""A list that has to be empty."""
Kind: TypeAlias = Literal["chat.completion", "chat.completion.chunk", ""] | None
"""What an `object` calls itself that is no error."""


class _PromptDetails(msgspec.Struct, gc=False):
    cached_tokens: Count = None
    cache_write_tokens: Count = None


class _CompletionDetails(msgspec.Struct, gc=False):
    reasoning_tokens: Count = None


class Counts(msgspec.Struct, gc=False):
    """`usage`, with the names of all vendors."""

    prompt_tokens: Count = None
    completion_tokens: Count = None
    total_tokens: Count = None
    prompt_tokens_details: _PromptDetails | None = None
    completion_tokens_details: _CompletionDetails | None = None
    prompt_cache_hit_tokens: Count = None
    cached_tokens: Count = None
    cache_read_input_tokens: Count = None
    num_cached_tokens: Count = None
    cache_creation_input_tokens: Count = None
    prompt_cache_miss_tokens: Count = None
    reasoning_tokens: Count = None

    def usage(self) -> Usage:
        """The same as `usage.decode_usage` makes of it."""
        if _particular(self) == _NOTHING_PARTICULAR:
            return Usage(self.prompt_tokens, self.completion_tokens)
        prompt, completion = self.prompt_tokens_details, self.completion_tokens_details
        read = write = reasoning = None
        if prompt is not None:
            read, write = prompt.cached_tokens, prompt.cache_write_tokens
        if read is None:
            read = _first(
                self.prompt_cache_hit_tokens,
                self.cached_tokens,
                self.cache_read_input_tokens,
                self.num_cached_tokens,
            )
        if write is None:
            write = _first(self.cache_creation_input_tokens, self.prompt_cache_miss_tokens)
        if completion is not None:
            reasoning = completion.reasoning_tokens
        if reasoning is None:
            reasoning = self.reasoning_tokens
        output = self._output(reasoning) if reasoning else self.completion_tokens
        return Usage(self.prompt_tokens, output, read, write, reasoning)

    def _output(self, reasoning: int) -> int | None:
        prompt, output, total = self.prompt_tokens, self.completion_tokens, self.total_tokens
        if prompt is None or output is None or total is None:
            return output
        return output + reasoning if total == prompt + output + reasoning else output


_particular: Any = attrgetter(*Counts.__struct_fields__[3:])
_NOTHING_PARTICULAR = (None,) * len(Counts.__struct_fields__[3:])


class Holder(msgspec.Struct, gc=False):
    """`x_groq`: a place where some have the usage."""

    usage: Counts | None = None


class _Function(msgspec.Struct, gc=False):
    name: str | None = None
    arguments: str | None = None


class _Call(msgspec.Struct, gc=False):
    function: _Function
    id: str | None = None
    custom: None = None


class _Message(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    content: str | None = None
    role: str | None = None
    refusal: None = None
    annotations: Nothing = None
    tool_calls: list[_Call] | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    reasoning_details: Nothing = None
    function_call: None = None
    audio: None = None
    images: Nothing = None


class _Choice(msgspec.Struct, gc=False):
    message: _Message
    index: Count = None
    finish_reason: str | None = None
    usage: None = None


class _Answer(msgspec.Struct, gc=False):
    choices: tuple[_Choice]
    id: str | None = None
    usage: Counts | None = None
    x_groq: Holder | None = None
    object: Kind = None
    error: None = None


_decode_answer = msgspec.json.Decoder(_Answer).decode


def read_answer(body: bytes, call: ModelCall) -> Decoded | None:
    """What a whole answer means."""
    try:
        answer = _decode_answer(body)
    except UNREADABLE:
        return None
    (choice,) = answer.choices
    counts = answer.usage or (answer.x_groq.usage if answer.x_groq else None)
    usage = counts.usage() if counts else NO_USAGE
    blocks = _blocks_of(choice.message, call.provider_type or None)
    return decoded(blocks, usage, choice.finish_reason, answer.id or "")


def _blocks_of(message: _Message, provider_type: str | None) -> str | list[Block]:
    """What is said; where that is only a text, the text."""
    text, thought = message.content, message.reasoning_content or message.reasoning
    if text is not None and not thought and not message.tool_calls:
        return text
    blocks: list[Block] = [Thought(thought, provider_type=provider_type)] if thought else []
    if text:
        blocks.append(Text(text))
    return blocks + [_called(each) for each in message.tool_calls or ()]


def _called(call: _Call) -> ToolCall:
    function = call.function
    return ToolCall(call.id or "", function.name or "", function.arguments or "")


_TEXT, _END = b'[{"type":"text","text":', b"}]"


def decoded(
    blocks: str | Sequence[Block],
    usage: Usage,
    finish_reason: str | None,
    response_id: str,
    events: Sequence[str] = (),
    *,
    complete: bool = True,
) -> Decoded:
    """What the writer asks for. `blocks` may be a text, the only one."""
    shown = b""
    if isinstance(blocks, str):
        output = _TEXT + orjson.dumps(blocks) + _END
    else:
        output = blocks_to_json(blocks)
        called = any(isinstance(block, ToolCall) for block in blocks)
        shown = output_to_json(blocks) if called else b""
    told, said = usage.input_tokens, usage.output_tokens
    return Decoded(
        output,
        told,
        said,
        usage.cache_read,
        usage.cache_write,
        decode_finish_reason(finish_reason) if finish_reason else None,
        response_id,
        told is not None or said is not None,
        complete,
        "",
        True,
        shown,
        events,
        usage.reasoning,
    )


def _first(*counts: int | None) -> int | None:
    for count in counts:
        if count is not None:
            return count
    return None

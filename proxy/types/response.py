"""Neutral answers: whole, or in chunks."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import orjson

from proxy.errors import UpstreamError
from proxy.types.content import Block, Text, Thought, ToolCall, Unknown, summary_text
from proxy.types.immutable import immutable
from proxy.types.usage import NO_USAGE, Usage

_AUTHORED = (Thought, Unknown)
"""Blocks that bear the name of whoever wrote them."""

FinishReason = Literal["stop", "stop_sequence", "length", "tool_call", "content_filter", "unknown"]


@immutable
class Choice:
    """A further answer to the same request, of those that were asked for (`n`)."""

    index: int
    """From 1."""
    blocks: tuple[Block, ...]
    finish_reason: FinishReason | None = None
    logprobs: bytes | None = None


@immutable
class Answer:
    """A model's whole answer, or as much of it as arrived."""

    id: str
    """The provider's id of the answer; empty when it gave none."""
    blocks: tuple[Block, ...]
    usage: Usage = NO_USAGE
    finish_reason: FinishReason | None = None
    raw_response: str = ""
    """The provider's body; of a stream, its chunks joined by newlines."""
    created: int = 0
    """Unix time in seconds that the provider stated."""
    others: tuple[Choice, ...] = ()
    """Where several answers were asked for, those after the first."""
    logprobs: bytes | None = None
    """Raw JSON in OpenAI's form: `{"content": [{"token", "logprob", "bytes", "top_logprobs"}]}`."""
    stop_sequence: str | None = None
    """The configured text that ended the answer."""
    service_tier: str = ""
    """In which the provider says it was served; empty when it does not."""

    def signed_by(
        self, provider_type: str | None, model_name: str | None, provider_name: str | None
    ) -> Answer:
        """The same with its author's name on what only that one understands."""
        if not any(isinstance(block, _AUTHORED) for block in self.blocks):
            return self
        blocks = (_signed(block, provider_type, model_name, provider_name) for block in self.blocks)
        return replace(self, blocks=tuple(blocks))


@immutable
class TextDelta:
    """More of the text block `id`."""

    id: str
    text: str
    extra: bytes | None = None
    """As `Text.extra`; what comes later adds members, and items to `citations`."""


@immutable
class ToolCallDelta:
    """More of the tool call `id`; parts of the name, too, are to be joined."""

    id: str
    name: str | None
    arguments: str
    extra: bytes | None = None
    """As `ToolCall.extra`."""


@immutable
class ThoughtDelta:
    """More of the thought `id`."""

    id: str
    text: str | None = None
    signature: str | None = None
    summary_id: str | None = None
    """Which part of the thought's summary `summary_text` continues."""
    summary_text: str | None = None
    provider_type: str | None = None
    """None where it goes without saying: the provider that is being listened to."""
    extra_data: bytes | None = None
    """As `Thought.extra_data`."""


@immutable
class UnknownDelta:
    """A whole block without a neutral form, as raw JSON."""

    id: str
    data: bytes


def _signed(
    block: Block, provider_type: str | None, model_name: str | None, provider_name: str | None
) -> Block:
    match block:
        case Thought(provider_type=None):
            return replace(block, provider_type=provider_type)
        case Unknown(model_name=None, provider_name=None):
            return replace(block, model_name=model_name, provider_name=provider_name)
    return block


Delta = TextDelta | ToolCallDelta | ThoughtDelta | UnknownDelta


def as_delta(identifier: str, block: Block) -> Delta:
    """A whole block as the only part of itself; tool calls keep their own id, and the parts of a
    thought's summary become paragraphs of one."""
    match block:
        case Text(text):
            return TextDelta(identifier, text, block.extra)
        case ToolCall():
            return ToolCallDelta(block.id, block.name, block.arguments, block.extra)
        case Thought():
            said = summary_text(block.summary)
            return ThoughtDelta(
                identifier,
                block.text,
                block.signature,
                provider_type=block.provider_type,
                extra_data=block.extra_data,
                summary_id="0" if said else None,
                summary_text=said,
            )
        case Unknown(data):
            return UnknownDelta(identifier, data)
    return UnknownDelta(identifier, orjson.dumps(block.as_json()))


@immutable
class OtherDelta:
    """More of a choice after the first."""

    index: int
    deltas: tuple[Delta, ...] = ()
    finish_reason: FinishReason | None = None
    logprobs: bytes | None = None


@immutable
class Chunk:
    """A piece of an answer in the order of its coming."""

    deltas: tuple[Delta, ...] = ()
    usage: Usage | None = None
    finish_reason: FinishReason | None = None
    raw: str | None = None
    """The provider's own text of the chunk; None when this chunk was not one of its own."""
    response_id: str = ""
    created: int = 0
    error: UpstreamError | None = None
    """An error that the provider reports between two chunks, after which it goes on."""
    others: tuple[OtherDelta, ...] = ()
    """Of the choices after the first."""
    logprobs: bytes | None = None
    """As `Answer.logprobs`, of this chunk's tokens."""
    stop_sequence: str | None = None
    service_tier: str = ""

    def without_unknown(self) -> Chunk:
        """The same, less what has no neutral form."""
        return replace(
            self, deltas=tuple(each for each in self.deltas if not isinstance(each, UnknownDelta))
        )

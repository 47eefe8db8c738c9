"""From chunks to the answer that they make up, for every protocol."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from proxy.types.content import Block, Text, Thought, ToolCall, Unknown, summary_to_json
from proxy.types.response import (
    Answer,
    Chunk,
    Delta,
    FinishReason,
    TextDelta,
    ThoughtDelta,
    ToolCallDelta,
    UnknownDelta,
)
from proxy.types.usage import NO_USAGE, Usage
from proxy.wire.lenient import whole_text


class _Part(Protocol):
    """A block in the making."""

    def block(self) -> Block: ...


class _TextPart:
    def __init__(self) -> None:
        self.texts: list[str] = []

    def block(self) -> Block:
        return Text(whole_text("".join(self.texts)))


class _ThoughtPart:
    def __init__(self) -> None:
        self.texts: list[str] = []
        self.signature: str | None = None
        self.summaries: dict[str, list[str]] = {}

    def add(self, delta: ThoughtDelta) -> None:
        if delta.text is not None:
            self.texts.append(delta.text)
        self.signature = delta.signature or self.signature
        if delta.summary_text:
            self.summaries.setdefault(delta.summary_id or "", []).append(delta.summary_text)

    def block(self) -> Block:
        text = whole_text("".join(self.texts)) if self.texts else None
        summaries = ("".join(texts) for texts in self.summaries.values())
        summary = summary_to_json(map(whole_text, summaries))
        return Thought(text, self.signature, summary)


class _ToolCallPart:
    def __init__(self, identifier: str) -> None:
        self.id = identifier
        self.names: list[str] = []
        self.arguments: list[str] = []

    def block(self) -> Block:
        name, arguments = "".join(self.names), "".join(self.arguments)
        return ToolCall(self.id, whole_text(name), whole_text(arguments))


class _UnknownPart:
    def __init__(self, data: bytes) -> None:
        self.data = data

    def block(self) -> Block:
        return Unknown(self.data)


class ChunkAccumulator:
    """Add chunks, ask for the answer at any time; blocks stand as their first deltas came."""

    def __init__(self) -> None:
        self._parts: dict[tuple[str, str], _Part] = {}
        self._raw: list[str] = []
        self._usage: Usage = NO_USAGE
        self._finish_reason: FinishReason | None = None
        self._id = ""
        self._created = 0

    def add(self, chunk: Chunk) -> None:
        """Take the next chunk. Later usage and finish reasons win, member by member."""
        for delta in chunk.deltas:
            self._add(delta)
        if chunk.raw is not None:
            self._raw.append(chunk.raw)
        if chunk.usage is not None:
            self._usage = self._usage.updated(chunk.usage)
        self._finish_reason = chunk.finish_reason or self._finish_reason
        self._id = self._id or chunk.response_id
        self._created = self._created or chunk.created

    def answer(self) -> Answer:
        """What has come so far."""
        return Answer(
            id=self._id,
            blocks=tuple(part.block() for part in self._parts.values()),
            usage=self._usage,
            finish_reason=self._finish_reason,
            raw_response="\n".join(self._raw),
            created=self._created,
        )

    @property
    def raw_chunks(self) -> Sequence[str]:
        """The provider's own texts of the chunks."""
        return self._raw

    def _add(self, delta: Delta) -> None:
        if isinstance(delta, TextDelta):
            if delta.text:  # an empty one, with which many streams begin, is no block
                self._text(delta.id).texts.append(delta.text)
        elif isinstance(delta, ThoughtDelta):
            self._thought(delta.id).add(delta)
        elif isinstance(delta, ToolCallDelta):
            call = self._tool_call(delta.id)
            call.names.append(delta.name or "")
            call.arguments.append(delta.arguments)
        elif isinstance(delta, UnknownDelta):
            self._parts["unknown", delta.id] = _UnknownPart(delta.data)

    def _text(self, identifier: str) -> _TextPart:
        part = self._parts.setdefault(("text", identifier), _TextPart())
        assert isinstance(part, _TextPart)
        return part

    def _thought(self, identifier: str) -> _ThoughtPart:
        part = self._parts.setdefault(("thought", identifier), _ThoughtPart())
        assert isinstance(part, _ThoughtPart)
        return part

    def _tool_call(self, identifier: str) -> _ToolCallPart:
        part = self._parts.setdefault(("tool_call", identifier), _ToolCallPart(identifier))
        assert isinstance(part, _ToolCallPart)
        return part

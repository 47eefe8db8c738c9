"""From chunks to the answer that they make up, for every protocol."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from proxy.types.content import Block, Text, Thought, ToolCall, Unknown, summary_to_json
from proxy.types.response import (
    Answer,
    Choice,
    Chunk,
    Delta,
    FinishReason,
    OtherDelta,
    TextDelta,
    ThoughtDelta,
    ToolCallDelta,
    UnknownDelta,
)
from proxy.types.usage import NO_USAGE, Usage
from proxy.wire.lenient import lenient_dumps, lenient_object, whole_text


class _Part(Protocol):
    """A block in the making."""

    def block(self) -> Block: ...


class _Extra:
    """What deltas say beside their fields: later members add to earlier ones, lists grow."""

    def __init__(self) -> None:
        self._members: dict[str, object] = {}

    def add(self, extra: bytes | None) -> None:
        for key, value in lenient_object(extra).items() if extra else ():
            known = self._members.get(key)
            if isinstance(known, list) and isinstance(value, list):
                known.extend(value)
            elif value is not None or key not in self._members:
                self._members[key] = value

    def raw(self) -> bytes | None:
        return lenient_dumps(self._members) if self._members else None


class _TextPart:
    def __init__(self) -> None:
        self.texts: list[str] = []
        self.extra = _Extra()

    def add(self, delta: TextDelta) -> None:
        self.texts.append(delta.text)
        if delta.extra is not None:
            self.extra.add(delta.extra)

    def block(self) -> Block:
        return Text(whole_text("".join(self.texts)), self.extra.raw())


class _ThoughtPart:
    def __init__(self) -> None:
        self.texts: list[str] = []
        self.signature: str | None = None
        self.summaries: dict[str, list[str]] = {}
        self.provider_type: str | None = None
        self.extra_data: bytes | None = None

    def add(self, delta: ThoughtDelta) -> None:
        if delta.text is not None:
            self.texts.append(delta.text)
        self.signature = delta.signature or self.signature
        self.provider_type = delta.provider_type or self.provider_type
        self.extra_data = delta.extra_data or self.extra_data
        if delta.summary_text:
            self.summaries.setdefault(delta.summary_id or "", []).append(delta.summary_text)

    def block(self) -> Block:
        text = whole_text("".join(self.texts)) if self.texts else None
        summaries = ("".join(texts) for texts in self.summaries.values())
        summary = summary_to_json(map(whole_text, summaries))
        return Thought(text, self.signature, summary, self.provider_type, self.extra_data)


class _ToolCallPart:
    def __init__(self, identifier: str) -> None:
        self.id = identifier
        self.names: list[str] = []
        self.arguments: list[str] = []
        self.extra = _Extra()

    def add(self, delta: ToolCallDelta) -> None:
        self.names.append(delta.name or "")
        self.arguments.append(delta.arguments)
        self.extra.add(delta.extra)

    def block(self) -> Block:
        name, arguments = whole_text("".join(self.names)), whole_text("".join(self.arguments))
        return ToolCall(self.id, name, arguments, self.extra.raw())


class _UnknownPart:
    def __init__(self, data: bytes) -> None:
        self.data = data

    def block(self) -> Block:
        return Unknown(self.data)


class _Parts:
    """The blocks of one choice, in the order of their first deltas."""

    def __init__(self) -> None:
        self._parts: dict[tuple[str, str], _Part] = {}

    def blocks(self) -> tuple[Block, ...]:
        return tuple(part.block() for part in self._parts.values())

    def add(self, delta: Delta) -> None:
        if isinstance(delta, TextDelta):
            if delta.text or delta.extra:  # an empty one, with which many begin, is no block
                self.text(delta.id).add(delta)
        elif isinstance(delta, ThoughtDelta):
            self._thought(delta.id).add(delta)
        elif isinstance(delta, ToolCallDelta):
            self._tool_call(delta.id).add(delta)
        elif isinstance(delta, UnknownDelta):
            self._parts["unknown", delta.id] = _UnknownPart(delta.data)

    def text(self, identifier: str) -> _TextPart:
        part = self._parts.get(("text", identifier))
        if part is None:
            part = self._parts["text", identifier] = _TextPart()
        assert isinstance(part, _TextPart)
        return part

    def _thought(self, identifier: str) -> _ThoughtPart:
        part = self._parts.get(("thought", identifier))
        if part is None:
            part = self._parts["thought", identifier] = _ThoughtPart()
        assert isinstance(part, _ThoughtPart)
        return part

    def _tool_call(self, identifier: str) -> _ToolCallPart:
        part = self._parts.get(("tool_call", identifier))
        if part is None:
            part = self._parts["tool_call", identifier] = _ToolCallPart(identifier)
        assert isinstance(part, _ToolCallPart)
        return part


class _OtherChoice:
    """A choice after the first, in the making."""

    def __init__(self) -> None:
        self.parts = _Parts()
        self.finish_reason: FinishReason | None = None
        self.logprobs = _Extra()

    def add(self, other: OtherDelta) -> None:
        for delta in other.deltas:
            self.parts.add(delta)
        self.finish_reason = other.finish_reason or self.finish_reason
        self.logprobs.add(other.logprobs)


class ChunkAccumulator:
    """Add chunks, ask for the answer at any time; blocks stand as their first deltas came."""

    def __init__(self) -> None:
        self._parts = _Parts()
        self._others: dict[int, _OtherChoice] = {}
        self._logprobs = _Extra()
        self._stop_sequence: str | None = None
        self._service_tier = ""
        self._raw: list[str] = []
        self._events: list[bytes] = []
        """Of the last chunks, whose texts are made when they are asked for."""
        self._runs: dict[str, list[str]] = {}
        self._usage: Usage = NO_USAGE
        self._finish_reason: FinishReason | None = None
        self._id = ""
        self._created = 0
        self._answer: Answer | None = None

    def add(self, chunk: Chunk) -> None:
        """Take the next chunk. Later usage and finish reasons win, member by member."""
        self._answer = None
        for delta in chunk.deltas:
            self._parts.add(delta)
        for other in chunk.others:
            self._others.setdefault(other.index, _OtherChoice()).add(other)
        if chunk.logprobs is not None:
            self._logprobs.add(chunk.logprobs)
        if chunk.raw is not None:
            self._settle()
            self._raw.append(chunk.raw)
        if chunk.usage is not None:
            self._usage = self._usage.updated(chunk.usage)
        self._finish_reason = chunk.finish_reason or self._finish_reason
        self._id = self._id or chunk.response_id
        self._created = self._created or chunk.created
        self._service_tier = chunk.service_tier or self._service_tier
        if chunk.stop_sequence is not None:
            self._stop_sequence = chunk.stop_sequence

    def add_texts(self, identifier: str, texts: Sequence[str], events: bytes) -> None:
        """As `add`, of chunks that say only more of this text, which is not empty. They came as
        `events`, each of one line, `data: ` and a chunk, and a blank one."""
        self._answer = None
        run = self._runs.get(identifier)
        if run is None:
            run = self._runs[identifier] = self._parts.text(identifier).texts
        run += texts
        self._events.append(events)

    def _settle(self) -> None:
        if self._events:
            events, self._events = b"".join(self._events), []
            self._raw += events[6:-2].decode("utf-8", "replace").split("\n\ndata: ")

    def answer(self) -> Answer:
        """What has come so far."""
        if self._answer is None:
            self._answer = self._made()
        return self._answer

    def _made(self) -> Answer:
        self._settle()
        return Answer(
            id=self._id,
            blocks=self._parts.blocks(),
            usage=self._usage,
            finish_reason=self._finish_reason,
            raw_response="\n".join(self._raw),
            created=self._created,
            others=tuple(
                Choice(index, other.parts.blocks(), other.finish_reason, other.logprobs.raw())
                for index, other in sorted(self._others.items())
            ),
            logprobs=self._logprobs.raw(),
            stop_sequence=self._stop_sequence,
            service_tier=self._service_tier,
        )

    @property
    def raw_chunks(self) -> Sequence[str]:
        """The provider's own texts of the chunks."""
        self._settle()
        return self._raw

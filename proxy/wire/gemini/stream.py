"""Streamed answers.

Each object of a stream is an answer with a piece of its text; counts of tokens are those so far,
and the last ones hold. The protocol has no ids of blocks: texts that follow one another are one
block, a signature ends it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from proxy.errors import UpstreamGarbage
from proxy.types.content import Block, Text, Thought, ToolCall, Unknown
from proxy.types.response import (
    Chunk,
    Delta,
    FinishReason,
    OtherDelta,
    TextDelta,
    ToolCallDelta,
    UnknownDelta,
    as_delta,
)
from proxy.types.usage import NO_USAGE, Usage
from proxy.wire.events import EventDecoder
from proxy.wire.gemini.errors import find_error
from proxy.wire.gemini.frames import FrameReader
from proxy.wire.gemini.names import renamed_object
from proxy.wire.gemini.partial_args import ArgumentsWriter
from proxy.wire.gemini.parts import CallIds, PartReader
from proxy.wire.gemini.response import (
    Candidate,
    blocked,
    called_for,
    decode_tier,
    decode_time,
    decode_usage,
    feedback_of,
    read_candidates,
    seed_of,
)
from proxy.wire.gemini.sources import joined, metadata_extra
from proxy.wire.lenient import lenient_dumps, lenient_loads
from proxy.wire.sse import DEFAULT_MAX_EVENT_BYTES, Event
from proxy.wire.values import object_of, objects_of, text_of

_KNOWN = frozenset(
    {
        "candidates",
        "promptFeedback",
        "usageMetadata",
        "modelVersion",
        "responseId",
        "createTime",
        "error",
    }
)
"""Members of which an object of the stream has some."""


class StreamDecoder(EventDecoder):
    """See `EventDecoder`."""

    def __init__(
        self, max_event_bytes: int = DEFAULT_MAX_EVENT_BYTES, *, tell_damage: bool = False
    ) -> None:
        super().__init__(max_event_bytes, tell_damage=tell_damage)
        self._parser = FrameReader(max_event_bytes)
        self._reader: PartReader | None = None
        self._candidates: dict[int, _Candidate] = {}
        self._usage = NO_USAGE
        self._told = NO_USAGE
        self._unknown = 0

    def rest(self) -> Chunk | None:
        """The sources, of which later pieces may say more, and counts not told yet."""
        first = self._candidates.get(0)
        deltas = () if first is None else first.sources()
        others = tuple(
            OtherDelta(index, sources)
            for index, candidate in self._candidates.items()
            if index and (sources := candidate.sources())
        )
        usage = None if self._usage == self._told else self._usage
        if not deltas and not others and usage is None:
            return None
        return Chunk(deltas, usage, others=others)

    def decode_event(self, event: Event) -> Chunk | None:
        status = find_error(event.data, event.event)
        if status is not None:
            self.error_status, self.error_body = status, event.data
        try:
            value = lenient_loads(event.data)
            pieces = objects_of(value)
            return self._chunk(pieces[0] if pieces else object_of(value), event.data)
        except (UpstreamGarbage, RecursionError):
            self.damaged = True
            return None

    def _chunk(self, answer: Mapping[str, object], data: bytes) -> Chunk:
        if self._reader is None and answer.get("candidates"):
            self._reader = PartReader(CallIds(seed_of(answer)))
        taken = [(each, tuple(self._take(each))) for each in read_candidates(answer)]
        first = next(((each, deltas) for each, deltas in taken if each.index == 0), None)
        deltas = first[1] if first else ()
        reason = self._reason(first[0]) if first else None
        if not taken:
            deltas, reason = tuple(self._loose(answer)), blocked(answer)
        self.finished = self.finished or reason is not None
        metadata = object_of(answer.get("usageMetadata"))
        usage = decode_usage(metadata)
        self._usage = self._usage if usage == NO_USAGE else usage
        return Chunk(
            deltas=deltas,
            usage=self._tell_usage(),
            finish_reason=reason,
            raw=data.decode("utf-8", "replace"),
            response_id=text_of(answer.get("responseId")),
            created=decode_time(answer),
            others=tuple(
                OtherDelta(each.index, deltas, self._reason(each), each.logprobs)
                for each, deltas in taken
                if each.index
            ),
            logprobs=first[0].logprobs if first else None,
            service_tier=decode_tier(metadata),
        )

    def _take(self, piece: Candidate) -> Iterator[Delta]:
        assert self._reader is not None
        candidate = self._candidates.setdefault(piece.index, _Candidate(self._reader))
        return candidate.take(piece)

    def _reason(self, piece: Candidate) -> FinishReason | None:
        return called_for(piece.finish_reason, self._candidates[piece.index].called)

    def _tell_usage(self) -> Usage | None:
        """Counts are told at the end, for earlier ones may be larger than the last."""
        if not self.finished or self._usage == self._told:
            return None
        self._told = self._usage
        return self._usage

    def _loose(self, answer: Mapping[str, object]) -> Iterator[Delta]:
        """Of an object without candidates: why there are none, or what nobody knows."""
        for block in feedback_of(answer):
            yield as_delta("feedback", block)
        if answer and not answer.keys() & _KNOWN:
            self._unknown += 1
            yield UnknownDelta(f"event {self._unknown}", lenient_dumps(answer))


class _Candidate:
    """One candidate, as far as it came."""

    def __init__(self, reader: PartReader) -> None:
        self.called = False
        self._reader = reader
        self._last = ""  # the kind of block that the next part may go on with
        self._counts: dict[str, int] = {}
        self._texts: list[str] = []
        self._metadata: dict[str, object] = {}
        self._writer: ArgumentsWriter | None = None
        self._call = ""  # the id of the call that the writer writes

    def take(self, piece: Candidate) -> Iterator[Delta]:
        """The deltas of its next piece."""
        self._metadata = joined(self._metadata, piece.metadata)
        for part in piece.parts:
            call = _partial_call(part, open_call=self._writer is not None)
            if call is not None:
                yield from self._take_partial(object_of(part), call)
                continue
            for block in self._reader.read(part):
                yield from self._deltas(block)

    def sources(self) -> tuple[Delta, ...]:
        """What is said of the sources, on the last text or as a block of its own."""
        if not self._metadata:
            return ()
        if "text" not in self._counts:
            return (UnknownDelta("sources", lenient_dumps(self._metadata)),)
        extra = metadata_extra(self._metadata, ["".join(self._texts)])
        return (TextDelta(self._id("text"), "", extra),)

    def _deltas(self, block: Block) -> Iterator[Delta]:
        match block:
            case Text("", None):
                return
            case Text(text):
                self._texts.append(text)
                if block.extra is not None:  # of this part alone
                    self._last = ""
                yield as_delta(self._going_on("text"), block)
                if block.extra is not None:
                    self._last = ""
            case Thought(text, signature, extra_data=extra):
                yield as_delta(self._going_on("thought" if text is not None else "sign"), block)
                if text is None or signature is not None or extra is not None:
                    self._last = ""
            case ToolCall():
                self.called, self._last = True, "call"
                yield as_delta(block.id, block)
            case Unknown():
                self._last = ""
                yield as_delta(self._going_on("unknown"), block)

    def _going_on(self, kind: str) -> str:
        """The id of the block of this kind that is being written, or of a new one."""
        if kind != self._last:
            self._counts[kind] = self._counts.get(kind, -1) + 1
            self._last = kind
        return self._id(kind)

    def _id(self, kind: str) -> str:
        number = str(self._counts[kind])
        return f"signature {number}" if kind == "sign" else number

    def _take_partial(
        self, part: Mapping[str, object], call: Mapping[str, object]
    ) -> Iterator[Delta]:
        name = text_of(call.get("name"))
        if name or self._writer is None:
            begun = {**part, "functionCall": {"name": name, "id": call.get("id")}}
            for block in self._reader.read(begun):
                if isinstance(block, ToolCall):
                    self.called, self._last, self._call = True, "call", block.id
                    yield ToolCallDelta(block.id, name, "")
                else:
                    yield from self._deltas(block)
            self._writer = ArgumentsWriter()
        text = "".join(self._writer.add(each) for each in objects_of(call.get("partialArgs")))
        if call.get("willContinue") is not True:
            text += self._writer.close()
            self._writer = None
        if text:
            yield ToolCallDelta(self._call, None, text)


def _partial_call(part: object, *, open_call: bool) -> Mapping[str, object] | None:
    """The call in a part, if its arguments come in pieces."""
    call = renamed_object(renamed_object(part).get("functionCall"))
    goes_on = open_call and "functionCall" in renamed_object(part) and not call.get("name")
    pieces = "partialArgs" in call or call.get("willContinue") is True
    return call if goes_on or pieces else None

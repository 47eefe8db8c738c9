"""Streamed answers: decoded from a provider, encoded for a client."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from proxy.errors import UpstreamGarbage
from proxy.types.response import (
    Chunk,
    Delta,
    FinishReason,
    TextDelta,
    ThoughtDelta,
    ToolCallDelta,
    UnknownDelta,
)
from proxy.types.usage import NO_USAGE
from proxy.wire.accumulate import ChunkAccumulator
from proxy.wire.chat_completions.errors import find_error
from proxy.wire.chat_completions.response import (
    called,
    decode_finish_reason,
    decode_usage,
    encode_finish_reason,
    encode_usage,
    first_choice,
    reasoning_signature,
    reasoning_text,
    refusal_block,
    thinking_text,
    tool_calls_of,
)
from proxy.wire.events import EventDecoder
from proxy.wire.lenient import lenient_dumps, lenient_object
from proxy.wire.sse import DEFAULT_MAX_EVENT_BYTES, Event

__all__ = ["ChunkAccumulator", "StreamDecoder", "StreamEncoder"]

BLOCK_ID = "0"
THOUGHT_ID = "1"
"""The protocol has one text and one reasoning a choice, and no ids for them; these are those of
TensorZero."""


class StreamDecoder(EventDecoder):
    """See `EventDecoder`."""

    def __init__(
        self, max_event_bytes: int = DEFAULT_MAX_EVENT_BYTES, *, tell_damage: bool = False
    ) -> None:
        super().__init__(max_event_bytes, tell_damage=tell_damage)
        self._calls = _ToolCalls()
        self._refusal: list[str] = []
        self._unknown = 0

    def rest(self) -> Chunk | None:
        """The refusal, whose parts make one block."""
        if not self._refusal:
            return None
        block = refusal_block("".join(self._refusal))
        return Chunk((UnknownDelta("refusal", block.data),))

    def decode_event(self, event: Event) -> Chunk | None:
        status = find_error(event.data, event.event)
        if status is not None:
            self.error_status, self.error_body = status, event.data
        try:
            body = lenient_object(event.data)
        except UpstreamGarbage:
            self.damaged = True
            return None
        choice = first_choice(body)
        usage = decode_usage(body)
        reason = decode_finish_reason(choice.get("finish_reason"))
        self.finished = self.finished or reason is not None
        identifier, created = body.get("id"), body.get("created")
        return Chunk(
            deltas=tuple(self._deltas(choice)),
            usage=None if usage == NO_USAGE else usage,
            finish_reason=reason,
            raw=event.data.decode("utf-8", "replace"),
            response_id=identifier if isinstance(identifier, str) else "",
            created=created if isinstance(created, int) else 0,
        )

    def _deltas(self, choice: Mapping[str, object]) -> Iterator[Delta]:
        delta = choice.get("delta") or choice.get("message")
        if not isinstance(delta, dict):
            return
        yield from _reasoning(delta)
        yield from self._content(delta.get("content"))
        refusal = delta.get("refusal")
        if isinstance(refusal, str):
            self._refusal.append(refusal)
        for position, call in enumerate(tool_calls_of(delta)):
            yield self._calls.add(call, position)
        legacy = delta.get("function_call")
        if isinstance(legacy, dict):
            yield self._calls.add({"index": -1, "function": legacy}, 0)

    def _content(self, content: object) -> Iterator[Delta]:
        if isinstance(content, str):
            yield TextDelta(BLOCK_ID, content)
            return
        for part in content if isinstance(content, list) else ():
            if not isinstance(part, dict):
                continue
            text = part.get("text")
            if part.get("type") == "thinking":
                yield ThoughtDelta(THOUGHT_ID, thinking_text(part.get("thinking")))
            elif isinstance(text, str):
                yield TextDelta(BLOCK_ID, text)
            else:
                self._unknown += 1
                yield UnknownDelta(f"part {self._unknown}", lenient_dumps(part))


def _reasoning(delta: Mapping[str, object]) -> Iterator[ThoughtDelta]:
    text = reasoning_text(delta)
    signature = reasoning_signature(delta.get("reasoning_details"))
    if text or signature:
        yield ThoughtDelta(THOUGHT_ID, text, signature)


class _ToolCalls:
    """Which fragment belongs to which call.

    The index says so. Where it is missing, a fragment with a new id begins a call and one without
    goes on with the last. Some servers number all calls 0: there, a name under another id begins
    a new one. Ids and names that are repeated in each fragment count once.
    """

    def __init__(self) -> None:
        self._slots: dict[int, str] = {}  # index -> id of the call now open there
        self._names: dict[str, str] = {}  # id -> name so far
        self._last = 0

    def add(self, call: Mapping[str, object], position: int) -> ToolCallDelta:
        given = call.get("id")
        given_id = given if isinstance(given, str) else ""
        name, arguments = called(call)
        slot = self._slot(call.get("index"), given_id, position)
        identifier = self._slots.get(slot)
        if identifier is None or (given_id and given_id != identifier and name):
            identifier = self._open(slot, given_id)
        self._last = slot
        return ToolCallDelta(identifier, self._new_part(identifier, name), arguments)

    def _slot(self, index: object, given_id: str, position: int) -> int:
        if isinstance(index, int):
            return index
        if not given_id:
            return self._last + position if position else self._last
        for slot, identifier in self._slots.items():
            if identifier == given_id:
                return slot
        return max(self._slots, default=-1) + 1

    def _open(self, slot: int, given_id: str) -> str:
        identifier = given_id
        while identifier in self._names:  # two calls without an id, or of the same
            identifier = f"{given_id}#{len(self._names)}"
        self._slots[slot] = identifier
        self._names[identifier] = ""
        return identifier

    def _new_part(self, identifier: str, name: str) -> str | None:
        known = self._names[identifier]
        if not name or name == known:
            return None
        self._names[identifier] = known + name
        return name


class StreamEncoder:
    """Turns neutral chunks into OpenAI's events, as its strictest clients want them.

    The role stands in the first delta, a tool call's id and type in its first, and the finish
    reason, once, in a last chunk with an empty delta. The usage, if asked for and known, follows
    in a chunk without choices, then `[DONE]`.
    """

    def __init__(
        self, model: str, *, include_usage: bool = False, response_id: str = "", created: int = 0
    ) -> None:
        self._model = model
        self._include_usage = include_usage
        self._id = response_id
        self._created = created
        self._began = False
        self._usage = NO_USAGE
        self._finish_reason: FinishReason | None = None
        self._indices: dict[str, int] = {}

    def encode(self, chunk: Chunk) -> bytes:
        """The event for this chunk; empty bytes when it has nothing that is sent now."""
        self._id = self._id or chunk.response_id
        self._created = self._created or chunk.created
        self._finish_reason = chunk.finish_reason or self._finish_reason
        if chunk.usage is not None:
            self._usage = self._usage.updated(chunk.usage)
        if chunk.error is not None:
            return _sse({"error": {"message": str(chunk.error)}})
        delta = self._delta(chunk.deltas)
        return self._choice(delta, None) if delta else b""

    def close(self) -> bytes:
        """The end of a stream that came to its end."""
        reason = encode_finish_reason(self._finish_reason, bool(self._indices))
        end = b"" if self._began else self._choice({"content": ""}, None)
        end += self._choice({}, reason)
        if self._include_usage and self._usage.known:
            end += self._event([], usage=encode_usage(self._usage))
        return end + b"data: [DONE]\n\n"

    def _delta(self, deltas: tuple[Delta, ...]) -> dict[str, object]:
        delta: dict[str, object] = {}
        text = "".join(item.text for item in deltas if isinstance(item, TextDelta))
        thought = "".join(item.text or "" for item in deltas if isinstance(item, ThoughtDelta))
        if text or any(isinstance(item, TextDelta) for item in deltas):
            delta["content"] = text
        if thought:
            delta["reasoning_content"] = thought
        calls = [self._call(item) for item in deltas if isinstance(item, ToolCallDelta)]
        if calls:
            delta["tool_calls"] = calls
        refusals = (_refusal(item) for item in deltas if isinstance(item, UnknownDelta))
        refusal = next(filter(None, refusals), None)
        if refusal:
            delta["refusal"] = refusal
        return delta

    def _call(self, delta: ToolCallDelta) -> dict[str, object]:
        if delta.id in self._indices:
            function = {"arguments": delta.arguments}
            if delta.name:
                function["name"] = delta.name
            return {"index": self._indices[delta.id], "function": function}
        index = self._indices[delta.id] = len(self._indices)
        function = {"name": delta.name or "", "arguments": delta.arguments}
        return {"index": index, "id": delta.id, "type": "function", "function": function}

    def _choice(self, delta: dict[str, object], reason: str | None) -> bytes:
        if not self._began:
            self._began = True
            delta = {"role": "assistant", "content": None, **delta}
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}
        return self._event([choice], usage=None)

    def _event(self, choices: list[object], usage: dict[str, object] | None) -> bytes:
        body: dict[str, object] = {
            "id": self._id,
            "object": "chat.completion.chunk",
            "created": self._created,
            "model": self._model,
            "choices": choices,
        }
        if self._include_usage:
            body["usage"] = usage
        return _sse(body)


def _sse(body: dict[str, object]) -> bytes:
    return b"data: " + lenient_dumps(body) + b"\n\n"


def _refusal(delta: UnknownDelta) -> str | None:
    refusal = lenient_object(delta.data).get("refusal")
    return refusal if isinstance(refusal, str) else None

"""Neutral chunks as a stream for a client; what its members mean is told in `encode_answer`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from proxy.types.content import Thought, Unknown, summary_to_json
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
from proxy.wire.chat_completions.encode_answer import (
    Beside,
    encode_call,
    encode_finish_reason,
    encode_logprobs,
    encode_tier,
)
from proxy.wire.chat_completions.extra import dumps
from proxy.wire.chat_completions.thoughts import is_hidden, is_only_signed, show_detail
from proxy.wire.chat_completions.usage import encode_usage

BLOCK_ID = "0"
THOUGHT_ID = "1"
"""The protocol has one text and one reasoning a choice, and no ids for them; these are those of
TensorZero."""


class Author(NamedTuple):
    """Who gives the answer: its name on what only that one understands (`Answer.signed_by`)."""

    provider_type: str | None = None
    model_name: str | None = None
    provider_name: str | None = None


NOBODY = Author()


class StreamEncoder:
    """Turns neutral chunks into OpenAI's events, as its strictest clients want them.

    The role stands in the first delta, a tool call's id and type in its first, and the finish
    reason, once, in a last chunk with an empty delta; all this for each choice. The usage, if asked
    for and known, follows in a chunk without choices, then `[DONE]`.
    """

    def __init__(
        self,
        model: str,
        *,
        include_usage: bool = False,
        response_id: str = "",
        created: int = 0,
        author: Author = NOBODY,
    ) -> None:
        self._model = model
        self._author = author
        self._include_usage = include_usage
        self._id = response_id
        self._created = created
        self._usage = NO_USAGE
        self._service_tier = ""
        self._choices = {0: _Choice(0, author)}

    def encode(self, chunk: Chunk) -> bytes:
        """The events for this chunk; empty bytes when it has nothing that is sent now."""
        self._id = self._id or chunk.response_id
        self._created = self._created or chunk.created
        self._service_tier = encode_tier(chunk.service_tier) or self._service_tier
        if chunk.usage is not None:
            self._usage = self._usage.updated(chunk.usage)
        if chunk.error is not None:
            return _sse({"error": {"message": str(chunk.error)}})
        first = self._choices[0]
        first.stop_sequence = chunk.stop_sequence or first.stop_sequence
        events = self._told(first, chunk.deltas, chunk.finish_reason, chunk.logprobs)
        for other in chunk.others:
            choice = self._choices.setdefault(other.index, _Choice(other.index, self._author))
            events += self._told(choice, other.deltas, other.finish_reason, other.logprobs)
        return events

    def close(self) -> bytes:
        """The end of a stream that came to its end."""
        end = b"".join(
            self._event([shown]) for choice in self._choices.values() for shown in choice.close()
        )
        if self._include_usage and self._usage.known:
            end += self._event([], usage=encode_usage(self._usage))
        return end + b"data: [DONE]\n\n"

    def _told(
        self,
        choice: _Choice,
        deltas: Sequence[Delta],
        reason: FinishReason | None,
        logprobs: bytes | None,
    ) -> bytes:
        choice.finish_reason = reason or choice.finish_reason
        shown = choice.encode(deltas, logprobs)
        return b"" if shown is None else self._event([shown])

    def _event(self, choices: list[object], usage: dict[str, object] | None = None) -> bytes:
        body: dict[str, object] = {
            "id": self._id,
            "object": "chat.completion.chunk",
            "created": self._created,
            "model": self._model,
            "choices": choices,
        }
        if self._service_tier:
            body["service_tier"] = self._service_tier
        if self._include_usage:
            body["usage"] = usage
        return _sse(body)


class _Choice:
    """One choice on its way."""

    def __init__(self, index: int, author: Author) -> None:
        self.finish_reason: FinishReason | None = None
        self.stop_sequence: str | None = None
        self._index = index
        self._began = False
        self._length = 0
        self._calls: dict[str, int] = {}
        self._legacy: set[str] = set()
        self._author = author
        self._thoughts = _Thoughts(author.provider_type)
        self._beside = Beside()

    def encode(self, deltas: Sequence[Delta], logprobs: bytes | None) -> object | None:
        """The choice of an event; None when it has nothing to say now."""
        delta: dict[str, object] = {}
        for item in deltas:
            if _goes_on(item):
                self._thoughts.end(item.id if isinstance(item, ToolCallDelta) else None)
            match item:
                case TextDelta():
                    delta["content"] = str(delta.get("content", "")) + item.text
                    end = self._length + len(item.text)
                    self._beside.cite(item.extra, self._length, end)
                    self._length = end
                case ThoughtDelta():
                    told = self._thoughts.add(item, leads=not (self._length or self._calls))
                    if told:
                        delta["reasoning_content"] = str(delta.get("reasoning_content", "")) + told
                case ToolCallDelta():
                    self._add_call(delta, item)
                case UnknownDelta():
                    block = Unknown(item.data, *self._author[1:])
                    self._beside.add(block, self._length, len(self._calls))
        delta |= self._beside.take()
        details = self._thoughts.take()
        if details:
            delta["reasoning_details"] = details
        return self._shown(delta, None, logprobs) if delta or logprobs else None

    def close(self) -> list[object]:
        """What was kept back, and the finish reason."""
        self._thoughts.end(None)
        details = self._thoughts.take()
        shown: list[object] = []
        if details:
            shown.append(self._shown({"reasoning_details": details}, None))
        elif not self._began:
            shown.append(self._shown({"content": ""}, None))
        called, legacy = bool(self._calls), bool(self._legacy)
        reason = encode_finish_reason(self.finish_reason, called and not legacy, legacy=legacy)
        return [*shown, self._shown({}, reason)]

    def _shown(
        self, delta: dict[str, object], reason: str | None, logprobs: bytes | None = None
    ) -> object:
        if not self._began:
            self._began = True
            delta = {"role": "assistant", "content": None, **delta}
        shown: dict[str, object] = {
            "index": self._index,
            "delta": delta,
            "logprobs": encode_logprobs(logprobs),
            "finish_reason": reason,
        }
        if reason is not None and self.stop_sequence is not None:
            shown["stop_reason"] = self.stop_sequence
        return shown

    def _add_call(self, delta: dict[str, object], item: ToolCallDelta) -> None:
        if item.id in self._legacy:
            delta["function_call"] = {"arguments": item.arguments}
            return
        if item.id in self._calls:
            shown = self._further(item)
        else:
            shown = encode_call(item.id, item.name or "", item.arguments, item.extra)
            if self._beside.add_legacy(shown):
                self._legacy.add(item.id)
                return
            index = self._calls[item.id] = len(self._calls)
            shown = {"index": index, **shown}
        calls = delta.setdefault("tool_calls", [])
        assert isinstance(calls, list)
        calls.append(shown)

    def _further(self, item: ToolCallDelta) -> dict[str, object]:
        function = {"arguments": item.arguments}
        if item.name:
            function["name"] = item.name
        return {"index": self._calls[item.id], "function": function}


@dataclass(slots=True)
class _Open:
    """A thought that is still to be told as an entry."""

    index: int
    leads: bool
    """Whether nothing but thoughts went before."""
    texts: list[str] = field(default_factory=list)
    summaries: list[str] = field(default_factory=list)
    signature: str | None = None
    provider_type: str | None = None
    extra_data: bytes | None = None

    def thought(self) -> Thought:
        text = "".join(self.texts) if self.texts else None
        return Thought(
            text,
            self.signature,
            summary_to_json(self.summaries),
            self.provider_type,
            self.extra_data,
        )


class _Thoughts:
    """Thoughts as they come: their words at once, and, from the first on that is signed or hidden,
    all of them as entries of `reasoning_details`, each when it has ended."""

    def __init__(self, provider_type: str | None) -> None:
        self._provider_type = provider_type
        self._open: dict[str, _Open] = {}
        self._ended: list[_Open] = []
        self._details: list[dict[str, object]] = []
        self._current = ""
        self._summary_id: str | None = None
        self._hidden = False
        self._count = 0

    def add(self, delta: ThoughtDelta, *, leads: bool) -> str:
        """Take a part; gives the words in it."""
        if delta.id != self._current:
            self.end(None)
            self._current = delta.id
        known = self._open.get(delta.id)
        if known is None:
            known = _Open(self._count, leads, provider_type=self._provider_type)
            self._open[delta.id] = known
            self._count += 1
        if delta.text is not None:
            known.texts.append(delta.text)
        known.signature = delta.signature or known.signature
        known.provider_type = delta.provider_type or known.provider_type
        known.extra_data = delta.extra_data or known.extra_data
        return (delta.text or "") + self._summarise(known, delta)

    def _summarise(self, known: _Open, delta: ThoughtDelta) -> str:
        """More of a summary; its parts are paragraphs."""
        if not delta.summary_text:
            return ""
        if known.summaries and delta.summary_id == self._summary_id:
            known.summaries[-1] += delta.summary_text
            return delta.summary_text
        self._summary_id = delta.summary_id
        known.summaries.append(delta.summary_text)
        return ("\n\n" if len(known.summaries) > 1 else "") + delta.summary_text

    def end(self, call_id: str | None) -> None:
        """Something else comes next: the tool call of this id, or no call."""
        current = self._open.get(self._current)
        if current is None:
            return
        del self._open[self._current]
        self._current = ""
        thought = current.thought()
        self._hidden = self._hidden or is_hidden(thought)
        belongs = is_only_signed(thought) or not current.leads
        current_id = call_id if belongs else None
        self._details.append(show_detail(thought, current.index, current_id))

    def take(self) -> list[dict[str, object]]:
        """The entries that can be told by now."""
        if not self._hidden:
            return []
        details, self._details = self._details, []
        return details


def _goes_on(delta: Delta) -> bool:
    """Whether a delta ends the thought before it; many streams think beside empty texts."""
    if isinstance(delta, TextDelta):
        return bool(delta.text)
    return not isinstance(delta, ThoughtDelta)


def _sse(body: dict[str, object]) -> bytes:
    return b"data: " + dumps(body) + b"\n\n"

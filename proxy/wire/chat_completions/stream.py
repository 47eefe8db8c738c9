"""Streamed answers of a provider as neutral chunks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from proxy.errors import UpstreamGarbage
from proxy.types.content import Thought
from proxy.types.response import (
    Chunk,
    Delta,
    OtherDelta,
    TextDelta,
    ThoughtDelta,
    ToolCallDelta,
    UnknownDelta,
)
from proxy.types.usage import NO_USAGE
from proxy.wire.accumulate import ChunkAccumulator
from proxy.wire.chat_completions.common import decode_common_chunk, decode_texts
from proxy.wire.chat_completions.encode_stream import (
    BLOCK_ID,
    THOUGHT_ID,
    Author,
    StreamEncoder,
)
from proxy.wire.chat_completions.errors import find_error
from proxy.wire.chat_completions.finish_reasons import decode_finish_reason
from proxy.wire.chat_completions.fragments import ToolCalls
from proxy.wire.chat_completions.logprobs import logprobs_of
from proxy.wire.chat_completions.message import (
    call_extra,
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
from proxy.wire.chat_completions.stencil import Stencil, cut_stencil
from proxy.wire.chat_completions.think_tags import FIELD_DATA, TAGS_DATA, Span, ThinkTags
from proxy.wire.chat_completions.thoughts import decode_detail, place_of, says_something
from proxy.wire.chat_completions.usage import decode_usage, service_tier_of
from proxy.wire.events import EventDecoder
from proxy.wire.lenient import lenient_dumps, lenient_object, whole_text
from proxy.wire.sse import DEFAULT_MAX_EVENT_BYTES, Event
from proxy.wire.values import count_of, object_of, text_of

__all__ = [
    "BLOCK_ID",
    "THOUGHT_ID",
    "Author",
    "ChunkAccumulator",
    "StreamDecoder",
    "StreamEncoder",
]

FIELD_ID = "3"
SPAN_IDS = {"before": BLOCK_ID, "inside": THOUGHT_ID, "behind": "2"}
"""Ids of TensorZero's where reasoning may stand in the text as well as beside it."""


class StreamDecoder(EventDecoder):
    """See `EventDecoder`. With `think_tags`, what the text has between `<think>` and `</think>` is
    a thought."""

    text_id = BLOCK_ID

    def __init__(
        self,
        max_event_bytes: int = DEFAULT_MAX_EVENT_BYTES,
        *,
        tell_damage: bool = False,
        think_tags: bool = False,
    ) -> None:
        super().__init__(max_event_bytes, tell_damage=tell_damage)
        self._think_tags = think_tags
        self._choices: dict[int, _ChoiceDecoder] = {}
        self._tier = ""
        """Of the last common chunk that was a text."""
        self._texting = False
        """Whether that came last, and the id and the time of the answer are known."""
        self._at_rest = False
        """Whether it did, and what was fed is over and done with: then `texts` may go on."""
        self._stencil: Stencil | None = None
        self._unlike = 0
        """Blocks of one text that did not fit the stencil."""

    def feed(self, block: bytes) -> list[Chunk]:
        """See `StreamReader.feed`."""
        chunks = super().feed(block)
        self._at_rest = self._texting and not self.done and self._parser.idle
        return chunks

    def texts(self, block: bytes) -> Sequence[str]:
        """See `StreamReader.texts`."""
        if not self._at_rest:
            return ()
        if self._stencil is not None and (text := self._stencil.text(block)):
            return (text,)
        events = self._parser.whole(block)
        texts = None if events is None else decode_texts(events, self._tier)
        if texts is None:
            return ()
        if len(texts) == 1:
            self._cut(block)
        return texts

    def _cut(self, block: bytes) -> None:
        """Make a stencil of the first block, and of ever fewer if they go on not to fit."""
        self._unlike += 1
        if not self._unlike & (self._unlike - 1):
            self._stencil = cut_stencil(block, self._max_event_bytes)

    def rest(self) -> Chunk | None:
        """What many parts make one block of: refusals, sound, members that nobody knows."""
        first = tuple(self._choices[0].rest()) if 0 in self._choices else ()
        others = tuple(
            OtherDelta(index, deltas)
            for index, choice in sorted(self._choices.items())
            if index and (deltas := tuple(choice.rest()))
        )
        return Chunk(first, others=others) if first or others else None

    def decode_event(self, event: Event) -> Chunk | None:
        self._texting = False
        common = self._common(event)
        if common is not None:
            return common
        status = find_error(event.data, event.event)
        if status is not None:
            self.error_status, self.error_body = status, event.data
        try:
            body = lenient_object(event.data)
        except UpstreamGarbage:
            self.damaged = True
            return None
        choices = choices_of(body)
        first = [choice for index, choice in choices if not index]
        choice = first[-1] if first else {}
        usage = decode_usage(body)
        reason = decode_finish_reason(choice.get("finish_reason"))
        self.finished = self.finished or reason is not None
        return Chunk(
            deltas=tuple(delta for each in first for delta in self._deltas(0, each)),
            usage=None if usage == NO_USAGE else usage,
            finish_reason=reason,
            raw=event.data.decode("utf-8", "replace"),
            response_id=text_of(body.get("id")),
            created=count_of(body.get("created")) or 0,
            others=tuple(self._other(*item) for item in choices if item[0]),
            logprobs=_logprobs(choice),
            stop_sequence=stop_sequence_of(choice),
            service_tier=service_tier_of(body),
        )

    def _common(self, event: Event) -> Chunk | None:
        """One of the common kind, which no error is."""
        if self._think_tags or event.event == b"error":
            return None
        chunk = decode_common_chunk(event.data)
        if chunk is None:
            return None
        if chunk.finish_reason is not None:
            self.finished = True
        elif chunk.deltas and chunk.response_id and chunk.created and self.error_status is None:
            self._texting = True
            if chunk.service_tier != self._tier:
                self._tier, self._stencil = chunk.service_tier, None
        return chunk

    def _deltas(self, index: int, choice: Mapping[str, object]) -> tuple[Delta, ...]:
        delta = _said_in(choice)
        text = delta.get("content")
        if isinstance(text, str) and not self._think_tags and is_plain(delta):
            return (TextDelta(BLOCK_ID, text),)
        decoder = self._choices.get(index)
        if decoder is None:
            decoder = self._choices[index] = _ChoiceDecoder(self._think_tags)
        return tuple(decoder.deltas(delta))

    def _other(self, index: int, choice: Mapping[str, object]) -> OtherDelta:
        reason = decode_finish_reason(choice.get("finish_reason"))
        return OtherDelta(index, self._deltas(index, choice), reason, _logprobs(choice))


def _said_in(choice: Mapping[str, object]) -> Mapping[str, object]:
    """What a chunk adds. Beside it, some servers repeat in `message` what was said so far."""
    delta = choice.get("delta")
    return delta if isinstance(delta, dict) else object_of(choice.get("message"))


def _logprobs(choice: Mapping[str, object]) -> bytes | None:
    if not choice.get("logprobs"):
        return None
    return logprobs_of(choice, _said_in(choice).get("content"))


class _ChoiceDecoder:
    """Of one choice, what has to be known of the deltas before."""

    def __init__(self, think_tags: bool) -> None:
        self._calls = ToolCalls()
        self._tags = ThinkTags() if think_tags else None
        self._details: dict[str, object] = {}  # id of a thought -> kind of its entries
        self._refusal: list[str] = []
        self._sound: dict[str, list[str]] = {}
        self._audio: dict[str, object] = {}
        self._further: dict[str, object] = {}
        self._unknown = 0
        self._text_id = BLOCK_ID

    def deltas(self, delta: Mapping[str, object]) -> Iterator[Delta]:
        """What one delta says; refusals, sound and unknown members come in the end."""
        calls = list(self._tool_calls(delta))
        thoughts, before = self._reasoning(delta, {call.id for call in calls})
        yield from thoughts
        yield from self._content(delta.get("content"))
        cited = citations_extra(delta)
        if cited is not None:
            yield TextDelta(self._text_id, "", cited)
        for call in calls:
            yield from before.pop(call.id, ())
            yield call
        for image in images_of(delta):
            yield self._unknown_delta(image.data)
        self._keep(delta)

    def rest(self) -> Iterator[Delta]:
        """See `StreamDecoder.rest`."""
        yield from self._spans(self._tags.close() if self._tags else ())
        if self._refusal:
            block = refusal_block(whole_text("".join(self._refusal)))
            yield UnknownDelta("refusal", block.data)
        if self._audio or self._sound:
            sound = {key: whole_text("".join(parts)) for key, parts in self._sound.items()}
            audio = {"type": "audio", "audio": {**self._audio, **sound}}
            yield UnknownDelta("audio", lenient_dumps(audio))
        if self._further:
            yield UnknownDelta("message", further_block(self._further).data)

    def _keep(self, delta: Mapping[str, object]) -> None:
        refusal = delta.get("refusal")
        if isinstance(refusal, str):
            self._refusal.append(refusal)
        for key, value in object_of(delta.get("audio")).items():
            if key in ("data", "transcript") and isinstance(value, str):
                self._sound.setdefault(key, []).append(value)
            else:
                self._audio[key] = value
        for key, value in further_members(delta).items():
            known = self._further.get(key)
            if isinstance(known, list) and isinstance(value, list):
                known.extend(value)
            else:
                self._further[key] = value

    def _reasoning(
        self, delta: Mapping[str, object], calls: set[str]
    ) -> tuple[list[ThoughtDelta], dict[str, list[ThoughtDelta]]]:
        """The thoughts, and those of tool calls, by their ids."""
        text, details = reasoning_text(delta), details_of(delta)
        front: list[ThoughtDelta] = []
        if text and not any(map(says_something, details)):
            identifier = THOUGHT_ID if self._tags is None else FIELD_ID
            data = None if self._tags is None else FIELD_DATA
            front.append(ThoughtDelta(identifier, text, extra_data=data))
        before: dict[str, list[ThoughtDelta]] = {}
        for position, detail in enumerate(details):
            thought = self._thought(detail, position)
            place = place_of(detail)
            (before.setdefault(place, []) if place in calls else front).append(thought)
        return front, before

    def _thought(self, detail: Mapping[str, object], position: int) -> ThoughtDelta:
        """Entries of one index and one kind are parts of one thought."""
        index, kind = detail.get("index"), detail.get("type")
        identifier = str(index) if isinstance(index, int) else str(position)
        if self._details.setdefault(identifier, kind) != kind:
            identifier = f"{identifier} {text_of(kind)}"
        thought = decode_detail(detail)
        summary = text_of(detail.get("summary"))
        return _delta_of(identifier, thought, summary)

    def _content(self, content: object) -> Iterator[Delta]:
        if isinstance(content, str):
            if self._tags is None or not content:
                yield TextDelta(self._text_id, content)
            else:
                yield from self._spans(self._tags.feed(content))
            return
        for part in content if isinstance(content, list) else ():
            if isinstance(part, dict):
                yield self._part(part)

    def _spans(self, spans: Iterator[Span] | tuple[()]) -> Iterator[Delta]:
        for state, text in spans:
            if state == "inside":
                yield ThoughtDelta(SPAN_IDS[state], text, extra_data=TAGS_DATA)
            else:
                self._text_id = SPAN_IDS[state]
                yield TextDelta(self._text_id, text)

    def _part(self, part: Mapping[str, object]) -> Delta:
        text = part.get("text")
        thought = decode_thinking(part) if part.get("type") == "thinking" else None
        if thought is not None:
            return _delta_of(THOUGHT_ID, thought, "")
        if isinstance(text, str):
            return TextDelta(BLOCK_ID, text)
        return self._unknown_delta(lenient_dumps(part))

    def _unknown_delta(self, data: bytes) -> UnknownDelta:
        self._unknown += 1
        return UnknownDelta(f"part {self._unknown}", data)

    def _tool_calls(self, delta: Mapping[str, object]) -> Iterator[ToolCallDelta]:
        for position, call in enumerate(tool_calls_of(delta)):
            yield self._calls.add(call, position, call_extra(call))
        legacy = delta.get("function_call")
        if isinstance(legacy, dict):
            extra = call_extra(legacy, legacy=True)
            yield self._calls.add({"index": -1, "function": legacy}, 0, extra)


def _delta_of(identifier: str, thought: Thought, summary: str) -> ThoughtDelta:
    return ThoughtDelta(
        identifier,
        thought.text,
        thought.signature,
        identifier if summary else None,
        summary or None,
        thought.provider_type,
        thought.extra_data,
    )

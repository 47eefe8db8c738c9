"""What a stream has said of each item of its output, so that nothing is taken twice."""

from __future__ import annotations

from collections.abc import Iterator

from proxy.types.response import Delta, TextDelta, ThoughtDelta, ToolCallDelta, UnknownDelta
from proxy.wire.chat_completions.response import refusal_block
from proxy.wire.lenient import lenient_dumps, whole_text
from proxy.wire.responses.extras import Members, call_extra, dump_said, text_extra
from proxy.wire.responses.response import (
    call_arguments,
    call_id,
    decode_other_part,
    decode_thought,
    part_text,
    summary_texts,
    thought_texts,
)
from proxy.wire.values import objects_of, text_of

ARGUMENTS = "arguments"
SUMMARY = "summary"


class OutputItems:
    """Fed what events say of items, gives the deltas that are new.

    An item is told by its place in the output. Its texts come in deltas, then whole: of a whole
    text only what the deltas left out is given.
    """

    def __init__(self) -> None:
        self.called = False
        """Whether some item calls a tool of the client's."""
        self._places: dict[str, str] = {}  # place by id of item
        self._open: dict[str, Members] = {}  # items begun, not whole yet
        self._whole: set[str] = set()
        self._calls: dict[str, str] = {}  # id of call by place
        self._taken: set[str] = set()  # ids of calls
        self._said: dict[tuple[str, str], list[str]] = {}
        self._cited: dict[tuple[str, str], int] = {}  # annotations of a text, so far
        self._weighed: set[str] = set()  # places whose log probabilities came with their text
        self._refusals: dict[str, list[str]] = {}
        self._refused: set[str] = set()  # parts that were given as refusals

    def place_of(self, event: Members) -> str:
        """Where in the output the item stands of which an event speaks."""
        index, identifier = event.get("output_index"), text_of(event.get("item_id"))
        if isinstance(index, int):
            return str(index)
        return self._places.get(identifier, identifier)

    def begin(self, place: str, item: Members) -> Iterator[Delta]:
        """An item is announced; what it holds by now comes again."""
        if not item or place in self._whole:
            return
        self._places.setdefault(text_of(item.get("id")), place)
        self._open[place] = item
        if call_arguments(item) is not None and place not in self._calls:
            yield self._call(place, call_id(item), text_of(item.get("name")))
        elif item.get("type") == "reasoning":
            yield ThoughtDelta(place)

    def text(self, place: str, part: str, text: str) -> Iterator[Delta]:
        """More of a message's text."""
        if self._note(place, part, text):
            yield TextDelta(f"{place}.{part}", text)

    def annotation(self, place: str, part: str, annotation: Members) -> Iterator[Delta]:
        """A source of a message's text that has come already."""
        if annotation and (place, part) in self._said:
            self._cited[place, part] = self._cited.get((place, part), 0) + 1
            yield TextDelta(f"{place}.{part}", "", dump_said({"citations": [annotation]}))

    def weighed(self, place: str) -> None:
        """The log probabilities of a message's tokens come with its text."""
        self._weighed.add(place)

    def is_new(self, place: str) -> bool:
        """Whether log probabilities of a whole message have not been given before."""
        return place not in self._weighed

    def refusal(self, place: str, part: str, text: str) -> None:
        """More of a refusal. It is given when it is whole, for it is no text of the answer's."""
        self._refusals.setdefault(f"{place}.{part}", []).append(text)

    def refused(self, place: str, part: str, text: str) -> Iterator[Delta]:
        """A refusal that is whole."""
        key = f"{place}.{part}"
        if place not in self._whole and key not in self._refused:
            self._refused.add(key)
            self._refusals.pop(key, None)
            yield UnknownDelta(key, refusal_block(whole_text(text)).data)

    def arguments(self, place: str, text: str) -> Iterator[Delta]:
        """More of a call's arguments."""
        if place not in self._calls:
            yield self._call(place, place, "")
        if self._note(place, ARGUMENTS, text):
            yield ToolCallDelta(self._calls[place], None, text)

    def thought(self, place: str, part: str, text: str) -> Iterator[Delta]:
        """More of what a model thought."""
        if self._note(place, part, text):
            yield ThoughtDelta(place, text)

    def summary(self, place: str, part: str, text: str) -> Iterator[Delta]:
        """More of the summary of what a model thought."""
        if self._note(place, f"{SUMMARY} {part}", text):
            yield ThoughtDelta(place, summary_id=part, summary_text=text)

    def rest(self, place: str, part: str, whole: str) -> str:
        """What a whole text has beyond its deltas. Where the two differ, the deltas count."""
        said = whole_text("".join(self._said.get((place, part), ())))
        whole = whole_text(whole)
        return whole[len(said) :] if whole.startswith(said) else ""

    def finish(self, place: str, item: Members) -> Iterator[Delta]:
        """An item as a whole, once."""
        if not item or place in self._whole:
            return
        yield from self.begin(place, item)
        self._whole.add(place)
        self._open.pop(place, None)
        kind, arguments = item.get("type"), call_arguments(item)
        if kind == "message":
            yield from self._finish_message(place, item)
        elif kind == "reasoning":
            yield from self._finish_thought(place, item)
        elif arguments is not None:
            yield from self.arguments(place, self.rest(place, ARGUMENTS, arguments))
            yield ToolCallDelta(self._calls[place], None, "", call_extra(item))
        else:
            yield UnknownDelta(place, lenient_dumps(item))

    def finish_all(self, output: object) -> Iterator[Delta]:
        """The whole output, as a stream's last event repeats it."""
        for index, item in enumerate(objects_of(output)):
            yield from self.finish(self.place_in(index, item), item)

    def place_in(self, index: int, item: Members) -> str:
        """Where an item of the whole output stood in the events."""
        return self._places.get(text_of(item.get("id")), str(index))

    def close(self) -> Iterator[Delta]:
        """What was begun and never became whole, in a stream that was cut."""
        for key, texts in self._refusals.items():
            yield UnknownDelta(key, refusal_block("".join(texts)).data)
        for place, item in self._open.items():
            known = item.get("type") in ("message", "reasoning") or place in self._calls
            if not known:
                yield UnknownDelta(place, lenient_dumps(item))
        self._refusals.clear()
        self._open.clear()

    def _finish_message(self, place: str, item: Members) -> Iterator[Delta]:
        first = True
        for index, part in enumerate(objects_of(item.get("content"))):
            key, at, text = f"{place}.{index}", (place, str(index)), part_text(part)
            if text is None:
                self._refusals.pop(key, None)
                if key not in self._refused:
                    yield UnknownDelta(key, decode_other_part(part).data)
                continue
            yield from self.text(*at, self.rest(*at, text))
            if at in self._said:
                uncited = self._uncited(part, self._cited.pop(at, 0))
                extra = text_extra(item if first else None, uncited)
                first = False
                if extra is not None:
                    yield TextDelta(key, "", extra)

    def _finish_thought(self, place: str, item: Members) -> Iterator[Delta]:
        for index, text in enumerate(thought_texts(item)):
            yield from self.thought(place, str(index), self.rest(place, str(index), text))
        for index, text in enumerate(summary_texts(item)):
            rest = self.rest(place, f"{SUMMARY} {index}", text)
            yield from self.summary(place, str(index), rest)
        thought = decode_thought(item)
        if thought.signature or thought.extra_data:
            yield ThoughtDelta(place, signature=thought.signature, extra_data=thought.extra_data)

    def _uncited(self, part: Members, cited: int) -> Members:
        """The part without the annotations that came before."""
        annotations = part.get("annotations")
        if not cited or not isinstance(annotations, list):
            return part
        return {**part, "annotations": annotations[cited:]}

    def _call(self, place: str, identifier: str, name: str) -> ToolCallDelta:
        """The beginning of a call; two calls of the same id are told apart."""
        given = identifier
        while identifier in self._taken:
            identifier = f"{given}#{place}" if identifier == given else f"{identifier}#"
        self._calls[place] = identifier
        self._taken.add(identifier)
        self.called = True
        return ToolCallDelta(identifier, name or None, "")

    def _note(self, place: str, part: str, text: str) -> bool:
        """Keep what was said; whether it says anything."""
        if text:
            self._said.setdefault((place, part), []).append(text)
        return bool(text)

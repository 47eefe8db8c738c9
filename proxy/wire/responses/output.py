"""What a stream has said of each item of its output, so that nothing is taken twice."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from proxy.types.response import Delta, TextDelta, ThoughtDelta, ToolCallDelta, UnknownDelta
from proxy.wire.chat_completions.response import refusal_block
from proxy.wire.lenient import lenient_dumps, whole_text
from proxy.wire.responses.response import (
    TEXT_PARTS,
    call_arguments,
    call_id,
    summary_texts,
    thought_texts,
)
from proxy.wire.values import objects_of, text_of


class OutputItems:
    """Fed what events say of items, gives the deltas that are new.

    An item is told by its place in the output. Its texts come in deltas, then whole: of a whole
    text only what the deltas left out is given.
    """

    def __init__(self) -> None:
        self.called = False
        """Whether some item calls a tool of the client's."""
        self._places: dict[str, str] = {}  # place by id of item
        self._open: dict[str, Mapping[str, object]] = {}  # items begun, not whole yet
        self._whole: set[str] = set()
        self._calls: dict[str, str] = {}  # id of call by place
        self._said: dict[tuple[str, str], list[str]] = {}
        self._refusals: dict[str, list[str]] = {}

    def place_of(self, event: Mapping[str, object]) -> str:
        """Where in the output the item stands of which an event speaks."""
        index, identifier = event.get("output_index"), text_of(event.get("item_id"))
        if isinstance(index, int):
            return str(index)
        return self._places.get(identifier, identifier)

    def begin(self, place: str, item: Mapping[str, object]) -> Iterator[Delta]:
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

    def refusal(self, place: str, part: str, text: str) -> None:
        """More of a refusal. It is given when it is whole, for it is no text of the answer's."""
        self._refusals.setdefault(f"{place}.{part}", []).append(text)

    def arguments(self, place: str, text: str) -> Iterator[Delta]:
        """More of a call's arguments."""
        if place not in self._calls:
            yield self._call(place, place, "")
        if self._note(place, "arguments", text):
            yield ToolCallDelta(self._calls[place], None, text)

    def thought(self, place: str, part: str, text: str) -> Iterator[Delta]:
        """More of what a model thought."""
        if self._note(place, part, text):
            yield ThoughtDelta(place, text)

    def summary(self, place: str, part: str, text: str) -> Iterator[Delta]:
        """More of the summary of what a model thought."""
        if self._note(place, f"summary {part}", text):
            yield ThoughtDelta(place, summary_id=part, summary_text=text)

    def finish(self, place: str, item: Mapping[str, object]) -> Iterator[Delta]:
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
            yield from self.arguments(place, self._rest(place, "arguments", arguments))
        else:
            yield UnknownDelta(place, lenient_dumps(item))

    def finish_all(self, output: object) -> Iterator[Delta]:
        """The whole output, as a stream's last event repeats it."""
        for index, item in enumerate(objects_of(output)):
            yield from self.finish(self._places.get(text_of(item.get("id")), str(index)), item)

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

    def _finish_message(self, place: str, item: Mapping[str, object]) -> Iterator[Delta]:
        for index, part in enumerate(objects_of(item.get("content"))):
            kind, text, refusal = part.get("type"), part.get("text"), part.get("refusal")
            key = f"{place}.{index}"
            if kind in TEXT_PARTS and isinstance(text, str):
                yield from self.text(place, str(index), self._rest(place, str(index), text))
            elif kind == "refusal" and isinstance(refusal, str):
                self._refusals.pop(key, None)
                yield UnknownDelta(key, refusal_block(refusal).data)
            else:
                yield UnknownDelta(key, lenient_dumps(part))

    def _finish_thought(self, place: str, item: Mapping[str, object]) -> Iterator[Delta]:
        for index, text in enumerate(thought_texts(item)):
            yield from self.thought(place, str(index), self._rest(place, str(index), text))
        for index, text in enumerate(summary_texts(item)):
            rest = self._rest(place, f"summary {index}", text)
            yield from self.summary(place, str(index), rest)
        signature = text_of(item.get("encrypted_content"))
        if signature:
            yield ThoughtDelta(place, signature=signature)

    def _call(self, place: str, identifier: str, name: str) -> ToolCallDelta:
        """The beginning of a call; two calls of the same id are told apart."""
        given = identifier
        while identifier in self._calls.values():
            identifier = f"{given}#{place}" if identifier == given else f"{identifier}#"
        self._calls[place] = identifier
        self.called = True
        return ToolCallDelta(identifier, name or None, "")

    def _note(self, place: str, part: str, text: str) -> bool:
        """Keep what was said; whether it says anything."""
        if text:
            self._said.setdefault((place, part), []).append(text)
        return bool(text)

    def _rest(self, place: str, part: str, whole: str) -> str:
        """What a whole text has beyond its deltas. Where the two differ, the deltas count."""
        said = whole_text("".join(self._said.get((place, part), ())))
        whole = whole_text(whole)
        return whole[len(said) :] if whole.startswith(said) else ""

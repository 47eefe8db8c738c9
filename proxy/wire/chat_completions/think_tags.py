"""Reasoning that a model writes into its text, between `<think>` and `</think>`.

As TensorZero reads it: one such span, whatever stands in front of it. A text with several spans, or
with one tag only, is left as it is when it is whole; in a stream, what follows `<think>` is
reasoning until `</think>` or the end.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple

OPEN, CLOSE = "<think>", "</think>"

TAGS_DATA = b'{"reasoning_format":"think_tags"}'
FIELD_DATA = b'{"reasoning_format":"reasoning_field"}'
"""How a thought was said, in its `extra_data`, so that it can be said again so."""

State = Literal["before", "inside", "behind"]


class Span(NamedTuple):
    """A piece of text, and where it stands."""

    state: State
    text: str


def split_thinking(text: str) -> tuple[str, str | None]:
    """(the text without the span, the reasoning in it); None when there is no such span."""
    start, end = text.find(OPEN), text.find(CLOSE)
    if text.count(OPEN) != 1 or text.count(CLOSE) != 1 or end < start:
        return text, None
    return text[:start] + text[end + len(CLOSE) :], text[start + len(OPEN) : end]


class ThinkTags:
    """The same of a text that comes in pieces, cut anywhere, also within a tag."""

    def __init__(self) -> None:
        self._state: State = "before"
        self._pending = ""

    def feed(self, text: str) -> Iterator[Span]:
        """What is certain by now."""
        text, self._pending = self._pending + text, ""
        while self._state != "behind" and text:
            tag = OPEN if self._state == "before" else CLOSE
            head, found, tail = text.partition(tag)
            if not found:
                kept = _beginning_of(tag, text)
                head, self._pending = text[: len(text) - kept], text[len(text) - kept :]
            if head:
                yield Span(self._state, head)
            if found:
                self._state = "inside" if self._state == "before" else "behind"
            text = tail
        if text:
            yield Span(self._state, text)

    def close(self) -> Iterator[Span]:
        """What was kept back because it might have become a tag."""
        if self._pending:
            yield Span(self._state, self._pending)
            self._pending = ""


def _beginning_of(tag: str, text: str) -> int:
    """How many characters at the end of the text may be the beginning of the tag."""
    return next((size for size in range(len(tag) - 1, 0, -1) if text.endswith(tag[:size])), 0)

"""Blocks of a streamed answer in the making: what each of their events adds, as deltas."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Protocol

from proxy.errors import UpstreamGarbage
from proxy.types.response import Delta, TextDelta, ThoughtDelta, ToolCallDelta, UnknownDelta
from proxy.wire.lenient import lenient_dumps, lenient_loads
from proxy.wire.values import text_of

Body = Mapping[str, object]


class Part(Protocol):
    """A block that has begun."""

    def start(self) -> Iterable[Delta]:
        """What its first event says."""

    def add(self, kind: str, delta: Body) -> Iterable[Delta] | None:
        """What a delta of that kind adds; None when such a block has none of it."""

    def close(self) -> Iterable[Delta]:
        """What is left to say at its end."""


class TextPart:
    """Text, and where it is from."""

    def __init__(self, identifier: str, block: Body) -> None:
        self._id = identifier
        self._block = block

    def start(self) -> Iterable[Delta]:
        extra = _beside(self._block, "type", "text")
        return (TextDelta(self._id, _raw_text(self._block, "text"), extra),)

    def add(self, kind: str, delta: Body) -> Iterable[Delta] | None:
        if kind == "text_delta":
            return (TextDelta(self._id, _raw_text(delta, "text")),)
        if kind == "citations_delta":
            cited = lenient_dumps({"citations": [delta.get("citation")]})
            return (TextDelta(self._id, "", cited),)
        return None

    def close(self) -> Iterable[Delta]:
        return ()


class ThoughtPart:
    """Thinking, shown, signed, or hidden."""

    def __init__(self, identifier: str, block: Body) -> None:
        self._id = identifier
        self._block = block

    def start(self) -> Iterable[Delta]:
        block = self._block
        if block.get("type") == "redacted_thinking":
            others = _beside(block, "type", "data")
            return (ThoughtDelta(self._id, None, text_of(block.get("data")), extra_data=others),)
        signature = text_of(block.get("signature")) or None
        others = _beside(block, "type", "thinking", "signature")
        text = _raw_text(block, "thinking")
        return (ThoughtDelta(self._id, text, signature, extra_data=others),)

    def add(self, kind: str, delta: Body) -> Iterable[Delta] | None:
        if kind == "thinking_delta":
            return (ThoughtDelta(self._id, _raw_text(delta, "thinking")),)
        if kind == "signature_delta":
            return (ThoughtDelta(self._id, None, text_of(delta.get("signature"))),)
        return None

    def close(self) -> Iterable[Delta]:
        return ()


class CallPart:
    """A tool's call. Its first event has an empty input, save where all of it comes there."""

    def __init__(self, identifier: str, block: Body) -> None:
        self._id = text_of(block.get("id")) or identifier
        self._block = block
        self._spoken = False

    def start(self) -> Iterable[Delta]:
        extra = _beside(self._block, "type", "id", "name", "input")
        return (ToolCallDelta(self._id, text_of(self._block.get("name")), "", extra),)

    def add(self, kind: str, delta: Body) -> Iterable[Delta] | None:
        if kind != "input_json_delta":
            return None
        arguments = _raw_text(delta, "partial_json")
        self._spoken = self._spoken or bool(arguments)
        return (ToolCallDelta(self._id, None, arguments),)

    def close(self) -> Iterable[Delta]:
        if self._spoken:
            return ()
        return (
            ToolCallDelta(self._id, None, lenient_dumps(self._block.get("input") or {}).decode()),
        )


class Gathered:
    """A block without a neutral form: it is given when it is whole."""

    def __init__(self, identifier: str, block: Body) -> None:
        self._id = identifier
        self._block = dict(block)
        self.size = 0
        """Bytes of its events so far."""
        self._input: list[str] = []
        self._texts: dict[str, list[str]] = {}

    def start(self) -> Iterable[Delta]:
        return ()

    def add(self, kind: str, delta: Body) -> Iterable[Delta] | None:
        """Texts of a delta go on with the block's own, all else takes its place; so does a summary
        of what was said, which comes whole."""
        if kind == "input_json_delta":
            self._input.append(_raw_text(delta, "partial_json"))
            return ()
        for key, value in delta.items():
            if isinstance(value, str) and key != "type" and kind != "compaction_delta":
                self._texts.setdefault(key, [_raw_text(self._block, key)]).append(value)
            elif value is not None and key != "type":
                self._block[key] = value
        return ()

    def close(self) -> Iterable[Delta]:
        block = self._block | {key: "".join(texts) for key, texts in self._texts.items()}
        arguments = "".join(self._input)
        if arguments:
            block["input"] = _parsed(arguments)
        return (UnknownDelta(self._id, lenient_dumps(block)),)


_PARTS: Mapping[str, Callable[[str, Body], Part]] = MappingProxyType(
    {
        "text": TextPart,
        "thinking": ThoughtPart,
        "redacted_thinking": ThoughtPart,
        "tool_use": CallPart,
    }
)
_OF_DELTAS: Mapping[str, Callable[[str, Body], Part]] = MappingProxyType(
    {
        "text_delta": TextPart,
        "citations_delta": TextPart,
        "thinking_delta": ThoughtPart,
        "signature_delta": ThoughtPart,
    }
)


def open_part(identifier: str, block: Body) -> Part:
    """The part that begins with this block."""
    return _PARTS.get(text_of(block.get("type")), Gathered)(identifier, block)


def missed_part(identifier: str, kind: str) -> Part | None:
    """The part of a delta whose beginning did not come, where nothing of it is needed."""
    make = _OF_DELTAS.get(kind)
    return None if make is None else make(identifier, {})


def _raw_text(body: Body, key: str) -> str:
    """A text as it is: halves of a character may meet in the next delta."""
    value = body.get(key)
    return value if isinstance(value, str) else ""


def _beside(block: Body, *known: str) -> bytes | None:
    """A raw object of the members that are not known and say something."""
    others = {
        key: value for key, value in block.items() if key not in known and value not in (None, [])
    }
    return lenient_dumps(others) if others else None


def _parsed(arguments: str) -> object:
    """The object, or the text of one that was cut short."""
    try:
        return lenient_loads(arguments.encode("utf-8", "surrogatepass"))
    except UpstreamGarbage:
        return arguments

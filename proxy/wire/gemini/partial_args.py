"""Arguments of a call that come in pieces, each with the path of its value (RFC 9535).

Values come in the order in which JSON has them, so their text can be written as they come.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from proxy.wire.lenient import lenient_dumps
from proxy.wire.values import text_of

_STEP = re.compile(r"""\.([^.\[\]]+)|\[(\d+)\]|\['((?:[^'\\]|\\.)*)'\]|\["((?:[^"\\]|\\.)*)"\]""")
_ESCAPE = re.compile(r"\\(.)")
_VALUES = ("numberValue", "boolValue")

Step = str | int
"""A member's name, or a place in a list."""


def read_path(path: str) -> list[Step]:
    """The steps of a path such as `$.foo.bar[0]['a b']`; what is no step is passed over."""
    return [_step(match) for match in _STEP.finditer(path)]


def _step(match: re.Match[str]) -> Step:
    name, place, single, double = match.groups()
    if place is not None:
        return int(place[:18])
    return name if name is not None else _ESCAPE.sub(r"\1", single if double is None else double)


class ArgumentsWriter:
    """Writes one call's arguments as JSON text, piece by piece."""

    def __init__(self) -> None:
        self._last: list[Step] = []  # the path of the value written last
        self._open: list[bool] = []  # the objects (True) and lists that are not closed yet
        self._in_text = False

    def add(self, piece: Mapping[str, object]) -> str:
        """The JSON text of a piece, `{"jsonPath", "stringValue" or another, "willContinue"?}`."""
        path = read_path(text_of(piece.get("jsonPath")))
        if not path:
            return ""
        continues = piece.get("willContinue") is True
        value = piece.get("stringValue")
        if self._in_text and path == self._last:
            return self._text(text_of(value), continues)
        written = self._enter(path)
        if isinstance(value, str):
            self._in_text = True
            return written + '"' + self._text(value, continues)
        return written + lenient_dumps(_value(piece)).decode()

    def close(self) -> str:
        """The rest of the text, after the last piece."""
        if not self._open:
            return "{}"
        return self._end_text() + self._leave(0)

    def _enter(self, path: list[Step]) -> str:
        """Close what the path is not in, open what it is in."""
        shared = 0
        while shared < min(len(path), len(self._last)) - 1 and path[shared] == self._last[shared]:
            shared += 1
        written = self._end_text()
        if self._open:
            written += self._leave(shared + 1) + "," + self._key(shared, path[shared])
        else:
            written += self._begin(path[0])
        for step in path[len(self._open) :]:
            written += self._begin(step)
        self._last = path
        return written

    def _begin(self, step: Step) -> str:
        named = isinstance(step, str) or not self._open
        self._open.append(named)
        return ("{" if named else "[") + self._key(len(self._open) - 1, step)

    def _key(self, depth: int, step: Step) -> str:
        return lenient_dumps(str(step)).decode() + ":" if self._open[depth] else ""

    def _leave(self, depth: int) -> str:
        closed = self._open[depth:]
        del self._open[depth:]
        return "".join("}" if named else "]" for named in reversed(closed))

    def _text(self, text: str, continues: bool) -> str:
        self._in_text = continues
        return lenient_dumps(text).decode()[1:-1] + ("" if continues else '"')

    def _end_text(self) -> str:
        open_text, self._in_text = self._in_text, False
        return '"' if open_text else ""


def _value(piece: Mapping[str, object]) -> object:
    return next((piece[name] for name in _VALUES if name in piece), None)

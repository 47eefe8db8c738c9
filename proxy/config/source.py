"""One configuration file as a plain tree, with the place of every key in it."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path as FilePath

from proxy.config.findings import Finding, Path, Tree
from proxy.config.tree import replaced, walk
from proxy.errors import Problem


@dataclass(frozen=True, slots=True)
class Mark:
    """Where a key stands: the file's name for messages, its folder, and the line if known."""

    file: str
    folder: FilePath
    line: int | None = None

    @property
    def label(self) -> str:
        return self.file if self.line is None else f"{self.file}:{self.line}"


@dataclass(slots=True)
class Source:
    """`tree` holds only dicts with string keys, lists, strings, finite numbers, booleans, None."""

    file: FilePath
    tree: Tree = field(default_factory=dict)
    lines: dict[Path, int] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    @property
    def label(self) -> str:
        return str(self.file)

    def mark(self, path: Path) -> Mark:
        """The mark of the path, or of the nearest key above it."""
        for length in range(len(path), 0, -1):
            if path[:length] in self.lines:
                return Mark(self.label, self.file.parent, self.lines[path[:length]])
        return Mark(self.label, self.file.parent)

    def fail(self, line: int | None, message: str, remedy: str) -> None:
        """Notes a fault of the file as a whole, such as a syntax error."""
        where = self.label if line is None else f"{self.label}:{line}"
        self.problems.append(Problem(where, "", message, remedy))


def sanitize(source: Source) -> None:
    """Notes what no JSON text, and so no snapshot in Postgres, can hold, and puts null there."""
    for path, value in list(walk(source.tree)):
        if path and isinstance(path[-1], str) and _unstorable(path[-1]):
            source.fail(source.mark(path).line, "a key holds NUL or half a character", "rename it")
        elif (fault := _fault(value)) is not None:
            source.findings.append(Finding(path, *fault))
            source.tree = replaced(source.tree, path, None)


def _fault(value: object) -> tuple[str, str] | None:
    if isinstance(value, float) and not math.isfinite(value):
        return "not a finite number", "write a number"
    if isinstance(value, str) and _unstorable(value):
        return "holds a character that cannot be stored", "remove NUL and lone surrogates"
    if not isinstance(value, dict | list | str | bool | int | float | None):
        return "dates and times are not used here", "put the text in quotes"
    return None


def _unstorable(text: str) -> bool:
    return "\0" in text or any("\ud800" <= char <= "\udfff" for char in text)

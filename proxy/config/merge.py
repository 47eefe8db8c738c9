"""Several files into one tree: tables join, everything else may be said once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from proxy.config.findings import Finding, Path, Tree, dotted
from proxy.config.source import Mark, Source
from proxy.errors import Problem


@dataclass(slots=True)
class Merged:
    """The joined tree. `marks` knows of each place the file that it came from."""

    tree: Tree = field(default_factory=dict)
    marks: dict[Path, Mark] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    fallback: Mark | None = None

    def mark(self, path: Path) -> Mark | None:
        """The mark of the place, or of the nearest one above that a file names."""
        for length in range(len(path), 0, -1):
            if path[:length] in self.marks:
                return self.marks[path[:length]]
        return self.fallback

    def problem(self, finding: Finding) -> Problem:
        """The finding with its file and line."""
        mark = self.mark(finding.path)
        where = "" if mark is None else mark.label
        return Problem(where, dotted(finding.path), finding.message, finding.remedy)


def merge_sources(sources: Iterable[Source]) -> Merged:
    """Joins the trees in the order given; an array is one value, never joined."""
    merged = Merged()
    for source in sources:
        if merged.fallback is None:
            merged.fallback = Mark(source.label, source.file.parent)
        _merge_table(merged, merged.tree, source.tree, source, ())
    return merged


def _merge_table(merged: Merged, into: Tree, table: Tree, source: Source, path: Path) -> None:
    for key, value in table.items():
        place = (*path, key)
        if key not in into:
            into[key] = _copied(merged, value, source, place)
        elif isinstance(into[key], dict) and isinstance(value, dict):
            _merge_table(merged, into[key], value, source, place)
        else:
            merged.problems.append(_duplicate(merged, source, place))


def _copied(merged: Merged, value: Any, source: Source, path: Path) -> Any:
    merged.marks[path] = source.mark(path)
    if isinstance(value, dict):
        return {key: _copied(merged, item, source, (*path, key)) for key, item in value.items()}
    if isinstance(value, list):
        return [_copied(merged, item, source, (*path, at)) for at, item in enumerate(value)]
    return value


def _duplicate(merged: Merged, source: Source, path: Path) -> Problem:
    first = merged.mark(path)
    other = first.label if first else "another file"
    here = source.mark(path).label
    message = f"found duplicate values in configuration files `{other}` and `{here}`"
    return Problem(here, dotted(path), message, "keep the key in one of these files")

"""TOML into a plain tree. Lines are found by a search, since the parser does not tell them."""

from __future__ import annotations

import re

from proxy.config.findings import Path
from proxy.config.source import Source

_AT = re.compile(r"\s*\(at (?:line (\d+), column (\d+)|end of document)\)\Z")
_PART = r"""(?:[A-Za-z0-9_-]+|"(?:[^"\\]|\\.)*"|'[^']*')"""
_NAME = rf"{_PART}(?:\s*\.\s*{_PART})*"
_HEADER = re.compile(rf"\s*(\[\[?)\s*({_NAME})\s*\]\]?\s*(#.*)?\Z")
_ASSIGNMENT = re.compile(rf"\s*({_NAME})\s*=")
_SPLIT = re.compile(_PART)


def read_toml(text: str, source: Source) -> None:
    """Fills `source` from the text; a syntax error is added to its problems."""
    import tomllib  # Only for those who have such a file.

    try:
        source.tree = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        _note_syntax_error(str(error), source)
        return
    source.lines.update(_find_lines(text))


def _note_syntax_error(message: str, source: Source) -> None:
    match = _AT.search(message)
    what = message[: match.start()] if match else message
    line = int(match[1]) if match and match[1] else None
    where = f" (column {match[2]})" if match and match[2] else ""
    remedy = "correct the syntax: text needs quotes, and a key may stand once in its table"
    source.fail(line, f"TOML syntax error: {what}{where}", remedy)


def _find_lines(text: str) -> dict[Path, int]:
    """Lines of headers and assignments.

    A line inside a multi-line string may look like one; then a key that does not exist gets a line,
    which nobody asks for.
    """
    lines: dict[Path, int] = {}
    table: Path = ()
    counts: dict[Path, int] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if header := _HEADER.match(line):
            table = _parts(header[2])
            if header[1] == "[[":
                counts[table] = counts.get(table, -1) + 1
                table = (*table, counts[table])
            _note_path(lines, (), table, number)
        elif assignment := _ASSIGNMENT.match(line):
            _note_path(lines, table, _parts(assignment[1]), number)
    return lines


def _note_path(lines: dict[Path, int], base: Path, path: Path, number: int) -> None:
    for length in range(1, len(path) + 1):
        lines.setdefault((*base, *path[:length]), number)


def _parts(name: str) -> Path:
    return tuple(_unquoted(part) for part in _SPLIT.findall(name))


def _unquoted(part: str) -> str:
    if part[0] == "'":
        return part[1:-1]
    import tomllib

    return str(tomllib.loads(f"k = {part}")["k"]) if part[0] == '"' else part

"""Which files a path or a glob names.

`*` and `?` stay inside one folder, `**` crosses folders, `[…]` and `{a,b}` choose. The search
begins at the longest part without such characters, follows no link to a folder, and sorts by path.
Of what a glob matches only `.yaml`, `.yml` and `.toml` are configuration; other files beside them
are left alone. Folders whose names begin with `..` are passed over: a mounted ConfigMap keeps its
versions in them, and their files would all be found twice.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from proxy.errors import Problem

SUFFIXES = (".yaml", ".yml", ".toml")
_MAGIC = re.compile(r"[*?\[{]")
_KINDS = "files that end in .yaml, .yml or .toml"


def find_files(pattern: str) -> tuple[list[Path], list[Problem]]:
    """The files, sorted by path, or a problem that says why there are none."""
    literal = Path(pattern)
    if literal.is_dir():
        remedy = f"name a file, or the files in it: `{literal / '*.{yaml,yml,toml}'}`"
        return [], [Problem(pattern, "", "this is a directory", remedy)]
    if literal.is_file() or not _MAGIC.search(pattern):
        return _single(literal, pattern)
    try:
        matched = sorted(_matches(pattern))
    except re.error:
        return [], [Problem(pattern, "", "not a valid glob", "close every `[` and `{`")]
    found = [path for path in matched if path.suffix in SUFFIXES]
    if found:
        return found, []
    message = "no files matched the glob pattern" if not matched else f"matches no {_KINDS}"
    remedy = "check the path; quote the pattern, so that the shell leaves it alone"
    return [], [Problem(pattern, "", message, remedy)]


def _single(path: Path, pattern: str) -> tuple[list[Path], list[Problem]]:
    if not path.exists():
        remedy = "check the path, or name another file with --config"
        return [], [Problem(pattern, "", "the file does not exist", remedy)]
    if path.suffix not in SUFFIXES:
        return [], [Problem(pattern, "", "not a known kind of file", f"use {_KINDS}")]
    return [path], []


def _matches(pattern: str) -> Iterator[Path]:
    prefix = pattern[: _first_magic(pattern)]
    base = prefix[: prefix.rfind("/") + 1]
    wanted = re.compile(translate(pattern[len(base) :]) + r"\Z", re.S)
    for folder, names, files in os.walk(base or ".", followlinks=False):
        names[:] = [name for name in names if not name.startswith("..")]
        below = os.path.relpath(folder, base or ".")
        for name in files:
            relative = name if below == "." else f"{below}/{name}"
            if wanted.match(relative):
                yield Path(base + relative)


def _first_magic(pattern: str) -> int:
    match = _MAGIC.search(pattern)
    assert match is not None
    return match.start()


_TOKEN = re.compile(
    r"(?P<any>(?:(?<=/)|^)\*\*(?:/|$))|(?P<star>\*+)|(?P<one>\?)"
    r"|\[(?P<not>[!^]?)(?P<set>\]?[^\]]*)\]|(?P<open>\{)|(?P<comma>,)|(?P<close>\})"
    r"|\\(?P<escaped>.)|(?P<other>.)",
    re.S,
)


def translate(glob: str) -> str:
    """The glob as a regular expression. Raises re.error when a bracket or brace is not closed."""
    result, depth = "", 0
    for token in _TOKEN.finditer(glob):
        kind, text = token.lastgroup, token[0]
        if kind == "any":
            result += "(?:[^/]+/)*" if text.endswith("/") else ".*"
        elif kind == "star":
            result += "[^/]*"
        elif kind == "one":
            result += "[^/]"
        elif kind == "set":
            inside = token["set"].replace("\\", "\\\\").replace("[", "\\[")
            if inside.startswith("]"):
                inside = "\\" + inside
            result += f"(?!/)[{'^' if token['not'] else ''}{inside}]"
        elif kind == "open":
            result, depth = result + "(?:", depth + 1
        elif kind == "comma" and depth:
            result += "|"
        elif kind == "close" and depth:
            result, depth = result + ")", depth - 1
        else:
            if text == "[":
                raise re.error("unclosed [")
            result += re.escape(token["escaped"] or text)
    if depth:
        raise re.error("unclosed {")
    return result

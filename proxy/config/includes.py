"""Templates that templates include: found by their names, read from one folder.

Only names that stand in a template as text are found. Nothing outside the folder is read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path as FilePath

_TAG = re.compile(r"\{%[-+]?\s*(?:include|extends|import|from)\s(.*?)[-+]?%\}", re.S)
_NAME = re.compile(r"""(["'])((?:\\.|(?!\1).)*)\1""", re.S)


@dataclass(slots=True)
class Includes:
    """What templates include."""

    texts: dict[str, str] = field(default_factory=dict)
    """By name."""
    files: list[FilePath] = field(default_factory=list)
    missing: list[tuple[str, str]] = field(default_factory=list)
    """Who includes (its label or name), and what is not there."""


def read_includes(texts: Mapping[str, str], folder: FilePath) -> Includes:
    """What `texts` (by label) include, and what that includes. What another template's label names
    is not read."""
    found = Includes()
    waiting = [(label, names) for label, text in texts.items() for names in included(text)]
    while waiting:
        includer, names = waiting.pop(0)
        known = [name for name in names if name in texts or name in found.texts]
        read = [name for name in names if name not in known and _read(found, folder, name)]
        waiting += [(name, more) for name in read for more in included(found.texts[name])]
        if not known and not read:
            found.missing.append((includer, names[0]))
    return found


def included(text: str) -> Iterator[list[str]]:
    """The names in each `include`, `extends`, `import` and `from` tag of a template; of several the
    first that exists is taken. What may be missing without them is left out."""
    for tag in _TAG.finditer(text):
        names = [match[2] for match in _NAME.finditer(tag[1])]
        if names and "ignore missing" not in " ".join(tag[1].split()):
            yield names


def _read(found: Includes, folder: FilePath, name: str) -> bool:
    file = _inside(folder, name)
    if file is None:
        return False
    try:
        found.texts[name] = file.read_bytes().decode()
    except (OSError, ValueError):
        return False
    found.files.append(file)
    return True


def _inside(folder: FilePath, name: str) -> FilePath | None:
    """The file below the folder, or None for a name that leads out of it."""
    parts = name.split("/")
    if any(part.startswith(".") or "\\" in part or "\0" in part for part in parts):
        return None
    return folder.joinpath(*parts) if not name.startswith("/") else None

"""Templates that templates include: found by their names, read from one folder.

Only names that stand in a template as text are found. Nothing outside the folder is read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path as FilePath

_TAG = re.compile(r"\{%[-+]?\s*(?:include|extends|import|from)\s(.*?)[-+]?%\}", re.S)
_NAME = re.compile(r"""(["'])((?:\\.|(?!\1).)*)\1""", re.S)


def read_includes(
    texts: Mapping[str, str], folder: FilePath
) -> tuple[dict[str, str], list[FilePath]]:
    """The texts that `texts` (by label) include, and those include, by name; and their files.

    What another template's label names is not read, nor what does not exist: whether it is wanted,
    only rendering tells.
    """
    found: dict[str, str] = {}
    files: list[FilePath] = []
    waiting = [name for text in texts.values() for name in included_names(text)]
    while waiting:
        name = waiting.pop()
        file = _inside(folder, name)
        if name in found or name in texts or file is None:
            continue
        try:
            found[name] = file.read_bytes().decode()
        except (OSError, ValueError):
            continue
        files.append(file)
        waiting += included_names(found[name])
    return found, files


def included_names(text: str) -> Iterator[str]:
    """The names in the `include`, `extends`, `import` and `from` tags of a template."""
    for tag in _TAG.finditer(text):
        yield from (match[2] for match in _NAME.finditer(tag[1]))


def _inside(folder: FilePath, name: str) -> FilePath | None:
    """The file below the folder, or None for a name that leads out of it."""
    parts = name.split("/")
    if any(part.startswith(".") or "\\" in part or "\0" in part for part in parts):
        return None
    return folder.joinpath(*parts) if not name.startswith("/") else None

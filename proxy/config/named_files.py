"""Files that the configuration names: template texts are read in, credential paths made absolute.

A relative path counts from the folder of the file in which it is written.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path as FilePath

from proxy.config.findings import Finding, Path, Tree
from proxy.config.merge import Merged
from proxy.config.schema.variants import LABEL, TEXT
from proxy.config.tree import replaced, select, walk

_TEXT_FILES = (("functions", "*", "variants", "*", "system_template"),)
_LOCATION_KEYS = ("api_key_location",)
_PREFIX = "path::"


@dataclass(slots=True)
class Resolved:
    """`tree` has texts in place of text files; `files` are all files that were named."""

    tree: Tree
    files: list[FilePath] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)


def read_named_files(merged: Merged) -> Resolved:
    """Puts `{label, content}` in place of each path of a text file. The label is as written."""
    resolved = Resolved(merged.tree)
    for pattern in _TEXT_FILES:
        for path, value in select(merged.tree, *pattern):
            if isinstance(value, str):
                text = _read(value, _folder(merged, path), path, resolved)
                new = {LABEL: value, TEXT: text}
                resolved.tree = replaced(resolved.tree, path, new)
    return resolved


def absolute_locations(tree: Tree, merged: Merged) -> Tree:
    """The tree with every relative `path::` location made absolute."""
    result = tree
    for path, value in walk(tree):
        names_key = any(part in _LOCATION_KEYS for part in path[-2:])
        if names_key and isinstance(value, str) and value.startswith(_PREFIX) and value != _PREFIX:
            file = (_folder(merged, path) / value.removeprefix(_PREFIX)).absolute()
            result = replaced(result, path, f"{_PREFIX}{file}")
    return result


def _folder(merged: Merged, path: Path) -> FilePath:
    mark = merged.mark(path)
    return mark.folder if mark else FilePath()


def _read(written: str, folder: FilePath, path: Path, resolved: Resolved) -> str:
    file = folder / written
    resolved.files.append(file)
    try:
        return file.read_bytes().decode()
    except IsADirectoryError:
        message = f"expected a file path, but `{written}` is a directory"
    except UnicodeDecodeError:
        message = f"failed to read `{written}`: it is not UTF-8 text"
    except FileNotFoundError:
        message = f"failed to read `{written}`: there is no file `{file}`"
    except (OSError, ValueError) as error:
        message = f"failed to read `{written}`: {getattr(error, 'strerror', None) or error}"
    remedy = f"name a readable text file; the path counts from the folder `{folder}`"
    resolved.findings.append(Finding(path, message, remedy))
    return ""

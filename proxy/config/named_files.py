"""Files that the configuration names: their texts are read in, other paths made absolute.

A relative path counts from the folder of the file in which it is written.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path as FilePath

from proxy.config.findings import Finding, Path, Tree
from proxy.config.includes import read_includes
from proxy.config.merge import Merged
from proxy.config.schema.named_files import LABEL, TEXT
from proxy.config.tree import replaced, select, table, tables, walk

ROLES = ("system", "user", "assistant")
VARIANTS = (
    ("functions", "*", "variants", "*"),
    ("functions", "*", "variants", "*", "evaluator"),
    ("functions", "*", "variants", "*", "fuser"),
)
"""Where the keys of a chat completion stand."""
EVALUATORS = (
    ("evaluations", "*", "evaluators", "*"),
    ("functions", "*", "evaluators", "*"),
)
JUDGES = tuple(
    (*pattern, "variants", "*", *below)
    for pattern in EVALUATORS
    for below in ((), ("evaluator",), ("fuser",))
)
TEMPLATE_KEYS = (
    *((f"{role}_template",) for role in ROLES),
    *(("input_wrappers", role) for role in ROLES),
    ("templates", "*", "path"),
    ("system_instructions",),
)
_TEXT_FILES = (
    *((*variant, *key) for variant in VARIANTS for key in TEMPLATE_KEYS),
    *((*judge, "system_instructions") for judge in JUDGES),
    *((*evaluator, "typescript_file") for evaluator in EVALUATORS),
)
SCHEMA_FILES = (
    *(("functions", "*", f"{kind}_schema") for kind in (*ROLES, "output")),
    ("functions", "*", "schemas", "*", "path"),
    ("tools", "*", "parameters"),
)
_LOCATION_KEYS = (
    "api_key_location",
    "credential_location",
    "api_key",
    "access_key_id",
    "secret_access_key",
    "session_token",
)
_PREFIX = "path::"
_ACCESS = ("gateway", "template_filesystem_access")


@dataclass(slots=True)
class Resolved:
    """`tree` has texts in place of text files; `files` are all files that were named."""

    tree: Tree
    files: list[FilePath] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)


def read_named_files(merged: Merged) -> Resolved:
    """Puts `{label, content}` in place of each path of a text file. The label is as written."""
    resolved = Resolved(merged.tree)
    texts: dict[str, str] = {}
    for pattern in (*_TEXT_FILES, *SCHEMA_FILES):
        for path, value in select(merged.tree, *pattern):
            if isinstance(value, str):
                text = _read(value, _folder(merged, path), path, resolved)
                resolved.tree = replaced(resolved.tree, path, {LABEL: value, TEXT: text})
    for pattern in VARIANTS:
        for value in _templates(resolved.tree, pattern):
            texts[str(value.get(LABEL))] = str(value.get(TEXT))
    _read_included(texts, merged, resolved)
    return resolved


def _templates(tree: Tree, pattern: tuple[str, ...]) -> Iterator[Tree]:
    for key in TEMPLATE_KEYS:
        yield from (value for _, value in tables(tree, *pattern, *key))


def _read_included(texts: dict[str, str], merged: Merged, resolved: Resolved) -> None:
    """Puts the texts that templates include into the table that gives access to them."""
    access = table(table(merged.tree, _ACCESS[0]), _ACCESS[1])
    base = access.get("base_path")
    if not isinstance(base, str) or TEXT in access:
        return
    path = (*_ACCESS, "base_path")
    folder = _folder(merged, path) / base
    if not folder.is_dir():
        message = f"`{base}` is not a folder"
        remedy = f"name a folder; the path counts from the folder `{_folder(merged, path)}`"
        resolved.findings.append(Finding(path, message, remedy))
        return
    found = read_includes(texts, folder)
    resolved.files += found.files
    resolved.tree = replaced(resolved.tree, _ACCESS, access | {TEXT: found.texts})
    for includer, name in found.missing:
        message = f"the template `{includer}` includes `{name}`, which cannot be read"
        remedy = f"put it into the folder `{folder}`, or write `ignore missing` behind its name"
        resolved.findings.append(Finding(path, message, remedy))


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

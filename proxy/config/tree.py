"""Reading and changing plain trees of dicts and lists that nobody has validated yet."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from proxy.config.findings import Path, Tree


def walk(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Every place with its value, from the top down."""
    yield path, value
    if isinstance(value, dict):
        for key, item in value.items():
            yield from walk(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from walk(item, (*path, index))


def select(tree: Any, *pattern: str) -> Iterator[tuple[Path, Any]]:
    """The places that a pattern names, such as `functions`, `*`, `variants`, `*`.

    `*` stands for every key of a table or index of a list; places that do not exist are skipped.
    """
    yield from _select(tree, pattern, ())


def _select(value: Any, pattern: tuple[str, ...], path: Path) -> Iterator[tuple[Path, Any]]:
    if not pattern:
        yield path, value
    elif pattern[0] == "*":
        for key, item in _items(value):
            yield from _select(item, pattern[1:], (*path, key))
    elif isinstance(value, dict) and pattern[0] in value:
        yield from _select(value[pattern[0]], pattern[1:], (*path, pattern[0]))


def _items(value: Any) -> list[tuple[str | int, Any]]:
    if isinstance(value, dict):
        return list(value.items())
    return list(enumerate(value)) if isinstance(value, list) else []


def tables(tree: Any, *pattern: str) -> Iterator[tuple[Path, Tree]]:
    """As `select`, but only the places that hold a table."""
    for path, value in select(tree, *pattern):
        if isinstance(value, dict):
            yield path, value


def provider_tables(tree: Any) -> Iterator[tuple[Path, Tree]]:
    """The providers of all models, those for embeddings included."""
    yield from tables(tree, "models", "*", "providers", "*")
    yield from tables(tree, "embedding_models", "*", "providers", "*")


def table(value: Any, key: str) -> Tree:
    """The table under a key; an empty one when there is none."""
    found = value.get(key) if isinstance(value, dict) else None
    return found if isinstance(found, dict) else {}


def replaced(value: Any, path: Path, new: Any) -> Any:
    """A copy of the tree with `new` at an existing path; what is beside the path is shared."""
    if not path:
        return new
    head, rest = path[0], path[1:]
    if isinstance(value, dict):
        return value | {head: replaced(value[str(head)], rest, new)}
    copy = list(value)
    copy[int(head)] = replaced(copy[int(head)], rest, new)
    return copy

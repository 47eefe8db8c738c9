"""Rules of `rate_limiting`, and of the folder of `object_storage`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path as FilePath
from typing import Any

from proxy.config.findings import Finding, Path, Tree, listed, named
from proxy.config.guesses import nearest
from proxy.config.schema.rate_limiting import EACH, INTERVALS, RESOURCES, TOTAL, bucket_of
from proxy.config.tree import table, tables

_PUBLIC_ID = 12
_OWN = "tensorzero::"


def check_limits(tree: Tree) -> Iterator[Finding]:
    """Each limit is one, and each rule says when it holds and of which calls."""
    for path, rule in tables(tree, "rate_limiting", "rules", "*"):
        for key in rule:
            if "_per_" in key:
                yield from _check_limit((*path, key), key, rule[key])
        yield from _check_priority(path, rule)
        yield from _check_scopes(path, rule)


def _check_limit(path: Path, key: str, value: Any) -> Iterator[Finding]:
    resource, _, interval = key.partition("_per_")
    for kind, word, words in (
        ("resource", resource, RESOURCES),
        ("interval", interval, INTERVALS),
    ):
        if word not in words:
            near = nearest(word, words)
            remedy = f"did you mean `{near}`?" if near else f"use one of {listed(words)}"
            yield Finding(path, f"unknown {kind} {named(word)}", remedy)
    bucket = bucket_of(value)
    whole = resource == "cost" or bucket is None
    if bucket is None or not (whole or all(isinstance(each, int) for each in bucket.values())):
        number = "number" if resource == "cost" else "whole number"
        message = f"a limit is a {number} of at least 0, or both `capacity` and `refill_rate`"
        yield Finding(path, message, "write `1000` or `{capacity: 1000, refill_rate: 100}`")


def _check_priority(path: Path, rule: Tree) -> Iterator[Finding]:
    always, priority = rule.get("always") is True, rule.get("priority") is not None
    if always and priority:
        message = "cannot specify both `always` and `priority`"
        yield Finding((*path, "priority"), message, "keep one of them")
    elif not always and not priority:
        message = "`priority` is required when `always` is not true"
        yield Finding((*path, "priority"), message, "add `priority: 0`, or `always: true`")


def _check_scopes(path: Path, rule: Tree) -> Iterator[Finding]:
    seen: list[Tree] = []
    for place, scope in tables(rule, "scope", "*"):
        where = (*path, *place)
        if scope in seen:
            yield Finding(where, "the same scope stands twice in a rule", "keep one of them")
        seen.append(scope)
        yield from _check_scope(where, scope)


def _check_scope(path: Path, scope: Tree) -> Iterator[Finding]:
    by_tag = "tag_key" in scope or "tag_value" in scope
    key = scope.get("api_key_public_id")
    if by_tag == (key is not None) or (by_tag and not {"tag_key", "tag_value"} <= scope.keys()):
        message = "a scope is a tag or a key"
        remedy = "write `{tag_key, tag_value}` or `{api_key_public_id}`"
        yield Finding(path, message, remedy)
    value = scope.get("tag_value")
    if isinstance(value, str) and value.startswith(_OWN) and value not in (EACH, TOTAL):
        message = f"a tag's value may not start with `{_OWN}`, but for `{EACH}` and `{TOTAL}`"
        yield Finding((*path, "tag_value"), message, f"write `{EACH}`, `{TOTAL}` or a plain value")
    if isinstance(key, str) and key != EACH and (len(key) != _PUBLIC_ID or key.startswith(_OWN)):
        message = f"a key's public id has {_PUBLIC_ID} characters"
        yield Finding((*path, "api_key_public_id"), message, f"write it, or `{EACH}`")


def check_distinct(tree: Tree) -> Iterator[Finding]:
    """No two rules hold for the same scope: one would never be told from the other."""
    seen: list[list[Tree]] = []
    for path, rule in tables(tree, "rate_limiting", "rules", "*"):
        scopes = [scope for _, scope in tables(rule, "scope", "*")]
        if any(_same(scopes, other) for other in seen):
            remedy = "make one rule of both, with all their limits"
            yield Finding(path, "another rule has the same scope", remedy)
        seen.append(scopes)


def _same(scopes: list[Tree], others: list[Tree]) -> bool:
    return len(scopes) == len(others) and all(scope in others for scope in scopes)


def check_storage(tree: Tree) -> Iterator[Finding]:
    """The folder of `object_storage` exists."""
    storage = table(tree, "object_storage")
    path = storage.get("path")
    if storage.get("type") != "filesystem" or not isinstance(path, str) or not path:
        return
    if not _is_folder(path):
        message = f"failed to create filesystem object store: `{path}` is not a folder"
        remedy = "make the folder; a relative path counts from the working directory"
        yield Finding(("object_storage", "path"), message, remedy)


def _is_folder(path: str) -> bool:
    try:
        return FilePath(path).is_dir()
    except (OSError, ValueError):
        return False

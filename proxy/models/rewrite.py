"""`extra_body` and `extra_headers`: what a configuration writes over a request on its way out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import orjson

from proxy.errors import InvalidRequest
from proxy.wire.splice import member, splice


@dataclass(frozen=True, slots=True)
class Rewrite:
    """One `extra_body` entry: write `value` (JSON) at `pointer`, or delete what is there."""

    pointer: tuple[str, ...]
    value: object = None
    delete: bool = False


@dataclass(frozen=True, slots=True)
class HeaderRewrite:
    """One `extra_headers` entry; no value means delete."""

    name: str
    value: str | None


@dataclass(frozen=True, slots=True)
class Rewrites:
    """The `extra_body` and `extra_headers` of a variant or of a provider."""

    body: Sequence[Rewrite] = ()
    headers: Sequence[HeaderRewrite] = ()


NO_REWRITES = Rewrites()


def rewrite_body(body: bytes, rewrites: Sequence[Rewrite]) -> bytes:
    """Apply `extra_body` entries in their order.

    Only the top-level members that they touch are written anew.

    Raises:
        InvalidRequest: a pointer leads into something that is no object or list.
    """
    for rewrite in rewrites:
        body = _rewrite(body, rewrite)
    return body


def _rewrite(body: bytes, rewrite: Rewrite) -> bytes:
    if not rewrite.pointer:
        raise _no_way(rewrite)
    key, *rest = rewrite.pointer
    if not rest:
        if rewrite.delete:
            return splice(body, remove=(key,))
        value = orjson.dumps(rewrite.value)
        return splice(body, replace={key: value}, append_missing={key: value})
    raw = member(body, key)
    if not raw and rewrite.delete:
        return body
    root = orjson.loads(raw) if raw else {}
    _write(root, rest, rewrite)
    value = orjson.dumps(root)
    return splice(body, replace={key: value}, append_missing={key: value})


def _write(node: object, path: list[str], rewrite: Rewrite) -> None:
    for token in path[:-1]:
        node = _step(node, token, rewrite)
    token = path[-1]
    if isinstance(node, dict):
        if rewrite.delete:
            node.pop(token, None)
        else:
            node[token] = rewrite.value
    elif isinstance(node, list) and token.isdigit() and int(token) < len(node):
        if rewrite.delete:
            del node[int(token)]
        else:
            node[int(token)] = rewrite.value
    elif not rewrite.delete:
        raise _no_way(rewrite)


def _step(node: object, token: str, rewrite: Rewrite) -> object:
    if isinstance(node, dict):
        if token not in node and rewrite.delete:
            return {}
        return node.setdefault(token, {})
    if isinstance(node, list) and token.isdigit() and int(token) < len(node):
        return node[int(token)]
    raise _no_way(rewrite)


def _no_way(rewrite: Rewrite) -> InvalidRequest:
    pointer = "".join(f"/{token}" for token in rewrite.pointer)
    return InvalidRequest(
        f"Error replacing extra body: nothing to write into at pointer `{pointer}`"
    )


def rewrite_headers(
    headers: Sequence[tuple[str, str]], rewrites: Sequence[HeaderRewrite]
) -> list[tuple[str, str]]:
    """Apply `extra_headers` entries: insert replaces, delete removes."""
    changed = list(headers)
    for rewrite in rewrites:
        name = rewrite.name.lower()
        changed = [item for item in changed if item[0].lower() != name]
        if rewrite.value is not None:
            changed.append((rewrite.name, rewrite.value))
    return changed

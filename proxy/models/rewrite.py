"""`extra_body` and `extra_headers`: what a configuration writes over a request on its way out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace

import orjson

from proxy.errors import InvalidRequest
from proxy.wire.members import object_members
from proxy.wire.splice import splice


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

APPEND = "-"
"""The token that names the place after a list's last item."""


def pointer_tokens(pointer: str) -> tuple[str, ...]:
    """The reference tokens of a JSON pointer (RFC 6901, 4)."""
    return tuple(token.replace("~1", "/").replace("~0", "~") for token in pointer.split("/")[1:])


def rewrite_body(body: bytes, rewrites: Sequence[Rewrite]) -> bytes:
    """Apply `extra_body` entries in their order.

    Only the top-level members that they touch are written anew. What is written makes the objects
    that lead to it; what is to be deleted and is not there is left alone.

    Raises:
        InvalidRequest: a pointer leads to where nothing can be written.
    """
    if not rewrites:
        return body
    changes = _Changes(object_members(body))
    for rewrite in rewrites:
        changes.apply(rewrite)
    return changes.written_into(body)


class _Changes:
    """What becomes of a body's members, which is written when all is known."""

    def __init__(self, members: Mapping[str, bytes]) -> None:
        self._raw = members
        self._values: dict[str, object] = {}
        """Members that are written anew, in the order in which new ones appear."""
        self._gone: set[str] = set()
        """Members of the body that were deleted; those written again stand at its end."""

    def apply(self, rewrite: Rewrite) -> None:
        if not rewrite.pointer:
            raise _no_way(rewrite, "the pointer is empty")
        key, *rest = rewrite.pointer
        if rewrite.delete and not rest:
            self._values.pop(key, None)
            self._gone.add(key)
        elif not self._has(key) and rewrite.delete:
            return
        elif not rest:
            if not self._has(key):
                _check_new(key, rewrite)
            self._values[key] = deepcopy(rewrite.value)
        else:
            self._write_inside(key, rest, rewrite)

    def written_into(self, body: bytes) -> bytes:
        values = {key: orjson.dumps(value) for key, value in self._values.items()}
        return splice(body, remove=self._gone, replace=values, append_missing=values)

    def _has(self, key: str) -> bool:
        return key in self._values or (key in self._raw and key not in self._gone)

    def _write_inside(self, key: str, rest: list[str], rewrite: Rewrite) -> None:
        if key not in self._values:
            if not self._has(key):
                _check_new(key, rewrite)
                self._values[key] = {}
            else:
                self._values[key] = orjson.loads(self._raw[key])
        # A copy: a later rule may write into it, and this one's value is everybody's.
        _write(self._values[key], rest, replace(rewrite, value=deepcopy(rewrite.value)))


def _write(node: object, path: list[str], rewrite: Rewrite) -> None:
    for token in path[:-1]:
        node = _step(node, token, rewrite)
    token = path[-1]
    if isinstance(node, dict):
        _write_member(node, token, rewrite)
    elif isinstance(node, list):
        _write_item(node, token, rewrite)
    elif not rewrite.delete:
        raise _no_way(rewrite, f"`{token}` would be inside of what is no object and no list")


def _write_member(node: dict[str, object], token: str, rewrite: Rewrite) -> None:
    if rewrite.delete:
        node.pop(token, None)
        return
    if token not in node:
        _check_new(token, rewrite)
    node[token] = rewrite.value


def _write_item(node: list[object], token: str, rewrite: Rewrite) -> None:
    index = _index(token)
    if index is not None and index < len(node):
        if rewrite.delete:
            del node[index]
        else:
            node[index] = rewrite.value
    elif not rewrite.delete:
        if token != APPEND:
            raise _no_way(rewrite, f"a list of {len(node)} items has no item `{token}`")
        node.append(rewrite.value)


def _step(node: object, token: str, rewrite: Rewrite) -> object:
    """The value in which the next token is looked up."""
    if isinstance(node, dict):
        if token in node:
            return node[token]
        if not rewrite.delete:
            _check_new(token, rewrite)
            node[token] = {}
        return node.get(token)
    index = _index(token)
    if isinstance(node, list) and index is not None and index < len(node):
        return node[index]
    if rewrite.delete:
        return None
    raise _no_way(rewrite, f"there is nothing at `{token}`")


def _check_new(token: str, rewrite: Rewrite) -> None:
    """A new member whose name could be an index may be meant for a list that is not there."""
    if _index(token) is not None:
        raise _no_way(rewrite, f"there is no list for the index `{token}`")


def _index(token: str) -> int | None:
    """The index that a token of a pointer is, if it is one (RFC 6901, 4)."""
    if not token.isascii() or not token.isdigit() or (token[0] == "0" and token != "0"):
        return None
    return int(token)


def _no_way(rewrite: Rewrite, reason: str) -> InvalidRequest:
    escaped = (token.replace("~", "~0").replace("/", "~1") for token in rewrite.pointer)
    pointer = "".join(f"/{token}" for token in escaped)
    return InvalidRequest(f"Error replacing extra body: `{reason}` with pointer: `{pointer}`")


def rewrite_headers(
    headers: Sequence[tuple[str, str]], rewrites: Sequence[HeaderRewrite]
) -> Sequence[tuple[str, str]]:
    """Apply `extra_headers` entries: insert replaces, delete removes."""
    if not rewrites:
        return headers
    last: dict[str, HeaderRewrite] = {}
    for rewrite in rewrites:
        name = rewrite.name.lower()
        last.pop(name, None)
        last[name] = rewrite
    kept = [item for item in headers if item[0].lower() not in last]
    written = ((rule.name, rule.value) for rule in last.values())
    return [*kept, *((name, value) for name, value in written if value is not None)]

"""Raw JSON, taken apart without being re-serialised: numbers keep their spelling."""

from __future__ import annotations

from collections.abc import Mapping

import orjson

from proxy.errors import InvalidRequest, UpstreamGarbage
from proxy.wire.lenient import lenient_dumps, lenient_loads
from proxy.wire.members import list_items, object_members

Raw = Mapping[str, bytes]
"""An object's members by key, values as raw JSON."""


def as_object(raw: bytes | None) -> dict[str, bytes]:
    """The members of an object; none of anything else."""
    if raw is None or not raw.lstrip().startswith(b"{"):
        return {}
    return object_members(raw)


def as_list(raw: bytes | None) -> list[bytes]:
    """The items of a list; none of anything else."""
    if raw is None or not raw.lstrip().startswith(b"["):
        return []
    return list_items(raw)


def answered_object(raw: bytes) -> dict[str, bytes]:
    """The members of an object that a provider sent, which may not be strict JSON.

    Raises:
        UpstreamGarbage: it is no JSON object, not even so.
    """
    try:
        return object_members(raw)
    except InvalidRequest:
        pass
    try:
        return object_members(lenient_dumps(lenient_loads(raw)))
    except (InvalidRequest, ValueError, RecursionError) as error:
        raise UpstreamGarbage(f"no JSON object: {error}") from error


def to_object(members: Raw) -> bytes:
    """An object of raw members. Lone surrogates in their names stay, as escapes."""
    try:
        return orjson.dumps({name: orjson.Fragment(raw) for name, raw in members.items()})
    except TypeError:
        said = (lenient_dumps(name) + b":" + raw for name, raw in members.items())
        return b"{" + b",".join(said) + b"}"


def to_list(items: list[bytes]) -> bytes:
    """A list of raw items."""
    return b"[" + b",".join(items) + b"]"


def with_members(extra: bytes | None, members: Raw) -> bytes | None:
    """An `extra` with more in it; None while it is empty."""
    if not members:
        return extra
    return to_object({**as_object(extra), **members})

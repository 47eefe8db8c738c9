"""What a part, a call or a message has beside the members that the neutral form knows.

It is kept as a raw JSON object (`Text.extra`, `Message.extra`, ...), members as they came; those
that are null say nothing and are left out.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping

import orjson

from proxy.wire.lenient import lenient_loads, whole_text
from proxy.wire.members import object_members

NULL = b"null"


def leftover(members: Mapping[str, bytes], known: Collection[str]) -> dict[str, bytes]:
    """The members that are not known and say something."""
    return {key: raw for key, raw in members.items() if key not in known and raw != NULL}


def raw_object(members: Mapping[str, bytes]) -> bytes | None:
    """A JSON object of raw members; None when there is none."""
    if not members:
        return None
    pairs = (orjson.dumps(key) + b":" + raw for key, raw in members.items())
    return b"{" + b",".join(pairs) + b"}"


def extra_of(
    outer: Mapping[str, bytes], known: Collection[str], kind: str, inner: Mapping[str, bytes]
) -> bytes | None:
    """What is left of an object, and, under `kind`, what is left of the object inside it."""
    members = leftover(outer, known)
    nested = raw_object(inner)
    if nested is not None:
        members[kind] = nested
    return raw_object(members)


def members_of(extra: bytes | None) -> Mapping[str, bytes]:
    """The members of an `extra`."""
    return object_members(extra) if extra and extra.lstrip().startswith(b"{") else {}


def spread(extra: bytes | None, skipped: Collection[str] = ()) -> dict[str, object]:
    """The same, to stand in an object that is dumped."""
    members = members_of(extra).items()
    return {key: orjson.Fragment(raw) for key, raw in members if key not in skipped}


def with_extra(value: dict[str, object], extra: bytes | None, kind: str) -> dict[str, object]:
    """The object with what is left over, that under `kind` inside its member of that name."""
    if extra is None:
        return value
    for key, raw in members_of(extra).items():
        inner = value.get(kind)
        if key != kind or not isinstance(inner, dict):
            value[key] = orjson.Fragment(raw)
            continue
        for name, raw_inner in members_of(raw).items():
            inner[name] = orjson.Fragment(raw_inner)
            if raw_inner == NULL:
                del inner[name]
    return value


def plain_object(raw: bytes | None) -> dict[str, object]:
    """A JSON object, decoded, in which all text can be encoded; an empty one for anything else."""
    if raw is None:
        return {}
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError:
        value = _whole(lenient_loads(raw))
    return value if isinstance(value, dict) else {}


def _whole(value: object) -> object:
    match value:
        case str():
            return whole_text(value)
        case list():
            return [_whole(item) for item in value]
        case dict():
            return {whole_text(key): _whole(item) for key, item in value.items()}
    return value


def dumps(value: object) -> bytes:
    """JSON of a value with fragments in it. Lone surrogates, of which two deltas may make up a
    character, stay as escapes, and numbers may be of any size."""
    try:
        return orjson.dumps(value)
    except TypeError:
        return json.dumps(value, separators=(",", ":"), default=_unwrapped).encode()


def _unwrapped(fragment: object) -> object:
    return lenient_loads(orjson.dumps(fragment))

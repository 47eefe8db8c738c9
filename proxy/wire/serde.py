"""Reading typed values out of raw JSON, with the messages of TensorZero's reader.

Each reader takes a raw value and the path that its error is to name, and raises `InvalidRequest`.
An empty path names no place.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import TypeVar

import orjson

from proxy.errors import InvalidRequest
from proxy.wire.lenient import whole_text
from proxy.wire.members import list_items, object_members, value_of
from proxy.wire.syntax import find_excess, find_fault

U32 = (0, 2**32 - 1)
I32 = (-(2**31), 2**31 - 1)
USIZE = (0, 2**64 - 1)

_I64_MIN, _U64_MAX = -(2**63), 2**64 - 1
_INTEGER = re.compile(rb"-?\d{1,20}\Z")
_SHOWN = 500
"""Characters of a wrong string that an error repeats."""

T = TypeVar("T")


def fail(path: str, message: str) -> InvalidRequest:
    """The error at a place."""
    return InvalidRequest(f"{path}: {message}", param=path) if path else InvalidRequest(message)


def read_body(body: bytes, struct: str) -> dict[str, bytes]:
    """The members of a request's body; of a key given twice the last value.

    Halves of characters and values nested beyond 128 are refused here, as TensorZero does: not all
    that reads them later could.
    """
    excess = find_excess(body)
    if excess is not None:
        raise _unreadable(excess)
    try:
        return object_members(body)
    except InvalidRequest as error:
        fault = find_fault(body)
        if fault is not None:
            raise _unreadable(fault) from error
        raw = body.strip(b" \t\r\n")
        if raw.startswith(b"{"):
            raise
        raise wrong_type(raw, "", f"struct {struct}") from error


def _unreadable(fault: str) -> InvalidRequest:
    return InvalidRequest(f"Failed to parse the request body as JSON: {fault} (400 Bad Request)")


def wrong_type(raw: bytes, path: str, expected: str) -> InvalidRequest:
    """`invalid type: …, expected …`."""
    return fail(path, f"invalid type: {describe(raw)}, expected {expected}")


def missing(path: str, name: str) -> InvalidRequest:
    """``missing field `name` ``."""
    return fail(path, f"missing field `{name}`")


def describe(raw: bytes) -> str:
    """What a value is, in the reader's words."""
    first = raw[:1]
    if first == b'"':
        text = str(value_of(raw))
        if len(text) > _SHOWN:
            text = text[:_SHOWN] + "…"
        return "string " + orjson.dumps(whole_text(text)).decode()
    if raw in (b"true", b"false"):
        return f"boolean `{raw.decode()}`"
    words = {b"[": "sequence", b"{": "map", b"n": "null"}
    return words.get(first) or _describe_number(raw)


def _describe_number(raw: bytes) -> str:
    if _INTEGER.match(raw) and _I64_MIN <= int(raw) <= _U64_MAX:
        return f"integer `{int(raw)}`"
    shown = format(Decimal(repr(float(raw))), "f")
    return f"floating point `{shown if '.' in shown else shown + '.0'}`"


def is_string(raw: bytes) -> bool:
    return raw.startswith(b'"')


def is_object(raw: bytes) -> bool:
    return raw.startswith(b"{")


def given(raw: bytes | None) -> bytes | None:
    """The value, or None for one that is absent or null."""
    return None if raw == b"null" else raw


def read_string(raw: bytes, path: str) -> str:
    value = value_of(raw) if is_string(raw) else None
    if not isinstance(value, str):
        raise wrong_type(raw, path, "a string")
    return whole_text(value)


def read_flag(raw: bytes, path: str) -> bool:
    if raw not in (b"true", b"false"):
        raise wrong_type(raw, path, "a boolean")
    return raw == b"true"


def read_f32(raw: bytes, path: str) -> float:
    """A number as it was given, not rounded to the 32 bits that TensorZero keeps of it."""
    value = value_of(raw)
    if raw[:1] not in b"-0123456789" or not isinstance(value, int | float):
        raise wrong_type(raw, path, "f32")
    return value


def read_integer(raw: bytes, path: str, limits: tuple[int, int], name: str) -> int:
    """An integer within `limits`; `name` is the type's, such as `u32`."""
    if not _INTEGER.match(raw) or not _I64_MIN <= int(raw) <= _U64_MAX:
        raise wrong_type(raw, path, name)
    if not limits[0] <= int(raw) <= limits[1]:
        raise fail(path, f"invalid value: {describe(raw)}, expected {name}")
    return int(raw)


def read_u32(raw: bytes, path: str) -> int:
    return read_integer(raw, path, U32, "u32")


def read_word(raw: bytes, path: str, words: Iterable[str]) -> str:
    """One of a few words."""
    word = read_string(raw, path)
    if word not in words:
        raise unknown_variant(path, word, words)
    return word


def unknown_variant(path: str, word: str, words: Iterable[str]) -> InvalidRequest:
    return fail(path, f"unknown variant `{word}`, expected {one_of(words)}")


def one_of(words: Iterable[str]) -> str:
    quoted = [f"`{word}`" for word in words]
    if len(quoted) < 3:
        return " or ".join(quoted)
    return "one of " + ", ".join(quoted)


def read_items(raw: bytes, path: str) -> list[bytes]:
    if not raw.startswith(b"["):
        raise wrong_type(raw, path, "a sequence")
    return list_items(raw)


def read_strings(raw: bytes, path: str) -> tuple[str, ...]:
    items = read_items(raw, path)
    return tuple(read_string(item, f"{path}[{index}]") for index, item in enumerate(items))


def read_object(raw: bytes, path: str, expected: str) -> dict[str, bytes]:
    """Members of an object; `expected` is `a map` or `struct NAME`."""
    if not is_object(raw):
        raise wrong_type(raw, path, expected)
    return object_members(raw)


def read_string_map(raw: bytes, path: str) -> dict[str, str]:
    members = read_object(raw, path, "a map")
    return {key: read_string(value, f"{path}.{key}") for key, value in members.items()}


def check_known(members: Mapping[str, bytes], path: str, known: tuple[str, ...]) -> None:
    """Refuse members that the structure does not have."""
    for name in members:
        if name not in known:
            where = f"{path}.{name}" if path else name
            raise fail(where, f"unknown field `{name}`, expected {one_of(known)}")


def required(members: Mapping[str, bytes], path: str, name: str) -> bytes:
    if name not in members:
        raise missing(path, name)
    return members[name]


def optional_string(members: Mapping[str, bytes], path: str, name: str) -> str | None:
    raw = given(members.get(name))
    return None if raw is None else read_string(raw, f"{path}.{name}" if path else name)

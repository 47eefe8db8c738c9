"""Where the members of a JSON object stand, and their raw values, with nothing re-serialised.

The strict C parser reads the values; where they stand is found by walking the separators between
them. Bodies for which that does not work out (a key twice, a lone surrogate escape, which JSON's
grammar allows and strict parsers refuse) go through an exact scanner.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import NoReturn

import msgspec

from proxy.errors import InvalidRequest

_OBJECT = msgspec.json.Decoder(dict[str, msgspec.Raw])
_LIST = msgspec.json.Decoder(list[msgspec.Raw])
_VALUE = msgspec.json.Decoder()

_STRING_TEXT = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
_STRING = re.compile(_STRING_TEXT, re.DOTALL)
_KEY = re.compile(
    rb"[ \t\n\r]*[,{][ \t\n\r]*(" + _STRING_TEXT + rb")[ \t\n\r]*:[ \t\n\r]*", re.DOTALL
)
_TAIL = re.compile(rb"[ \t\n\r]*}[ \t\n\r]*")
_ITEM = re.compile(rb"[ \t\n\r]*[,\[][ \t\n\r]*")
_BRACKET = re.compile(_STRING_TEXT + rb"|[\[\]{}]", re.DOTALL)
_SCALAR = re.compile(rb"[^,\]} \t\n\r]+")
_SURROGATE_ESCAPE = re.compile(rb"\\u[dD][89a-fA-F]")

Member = tuple[str, int, int, int]
"""Key, and the offsets where the key's quote, the value, and what follows the value stand."""


def object_members(body: bytes) -> dict[str, bytes]:
    """Top-level keys and their raw values, in order; of a key given twice the last value.

    Raises:
        InvalidRequest: the body is no JSON object in UTF-8, or is nested too deeply.
    """
    return {key: bytes(raw) for key, raw in raw_members(body).items()}


def raw_members(body: bytes) -> Mapping[str, msgspec.Raw | bytes]:
    """The same, with values that still stand in the body: `bytes` makes one of them. Raises as
    above."""
    raws = _decode_object(body)
    if raws is not None:
        return raws
    return {key: body[value:end] for key, _, value, end in _scan(body)}


def member(body: bytes, key: str) -> bytes:
    """The raw value of one top-level member; empty bytes when there is none. Raises as above."""
    raws = _decode_object(body)
    if raws is not None:
        return bytes(raws.get(key, b""))
    return object_members(body).get(key, b"")


def list_items(body: bytes) -> list[bytes]:
    """The raw items of a JSON list, in order.

    Raises:
        InvalidRequest: it is no JSON list.
    """
    try:
        return [bytes(raw) for raw in _LIST.decode(body)]
    except (ValueError, RecursionError):
        if not isinstance(_strict_loads(body), list):
            raise InvalidRequest("a list was expected") from None
    items = []
    position = 0
    while (match := _ITEM.match(body, position)) is not None:
        position = _value_end(body, match.end())
        items.append(body[match.end() : position])
    return items


def locate_members(
    body: bytes, members: Mapping[str, msgspec.Raw | bytes] | None = None
) -> list[Member]:
    """Where the top-level members stand, in order, doubles included. `members` is what
    `raw_members` says of this body, if it is known. Raises as above."""
    raws = _decode_object(body) if members is None else members
    walked = None if raws is None else _walk(body, raws)
    return _scan(body) if walked is None else walked


def place_of(
    body: bytes, members: Mapping[str, msgspec.Raw | bytes], wanted: str
) -> tuple[int, int] | None:
    """From where to where the value of one member stands in a body without any spaces, by counting
    lengths; None where that does not work out.

    Spaces, a key given twice or spelled with escapes all make a body longer than its members' names
    and values are, so that the counts agree for a plain one only.
    """
    values: Iterable[memoryview] = map(memoryview, members.values())
    length = 1 + sum(map(len, members)) + sum(map(len, values)) + 4 * len(members)
    if length != len(body):
        return None
    start = 1
    for key, raw in members.items():
        start += len(key) + 3
        if key == wanted:
            return start, start + len(memoryview(raw))
        start += len(memoryview(raw)) + 1
    return None


def _walk(body: bytes, raws: Mapping[str, msgspec.Raw | bytes]) -> list[Member] | None:
    """Step from member to member by the known values; None where they don't fit.

    They don't when a key stands twice, for there are then more members than values.
    """
    members = []
    position = 0
    for key, raw in raws.items():
        match = _KEY.match(body, position)
        if match is None:
            return None
        start = match.end()
        position = start + len(memoryview(raw))
        members.append((key, match.start(1), start, position))
    if not members:
        return members
    return members if _TAIL.fullmatch(body, position) else None


def _scan(body: bytes) -> list[Member]:
    """The exact way. `body` is known to be a valid JSON object."""
    members = []
    position = 0
    while (match := _KEY.match(body, position)) is not None:
        position = _value_end(body, match.end())
        key = json.loads(match[1])
        members.append((key, match.start(1), match.end(), position))
    return members


def _value_end(body: bytes, start: int) -> int:
    """Where the JSON value that begins at `start` ends."""
    first = body[start : start + 1]
    if first == b'"':
        return _end_of(_STRING.match(body, start))
    if first not in b"[{":
        return _end_of(_SCALAR.match(body, start))
    depth = 0
    for match in _BRACKET.finditer(body, start):
        bracket = match[0]
        if bracket in (b"{", b"["):
            depth += 1
        elif bracket in (b"}", b"]"):
            depth -= 1
            if not depth:
                return match.end()
    raise _invalid("it ends too early")


def _end_of(match: re.Match[bytes] | None) -> int:
    if match is None:
        raise _invalid("it ends too early")
    return match.end()


def _decode_object(body: bytes) -> dict[str, msgspec.Raw] | None:
    """The members' values; None for a valid body that the strict parser refuses."""
    _check_utf8(body)
    try:
        return _OBJECT.decode(body)
    except msgspec.ValidationError:
        raise InvalidRequest("The request body must be a JSON object") from None
    except RecursionError:
        _too_deep()
    except ValueError as error:
        if _SURROGATE_ESCAPE.search(body) is None:
            raise _invalid(str(error)) from error
    if not isinstance(_strict_loads(body), dict):
        raise InvalidRequest("The request body must be a JSON object")
    return None


def _check_utf8(body: bytes) -> None:
    if body.isascii():
        return
    try:
        body.decode()
    except UnicodeDecodeError as error:
        raise _invalid(f"it is not UTF-8 (byte {error.start})") from error


def _strict_loads(raw: bytes) -> object:
    """JSON with lone surrogate escapes let through, numbers left unread, NaN refused."""
    try:
        return json.loads(raw, parse_int=str, parse_float=str, parse_constant=_refuse_constant)
    except RecursionError:
        _too_deep()
    except ValueError as error:
        raise _invalid(str(error)) from error


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON value")


def _too_deep() -> NoReturn:
    raise _invalid("it is nested too deeply") from None


def _invalid(why: str) -> InvalidRequest:
    return InvalidRequest(f"The request body is not valid JSON: {why}")


def value_of(raw: bytes) -> object:
    """A small JSON value, decoded."""
    try:
        return _VALUE.decode(raw)
    except (ValueError, RecursionError):
        return _strict_loads(raw)

"""JSON values in the form in which the template engine takes them.

The engine prints values of its own as `none`, `true`, `{"a": [1, "b"]}`, but Python's containers as
Python does, and lets templates see Python's methods as if they were members. The containers here
print like the engine's own and hide their methods. Keys come in the order of the alphabet, as they
do in TensorZero's templates, whatever the sender's order was.

Numbers: integers keep their spelling up to 64 bits (signed) and are floats beyond, as is `-0`;
floats lose it (`1.10` is printed `1.1`, `1e3` is printed `1000.0`).
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import ItemsView, Iterable, Mapping
from decimal import Decimal
from typing import NoReturn

NO_MEMBER = "\ufffeitems\uffff"
"""What is printed for a member `items` that an object does not have; Unicode has no such text."""

_ESCAPES: Mapping[str, str] = {
    '"': '\\"',
    "\\": "\\\\",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
    "\0": "\\0",
}


DEEPEST = 128
"""How deep values may be nested, as in TensorZero."""

TOO_DEEP = "it is nested too deeply"

_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


def read_json(raw: bytes | str) -> object:
    """The value of a JSON text, with whole numbers of any length.

    Half a character (a lone surrogate, which JSON's grammar allows) is none: the template engine
    does not survive it.

    Raises:
        ValueError: it is no JSON, is nested too deeply, or has a number beyond all floats or half
            a character.
    """
    text = raw.decode() if isinstance(raw, bytes) else raw
    try:
        value = json.loads(
            text,
            parse_int=_read_int,
            parse_float=_read_float,
            parse_constant=_refuse_constant,
        )
    except RecursionError:
        raise ValueError(TOO_DEEP) from None
    if text.count("[") + text.count("{") > DEEPEST and _is_deeper(value, DEEPEST):
        raise ValueError(TOO_DEEP)
    if _SURROGATE.search(text) is not None:
        _refuse_half_characters(value)
    return value


def read_arguments(raw: bytes) -> dict[str, object]:
    """The context of a template: a JSON object, its values wrapped.

    Raises:
        ValueError: it is no JSON object.
    """
    value = read_json(raw)
    if not isinstance(value, dict):
        raise ValueError("template arguments must be an object")
    return {name: wrapped(each) for name, each in value.items()}


def wrapped(value: object) -> object:
    """The value for the engine; scalars stay."""
    if isinstance(value, dict):
        return _Map((name, wrapped(value[name])) for name in sorted(value))
    if isinstance(value, list):
        return _List(wrapped(each) for each in value)
    return value


class _Map(dict[str, object]):
    """An object. The engine knows one by its member `items`, so this one method can be seen."""

    __slots__ = ()

    def __getattribute__(self, name: str) -> object:
        if name == "items":
            return _Pairs(dict.items(self))
        return _public(self, name, "map")

    def __str__(self) -> str:
        pairs = (f"{_shown(name)}: {_shown(each)}" for name, each in dict.items(self))
        return "{" + ", ".join(pairs) + "}"

    __repr__ = __str__


class _List(list[object]):
    __slots__ = ()

    def __getattribute__(self, name: str) -> object:
        return _public(self, name, "sequence")

    def __str__(self) -> str:
        return "[" + ", ".join(map(_shown, self)) + "]"

    __repr__ = __str__


class _Pairs:
    """The method `items`, for the engine; for a template that wants such a member, nothing."""

    __slots__ = ("_items",)

    def __init__(self, items: ItemsView[str, object]) -> None:
        self._items = items

    def __call__(self) -> ItemsView[str, object]:
        return self._items

    def __bool__(self) -> bool:
        return False

    def __str__(self) -> str:
        return NO_MEMBER


def _public(value: object, name: str, kind: str) -> object:
    if name.startswith("__"):
        return object.__getattribute__(value, name)
    raise AttributeError(f"unknown method: {kind} has no method named {name}")


def _shown(value: object) -> str:
    """As the engine prints a value inside a container."""
    match value:
        case None:
            return "none"
        case bool():
            return "true" if value else "false"
        case str():
            return '"' + "".join(map(_shown_character, value)) + '"'
        case float():
            return _shown_float(value)
    return str(value)


def _shown_character(character: str) -> str:
    if character in _ESCAPES:
        return _ESCAPES[character]
    return character if character.isprintable() else f"\\u{{{ord(character):x}}}"


def _shown_float(value: float) -> str:
    if value and not 1e-4 <= abs(value) < 1e16:
        mantissa, _, exponent = repr(value).partition("e")
        return f"{mantissa.removesuffix('.0')}e{int(exponent)}"
    plain = format(Decimal(repr(value)), "f")
    return plain if "." in plain else f"{plain}.0"


def _is_deeper(value: object, depth: int) -> bool:
    """Whether lists and objects stand in each other more than `depth` times."""
    level: list[object] = [value]
    for _ in range(depth):
        level = [each for parent in level for each in _children(parent)]
    return any(isinstance(each, dict | list) for each in level)


def _children(value: object) -> Iterable[object]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _refuse_half_characters(value: object) -> None:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise ValueError("it has a lone surrogate in a hex escape") from None


def _read_int(text: str) -> int | float:
    return -0.0 if text == "-0" else int(text)


def _read_float(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise ValueError(f"the number {text} is out of range")
    return value


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON value")

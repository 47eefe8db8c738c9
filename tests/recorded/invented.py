"""Values invented from types: what an SDK says that may be sent, or may come.

Optional members are there or not, unions give each of their members, by a seeded source: the same
seed gives the same values. Requests of packages with types are `TypedDict`s, answers are pydantic
models; both are walked alike.
"""

from __future__ import annotations

import base64
import json
import random
import types
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from typing import Any

import typing_extensions

Named = Callable[[random.Random], str]
"""Makes a text for a member that cannot be any text."""

DEEP = 5
"""From here on, only what must be there is."""
_ANY_JSON: tuple[Any, ...] = (
    {},
    [],
    None,
    True,
    0,
    -12.5,
    'ä\n"😀',
    {"type": "object", "properties": {"q": {"type": "string"}}, "required": ["q"]},
    {"a": [1, {"b": None}], "c": "text"},
)
_TEXTS = ("a", "Hello, world.", 'ä\n"😀\\', "", "  ", '{"a": 1}', "long " * 40)
_NOBODY = type(None)
_REQUIRED = (typing.Required, typing_extensions.Required)
_LEFT_OUT = (typing.NotRequired, typing_extensions.NotRequired)


class Inventor:
    """Invents values of types. `texts` tells what members of these names say."""

    def __init__(self, source: random.Random, texts: Mapping[str, Named]) -> None:
        self.source = source
        self._texts = texts

    def value(self, hint: Any, name: str = "", depth: int = 0) -> Any:
        """A value of the type, as JSON has it. `name` is that of the member which holds it."""
        origin, inner = typing.get_origin(hint), typing.get_args(hint)
        if origin in (typing.Annotated, *_REQUIRED, *_LEFT_OUT):
            return self.value(inner[0], name, depth)
        if origin is typing.Literal:
            return self.source.choice(inner)
        if origin in (typing.Union, types.UnionType):
            return self._one_of(inner, name, depth)
        if origin is dict:
            return {self.text("key"): self.value(inner[1], name, depth + 1) for _ in self.some()}
        if isinstance(origin, type) and issubclass(origin, Iterable):
            count = range(1) if depth > DEEP else self.some()
            return [self.value(inner[0], name, depth + 1) for _ in count]
        if isinstance(hint, type) and members_of(hint):
            return self.members(hint, depth)
        return self.scalar(hint, name)

    def members(self, hint: type, depth: int = 0, **fixed: Any) -> dict[str, Any]:
        """An object of the type; `fixed` are members whose values are known."""
        made = {
            name: self.value(kind, name, depth + 1)
            for name, (kind, needed) in members_of(hint).items()
            if name not in fixed and (needed or self.chance(0.4 if depth < DEEP else 0.0))
        }
        return made | fixed

    def scalar(self, hint: Any, name: str) -> Any:
        """A value of a type without members."""
        if hint is bool:
            return self.chance(0.5)
        if hint is int:
            return self.source.choice((0, 1, 7, 4096))
        if hint is float:
            return self.source.choice((0.0, 1, 0.25, 1.5))
        return self.text(name) if hint is str else self.json()

    def text(self, name: str) -> str:
        """Any text, or, where that would not do, one that says what the name promises."""
        made = self._texts.get(name)
        return self.source.choice(_TEXTS) if made is None else made(self.source)

    def json(self) -> Any:
        """Any JSON."""
        return json.loads(json.dumps(self.source.choice(_ANY_JSON)))

    def chance(self, share: float) -> bool:
        return self.source.random() < share

    def some(self, most: int = 3) -> range:
        """As many times as there are to be things in a list."""
        return range(self.source.randint(0, most))

    def _one_of(self, kinds: Sequence[Any], name: str, depth: int) -> Any:
        said = [kind for kind in kinds if kind is not _NOBODY]
        if len(said) < len(kinds) and self.chance(0.15):
            return None
        if depth > DEEP:  # what needs least
            return self.value(min(said, key=_weight), name, depth)
        return self.value(self.source.choice(said), name, depth)


@cache
def members_of(hint: type) -> Mapping[str, tuple[Any, bool]]:
    """The members of a `TypedDict` or of a pydantic model, and whether they must be there; none of
    any other type."""
    fields = getattr(hint, "model_fields", None)
    if fields is not None:
        return {
            field.alias or name: (field.annotation, field.is_required())
            for name, field in fields.items()
        }
    if not typing_extensions.is_typeddict(hint):
        return {}
    hints = typing.get_type_hints(hint, include_extras=True)
    return {_alias(kind) or name: (kind, _needed(kind, hint)) for name, kind in hints.items()}


def _needed(kind: Any, hint: Any) -> bool:
    origin = typing.get_origin(kind)
    return origin in _REQUIRED or (hint.__total__ and origin not in _LEFT_OUT)


def _alias(kind: Any) -> str | None:
    """The name on the wire, where the package has another."""
    found = (_alias(inner) for inner in typing.get_args(kind))
    own = (getattr(each, "alias", None) for each in getattr(kind, "__metadata__", ()))
    return next((name for name in (*own, *found) if isinstance(name, str)), None)


def _weight(kind: Any) -> int:
    if kind in (str, int, float, bool):
        return 0
    if typing.get_origin(kind) is typing.Literal:
        return 0
    return len(members_of(kind)) + 1 if isinstance(kind, type) else 50


def one_of(*texts: str) -> Named:
    """Any of these."""
    return lambda source: source.choice(texts)


def base64_text(source: random.Random) -> str:
    """A few bytes in base64."""
    return base64.b64encode(source.randbytes(source.randint(1, 9))).decode()

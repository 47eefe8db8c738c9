"""Values: classes of fields that nobody changes, made cheaply.

A dataclass is made by a function of Python, a step or two for each field, and a frozen one sets
each through `object.__setattr__`: of the dozens of values that one call makes, that was a tenth of
all its time. So a class that is made for each call, or for each chunk, is written as a dataclass
and becomes a struct of msgspec, whose constructor, comparison and hash are C. For those who ask, it
still is a dataclass: `dataclasses.replace` and `fields` take it. `replace` here does the same in C,
for such values only.
"""

from __future__ import annotations

from dataclasses import MISSING, Field, dataclass, field, fields
from typing import TYPE_CHECKING, Any, TypeVar, cast, dataclass_transform

import msgspec

if TYPE_CHECKING:
    from dataclasses import replace
else:
    from msgspec.structs import replace

__all__ = ["immutable", "replace"]

T = TypeVar("T")

_MADE_ANEW = ("__dict__", "__weakref__", "__match_args__", "__annotations__")


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def immutable(cls: type[T]) -> type[T]:
    """In place of `@dataclass(frozen=True, slots=True)`.

    `msgspec.to_builtins` leaves out of such a value what has its default.

    Raises:
        TypeError: a field is not filled by the constructor, or not compared; or there is a
            `__post_init__`. Structs have none of these.
    """
    described = dataclass(init=False, eq=False)(cls)
    members = fields(described)  # type: ignore[arg-type]
    if hasattr(cls, "__post_init__") or not all(each.init and each.compare for each in members):
        raise TypeError(f"{cls.__qualname__} is more than its fields; make it a dataclass")
    taken = {*_MADE_ANEW, *(each.name for each in members)}
    made = msgspec.defstruct(
        cls.__name__,
        [_described(each) for each in members],
        namespace={name: value for name, value in vars(described).items() if name not in taken},
        frozen=True,
        omit_defaults=True,
    )
    return cast(type[T], made)


def _described(member: Field[Any]) -> tuple[str, Any] | tuple[str, Any, Any]:
    """A field as `msgspec.defstruct` takes it."""
    if member.default is not MISSING:
        return member.name, member.type, member.default
    if member.default_factory is not MISSING:
        return member.name, member.type, msgspec.field(default_factory=member.default_factory)
    return member.name, member.type

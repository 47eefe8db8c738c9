"""Values: dataclasses that nobody changes, made cheaply.

A frozen dataclass sets each field through `object.__setattr__`, which costs three times as much as
setting it: of the dozens of values that one call makes, that is a large share of all its time. So a
class that is made for each call, or for each chunk, is frozen for the type checker only. It has
slots, compares and hashes by its fields, and `dataclasses.replace` takes it, like a frozen one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeVar, dataclass_transform

T = TypeVar("T")


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def immutable(cls: type[T]) -> type[T]:
    """In place of `@dataclass(frozen=True, slots=True)`."""
    return dataclass(slots=True, unsafe_hash=True)(cls)

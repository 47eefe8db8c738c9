"""What all sections share: the base model, marks for what is not built yet, and small types."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Self, TypeVar, cast

from proxy.config.schema.form import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PydanticCustomError,
    Strict,
)

Item = TypeVar("Item")
Many = Annotated[tuple[Item, ...], Strict(False)]
"""A list. Strictness would refuse one that passes a validator in Python on its way."""


class Section(BaseModel):
    """A table of the configuration: frozen, strict about types, with no unknown keys.

    `not_built` names the whole table where nothing is built behind it yet; `{type}` in it stands
    for the table's type. `hints` maps keys that people are likely to try to what they should write
    instead.

    Validators are built when they are first used: a worker, which gets values that are checked,
    never needs them, and the main process only the root's.
    """

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        strict=True,
        allow_inf_nan=False,
        protected_namespaces=(),
        defer_build=True,
    )

    not_built: ClassVar[str] = ""
    hints: ClassVar[Mapping[str, str]] = {}

    @classmethod
    def by_default(cls) -> Self:
        """The table without a key: nothing is there to validate, so no validator is built."""
        return cast(Self, cls.model_construct())


@dataclass(frozen=True, slots=True)
class Refused:
    """Marks an annotation: `values` are known words, but are refused here, with this `message`."""

    values: tuple[str, ...]
    message: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class NotBuilt:
    """Marks a key that is valid and that nothing is built behind yet.

    It counts where the key's value is not its default and, if there are `values`, is one of them
    or begins with one that ends in `::`. `name` is for messages; by default the key itself;
    `{value}` in it stands for the one of `values`.
    `blocks` says that a call which needs it must be refused; otherwise it has no effect yet, or
    what `instead` says happens.
    """

    name: str = ""
    values: tuple[str, ...] = ()
    blocks: bool = False
    instead: str = ""


@dataclass(frozen=True, slots=True)
class NoEffect:
    """Marks a key that is accepted and changes nothing here, and says why. It is no warning."""

    reason: str


@dataclass(frozen=True, slots=True)
class Shown:
    """Marks an annotation: how the documentation writes this type."""

    text: str


def problem(message: str, remedy: str) -> PydanticCustomError:
    """The error that a validator raises when it knows a better remedy than the shape can tell."""
    quoted = {"message": message, "remedy": remedy}
    return PydanticCustomError("zeroproxy", "{message}", quoted)


def _checked(check: Callable[[Any], Any]) -> BeforeValidator:
    return BeforeValidator(check)


_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGT]?)(i?)B?\Z", re.I)
_POWERS = {"": 0, "K": 1, "M": 2, "G": 3, "T": 4}


def parse_size(value: object) -> object:
    """A number of bytes, or text such as `64MiB` (1024) or `64MB` (1000), as a number of bytes."""
    if not isinstance(value, str):
        return value
    match = _SIZE.match(value.strip())
    if match is None:
        raise problem("not a size", "write a number of bytes, or text such as `64MiB` or `1GB`")
    base = 1024 if match[3] else 1000
    return int(float(match[1]) * base ** _POWERS[match[2].upper()])


Size = Annotated[int, _checked(parse_size), Field(gt=0), Shown("bytes, or text like `64MiB`")]
Millis = Annotated[int, Field(gt=0), Shown("milliseconds")]
Days = Annotated[int, Field(ge=1), Shown("days")]
Count = Annotated[int, Field(ge=1), Shown("integer ≥ 1")]
U32 = Annotated[int, Field(ge=0, le=2**32 - 1), Shown("integer ≥ 0")]
I32 = Annotated[int, Field(ge=-(2**31), le=2**31 - 1), Shown("integer")]
Positive = Annotated[float, Field(gt=0), Shown("number > 0")]
Fraction = Annotated[float, Field(ge=0, le=1), Shown("number from 0 to 1")]
Weight = Annotated[float, Field(ge=0), Shown("number ≥ 0")]


def _check_ascending(value: object) -> object:
    if not isinstance(value, list) or not all(
        isinstance(item, int | float) and not isinstance(item, bool) for item in value
    ):
        return value
    if not value or any(item < 0 for item in value) or sorted(set(value)) != value:
        raise problem(
            "histogram buckets must be at least one, not negative and strictly ascending",
            "write them like `[0.001, 0.01, 0.1]`",
        )
    return value


Buckets = Annotated[Many[float], _checked(_check_ascending), Shown("list of seconds")]


def _check_namespace(value: object) -> object:
    if value == "":
        raise problem("a namespace cannot be empty", "name it, or remove the key")
    if isinstance(value, str) and value.startswith("tensorzero::"):
        raise problem("a namespace cannot start with `tensorzero::`", "give it another name")
    return value


Namespace = Annotated[str, _checked(_check_namespace), Shown("name")]

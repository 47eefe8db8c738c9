"""What the schema is written with in a process that only uses a configuration: pydantic's words
without what validates.

A gateway at rest would spend an eighth of its memory on validators that nobody asks. So the files
are read by a child (`proxy.app.reading`), which has pydantic; who serves loads this module before
the schema, and `schema/form.py` then takes the words from here. Both kinds of values have the same
attributes, and each can be unpickled as the other.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Self

_MISSING = object()


class FieldInfo:
    """A key of a table: its default, its other names, and its type, which is looked at when asked
    for."""

    __slots__ = (
        "_annotation",
        "_module",
        "alias",
        "default",
        "default_factory",
        "metadata",
        "validation_alias",
    )

    def __init__(
        self,
        default: Any = _MISSING,
        default_factory: Callable[..., Any] | None = None,
        alias: str | None = None,
        validation_alias: Any = None,
    ) -> None:
        self.default = default
        self.default_factory = default_factory
        self.alias = alias
        self.validation_alias = alias if validation_alias is None else validation_alias
        self.metadata: tuple[Any, ...] = ()
        self._annotation: Any = Any
        self._module = ""

    def of(self, module: str, annotation: str) -> FieldInfo:
        """The same as a key of a class; `annotation` is its type as it is written there."""
        made = FieldInfo(self.default, self.default_factory, self.alias, self.validation_alias)
        made._annotation, made._module = annotation, module
        return made

    @property
    def annotation(self) -> Any:
        """The type with all that marks it."""
        if isinstance(self._annotation, str):
            self._annotation = eval(self._annotation, vars(sys.modules[self._module]))
        return self._annotation

    def get_default(
        self, *, call_default_factory: bool = False, validated_data: Mapping[str, Any]
    ) -> Any:
        """What the key is where it is not given; equal to nothing where it has to be given."""
        if self.default_factory is not None and call_default_factory:
            make = self.default_factory
            takes = not isinstance(make, type) and inspect.signature(make).parameters
            return make(validated_data) if takes else make()
        return self.default


def Field(
    default: Any = _MISSING,
    *,
    default_factory: Callable[..., Any] | None = None,
    alias: str | None = None,
    validation_alias: Any = None,
    **_: Any,
) -> Any:
    """A key; what it is held against is nothing here."""
    return FieldInfo(default, default_factory, alias, validation_alias)


class Unchecked:
    """Stands where a validator does."""

    __slots__ = ()

    def __init__(self, *_: Any, **__: Any) -> None:
        pass


AliasChoices = BeforeValidator = PlainValidator = Strict = Unchecked
ConfigDict = dict


def model_validator(*, mode: str) -> Callable[[Any], Any]:
    """Leaves the method as it is."""
    return lambda method: method


class PydanticCustomError(ValueError):
    """Raised by checks, which nobody calls here."""


class BaseModel:
    """A table of values that were checked where they were read."""

    __slots__ = ("__dict__", "__pydantic_fields_set__", "__weakref__")

    model_config: ClassVar[Any] = {}
    model_fields: ClassVar[dict[str, FieldInfo]] = {}
    _own_fields: ClassVar[dict[str, FieldInfo]] = {}
    __pydantic_fields_set__: set[str]

    def __init_subclass__(cls) -> None:
        own = {}
        for name, annotation in vars(cls).get("__annotations__", {}).items():
            if not annotation.startswith("ClassVar["):
                found = vars(cls).get(name, _MISSING)
                if found is not _MISSING:
                    delattr(cls, name)
                key = found if isinstance(found, FieldInfo) else FieldInfo(found)
                own[name] = key.of(cls.__module__, annotation)
        cls._own_fields = own
        cls.model_fields = {
            name: key
            for base in reversed(cls.__mro__)
            for name, key in vars(base).get("_own_fields", {}).items()
        }

    def __init__(self) -> None:
        raise TypeError("a table is read by whoever validates it, or is `model_construct`ed")

    @classmethod
    def model_construct(cls, **values: Any) -> Self:
        """A table of these values and of the others' defaults. Nothing is checked."""
        made = cls.__new__(cls)
        data: dict[str, Any] = {}
        for name, key in cls.model_fields.items():
            if name in values:
                data[name] = values[name]
            elif key.default is not _MISSING or key.default_factory is not None:
                data[name] = key.get_default(call_default_factory=True, validated_data=data)
        made._fill(data, set(values))
        return made

    def model_copy(self, *, update: Mapping[str, Any]) -> Self:
        """The same with other values. Nothing is checked."""
        made = type(self).__new__(type(self))
        made._fill({**vars(self), **update}, {*self.model_fields_set, *update})
        return made

    @property
    def model_fields_set(self) -> set[str]:
        """The keys that were given."""
        return self.__pydantic_fields_set__

    def _fill(self, data: Mapping[str, Any], given: set[str]) -> None:
        vars(self).update(data)
        object.__setattr__(self, "__pydantic_fields_set__", given)

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"a table is frozen: {name!r} cannot be set")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"a table is frozen: {name!r} cannot be deleted")

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and vars(self) == vars(other)

    def __hash__(self) -> int:
        return hash((type(self), *vars(self).values()))

    def __repr__(self) -> str:
        keys = ", ".join(f"{name}={value!r}" for name, value in vars(self).items())
        return f"{type(self).__name__}({keys})"

    def __getstate__(self) -> dict[str, Any]:
        return {
            "__dict__": vars(self),
            "__pydantic_extra__": None,
            "__pydantic_fields_set__": self.model_fields_set,
            "__pydantic_private__": None,
        }

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        self._fill(state["__dict__"], state["__pydantic_fields_set__"])

"""What a configuration names and nothing is built behind yet.

Such a configuration is valid: it loads, with a warning. What asks for one of these things is
answered with its name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, get_args, get_origin

from proxy.config.schema.base import NotBuilt, Section
from proxy.config.schema.form import FieldInfo

Place = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Unbuilt:
    """`path` is the key, from the value that was asked; `name` is for the sentence "NAME is not
    built yet". `blocks`: a call that needs it is refused; otherwise it has no effect, or what
    `instead` says happens."""

    path: Place
    name: str
    blocks: bool
    instead: str = ""


def find_unbuilt(section: Section) -> tuple[Unbuilt, ...]:
    """All of it in a table and below: in the whole configuration, a model, a variant, …"""
    return tuple(_in_section(section, ()))


def blocking(section: Section) -> Unbuilt | None:
    """The first reason why a call of this model, provider or variant must be refused, if any.

    Of a table of named tables (the providers of a model, the variants of a function) nothing is
    said here: ask each of them.
    """
    for each in _in_section(section, (), deep=False):
        if each.blocks:
            return each
    return None


def _in_section(section: Section, path: Place, deep: bool = True) -> Iterator[Unbuilt]:
    if section.not_built:
        name = section.not_built.format(type=getattr(section, "type", ""))
        yield Unbuilt(path, name, True)
        return
    for name, found in type(section).model_fields.items():
        value = getattr(section, name)
        place = (*path, _key(name, found))
        for mark in marks_of(found):
            if (word := _counted(mark, value, found)) is not None:
                name = mark.name.format(value=word) or f"`{place[-1]}`"
                yield Unbuilt(place, name, mark.blocks, mark.instead)
        yield from _below(value, place, deep)


def _below(value: Any, path: Place, deep: bool) -> Iterator[Unbuilt]:
    if isinstance(value, Section):
        yield from _in_section(value, path, deep)
    elif isinstance(value, Mapping) and deep:
        for key, item in value.items():
            yield from _below(item, (*path, key), deep)
    elif isinstance(value, tuple) and deep:
        for index, item in enumerate(value):
            yield from _below(item, (*path, index), deep)


def marks_of(found: FieldInfo) -> list[NotBuilt]:
    """The marks of a key, on the field or within its type."""
    marks = [*found.metadata, *_metadata(found.annotation)]
    return [mark for mark in marks if isinstance(mark, NotBuilt)]


def _metadata(annotation: Any) -> list[Any]:
    if get_origin(annotation) is Annotated:
        inner, *marks = get_args(annotation)
        return [*marks, *_metadata(inner)]
    return [mark for each in get_args(annotation) for mark in _metadata(each)]


def _counted(mark: NotBuilt, value: Any, found: FieldInfo) -> str | None:
    """The word of `mark.values` that the value is or begins with; None where it does not count."""
    if mark.values:
        words = (each for each in mark.values if isinstance(value, str) and _is_word(value, each))
        return next(words, None)
    default = found.get_default(call_default_factory=True, validated_data={})
    return "" if value not in (None, (), {}, False) and value != default else None


def _is_word(value: str, word: str) -> bool:
    return value == word or (word.endswith("::") and value.startswith(word))


def _key(name: str, found: FieldInfo) -> str:
    alias = found.validation_alias or found.alias
    return alias if isinstance(alias, str) else name

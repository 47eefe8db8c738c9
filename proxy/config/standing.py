"""What stands behind each key of the schema: it works, or has no effect, or is refused, and why.

The tables of docs/compatibility.md are made of it, so that no key can be forgotten there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from proxy.config.keys import inner_of, metadata_of, names_of, sections_of, tag_values
from proxy.config.schema.base import NoEffect, NotBuilt, Refused, Section
from proxy.config.schema.root import Config

WORKS = "works"


@dataclass(frozen=True, slots=True)
class Standing:
    """`key` as written in a file, with capitals for names; `types` are the values of the `type`
    beside it for which it exists, if there is a choice."""

    key: str
    types: tuple[str, ...]
    state: str


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a table stands, and what is said there of all that is in it."""

    section: type[Section]
    path: str
    types: tuple[str, ...]
    inherited: str


def find_standings() -> Iterator[Standing]:
    """Every key of every table, each table at the first place where it works, else at its first."""
    places = list(_places(_Place(Config, "", (), "")))
    chosen: dict[type[Section], _Place] = {}
    for place in places:
        if place.section not in chosen or (chosen[place.section].inherited and not place.inherited):
            chosen[place.section] = place
    for place in places:
        if chosen[place.section] is place:
            yield from _standings(place)


def _standings(place: _Place) -> Iterator[Standing]:
    for name, found in place.section.model_fields.items():
        key = names_of(name, found)[0]
        path = f"{place.path}.{key}" if place.path else key
        yield Standing(path, place.types, place.inherited or _state(key, found))


def _state(key: str, found: FieldInfo) -> str:
    marks = metadata_of(found.annotation, found)
    said = [text for mark in marks if (text := _said(key, mark))]
    return "; ".join(dict.fromkeys(said)) or WORKS


def _said(key: str, mark: Any) -> str:
    if isinstance(mark, NoEffect):
        return f"accepted, without effect: {mark.reason}"
    if isinstance(mark, Refused):
        return f"refused with {_words(mark.values)}: {mark.message}"
    if not isinstance(mark, NotBuilt):
        return ""
    if mark.values:
        effect = "501 when called" if mark.blocks else "without effect yet"
        return f"works; with {_words(mark.values)}: {effect}"
    if mark.instead:
        return f"differently: {mark.instead}"
    return _unbuilt(mark.name or f"`{key}`", mark.blocks)


def _unbuilt(name: str, blocks: bool) -> str:
    return f"{'501 when called' if blocks else 'without effect yet'}: {name}"


def _words(values: tuple[str, ...]) -> str:
    return ", ".join(f"`{each}`" for each in values)


def _places(place: _Place, within: tuple[type[Section], ...] = ()) -> Iterator[_Place]:
    """The table and all below it, in the schema's order."""
    yield place
    for name, found in place.section.model_fields.items():
        key = names_of(name, found)[0]
        path = f"{place.path}.{key}" if place.path else key
        inner = found.annotation
        if not sections_of(inner) and (items := inner_of(inner)) is not None:
            path += "[]" if _is_list(inner) else f".{key[:-1].upper()}"
            inner = items
        inherited = place.inherited or _passed_on(key, found)
        members = sections_of(inner)
        for member in members:
            if member not in within:
                types = tag_values(member) if len(members) > 1 else ()
                below = inherited or _own(member, types)
                yield from _places(_Place(member, path, types, below), (*within, member))


def _passed_on(key: str, found: FieldInfo) -> str:
    """What is said of the key and holds for all below it."""
    marks = metadata_of(found.annotation, found)
    whole = (
        mark
        for mark in marks
        if isinstance(mark, NoEffect) or (isinstance(mark, NotBuilt) and not mark.values)
    )
    return "; ".join(dict.fromkeys(_said(key, mark) for mark in whole))


def _own(section: type[Section], types: tuple[str, ...]) -> str:
    name = section.not_built.format(type="`, `".join(map(str, types)))
    return _unbuilt(name, True) if name else ""


def _is_list(annotation: Any) -> bool:
    if get_origin(annotation) is Annotated:
        return _is_list(get_args(annotation)[0])
    if get_origin(annotation) is Union or type(annotation).__name__ == "UnionType":
        return any(_is_list(each) for each in get_args(annotation))
    return get_origin(annotation) is tuple

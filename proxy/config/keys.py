"""The schema read as keys: what is allowed at a place, and what it means.

The shape's errors need it for their remedies, the documentation for its tables.
"""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import AliasChoices
from pydantic.fields import FieldInfo

from proxy.config.findings import Path
from proxy.config.schema.base import Refused, Section
from proxy.config.schema.root import Config


@dataclass(frozen=True, slots=True)
class Spot:
    """A place in the schema. `path` is as written in a file: union tags do not appear in it."""

    path: Path
    annotation: Any
    field: FieldInfo | None = None
    refused: Refused | None = None

    @property
    def section(self) -> type[Section] | None:
        """The model of the table that stands here, if it is a single one."""
        sections = sections_of(self.annotation)
        return sections[0] if len(sections) == 1 else None


ROOT = Spot((), Config)


def locate(loc: Path) -> Spot:
    """Follows an error's location; stops early where the schema knows nothing deeper."""
    spot = ROOT
    for item in loc:
        following = _step(spot, item)
        if following is None:
            return Spot((*spot.path, item), Any)
        spot = following
    return spot


def _step(spot: Spot, item: str | int) -> Spot | None:
    sections = sections_of(spot.annotation)
    if len(sections) > 1:
        tagged = [each for each in sections if item in tag_values(each)]
        return Spot(spot.path, tagged[0]) if tagged else None
    if sections:
        found = find_field(sections[0], str(item))
        return found and _spot((*spot.path, item), found.annotation, found)
    inner = inner_of(spot.annotation)
    return None if inner is None else _spot((*spot.path, item), inner)


def _spot(path: Path, annotation: Any, found: FieldInfo | None = None) -> Spot:
    marks = [*(found.metadata if found else ()), *_metadata(annotation)]
    refused = next((mark for mark in marks if isinstance(mark, Refused)), None)
    return Spot(path, annotation, found, refused)


def find_field(section: type[Section], key: str) -> FieldInfo | None:
    """The field that a key of a file names, by its name or any of its aliases."""
    for name, found in section.model_fields.items():
        if key in names_of(name, found):
            return found
    return None


def names_of(name: str, found: FieldInfo) -> tuple[str, ...]:
    """The keys that a file may use for the field; the first is the one to recommend."""
    alias = found.validation_alias or found.alias
    if isinstance(alias, AliasChoices):
        return tuple(choice for choice in alias.choices if isinstance(choice, str))
    return (alias,) if isinstance(alias, str) else (name,)


def allowed_keys(section: type[Section]) -> list[str]:
    """The keys of a table, as recommended, in the schema's order."""
    return [names_of(name, found)[0] for name, found in section.model_fields.items()]


def sections_of(annotation: Any) -> list[type[Section]]:
    """The models that a table here can have: none, one, or the members of a tagged union."""
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return [annotation]
    if get_origin(annotation) is Annotated:
        return sections_of(get_args(annotation)[0])
    if get_origin(annotation) in (Union, types.UnionType):
        return [section for each in get_args(annotation) for section in sections_of(each)]
    return []


def tag_values(section: type[Section]) -> tuple[Any, ...]:
    """The values of `type` that choose this model."""
    found = section.model_fields.get("type")
    return get_args(found.annotation) if found else ()


def inner_of(annotation: Any) -> Any:
    """The type of the items of a table of names, or of a list; None for anything else."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return inner_of(arguments[0])
    if origin in (Union, types.UnionType):
        return next((found for each in arguments if (found := inner_of(each)) is not None), None)
    if origin in (dict, Mapping) or (isinstance(origin, type) and issubclass(origin, Mapping)):
        return arguments[1]
    return arguments[0] if origin in (tuple, list) else None


def _metadata(annotation: Any) -> list[Any]:
    if get_origin(annotation) is Annotated:
        inner, *marks = get_args(annotation)
        return [*marks, *_metadata(inner)]
    if get_origin(annotation) in (Union, types.UnionType):
        return [mark for each in get_args(annotation) for mark in _metadata(each)]
    return []


def choices(annotation: Any) -> tuple[Any, ...]:
    """The words of a choice, if the type is one."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return arguments
    if origin is Annotated:
        return choices(arguments[0])
    if origin in (Union, types.UnionType):
        return tuple(word for each in arguments for word in choices(each))
    return ()


def metadata_of(annotation: Any, found: FieldInfo | None = None) -> list[Any]:
    """Every mark of a field and its type."""
    return [*(found.metadata if found else ()), *_metadata(annotation)]


def spelled(word: object) -> str:
    """A word of a choice as it is written in a file."""
    return str(word).lower() if isinstance(word, bool) else str(word)

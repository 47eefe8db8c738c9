"""The schema as tables for docs/configuration.md, so that the page cannot fall behind.

`python -m proxy.config.describe docs/configuration.md` writes them between the page's two marks.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import is_dataclass
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from proxy.config.keys import (
    choices,
    inner_of,
    metadata_of,
    names_of,
    sections_of,
    spelled,
    tag_values,
)
from proxy.config.schema.base import NotBuilt, Section, Shown, Size
from proxy.config.schema.credentials import render_location
from proxy.config.schema.root import Config

BEGIN = "<!-- keys: written by proxy.config.describe -->"
END = "<!-- end of keys -->"
_WORDS = {bool: "boolean", int: "integer", float: "number", str: "string", Any: "any JSON value"}
_SIZE = get_args(Size)[-1].text


def render_key_tables() -> str:
    """One heading and table for every table of the schema, in the schema's order."""
    seen: dict[type[Section], str] = {}
    found = list(_sections(Config, "", seen))
    return "\n".join(_render_section(section, title, seen) for title, section in found)


def insert_key_tables(page: str) -> str:
    """The page with fresh tables between its marks. Raises ValueError if it has no marks."""
    head, _, rest = page.partition(BEGIN)
    _, _, tail = rest.partition(END)
    if not tail:
        raise ValueError("the page has no marks for the tables")
    return f"{head}{BEGIN}\n\n{render_key_tables()}\n{END}{tail}"


def _sections(
    section: type[Section], path: str, seen: dict[type[Section], str]
) -> Iterator[tuple[str, type[Section]]]:
    """Every table once, at the first place where it can stand."""
    for name, found in section.model_fields.items():
        key = names_of(name, found)[0]
        inner, place = found.annotation, f"{path}.{key}" if path else key
        if not sections_of(inner) and (items := inner_of(inner)) is not None:
            inner, place = items, place + ("[]" if _is_list(inner) else f".{key[:-1].upper()}")
        members = sections_of(inner)
        for member in members:
            if member not in seen:
                tag = f" ({', '.join(tag_values(member))})" if len(members) > 1 else ""
                seen[member] = place
                yield place + tag, member
                yield from _sections(member, place, seen)


def _is_list(annotation: Any) -> bool:
    if get_origin(annotation) in (Annotated, Union, UnionType):
        return any(_is_list(each) for each in get_args(annotation))
    return get_origin(annotation) is tuple


def _render_section(section: type[Section], title: str, seen: Mapping[type[Section], str]) -> str:
    rows = [_render_row(name, found, seen) for name, found in section.model_fields.items()]
    head = f"### `{title}`\n\n| key | type | default | meaning |\n| --- | --- | --- | --- |\n"
    table = head + "\n".join(rows) + "\n"
    if section.not_built:
        table += "\nAccepted, and not built yet: what calls it is answered with 501.\n"
    return table


def _render_row(name: str, found: FieldInfo, seen: Mapping[type[Section], str]) -> str:
    marks = metadata_of(found.annotation, found)
    unbuilt = [mark for mark in marks if isinstance(mark, NotBuilt)]
    meaning = found.description or ""
    if unbuilt:
        meaning += _render_mark(unbuilt[0])
    kind = _render_type(found, marks, seen)
    cells = [f"`{names_of(name, found)[0]}`", kind, _render_default(found, kind), meaning]
    return f"| {' | '.join(cells)} |"


def _render_mark(mark: NotBuilt) -> str:
    if mark.instead:
        return f" Not built yet: {mark.instead}."
    words = f" Not built yet: {_code(mark.values)}" if mark.values else " Not built yet"
    return f"{words}, answers 501." if mark.blocks else f"{words}, without effect."


def _render_type(found: FieldInfo, marks: list[Any], seen: Mapping[type[Section], str]) -> str:
    shown = next((mark.text for mark in marks if isinstance(mark, Shown)), None)
    annotation = found.annotation
    if sections := sections_of(annotation):
        return shown or f"table `{seen[sections[0]]}`"
    if (inner := inner_of(annotation)) is not None and not shown:
        members = sections_of(inner)
        many = "list" if _is_list(annotation) else "table"
        return f"{many} of `{seen[members[0]]}`" if members else f"{many} of {_word(inner)}s"
    return shown or _code(map(spelled, choices(annotation))) or _word(annotation)


def _word(annotation: Any) -> str:
    if annotation in _WORDS:
        return _WORDS[annotation]
    return next((_word(each) for each in get_args(annotation) if each is not type(None)), "string")


def _render_default(found: FieldInfo, kind: str) -> str:
    if found.is_required():
        return "**required**"
    if found.default_factory_takes_validated_data:
        return "by `type`"
    value = found.get_default(call_default_factory=True, validated_data={})
    if isinstance(value, Section) or value == {} or value == ():
        return "–"
    if is_dataclass(value):
        return f"`{render_location(value)}`"  # type: ignore[arg-type]
    if kind == _SIZE:
        return f"`{_size(value)}`"
    if isinstance(value, str):
        return f"`{value}`"
    return f"`{json.dumps(value)}`"


def _size(value: int) -> str:
    units = ((2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB"))
    return next((f"{value // unit}{name}" for unit, name in units if value % unit == 0), str(value))


def _code(words: Any) -> str:
    return ", ".join(f"`{word}`" for word in words)


if __name__ == "__main__":
    target = Path(sys.argv[1])
    target.write_text(insert_key_tables(target.read_text(encoding="utf-8")), encoding="utf-8")

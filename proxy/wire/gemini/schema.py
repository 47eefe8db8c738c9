"""Schemas: JSON Schema, and the protocol's own `Schema` (ai.google.dev/api/caching#Schema).

`Schema` knows some of JSON Schema's words; its types may be in capitals. Where it is enough it is
used, without `additionalProperties`, `$schema` and `ref`, which it refuses; other schemas go into
the members that take JSON Schema.
"""

from __future__ import annotations

from collections.abc import Iterator

from proxy.errors import InvalidRequest, UpstreamGarbage
from proxy.wire.lenient import lenient_dumps, lenient_loads
from proxy.wire.values import object_of

TOO_DEEP = "a schema is nested too deeply"

_REFUSED = ("additionalProperties", "$schema", "ref")
_WORDS = frozenset(
    {
        "type",
        "format",
        "title",
        "description",
        "nullable",
        "enum",
        "maxItems",
        "minItems",
        "properties",
        "required",
        "minProperties",
        "maxProperties",
        "minLength",
        "maxLength",
        "pattern",
        "example",
        "anyOf",
        "propertyOrdering",
        "default",
        "items",
        "minimum",
        "maximum",
    }
)
_VALUES = ("default", "example", "enum", "const", "examples")
"""Members that hold values, not schemas."""


def as_json_schema(schema: bytes) -> bytes:
    """A `Schema` with its types as JSON Schema spells them; both raw JSON.

    Raises:
        InvalidRequest: it is nested too deeply.
    """
    try:
        return lenient_dumps(_small_types(lenient_loads(schema)))
    except (RecursionError, UpstreamGarbage):
        raise InvalidRequest(TOO_DEEP) from None


def fit_schema(schema: object) -> object | None:
    """A JSON Schema as a `Schema`; None when that has no words for it. Raises as above."""
    try:
        fitting = _without_refused(schema)
        return fitting if all(map(_fits, _schemas_in(fitting))) else None
    except RecursionError:
        raise InvalidRequest(TOO_DEEP) from None


def schema_member(schema: object, own_name: str, general_name: str) -> dict[str, object]:
    """The schema as a `Schema` under its name where that is enough, else as JSON Schema under the
    other. Raises as above."""
    fitting = fit_schema(schema)
    if fitting is not None:
        return {own_name: fitting}
    members = object_of(schema)
    return {general_name: {name: item for name, item in members.items() if name != "$schema"}}


def _without_refused(value: object, *, named: bool = False) -> object:
    """`named`: the members are names of the user's, not words."""
    if isinstance(value, list):
        return [_without_refused(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        name: item if name in _VALUES and not named else _inner(name, item, named)
        for name, item in value.items()
        if named or name not in _REFUSED
    }


def _inner(name: str, item: object, named: bool) -> object:
    return _without_refused(item, named=name == "properties" and not named)


def _small_types(value: object, *, named: bool = False) -> object:
    if isinstance(value, list):
        return [_small_types(item) for item in value]
    if not isinstance(value, dict):
        return value
    changed: dict[str, object] = {}
    for name, item in value.items():
        if named:
            changed[name] = _small_types(item)
        elif name == "type" and isinstance(item, str):
            changed[name] = item.lower()
        elif name in _VALUES:
            changed[name] = item
        else:
            changed[name] = _small_types(item, named=name == "properties")
    return changed


def _schemas_in(schema: object) -> Iterator[object]:
    """The schema and all those inside it."""
    yield schema
    if not isinstance(schema, dict):
        return
    inner = [schema["items"]] if "items" in schema else []
    properties, choices = schema.get("properties"), schema.get("anyOf")
    inner += properties.values() if isinstance(properties, dict) else ()
    inner += choices if isinstance(choices, list) else ()
    for each in inner:
        yield from _schemas_in(each)


def _fits(schema: object) -> bool:
    if not isinstance(schema, dict) or not schema.keys() <= _WORDS:
        return False
    enum = schema.get("enum", [])
    texts = isinstance(enum, list) and all(isinstance(item, str) for item in enum)
    return texts and isinstance(schema.get("type", ""), str)

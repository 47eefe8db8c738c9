"""Schemas that callers bring along take no more time and memory than a value is worth."""

from __future__ import annotations

import json
from typing import Any

import pytest

from proxy.errors import InvalidRequest
from proxy.inference.schema_effort import NO_END, SchemaEffort, measure
from proxy.inference.schemas import MOST_BYTES, MOST_PATTERNS, Schema, SchemaCache

AGAIN: dict[str, Any] = {"items": {"$ref": "#"}}
EXPRESSION = {
    "$defs": {
        "number": {
            "type": "object",
            "properties": {"value": {"type": "number"}},
            "required": ["value"],
        },
        "sum": {
            "type": "object",
            "properties": {
                "left": {"$ref": "#/$defs/expression"},
                "right": {"$ref": "#/$defs/expression"},
            },
            "required": ["left", "right"],
        },
        "expression": {"anyOf": [{"$ref": "#/$defs/sum"}, {"$ref": "#/$defs/number"}]},
    },
    "$ref": "#/$defs/expression",
}


def doubling(times: int, keyword: str = "anyOf", where: str = "$defs") -> dict[str, Any]:
    """A short schema that leads to its end in 2 ** `times` ways."""
    steps: dict[str, Any] = {
        f"a{n}": {keyword: [{"$ref": f"#/{where}/a{n + 1}"}] * 2} for n in range(times)
    }
    steps[f"a{times}"] = {"type": "string"}
    return {where: steps, "$ref": f"#/{where}/a0"}


def brought(schema: Any) -> Schema:
    return SchemaCache().get(json.dumps(schema).encode())


def nested(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth - 1):
        value = [value]
    return value


def by_unevaluated(times: int) -> dict[str, Any]:
    schema: dict[str, Any] = {"properties": {"a": True}}
    for _ in range(times):
        schema = {"unevaluatedProperties": False, "allOf": [schema]}
    return schema


@pytest.mark.parametrize(
    "schema",
    [
        doubling(60),
        doubling(60, "allOf"),
        doubling(60, where="elsewhere"),
        {"$id": "urn:all", **doubling(60), "$ref": "urn:all#/$defs/a0"},
        {"allOf": [{"$id": "urn:own", **doubling(60)}]},
        by_unevaluated(60),
        {"allOf": [{"pattern": f"a{n}"} for n in range(MOST_PATTERNS + 1)]},
        {"title": "x" * MOST_BYTES},
    ],
)
def test_a_schema_that_takes_too_much_is_refused_with_its_place(schema: Any) -> None:
    with pytest.raises(InvalidRequest, match=r"^JSON Schema not accepted: ") as refused:
        SchemaCache().take(json.dumps(schema).encode(), "output_schema")
    assert refused.value.param == "output_schema"
    assert not brought(schema).accepts({"a": 1})


def test_escapes_hide_nothing() -> None:
    raw = json.dumps({"allOf": [{"pattern": f"a{n}"} for n in range(MOST_PATTERNS + 1)]}).encode()
    assert SchemaCache().get(raw.replace(b'"pattern"', b'"\\u0070attern"')).excess is not None
    raw = json.dumps(doubling(60)).encode().replace(b'"$ref"', b'"\\u0024ref"')
    assert SchemaCache().get(raw).excess is not None


def test_a_value_that_would_take_too_long_does_not_meet_a_schema() -> None:
    """Each level of the value is looked at twice as often as the one above."""
    schema = brought({"allOf": [AGAIN, AGAIN]})
    assert schema.excess is None
    assert schema.accepts(nested(10))
    assert not schema.accepts(nested(60))
    with pytest.raises(InvalidRequest, match="would take too long"):
        schema.check(nested(60), "value")


def test_a_large_value_that_fits_nothing_is_refused_in_few_words() -> None:
    """To tell each fault a validator would keep as many copies of the value."""
    schema = brought({"anyOf": [{"type": "string"}] * 5000})
    large = {"a": "x" * 100_000}
    assert not schema.accepts(large)
    with pytest.raises(InvalidRequest, match="the value does not meet the schema"):
        schema.check(large, "value")


def test_recursive_schemas_are_used_as_ever() -> None:
    schema = brought(EXPRESSION)
    number = {"value": 1}
    assert schema.accepts({"left": number, "right": {"left": number, "right": number}})
    assert not schema.accepts({"left": number, "right": {"value": "1"}})
    assert brought({"$ref": "#"}).accepts(1)
    assert brought({"$anchor": "me", "allOf": [{"$ref": "#me"}]}).accepts(1)


def test_an_operators_schema_is_trusted() -> None:
    assert Schema(json.dumps(doubling(20)).encode()).accepts("text")


def test_what_leads_out_of_a_schema_has_no_end() -> None:
    assert SchemaEffort({"$ref": "https://elsewhere.test/x"}).steps(0) == NO_END
    assert SchemaEffort({"$ref": "#/$defs/none"}).steps(0) == NO_END


def test_of_properties_one_is_meant_for_each_part_of_a_value() -> None:
    many = {"properties": {f"p{n}": {"type": "string"} for n in range(1000)}}
    assert SchemaEffort(many).steps(1) < 10
    assert SchemaEffort({"anyOf": [True] * 1000}).steps(0) > 1000


def test_parts_and_depth_of_values() -> None:
    assert measure(1) == (1, 0)
    assert measure([[], {"a": 1}]) == (4, 2)

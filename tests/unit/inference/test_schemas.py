from __future__ import annotations

import pytest

from proxy.errors import ConfigError, InvalidRequest
from proxy.inference.schemas import Schema, SchemaCache, load_schema

PERSON = b"""{
  "type": "object",
  "properties": {"name": {"type": "string"}, "ages": {"items": {"type": "integer"}}},
  "required": ["name"], "additionalProperties": false
}"""
SHOWN = (
    '{"type":"object","properties":{"name":{"type":"string"},"ages":{"items":{"type":"integer"}}},'
    '"required":["name"],"additionalProperties":false}'
)


@pytest.mark.parametrize(
    ("value", "fault", "place"),
    [
        ({"name": 1}, '1 is not of type "string"', "input.system.name"),
        ({}, '"name" is a required property', "input.system"),
        (
            {"name": "x", "zzz": 1},
            "Additional properties are not allowed ('zzz' was unexpected)",
            "input.system",
        ),
        ({"name": "x", "ages": [1, "2"]}, '"2" is not of type "integer"', "input.system.ages[1]"),
        ("hi", '"hi" is not of type "object"', "input.system"),
    ],
)
def test_the_first_fault_is_told_with_its_place_and_the_schema(
    value: object, fault: str, place: str
) -> None:
    with pytest.raises(InvalidRequest) as caught:
        Schema(PERSON).check(value, "input.system")
    assert str(caught.value) == f"JSON Schema validation failed:\n{fault}\n\nSchema:\n{SHOWN}"
    assert caught.value.param == place


def test_the_draft_is_the_newest_unless_the_schema_says_otherwise() -> None:
    tuples = b'{"prefixItems": [{"type": "string"}]}'
    assert not Schema(tuples).accepts([1])
    older = b'{"$schema": "http://json-schema.org/draft-07/schema#",' + tuples[1:]
    assert Schema(older).accepts([1])


@pytest.mark.parametrize(
    "raw",
    [b'{"type": "nope"}', b"no json", b'"true"', b"[1]", b'{"$ref": "http://127.0.0.1:1/s.json"}'],
)
def test_nothing_meets_what_is_no_schema(raw: bytes) -> None:
    schema = Schema(raw)
    assert schema.fault
    assert not schema.accepts({})


def test_a_broken_configured_schema_is_refused_with_its_file() -> None:
    with pytest.raises(ConfigError, match=r"Failed to parse JSON Schema `s.json`"):
        load_schema("s.json", "functions.f.user_schema", "import sys")
    with pytest.raises(ConfigError, match=r"Failed to compile JSON Schema `s.json`"):
        load_schema("s.json", "functions.f.user_schema", '{"type": 3}')


def test_callers_schemas_are_compiled_once_and_not_kept_without_end() -> None:
    cache = SchemaCache(limit=2)
    first = cache.get(b"{}")
    assert cache.get(b"{}") is first
    cache.get(b'{"a": 1}')
    cache.get(b"{}")
    cache.get(b'{"a": 2}')
    assert cache.get(b"{}") is first
    assert len(cache) == 2
    cache.get(b'{"description": "' + b"x" * 100_000 + b'"}')
    assert len(cache) == 2

from __future__ import annotations

import pytest

from proxy.errors import InvalidRequest
from proxy.wire.gemini.schema import as_json_schema, fit_schema


def test_names_of_members_are_not_taken_for_words() -> None:
    schema = {"properties": {"ref": {"type": "string"}, "additionalProperties": {"type": "null"}}}
    assert fit_schema(schema) == schema


def test_lists_of_schemas_are_cleaned_too() -> None:
    schema = {"anyOf": [{"type": "object", "additionalProperties": True}]}
    assert fit_schema(schema) == {"anyOf": [{"type": "object"}]}


@pytest.mark.parametrize("schema", [True, [], {"properties": []}, {"anyOf": {}}, {"enum": "a"}])
def test_odd_schemas_do_no_harm(schema: object) -> None:
    fit_schema(schema)


def test_types_in_capitals_become_small_and_values_stay() -> None:
    inner = b'{"anyOf":[{"type":"%s","enum":["TYPE"]}]}'
    schema = b'{"type":"%s","items":' + inner + b',"default":{"type":"A"}}'
    assert as_json_schema(schema % (b"ARRAY", b"STRING")) == schema % (b"array", b"string")


def test_a_schema_too_deep_to_be_read_is_refused() -> None:
    with pytest.raises(InvalidRequest):
        as_json_schema(b'{"items":' * 3000 + b"1" + b"}" * 3000)

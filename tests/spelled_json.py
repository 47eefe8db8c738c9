"""JSON texts that meet a schema, or fail it in one place, in all the spellings that JSON has."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

Schema = dict[str, Any]

_INTEGERS = ["-0", "0", "1.0", "1e5", "12E1", "12345678901234567890", "-9223372036854775808"]
_NUMBERS = [
    *_INTEGERS,
    "-0.0",
    "1.10",
    "0.1e1",
    "1E-7",
    "5e-5",
    "9.9e-5",
    "1e16",
    "9007199254740993",
    "123456789012345678901234567890",
    "1e300",
]
_WRONG = {
    "string": '"x"',
    "integer": "7",
    "number": "1.5",
    "boolean": "true",
    "null": "null",
    "array": "[]",
    "object": "{}",
}


@dataclass(frozen=True)
class Fault:
    """A text that fails, where (`.list[2]`), and some of the words in which that is told."""

    text: str
    path: str
    words: str


def spelled_text() -> st.SearchStrategy[str]:
    """Strings with any characters, some of them escaped."""
    texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
    return st.builds(
        lambda text, escaped: json.dumps(text, ensure_ascii=escaped).replace(
            "/", "\\/" if escaped else "/"
        ),
        texts,
        st.booleans(),
    )


def spelled_number() -> st.SearchStrategy[str]:
    return st.one_of(
        st.sampled_from(_NUMBERS),
        st.integers(-(2**63), 2**63 - 1).map(str),
        st.floats(allow_nan=False, allow_infinity=False).map(repr),
    )


def anything() -> st.SearchStrategy[str]:
    """Any value; of its objects, keys may stand twice."""
    scalars = st.one_of(
        spelled_text(), spelled_number(), st.sampled_from(["true", "false", "null"])
    )
    return st.recursive(
        scalars,
        lambda inner: st.one_of(
            st.lists(inner, max_size=3).map(_listed),
            st.lists(st.tuples(_key(), inner), max_size=3).flatmap(_written),
        ),
        max_leaves=6,
    )


def meeting(schema: Schema) -> st.SearchStrategy[str]:
    """Texts of values that meet the schema; it may have types, enums, properties and items."""
    if "enum" in schema:
        return st.sampled_from([json.dumps(each) for each in schema["enum"]])
    match schema.get("type"):
        case "string":
            return spelled_text()
        case "integer":
            return st.sampled_from(_INTEGERS) | st.integers(-(2**53), 2**53).map(str)
        case "number":
            return spelled_number()
        case "boolean":
            return st.sampled_from(["true", "false"])
        case "null":
            return st.just("null")
        case "array":
            return st.lists(meeting(schema.get("items", {})), max_size=4).map(_listed)
        case "object":
            return _members(schema).flatmap(_written)
    return anything()


def failing(schema: Schema) -> st.SearchStrategy[Fault]:
    """Texts of objects that fail the schema in one place."""
    return _failing(schema, ())


@st.composite
def _failing(draw: st.DrawFn, schema: Schema, here: tuple[str, ...] = ("another type",)) -> Fault:
    ways = list(here)
    kind = schema.get("type")
    inner = {name: each for name, each in schema.get("properties", {}).items() if each}
    if kind == "object":
        ways += ["missing"] * bool(schema.get("required"))
        ways += ["surplus"] * (schema.get("additionalProperties") is False)
        ways += ["inside"] * 2 * bool(inner)
    elif kind == "array" and schema.get("items"):
        ways.append("inside")
    way = draw(st.sampled_from(ways))
    if way == "another type":
        return _another_type(draw, schema)
    if kind == "array":
        return _item(draw, schema["items"])
    members = draw(_members(schema))
    if way == "missing":
        name = draw(st.sampled_from(schema["required"]))
        left = [pair for pair in members if json.loads(pair[0]) != name]
        return Fault(draw(_written(left)), "", f'"{name}" is a required property')
    if way == "surplus":
        text = draw(_written([*members, ('"zzz"', draw(anything()))]))
        return Fault(text, "", "Additional properties are not allowed ('zzz' was unexpected)")
    name = draw(st.sampled_from(sorted(inner)))
    fault = draw(_failing(inner[name]))
    left = [pair for pair in members if json.loads(pair[0]) != name]
    text = draw(_written([*left, (json.dumps(name), fault.text)]))
    return Fault(text, f".{name}{fault.path}", fault.words)


def _another_type(draw: st.DrawFn, schema: Schema) -> Fault:
    if "enum" in schema:
        return Fault(draw(st.sampled_from(['"none of them"', "3"])), "", "is not one of")
    kind = schema["type"]
    fitting = {kind, "integer"} if kind == "number" else {kind}
    wrong = [text for name, text in _WRONG.items() if name not in fitting]
    return Fault(draw(st.sampled_from(wrong)), "", f'is not of type "{kind}"')


def _item(draw: st.DrawFn, schema: Schema) -> Fault:
    before = draw(st.lists(meeting(schema), max_size=2))
    after = draw(st.lists(meeting(schema), max_size=2))
    fault = draw(_failing(schema))
    text = _listed([*before, fault.text, *after])
    return Fault(text, f"[{len(before)}]{fault.path}", fault.words)


@st.composite
def _members(draw: st.DrawFn, schema: Schema) -> list[tuple[str, str]]:
    """What an object may have: all that it must, some of what it can, others where they may be."""
    properties, required = schema.get("properties", {}), schema.get("required", [])
    chosen = [name for name in properties if name in required or draw(st.booleans())]
    pairs = [(json.dumps(name), draw(meeting(properties[name]))) for name in chosen]
    if schema.get("additionalProperties") is not False:
        others = draw(st.lists(st.tuples(_key(), anything()), max_size=2))
        pairs += [pair for pair in others if json.loads(pair[0]) not in properties]
    return pairs


def _key() -> st.SearchStrategy[str]:
    return spelled_text() | st.sampled_from(['"items"', '"keys"', '"a b"', '"__class__"', '""'])


@st.composite
def _written(draw: st.DrawFn, pairs: list[tuple[str, str]]) -> str:
    """An object of these members, in any order, with space here and there."""
    ordered = draw(st.permutations(pairs))
    space = draw(st.sampled_from(["", "", " ", "\n\t"]))
    return "{" + f",{space}".join(f"{key}{space}:{text}" for key, text in ordered) + "}"


def _listed(texts: list[str]) -> str:
    return "[" + ", ".join(texts) + "]"

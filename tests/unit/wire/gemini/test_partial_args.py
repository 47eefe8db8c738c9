from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.wire.gemini.partial_args import ArgumentsWriter, read_path

Piece = dict[str, Any]


def written(*pieces: Piece) -> Any:
    writer = ArgumentsWriter()
    return json.loads("".join([*map(writer.add, pieces), writer.close()]))


def said(path: str, value: str, *, on: bool = False) -> Piece:
    return {"jsonPath": path, "stringValue": value, **({"willContinue": True} if on else {})}


def test_paths_are_read_in_all_spellings() -> None:
    assert read_path('$.a.b[0][\'c d\']["e\\"f"]') == ["a", "b", 0, "c d", 'e"f']
    assert read_path("$") == []


def test_no_pieces_are_no_arguments() -> None:
    assert written() == {}
    assert written(said("$", "lost")) == {}


def test_texts_grow_over_pieces() -> None:
    assert written(said("$.a", 'x"', on=True), said("$.a", "y\n"), said("$.b", "z", on=True)) == {
        "a": 'x"y\n',
        "b": "z",
    }


def test_nested_values_close_what_they_leave() -> None:
    assert written(
        said("$.r.list[0].name", "a", on=True),
        said("$.r.list[0].name", ""),
        {"jsonPath": "$.r.list[0].n", "numberValue": 2},
        {"jsonPath": "$.r.list[1].ok", "boolValue": True},
        {"jsonPath": "$.r.none", "nullValue": "NULL_VALUE"},
        said("$.last", "x", on=True),
    ) == {
        "r": {"list": [{"name": "a", "n": 2}, {"ok": True}], "none": None},
        "last": "x",
    }


def test_the_text_can_be_read_while_it_comes() -> None:
    writer = ArgumentsWriter()
    assert writer.add(said("$.a", "Bos", on=True)) == '{"a":"Bos'
    assert writer.add(said("$.a", "ton", on=True)) == "ton"
    assert writer.close() == '"}'


STEPS = st.one_of(st.sampled_from(["a", "b"]), st.integers(0, 2))
PIECES = st.fixed_dictionaries(
    {"jsonPath": st.lists(STEPS, max_size=4).map(lambda steps: "$" + "".join(map(_shown, steps)))},
    optional={
        "stringValue": st.one_of(st.text(max_size=3), st.none()),
        "numberValue": st.floats(allow_nan=False, allow_infinity=False),
        "willContinue": st.booleans(),
    },
)


def _shown(step: str | int) -> str:
    return f"[{step}]" if isinstance(step, int) else f".{step}"


@given(st.lists(PIECES, max_size=8))
def test_whatever_comes_the_arguments_are_an_object(pieces: list[Piece]) -> None:
    assert isinstance(written(*pieces), dict)


@pytest.mark.parametrize("half", ["\ud83d", "\ude00"])
def test_halves_of_a_character_can_be_written(half: str) -> None:
    assert written(said("$.a", half)) == {"a": half}

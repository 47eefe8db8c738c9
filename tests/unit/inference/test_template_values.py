"""JSON values as templates see them."""

from __future__ import annotations

import pytest

from proxy.inference.template_values import DEEPEST, read_arguments, read_json, wrapped


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("-0", "-0.0"),
        ("0", "0"),
        ("1e5", "100000.0"),
        ("1.10", "1.1"),
        ("1e-4", "0.0001"),
        ("9.9e-5", "9.9e-5"),
        ("5e-5", "5e-5"),
        ("1e15", "1000000000000000.0"),
        ("1e16", "1e16"),
        ("12345678901234567890", "12345678901234567890"),
    ],
)
def test_numbers_in_a_list_are_shown_as_the_engine_shows_them(raw: str, shown: str) -> None:
    assert str(wrapped(read_json(f"[{raw}]"))) == f"[{shown}]"


@pytest.mark.parametrize("raw", [r'"\ud800"', r'{"\uDFFF": 1}', r'["\ud83d", "\ude00"]'])
def test_half_a_character_is_refused(raw: str) -> None:
    with pytest.raises(ValueError, match="lone surrogate"):
        read_json(raw)


@pytest.mark.parametrize("raw", [r'"\ud83d\ude00"', r'"\\ud800"'])
def test_whole_characters_and_escaped_backslashes_are_read(raw: str) -> None:
    assert read_json(raw) in ("😀", "\\ud800")


def test_values_may_be_nested_to_a_depth_that_the_engine_bears() -> None:
    assert read_json("[" * DEEPEST + "]" * DEEPEST) is not None
    for depth in (DEEPEST + 1, 900, 100_000):
        with pytest.raises(ValueError, match="nested too deeply"):
            read_json("[" * depth + "]" * depth)
    assert len(read_arguments(b'{"a": [' + b"{}," * 1000 + b"1]}")) == 1

"""Values in the binary form of COPY say what they were made of."""

from __future__ import annotations

from decimal import Decimal
from struct import error as StructError
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.store.copy_values import (
    INT4,
    NULL,
    Remembered,
    bool_field,
    numeric_field,
    optional_text,
    text_field,
    time_of,
)
from proxy.types.ids import id_time
from tests.copied import read_numeric, read_value

LAST_OF_9999 = 253_402_300_799_999


@given(st.integers(0, LAST_OF_9999), st.integers(0, 2**80 - 1))
def test_the_time_of_a_row_is_the_time_in_its_id(millis: int, rest: int) -> None:
    identifier = UUID(int=millis << 80 | rest)
    moment, day = time_of(identifier.bytes)
    assert read_value("created_at", moment.to_bytes(8, "big", signed=True)) == id_time(identifier)
    assert day == millis // 86_400_000


def test_what_is_no_id_or_of_no_year_is_refused() -> None:
    with pytest.raises(ValueError):
        time_of(b"short")
    with pytest.raises(ValueError):
        time_of(b"\xff" * 16)


@given(st.decimals(-(10**11), 10**11, places=9) | st.integers(-(10**11), 10**11).map(Decimal))
def test_numbers_of_dollars_keep_their_digits(value: Decimal) -> None:
    read = read_numeric(numeric_field(value)[4:])
    assert read == value and read.as_tuple().exponent == value.as_tuple().exponent


@pytest.mark.parametrize("text", ["0", "1E+6", "1.5E+3", "-0.00012", "10000", "1E-9", "99999999"])
def test_numbers_in_any_spelling_are_the_same_numbers(text: str) -> None:
    assert read_numeric(numeric_field(Decimal(text))[4:]) == Decimal(text)


def test_integers_are_those_that_fit() -> None:
    assert INT4[None] == NULL
    for value in (0, 1023, 1024, -5, 2**31 - 1, -(2**31)):
        assert read_value("status", INT4[value][4:]) == value
    with pytest.raises(StructError):
        INT4[2**31]


@pytest.mark.parametrize(
    ("text", "expected"),
    [("", ""), ("\u00e9", "\u00e9"), ("a\x00b", "a\ufffdb"), ("a\ud800b\x00", "a\ufffdb\ufffd")],
)
def test_text_is_what_postgres_can_hold(text: str, expected: str) -> None:
    field = text_field(text)
    assert int.from_bytes(field[:4], "big") == len(field) - 4
    assert field[4:].decode() == expected
    assert optional_text(text) == (field if text else NULL)


def test_flags_are_one_byte_or_nothing() -> None:
    assert [bool_field(flag)[4:] for flag in (True, False, None)] == [b"\x01", b"\x00", b""]


def test_what_comes_again_is_made_once_within_bounds() -> None:
    made: list[str] = []

    def make(key: str) -> bytes:
        made.append(key)
        return key.encode()

    remembered = Remembered(make, most=2, longest=3)
    assert [remembered[key] for key in ("a", "a", "long")] == [b"a", b"a", b"long"]
    assert made == ["a", "long"] and "long" not in remembered
    for key in ("b", "c", "d"):
        assert remembered[key] == key.encode() and len(remembered) <= 2

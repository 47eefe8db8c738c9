"""Values as COPY takes them in its binary form: four bytes of length, then what the type's `recv`
function reads (PostgreSQL's manual, COPY, "Binary Format").

A field is made here once, and from there on it is bytes that are joined: to rows, to what a table
gets in one batch. Text of the journal is never made a `str` and bytes again on its way.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from struct import Struct
from typing import Any, TypeVar
from uuid import UUID

from proxy.store.clean import clean_text
from proxy.types.ids import id_time

NULL = b"\xff\xff\xff\xff"
TRUE, FALSE = b"\0\0\0\1\1", b"\0\0\0\1\0"
JSONB_VERSION = b"\1"
HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
"""Before the rows: the signature, no flags, no extension."""
TRAILER = b"\xff\xff"
"""After the last row."""

ID_BYTES = 16
MILLIS_BYTES = 6
"""Of an id, its first: the Unix time in milliseconds."""
MILLIS_OF_A_DAY = 86_400_000
_POSTGRES_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_POSTGRES_EPOCH_MS = 946_684_800_000
_EXACT_MS = 2**32 * 1000
"""Up to here `id_time` is exact to the microsecond; beyond it rounds, and so must we."""

LENGTH: Callable[[int], bytes] = Struct(">i").pack
"""What stands before a value of so many bytes."""
FIELDS: Callable[[int], bytes] = Struct(">h").pack
"""What stands before a row of so many fields."""
_INT4: Callable[[int, int], bytes] = Struct(">ii").pack
_NUMERIC = Struct(">hhHh")
_BASE_DIGITS = 4

Key = TypeVar("Key")
Made = TypeVar("Made")


class Remembered(dict[Key, Made]):
    """What was made of keys that come again and again; `remembered[key]` makes what is missing.

    Callers can invent names, so there are at most `most` of them, and none that is long.
    """

    def __init__(
        self,
        make: Callable[[Key], Made],
        size: Callable[[Any], int] = len,
        *,
        most: int = 1024,
        longest: int = 4096,
    ) -> None:
        super().__init__()
        self._make = make
        self._size = size
        self._most = most
        self._longest = longest

    def __missing__(self, key: Key) -> Made:
        made = self._make(key)
        if self._size(made) <= self._longest:
            if len(self) >= self._most:
                self.clear()
            self[key] = made
        return made


class _Integers(dict[int | None, bytes]):
    """Fields of `integer`; the small ones are made beforehand."""

    def __missing__(self, value: int) -> bytes:
        return _INT4(4, value)


INT4 = _Integers({None: NULL} | {value: _INT4(4, value) for value in range(1024)})
"""`INT4[value]` raises struct.error where it does not fit. Nothing is added to it."""


def bytes_field(value: bytes) -> bytes:
    """Of `bytea` and of `json`, or of a text that is known to be clean."""
    return LENGTH(len(value)) + value


def optional_bytes(value: bytes | None) -> bytes:
    """Nothing for nothing."""
    return LENGTH(len(value)) + value if value else NULL


def text_field(text: str) -> bytes:
    """UTF-8, with U+FFFD in place of what Postgres cannot hold."""
    try:
        value = text.encode()
    except UnicodeEncodeError:
        value = clean_text(text).encode()
    if value.find(0) >= 0:
        value = clean_text(text).encode()
    return LENGTH(len(value)) + value


def optional_text(text: str | None) -> bytes:
    """Of a column in which nothing is said by NULL."""
    return text_field(text) if text else NULL


def jsonb_field(json: bytes) -> bytes:
    return bytes_field(JSONB_VERSION + json)


def bool_field(value: bool | None) -> bytes:
    return NULL if value is None else TRUE if value else FALSE


def numeric_field(value: Decimal | None) -> bytes:
    """A finite number of at most 16 thousand digits on either side of the point."""
    if value is None:
        return NULL
    sign, digits, exponent = value.as_tuple()
    assert isinstance(exponent, int)
    scale = max(0, -exponent)
    text = "".join(map(str, digits)) + "0" * exponent
    fill = -scale % _BASE_DIGITS
    text += "0" * fill
    text = "0" * (-len(text) % _BASE_DIGITS) + text
    groups = [int(text[at : at + _BASE_DIGITS]) for at in range(0, len(text), _BASE_DIGITS)]
    weight = len(groups) - (scale + fill) // _BASE_DIGITS - 1
    body = _NUMERIC.pack(len(groups), weight, 0x4000 if sign else 0, scale)
    return bytes_field(body + b"".join(map(FIELDS, groups)))


def time_of(identifier: bytes) -> tuple[int, int]:
    """The time inside a UUIDv7: as a `timestamptz`, microseconds since 2000, and as its day since
    1970.

    Raises:
        ValueError: it is no UUID, or of a year after 9999, with which Python's calendar ends.
    """
    if len(identifier) != ID_BYTES:
        raise ValueError(f"an id of {len(identifier)} bytes")
    millis = int.from_bytes(identifier[:MILLIS_BYTES], "big")
    if millis < _EXACT_MS:
        return (millis - _POSTGRES_EPOCH_MS) * 1000, millis // MILLIS_OF_A_DAY
    moment = id_time(UUID(bytes=identifier)) - _POSTGRES_EPOCH
    return moment // timedelta(microseconds=1), millis // MILLIS_OF_A_DAY

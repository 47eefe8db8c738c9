"""Rows in the binary form of COPY, as values and back: what the product makes is read here, and
what a test changes is written again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from struct import calcsize, pack, unpack_from
from uuid import UUID

from proxy.store.copy_values import numeric_field
from proxy.store.rows import Mapped
from proxy.store.tables import COLUMNS

Row = dict[str, object]
EPOCH = datetime(2000, 1, 1, tzinfo=UTC)

NUMBERS = {
    **dict.fromkeys(("request_bytes", "response_bytes"), ">q"),
    **dict.fromkeys(("status", "attempt_count", "processing_time_ms", "ttft_ms"), ">i"),
    **dict.fromkeys(("overhead_us", "response_time_ms", "input_tokens", "output_tokens"), ">i"),
    "provider_cache_read_input_tokens": ">i",
    "provider_cache_write_input_tokens": ">i",
    **dict.fromkeys(("stream", "variant_pinned", "output_complete", "cached"), ">?"),
    "parallel_tool_calls": ">?",
}
IDS = ("id", "episode_id", "inference_id")
BYTES = (
    "snapshot_hash",
    "request_sha256",
    "response_sha256",
    "request_body",
    "response_body",
)


@dataclass(frozen=True)
class ReadMapped:
    """`Mapped`, its rows as values."""

    rows: dict[str, list[Row]]
    decode_failures: int


def read_mapped(mapped: Mapped) -> ReadMapped:
    rows = {table: list(read_rows(table, data)) for table, data in mapped.rows.items()}
    return ReadMapped(rows, mapped.decode_failures)


def read_rows(table: str, data: bytes) -> Iterator[Row]:
    """The rows of a table that stand in `data` one after the other."""
    at = 0
    while at < len(data):
        assert unpack_from(">h", data, at) == (len(COLUMNS[table]),)
        at += 2
        row: Row = {}
        for column in COLUMNS[table]:
            (length,) = unpack_from(">i", data, at)
            at += 4
            row[column] = None if length < 0 else read_value(column, data[at : at + length])
            at += max(0, length)
        yield row


def read_value(column: str, data: bytes) -> object:
    if column in NUMBERS:
        assert len(data) == calcsize(NUMBERS[column])
        return unpack_from(NUMBERS[column], data)[0]
    if column in IDS:
        return UUID(bytes=data)
    if column in BYTES:
        return data
    if column == "created_at":
        return EPOCH + timedelta(microseconds=unpack_from(">q", data)[0])
    if column == "cost":
        return read_numeric(data)
    if column == "tags":
        assert data[:1] == b"\x01"
        return data[1:].decode()
    return data.decode()


def read_numeric(data: bytes) -> Decimal:
    count, weight, sign, scale = unpack_from(">hhHh", data)
    digits = unpack_from(f">{count}h", data, 8)
    value = sum(
        (Decimal(digit).scaleb(4 * (weight - place)) for place, digit in enumerate(digits)),
        Decimal(0),
    )
    return Decimal(round(-value if sign else value, scale))


def write_row(table: str, row: Mapping[str, object]) -> bytes:
    """One row; columns that are not given are NULL."""
    fields = [write_field(column, row.get(column)) for column in COLUMNS[table]]
    return pack(">h", len(fields)) + b"".join(fields)


def write_field(column: str, value: object) -> bytes:
    if value is None:
        return pack(">i", -1)
    if column == "cost":
        assert isinstance(value, Decimal)
        return numeric_field(value)
    data = write_value(column, value)
    return pack(">i", len(data)) + data


def write_value(column: str, value: object) -> bytes:
    if column in NUMBERS:
        return pack(NUMBERS[column], value)
    if isinstance(value, UUID):
        return value.bytes
    if isinstance(value, datetime):
        return pack(">q", (value - EPOCH) // timedelta(microseconds=1))
    if isinstance(value, bytes):
        return value
    assert isinstance(value, str)
    return b"\x01" * (column == "tags") + value.encode()

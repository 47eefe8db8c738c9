"""Rows for tests that need no exchange behind them, with ids of any time."""

from __future__ import annotations

from uuid import UUID

import msgspec

from proxy.store.rows import RowMapper
from proxy.types.exchange import InferenceDetails
from proxy.types.ids import new_id
from proxy.wire.chat_completions.decode import ChatCompletionsDecoder
from tests.copied import read_mapped, write_row
from tests.unit.store.samples import a_model_call, an_exchange

Rows = dict[str, list[bytes]]


def id_at(seconds: float) -> UUID:
    """A UUIDv7 of that Unix time."""
    low = new_id().int & ((1 << 80) - 1)
    return UUID(int=(int(seconds * 1000) << 80) | low)


def some_rows(identifier: UUID, **changes: object) -> Rows:
    """The rows of one exchange, as the product makes them, as if it were of a chat function and of
    a JSON function at once; `changes` hold for all tables that have such a column."""
    call = a_model_call(id=id_at(identifier.int / 2**80 / 1000).bytes)
    exchange = an_exchange(id=identifier.bytes, model_calls=[call])
    mapper = RowMapper({"chat_completions": ChatCompletionsDecoder()})
    as_json = msgspec.structs.replace(exchange, details=InferenceDetails(function_type="json"))
    mapped = (read_mapped(mapper.map(each)).rows for each in (as_json, exchange))
    return {
        table: [write_row(table, row | changes) for row in rows]
        for tables in mapped
        for table, rows in tables.items()
    }


def together(*each: Rows) -> Rows:
    """One batch of several."""
    return {table: [row for rows in each for row in rows[table]] for table in each[0]}

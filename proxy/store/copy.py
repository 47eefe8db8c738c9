"""Rows of a batch into their tables, by COPY: all or none, and a repeat changes nothing.

Rows are bytes in the binary form of COPY (`copy_values`): the driver passes them on and looks at
none of their values.

COPY knows no ON CONFLICT. Repeats are rare (a batch that was committed just before a crash), so
rows are copied straight into the tables, and only a batch of which something is there already goes
through temporary tables of the connection, which empty themselves at the end of each transaction.
`docs/discussions.md` has the measurements: the straight way costs the server half. On a connection
of the writer all tables are copied into at once (`copy_at_once`).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence

import asyncpg

from proxy.store.copy_at_once import BatchConnection
from proxy.store.copy_values import HEADER, TRAILER
from proxy.store.queries import query
from proxy.store.tables import COLUMNS

SCHEMA = "tensorzero"
PIECE_BYTES = 2**20
IN_ONE_PIECE = 4 * PIECE_BYTES
"""So much is sent as one message, which both sides hold in memory; more in pieces."""

Rows = Mapping[str, Sequence[bytes]]
"""Rows by table, one or more in each item, values in the order of `tables.COLUMNS`."""


async def prepare_staging(connection: asyncpg.Connection) -> None:
    """Make the connection's temporary tables; once for each connection."""
    for table in COLUMNS:
        await connection.execute(query(f"stage_{table}"))


async def insert_rows(connection: asyncpg.Connection, batch: Rows) -> None:
    """Insert the rows in one transaction; those that are there already stay as they are.

    The connection must have been prepared by `prepare_staging`. Raises what asyncpg raises.
    """
    try:
        await insert_new(connection, batch)
    except asyncpg.UniqueViolationError:
        await insert_staged(connection, batch)


async def insert_new(connection: asyncpg.Connection, batch: Rows) -> None:
    """Insert rows of which none is there already, else raise UniqueViolationError."""
    # Not isinstance: the driver says yes to that for connections of any class.
    at_once = type(connection) is BatchConnection and connection.takes(batch)
    if at_once and not connection.is_in_transaction():
        await connection.copy_all(batch)
        return
    async with connection.transaction():
        if at_once:
            await connection.copy_all(batch)
            return
        for table, rows in batch.items():
            if rows:
                await _copy(connection, table, rows, COLUMNS[table], schema=SCHEMA)


async def insert_staged(connection: asyncpg.Connection, batch: Rows) -> None:
    """Insert rows of which some are there already; these stay as they are."""
    async with connection.transaction():
        for table, rows in batch.items():
            if rows:
                await _copy(connection, f"staging_{table}", rows, COLUMNS[table])
                await connection.execute(query(f"insert_{table}"))


async def _copy(
    connection: asyncpg.Connection,
    table: str,
    rows: Sequence[bytes],
    columns: Sequence[str],
    schema: str | None = None,
) -> None:
    data = b"".join((HEADER, *rows, TRAILER))
    # Not plain bytes: these the driver would take for the path of a file.
    whole = memoryview(data)
    source = whole if len(data) <= IN_ONE_PIECE else _pieces(whole)
    await connection.copy_to_table(
        table, source=source, columns=columns, schema_name=schema, format="binary"
    )


async def _pieces(data: memoryview) -> AsyncIterator[memoryview]:
    for start in range(0, len(data), PIECE_BYTES):
        yield data[start : start + PIECE_BYTES]

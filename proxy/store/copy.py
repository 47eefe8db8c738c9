"""Rows of a batch into their tables, by COPY: all or none, and a repeat changes nothing.

COPY knows no ON CONFLICT. Repeats are rare (a batch that was committed just before a crash), so
rows are copied straight into the tables, and only a batch of which something is there already goes
through temporary tables of the connection, which empty themselves at the end of each transaction.
`docs/discussions.md` has the measurements: the straight way costs the server half.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import asyncpg

from proxy.store.queries import query
from proxy.store.tables import COLUMNS

SCHEMA = "tensorzero"
Rows = Mapping[str, Sequence[tuple[object, ...]]]
"""Rows by table, values in the order of `tables.COLUMNS`."""


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
    async with connection.transaction():
        for table, rows in batch.items():
            if rows:
                await connection.copy_records_to_table(
                    table, schema_name=SCHEMA, records=rows, columns=COLUMNS[table]
                )


async def insert_staged(connection: asyncpg.Connection, batch: Rows) -> None:
    """Insert rows of which some are there already; these stay as they are."""
    async with connection.transaction():
        for table, rows in batch.items():
            if not rows:
                continue
            await connection.copy_records_to_table(
                f"staging_{table}", records=rows, columns=COLUMNS[table]
            )
            await connection.execute(query(f"insert_{table}"))

"""Rows of a batch into their tables, by COPY: all or none, and a repeat changes nothing.

COPY knows no ON CONFLICT, so rows go through temporary tables of the connection, which empty
themselves at the end of each transaction. `docs/discussions.md` has the measurements behind it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import asyncpg

from proxy.store.queries import query
from proxy.store.tables import COLUMNS

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
    async with connection.transaction():
        for table, rows in batch.items():
            if not rows:
                continue
            await connection.copy_records_to_table(
                f"staging_{table}", records=rows, columns=COLUMNS[table]
            )
            await connection.execute(query(f"insert_{table}"))

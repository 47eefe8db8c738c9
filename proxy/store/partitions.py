"""Partitions, made before there is a row for them. Days are in UTC."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, date, datetime, timedelta

import asyncpg

from proxy.store.queries import query

DAYS_AHEAD = 7
COUNTED_AT_MOST = 100_000


async def ensure_partitions(connection: asyncpg.Connection, days: Collection[date]) -> None:
    """Make what is missing for these days; several replicas may do so at once.

    Best called outside a transaction, so that each partition has one of its own. Raises what
    asyncpg raises; LockNotAvailableError when a reader was in the way for two seconds.
    """
    tables = [row["name"] for row in await connection.fetch(query("fetch_partitioned"))]
    for day in sorted(days):
        for table in tables:
            await connection.execute(query("ensure_partition"), table, day)


async def ensure_ahead(connection: asyncpg.Connection, days: int = DAYS_AHEAD) -> None:
    """Make the partitions of today and of the days to come."""
    today = datetime.now(UTC).date()
    await ensure_partitions(connection, [today + timedelta(days=ahead) for ahead in range(days)])


async def count_default_rows(connection: asyncpg.Connection) -> int:
    """Rows in default partitions, where none should be; counted up to a bound a table."""
    return int(await connection.fetchval(query("fetch_default_rows"), COUNTED_AT_MOST))

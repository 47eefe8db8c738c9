"""Retention: partitions that lie wholly before the bound are dropped, one short lock each.

Who waits for the lock of a table makes all wait who come after, writers and readers alike. So the
wait is short (`set_lock_timeout`), and what it was not long enough for is tried again.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import asyncpg

from proxy.store.queries import query

TRIES = 3
PAUSE_S = 1.0


@dataclass(frozen=True, slots=True)
class Retention:
    """Days to keep; None keeps for ever."""

    metadata_days: int | None = None
    data_days: int | None = None

    def bound(self, kind: str, now: datetime) -> datetime | None:
        """The moment before which rows of this kind are too old."""
        days = self.metadata_days if kind == "metadata" else self.data_days
        return None if days is None else now - timedelta(days=days)


async def drop_expired(
    connection: asyncpg.Connection, retention: Retention, now: datetime | None = None
) -> list[str]:
    """Drop what is too old; the names of the dropped partitions.

    A table that a reader holds for more than some seconds is left for the next time; a writer is
    held up for a third of a second at most, a few times.
    """
    dropped = []
    moment = now or datetime.now(UTC)
    for table in await connection.fetch(query("fetch_partitioned")):
        bound = retention.bound(table["retention"], moment)
        if bound is None:
            continue
        while name := await _drop_one(connection, table["name"], bound):
            dropped.append(name)
    return dropped


async def _drop_one(connection: asyncpg.Connection, table: str, bound: datetime) -> str | None:
    for tried in range(TRIES):
        if tried:
            await asyncio.sleep(PAUSE_S)
        try:
            async with connection.transaction():
                await connection.execute(query("set_lock_timeout"))
                name: str | None = await connection.fetchval(query("drop_partition"), table, bound)
                return name
        except asyncpg.LockNotAvailableError:
            continue
    return None


async def record_retention(connection: asyncpg.Connection, retention: Retention) -> None:
    """Say in TensorZero's table what is kept, for whoever reads the database."""
    settings = {
        "inference_metadata_retention_days": retention.metadata_days,
        "inference_data_retention_days": retention.data_days,
    }
    for key, days in settings.items():
        if days is None:
            await connection.execute(query("delete_retention"), key)
        else:
            await connection.execute(query("upsert_retention"), key, str(days))

"""Retention drops days while the writer writes: for how long is the writer held up?"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bench.errors import BenchError
from bench.scale.cluster import Cluster
from bench.scale.draining import DRAIN_SECONDS, Draining, fresh_exchanges
from bench.scale.shapes import build_shapes
from bench.scale.statements import statement
from proxy.store.partitions import ensure_ahead
from proxy.store.retention import Retention, drop_expired

QUIET_S = 3.0
DROPS = 3
WAITING = 1000
"""So many exchanges always wait in the journal."""
FEED_S = 0.02

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Dropping:
    """Longest batches of the writer, and how long dropping took; milliseconds."""

    quiet_ms: float
    during_ms: float
    behind_reader_ms: float
    """While somebody had been reading what was to be dropped, for longer than is waited."""
    drop_ms: float
    """The longest of all days, with all its tables."""
    given_up_ms: float
    """Until it gave up where somebody was reading."""
    dropped: int
    """Partitions."""
    written: int
    """Exchanges, meanwhile."""


async def measure_retention(cluster: Cluster, folder: Path, say: Say) -> Dropping:
    """Drop the oldest days, one after the other. Raises BenchError where that cannot be."""
    connection = await cluster.connect()
    await ensure_ahead(connection)
    draining = Draining(folder, cluster.full)
    async with draining.running() as writer, feeding(draining) as fed:
        began = time.monotonic()
        await asyncio.sleep(QUIET_S)
        quiet = draining.timed.longest()
        dropping = time.monotonic()
        names: list[str] = []
        took = 0.0
        for _ in range(DROPS):
            one = time.monotonic()
            names += await drop_expired(connection, await _oldest(cluster))
            took = max(took, time.monotonic() - one)
            await asyncio.sleep(0.3)
        dropped = time.monotonic()
        await asyncio.sleep(1)
        given_up = await _drop_behind_reader(cluster)
        behind = time.monotonic()
        fed.stop()
        await writer.flush(DRAIN_SECONDS)
        say(f"dropped {', '.join(names)} in {behind - began:.0f} s of writing")
    await connection.close()
    draining.check(fed.count)
    if not names:
        raise BenchError("there was no day to drop")
    timed = draining.timed
    return Dropping(
        quiet * 1000,
        timed.longest(dropping, dropped) * 1000,
        timed.longest(dropped + 1, behind) * 1000,
        took * 1000,
        given_up * 1000,
        len(names),
        fed.count,
    )


async def _oldest(cluster: Cluster) -> Retention:
    """A retention for which exactly the oldest day that is left is too old."""
    connection = await cluster.connect()
    oldest: datetime | None = await connection.fetchval(statement("oldest_day"))
    await connection.close()
    if oldest is None:
        raise BenchError("there is no day left to drop")
    return Retention(data_days=(datetime.now(UTC) - oldest).days)


async def _drop_behind_reader(cluster: Cluster) -> float:
    """Somebody reads the tables in a transaction that does not end; seconds until it gave up."""
    connection, reader = await cluster.connect(), await cluster.connect()
    transaction = reader.transaction()
    await transaction.start()
    await reader.execute(statement("read_all_tables"))
    began = time.monotonic()
    names = await drop_expired(connection, await _oldest(cluster))
    took = time.monotonic() - began
    await transaction.rollback()
    await reader.close()
    await connection.close()
    if names:
        raise BenchError(f"{names} were dropped while somebody was reading them")
    return took


class Fed:
    """Exchanges that were journalled so far."""

    def __init__(self) -> None:
        self.count = 0
        self.stopped = False

    def stop(self) -> None:
        self.stopped = True


@asynccontextmanager
async def feeding(draining: Draining) -> AsyncIterator[Fed]:
    """Keeps the writer busy: there is always a backlog of `WAITING`."""
    fed, shapes = Fed(), build_shapes()

    async def feed() -> None:
        while not fed.stopped:
            missing = WAITING - (fed.count - int(draining.cells.written.get()))
            if missing > 0:
                fed.count += draining.fill(fresh_exchanges(shapes, min(missing, 100)))
            await asyncio.sleep(FEED_S if missing < 100 else 0)

    task = asyncio.create_task(feed())
    try:
        yield fed
    finally:
        fed.stop()
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

"""Partitions: there before their first row, from any number of replicas, in nobody's way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import UTC, date, datetime, timedelta

import asyncpg
import pytest

from proxy.store.copy import insert_rows, prepare_staging
from proxy.store.partitions import DAYS_AHEAD, count_default_rows, ensure_ahead, ensure_partitions
from proxy.store.tables import COLUMNS
from tests.store.stored import id_at, some_rows, together

DAY = date(2026, 3, 14)
NOON = datetime(2026, 3, 14, 12, tzinfo=UTC).timestamp()
MONTHLY = {"chat_inferences", "json_inferences", "model_inferences"}

Connect = Callable[[], Awaitable[asyncpg.Connection]]


@pytest.fixture
async def another(database: str) -> AsyncIterator[Connect]:
    """Opens more connections to the test's database."""
    async with AsyncExitStack() as stack:

        async def connect() -> asyncpg.Connection:
            connection = await asyncpg.connect(database, command_timeout=20)
            stack.push_async_callback(connection.close)
            return connection

        yield connect


async def partitions(db: asyncpg.Connection) -> set[str]:
    rows = await db.fetch(
        "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid "
        "WHERE c.relkind = 'r' AND c.relnamespace = 'tensorzero'::regnamespace"
    )
    return {row[0] for row in rows}


async def made(db: asyncpg.Connection) -> set[str]:
    return {name for name in await partitions(db) if not name.endswith("_default")}


async def places(db: asyncpg.Connection, table: str) -> set[str]:
    """Where the rows of a table stand."""
    rows = await db.fetch(
        f"SELECT DISTINCT c.relname FROM tensorzero.{table} t JOIN pg_class c ON c.oid = t.tableoid"
    )
    return {row[0] for row in rows}


async def write(db: asyncpg.Connection, *seconds: float) -> None:
    await prepare_staging(db)
    await insert_rows(db, together(*(some_rows(id_at(each)) for each in seconds)))


def names_of(day: date) -> set[str]:
    return {f"{t}_{day:%Y_%m}" if t in MONTHLY else f"{t}_{day:%Y_%m_%d}" for t in COLUMNS}


async def test_metadata_gets_months_and_payloads_get_days(db: asyncpg.Connection) -> None:
    await ensure_partitions(db, [DAY])
    assert await made(db) == names_of(DAY)


async def test_making_them_again_changes_nothing(db: asyncpg.Connection) -> None:
    await ensure_partitions(db, [DAY])
    before = await partitions(db)
    await ensure_partitions(db, [DAY, DAY])
    assert await partitions(db) == before


async def test_rows_stand_in_the_partition_of_their_time_in_utc(db: asyncpg.Connection) -> None:
    await db.execute("SET timezone = 'Pacific/Kiritimati'")
    midnight = datetime(2026, 3, 14, tzinfo=UTC).timestamp()
    await ensure_partitions(db, [DAY - timedelta(days=1), DAY])
    await write(db, midnight - 0.001)
    assert await places(db, "exchanges") == {"exchanges_2026_03_13"}
    await write(db, midnight)
    assert await places(db, "exchanges") == {"exchanges_2026_03_13", "exchanges_2026_03_14"}
    assert await count_default_rows(db) == 0


async def test_they_are_made_ahead(db: asyncpg.Connection) -> None:
    await ensure_ahead(db)
    today = datetime.now(UTC).date()
    for ahead in range(DAYS_AHEAD):
        assert names_of(today + timedelta(days=ahead)) <= await made(db)


async def test_a_partition_has_the_keys_and_indexes_of_its_table(db: asyncpg.Connection) -> None:
    await ensure_partitions(db, [DAY])
    kinds = await db.fetch(
        "SELECT i.indrelid::regclass::text AS child, count(*) AS indexes, "
        "(SELECT count(*) FROM pg_index p WHERE p.indrelid = h.inhparent) AS wanted "
        "FROM pg_index i JOIN pg_inherits h ON h.inhrelid = i.indrelid GROUP BY 1, h.inhparent"
    )
    assert len(kinds) == 2 * len(COLUMNS)
    assert all(row["indexes"] == row["wanted"] for row in kinds)


async def test_rows_that_waited_in_the_default_partition_move(db: asyncpg.Connection) -> None:
    await write(db, NOON, NOON + 86400)
    assert await count_default_rows(db) == 2 * len(COLUMNS)
    await ensure_partitions(db, [DAY])
    assert await places(db, "exchanges") == {"exchanges_2026_03_14", "exchanges_default"}
    assert await places(db, "chat_inferences") == {"chat_inferences_2026_03"}
    await ensure_partitions(db, [DAY + timedelta(days=1)])
    assert await count_default_rows(db) == 0
    assert await db.fetchval("SELECT count(*) FROM tensorzero.exchanges") == 2


async def test_moved_rows_are_met_by_a_repeat(db: asyncpg.Connection) -> None:
    rows = some_rows(id_at(NOON))
    await prepare_staging(db)
    await insert_rows(db, rows)
    await ensure_partitions(db, [DAY])
    await insert_rows(db, rows)
    for table in COLUMNS:
        assert await db.fetchval(f"SELECT count(*) FROM tensorzero.{table}") == 1


async def test_many_replicas_may_make_the_same_ones_at_once(
    db: asyncpg.Connection, another: Connect
) -> None:
    days = [DAY + timedelta(days=ahead) for ahead in range(5)]
    replicas = [await another() for _ in range(6)]
    await write(db, NOON, NOON + 86400)
    await asyncio.gather(*(ensure_partitions(replica, days) for replica in replicas))
    assert await made(db) == set().union(*map(names_of, days))
    assert await count_default_rows(db) == 0


async def test_a_row_that_comes_meanwhile_does_not_spoil_it(
    db: asyncpg.Connection, another: Connect
) -> None:
    other = await another()
    async with other.transaction():
        await write(other, NOON)
        making = asyncio.create_task(ensure_partitions(db, [DAY]))
        await asyncio.sleep(0.3)
    await making
    assert await count_default_rows(db) == 0
    assert await places(db, "exchanges") == {"exchanges_2026_03_14"}


async def test_a_write_under_way_and_new_partitions_do_not_block_each_other(
    db: asyncpg.Connection, another: Connect
) -> None:
    writer = await another()
    await ensure_partitions(db, [DAY])
    async with writer.transaction():
        await write(writer, NOON)
        await asyncio.wait_for(ensure_partitions(db, [DAY + timedelta(days=1)]), 5)
    assert await db.fetchval("SELECT count(*) FROM tensorzero.exchanges") == 1


async def test_a_long_read_stops_no_writer_while_partitions_are_made(
    db: asyncpg.Connection, another: Connect
) -> None:
    reader, writer = await another(), await another()
    await ensure_partitions(db, [DAY])
    async with reader.transaction():
        await reader.fetch("SELECT * FROM tensorzero.exchanges")
        making = asyncio.create_task(ensure_partitions(db, [DAY + timedelta(days=1)]))
        await asyncio.sleep(0.3)
        await asyncio.wait_for(write(writer, NOON), 5)
    await making
    assert names_of(DAY + timedelta(days=1)) <= await made(db)


async def test_a_range_that_somebody_else_has_covered_is_left_to_them(
    db: asyncpg.Connection,
) -> None:
    await db.execute(
        "CREATE TABLE tensorzero.spring PARTITION OF tensorzero.exchanges "
        "FOR VALUES FROM ('2026-03-01 00:00+00') TO ('2026-06-01 00:00+00')"
    )
    await ensure_partitions(db, [DAY])
    await write(db, NOON)
    assert await places(db, "exchanges") == {"spring"}

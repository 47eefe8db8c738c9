"""Rows of a batch into their tables: all or none, and a repeat changes nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from decimal import Decimal
from uuid import UUID

import asyncpg
import pytest

from proxy.store import copy_at_once
from proxy.store.copy import IN_ONE_PIECE, insert_rows, prepare_staging
from proxy.store.copy_at_once import MOST_BYTES, BatchConnection
from proxy.store.partitions import ensure_partitions
from proxy.store.pool import connect
from proxy.store.queries import query, sql_folder
from proxy.store.tables import COLUMNS
from proxy.types.ids import id_time, new_id
from tests.conftest import fresh_database
from tests.store.stored import Rows, some_rows, together

AWKWARD = '{"b": 1, "a": 1.50, "b": 2e400, "n": "\\u0000"}'
"""Order, a key twice, spellings of numbers, and an escape that `jsonb` refuses."""


@pytest.fixture(params=["all tables at once", "one by one"])
async def ready(database: str, request: pytest.FixtureRequest) -> AsyncIterator[BatchConnection]:
    """The writer's connection, also where it has found out that it has to be patient."""
    connection = await connect(database, command_timeout=20, kind=BatchConnection)
    await ensure_partitions(connection, [id_time(new_id()).date()])
    await prepare_staging(connection)
    await connection.find_out()
    assert connection.takes_all
    connection.takes_all = request.param == "all tables at once"
    yield connection
    await connection.close()


@pytest.fixture(scope="module")
def unchanged(postgres_dsn: str) -> Iterator[str]:
    """The address of a database for all tests that only read what the schema is."""
    with fresh_database(postgres_dsn) as made:
        yield made


@pytest.fixture
async def plain(unchanged: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(unchanged)
    await prepare_staging(connection)
    yield connection
    await connection.close()


async def counts(db: asyncpg.Connection) -> list[int]:
    return [int(await db.fetchval(f"SELECT count(*) FROM tensorzero.{t}")) for t in COLUMNS]


def batch_of(count: int) -> tuple[list[UUID], Rows]:
    ids = [new_id() for _ in range(count)]
    return ids, together(*map(some_rows, ids))


async def test_every_table_gets_its_rows(ready: asyncpg.Connection) -> None:
    ids, batch = batch_of(3)
    await insert_rows(ready, batch)
    assert await counts(ready) == [3] * len(COLUMNS)
    stored = await ready.fetch("SELECT id, created_at FROM tensorzero.exchanges ORDER BY id")
    assert [(UUID(int=row[0].int), row[1]) for row in stored] == [(i, id_time(i)) for i in ids]


async def test_a_repeat_changes_nothing(ready: asyncpg.Connection) -> None:
    identifier = new_id()
    await insert_rows(ready, some_rows(identifier, status=200))
    await insert_rows(ready, some_rows(identifier, status=500))
    assert await ready.fetchval("SELECT status FROM tensorzero.exchanges") == 200


async def test_of_a_batch_that_is_there_in_part_the_rest_is_written(
    ready: asyncpg.Connection,
) -> None:
    _, first = batch_of(2)
    _, second = batch_of(3)
    await insert_rows(ready, first)
    await insert_rows(ready, together(first, second))
    assert await counts(ready) == [5] * len(COLUMNS)


async def test_a_row_that_stands_twice_in_a_batch_is_written_once(
    ready: asyncpg.Connection,
) -> None:
    _, batch = batch_of(1)
    await insert_rows(ready, together(batch, batch))
    assert await counts(ready) == [1] * len(COLUMNS)


async def test_one_bad_row_keeps_the_whole_batch_out(ready: asyncpg.Connection) -> None:
    _, good = batch_of(3)
    bad = some_rows(new_id(), raw_response="a NUL: \x00")
    with pytest.raises(asyncpg.CharacterNotInRepertoireError):
        await insert_rows(ready, together(good, bad))
    assert await counts(ready) == [0] * len(COLUMNS)
    await insert_rows(ready, good)
    assert await counts(ready) == [3] * len(COLUMNS)


async def test_it_takes_part_in_the_callers_transaction(ready: asyncpg.Connection) -> None:
    _, batch = batch_of(1)
    transaction = ready.transaction()
    await transaction.start()
    await insert_rows(ready, batch)
    await insert_rows(ready, batch_of(1)[1])
    await transaction.rollback()
    assert await counts(ready) == [0] * len(COLUMNS)


async def test_json_keeps_order_repeated_keys_and_spelling(ready: asyncpg.Connection) -> None:
    await insert_rows(ready, some_rows(new_id(), input=AWKWARD, output=AWKWARD, attempts=AWKWARD))
    for table, column in [
        ("chat_inference_data", "input"),
        ("chat_inference_data", "output"),
        ("json_inference_data", "input"),
        ("json_inference_data", "output"),
        ("model_inference_data", "output"),
        ("exchanges", "attempts"),
    ]:
        assert await ready.fetchval(f"SELECT {column} FROM tensorzero.{table}") == AWKWARD


async def test_bytes_come_back_as_they_went(ready: asyncpg.Connection) -> None:
    body = bytes(range(256)) * 20
    await insert_rows(ready, some_rows(new_id(), request_body=body, response_body=b""))
    row = await ready.fetchrow("SELECT request_body, response_body FROM tensorzero.exchanges")
    assert (row[0], row[1]) == (body, b"")


async def test_a_stream_that_was_cut_can_be_left_out(ready: asyncpg.Connection) -> None:
    await insert_rows(ready, some_rows(new_id(), output_complete=False))
    await insert_rows(ready, some_rows(new_id(), output_complete=True))
    whole = "SELECT count(*) FROM tensorzero.chat_inferences WHERE output_complete"
    assert await ready.fetchval(whole) == 1


async def test_a_batch_that_is_too_large_for_one_message_goes_in_pieces(
    ready: asyncpg.Connection,
) -> None:
    body = bytes(range(256)) * (IN_ONE_PIECE // 512)
    batch = together(*(some_rows(new_id(), request_body=body) for _ in range(3)))
    await insert_rows(ready, batch)
    await insert_rows(ready, together(batch, batch))
    same = "SELECT count(*) FROM tensorzero.exchanges WHERE request_body = $1"
    assert await ready.fetchval(same, body) == 3


async def test_a_batch_that_is_too_large_to_go_at_once_goes_table_by_table(
    ready: asyncpg.Connection,
) -> None:
    body = bytes(MOST_BYTES // 2)
    await insert_rows(ready, together(*(some_rows(new_id(), request_body=body) for _ in range(3))))
    same = "SELECT count(*) FROM tensorzero.exchanges WHERE request_body = $1"
    assert await ready.fetchval(same, body) == 3


async def test_after_a_refusal_the_rows_still_on_their_way_are_passed_over(
    ready: asyncpg.Connection,
) -> None:
    """The first table's first row is bad; megabytes of all tables follow it."""
    bad = some_rows(new_id(), raw_response="a NUL: \x00", tags="no JSON")
    body = b"x" * 100_000
    good = together(*(some_rows(new_id(), raw_request=body.decode()) for _ in range(50)))
    with pytest.raises(asyncpg.DataError):
        await insert_rows(ready, together(bad, good))
    assert await counts(ready) == [0] * len(COLUMNS)
    await insert_rows(ready, good)
    assert await counts(ready) == [50] * len(COLUMNS)


async def test_what_does_not_take_many_copies_at_once_is_found_out(
    ready: BatchConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        copy_at_once, "query", lambda name: query(name).replace("FORMAT binary", "FORMAT no")
    )
    await ready.find_out()
    assert not ready.takes_all
    monkeypatch.undo()
    await insert_rows(ready, batch_of(2)[1])
    assert await counts(ready) == [2] * len(COLUMNS)


@pytest.mark.parametrize("cost", ["0", "0.000138", "-12345.6789", "99999999999.999999999", "1E+4"])
async def test_costs_are_stored_to_the_last_digit(ready: asyncpg.Connection, cost: str) -> None:
    await insert_rows(ready, some_rows(new_id(), cost=Decimal(cost)))
    stored = await ready.fetchval("SELECT cost FROM tensorzero.model_inferences LIMIT 1")
    assert stored == Decimal(cost)


async def test_an_empty_batch_is_nothing(ready: asyncpg.Connection) -> None:
    await insert_rows(ready, {})
    await insert_rows(ready, {table: [] for table in COLUMNS})
    assert await counts(ready) == [0] * len(COLUMNS)


async def test_staging_may_be_prepared_again(ready: asyncpg.Connection) -> None:
    await prepare_staging(ready)
    await insert_rows(ready, batch_of(1)[1])
    assert await counts(ready) == [1] * len(COLUMNS)


@pytest.mark.parametrize("table", COLUMNS)
async def test_columns_are_those_of_the_table_and_of_its_statement(
    plain: asyncpg.Connection, table: str
) -> None:
    statement = await plain.prepare(f"SELECT {', '.join(COLUMNS[table])} FROM tensorzero.{table}")
    assert len(statement.get_attributes()) == len(COLUMNS[table])
    copied = query(f"copy_{table}").split("(")[1].split(")")[0]
    assert [name.strip() for name in copied.split(",")] == list(COLUMNS[table])
    text = query(f"insert_{table}")
    for part in (text.split("(")[1].split(")")[0], text.split("SELECT")[1].split("FROM")[0]):
        assert [name.strip() for name in part.split(",")] == list(COLUMNS[table])


@pytest.mark.parametrize(
    "name", sorted(path.stem for path in (sql_folder() / "queries").glob("*.sql"))
)
async def test_a_query_is_one_statement_that_fits_the_schema(
    plain: asyncpg.Connection, name: str
) -> None:
    """Postgres prepares no text of two statements, and none that names what is not there."""
    await plain.prepare(query(name))

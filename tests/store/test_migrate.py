"""Migrations: once each, by any number of replicas, and with a clear word when it cannot be."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from proxy.errors import DatabaseUnreachable, MigrationFailed, StoreUnavailable
from proxy.store import migrate as module
from proxy.store.migrate import Migration, load_migrations, migrate
from proxy.store.pool import wait_for_database
from proxy.store.queries import query
from proxy.types.ids import new_id
from tests.conftest import sibling
from tests.schema_dump import PAGE, render_schema
from tests.store.pg_relay import PostgresRelay

NAMES = [f"{each.number:04d}_{each.name}" for each in load_migrations()]
FIRST = Migration(9001, "first", "CREATE TABLE tensorzero.first (id integer)")
BAD = Migration(9002, "bad", "CREATE TABLE tensorzero.bad (id integer); SELECT no_such_thing")

TENSORZERO = {
    "chat_inferences": "id function_name variant_name episode_id processing_time_ms ttft_ms tags "
    "snapshot_hash created_at",
    "chat_inference_data": "id input output inference_params extra_body dynamic_tools "
    "dynamic_provider_tools allowed_tools tool_choice parallel_tool_calls created_at",
    "json_inferences": "id function_name variant_name episode_id processing_time_ms ttft_ms tags "
    "snapshot_hash created_at",
    "json_inference_data": "id input output output_schema inference_params extra_body "
    "auxiliary_content created_at",
    "model_inferences": "id inference_id input_tokens output_tokens response_time_ms model_name "
    "model_provider_name ttft_ms cached finish_reason snapshot_hash created_at cost "
    "provider_cache_read_input_tokens provider_cache_write_input_tokens function_name variant_name",
    "model_inference_data": "id raw_request raw_response system input_messages output created_at",
    "boolean_metric_feedback": "id target_id metric_name value tags snapshot_hash created_at",
    "float_metric_feedback": "id target_id metric_name value tags snapshot_hash created_at",
    "config_snapshots": "hash config extra_templates tensorzero_version tags created_at last_used",
    "retention_config": "key value",
}


@pytest.fixture
async def empty(postgres_dsn: str) -> AsyncIterator[str]:
    """A database without anything in it; its address."""
    name = "empty_" + new_id().hex
    admin = await asyncpg.connect(postgres_dsn)
    await admin.execute(f"CREATE DATABASE {name}")
    yield sibling(postgres_dsn, name)
    await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await admin.close()


async def fetchval(dsn: str, statement: str) -> object:
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()


async def test_what_is_missing_is_applied_once(empty: str) -> None:
    assert await migrate(empty) == NAMES
    assert await migrate(empty) == []


async def test_many_replicas_that_start_at_once_migrate_once(empty: str) -> None:
    applied = await asyncio.gather(*(migrate(empty) for _ in range(8)))
    assert sorted(applied) == [[]] * 7 + [NAMES]


async def test_a_database_of_an_earlier_version_is_brought_forward(empty: str) -> None:
    assert await migrate(empty, load_migrations()[:-1]) == NAMES[:-1]
    assert await migrate(empty) == NAMES[-1:]


async def test_a_database_of_a_later_version_is_left_as_it_is(empty: str) -> None:
    await migrate(empty, [*load_migrations(), FIRST])
    assert await migrate(empty) == []


async def test_a_bad_migration_leaves_nothing_behind_and_those_before_it_stay(empty: str) -> None:
    with pytest.raises(MigrationFailed, match="no_such_thing"):
        await migrate(empty, [FIRST, BAD])
    assert await fetchval(empty, "SELECT to_regclass('tensorzero.bad')") is None
    assert await migrate(empty, [FIRST]) == []


async def test_a_migration_that_was_changed_afterwards_is_noticed(empty: str) -> None:
    await migrate(empty, [FIRST])
    with pytest.raises(MigrationFailed, match="9001_first is not the one"):
        await migrate(empty, [Migration(9001, "first", "SELECT 1")])


async def test_tables_of_another_gateway_are_refused_with_a_remedy(empty: str) -> None:
    connection = await asyncpg.connect(empty)
    await connection.execute(
        "CREATE SCHEMA tensorzero; CREATE TABLE tensorzero.chat_inferences (id uuid)"
    )
    await connection.close()
    with pytest.raises(MigrationFailed, match="another gateway"):
        await migrate(empty)


async def test_a_user_without_rights_is_told_which_are_missing(empty: str) -> None:
    user = "poor_" + new_id().hex
    await fetchval(empty, f"CREATE ROLE {user} LOGIN")
    with pytest.raises(MigrationFailed, match=r"permission denied.*allowed to create the schema"):
        await migrate(empty.replace("postgresql://postgres@", f"postgresql://{user}@"))
    await fetchval(empty, f"DROP ROLE {user}")


async def test_waiting_for_another_replica_has_an_end(
    empty: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LOCK_SECONDS", 0.3)
    other = await asyncpg.connect(empty)
    assert await other.fetchval(query("try_migration_lock"))
    with pytest.raises(MigrationFailed, match="another replica"):
        await migrate(empty)
    await other.close()


async def test_a_replica_that_died_while_migrating_stops_nobody(empty: str) -> None:
    other = await asyncpg.connect(empty)
    assert await other.fetchval(query("try_migration_lock"))
    waiting = asyncio.create_task(migrate(empty))
    await asyncio.sleep(0.3)
    assert not waiting.done()
    other.terminate()
    assert await waiting == NAMES


async def test_a_connection_cut_while_migrating_is_unavailable_and_the_next_time_works(
    empty: str, tmp_path: Path
) -> None:
    relay = PostgresRelay(empty, tmp_path)
    await relay.start()
    slow = Migration(9001, "slow", "CREATE TABLE tensorzero.slow (); SELECT pg_sleep(30)")
    migrating = asyncio.create_task(migrate(relay.dsn, [slow]))
    await asyncio.sleep(0.5)
    await fetchval(
        empty, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query ~ '^CREATE TABL'"
    )
    with pytest.raises(StoreUnavailable):
        await migrating
    await relay.close()
    assert await migrate(empty, [FIRST]) == ["9001_first"]
    assert await fetchval(empty, "SELECT to_regclass('tensorzero.slow')") is None


async def test_a_database_that_is_not_there_is_unreachable(postgres_dsn: str) -> None:
    with pytest.raises(DatabaseUnreachable, match="no_such_database"):
        await wait_for_database(sibling(postgres_dsn, "no_such_database"), 5)


async def test_a_server_that_is_not_there_is_unreachable(tmp_path: Path) -> None:
    dsn = f"postgresql://someone:secret@/somewhere?host={tmp_path}"
    with pytest.raises(DatabaseUnreachable, match="check the address") as told:
        await wait_for_database(dsn, 0.1)
    assert "secret" not in str(told.value)
    with pytest.raises(StoreUnavailable):
        await migrate(dsn)


@pytest.mark.parametrize("sign", ["/", "#", "?"])
async def test_a_password_that_breaks_the_address_is_not_shown(
    postgres_dsn: str, sign: str
) -> None:
    parts = urlsplit(postgres_dsn)
    broken = urlunsplit(parts._replace(netloc=f"someone:secret{sign}word@127.0.0.1"))
    with pytest.raises(DatabaseUnreachable, match="%2F") as told:
        await wait_for_database(broken, 0.1)
    assert "secret" not in str(told.value)


@pytest.mark.parametrize("table", TENSORZERO)
async def test_tables_have_the_columns_of_tensorzero(db: asyncpg.Connection, table: str) -> None:
    row = await db.prepare(f"SELECT * FROM tensorzero.{table}")
    ours = {attribute.name for attribute in row.get_attributes()}
    assert set(TENSORZERO[table].split()) <= ours


async def test_there_is_one_deployment_id(db: asyncpg.Connection) -> None:
    assert len(await db.fetch("SELECT deployment_id FROM tensorzero.deployment_id")) == 1
    with pytest.raises(asyncpg.UniqueViolationError):
        await db.execute("INSERT INTO tensorzero.deployment_id (deployment_id) VALUES ('two')")


async def test_the_questions_of_the_listings_find_an_index(db: asyncpg.Connection) -> None:
    await db.execute("SET enable_seqscan = off")
    for table, where in [
        ("chat_inferences", "function_name = 'f' AND variant_name = 'v' AND episode_id = $1"),
        ("chat_inferences", "episode_id = $1"),
        ("json_inferences", "function_name = 'f' AND variant_name = 'v' AND episode_id = $1"),
        ("json_inferences", "episode_id = $1"),
        ("json_inferences", "function_name = 'f' AND id < $1"),
        ("json_inferences", """tags @> '{"k": "v"}' AND id <> $1"""),
        ("model_inferences", "inference_id = $1"),
        ("exchanges", "episode_id = $1"),
        ("exchanges", "provider_response_id = $1::uuid::text"),
        ("float_metric_feedback", "target_id = $1 AND metric_name = 'm'"),
        ("boolean_metric_feedback", "target_id = $1 AND metric_name = 'm'"),
    ]:
        plan = await db.fetchval(
            f"EXPLAIN (FORMAT json) SELECT 1 FROM tensorzero.{table} WHERE {where}", new_id()
        )
        conditions = json.dumps(json.loads(plan))
        assert "Index Cond" in conditions, (table, where)


@pytest.mark.skipif("TEST_DATABASE_URL" in os.environ, reason="another server dumps otherwise")
async def test_the_schema_for_reading_is_what_the_migrations_make(database: str) -> None:
    """`python -m tests.schema_dump` writes it anew."""
    assert await asyncio.to_thread(render_schema, database) == PAGE.read_text()

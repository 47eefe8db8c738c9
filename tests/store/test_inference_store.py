"""Questions of a worker: the right answer, or within two seconds the word that there is none."""

from __future__ import annotations

import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from uuid import UUID, uuid4

import asyncpg
import pytest

from proxy.errors import StoreUnavailable
from proxy.store.copy import insert_rows, prepare_staging
from proxy.store.inference_store import CONNECTIONS, PostgresInferenceStore
from proxy.store.partitions import ensure_partitions
from proxy.store.queries import query
from proxy.types.ids import id_time, new_id
from tests.store.pg_relay import PostgresRelay
from tests.store.stored import id_at, some_rows

AT_MOST_S = 3.0
"""Two seconds, and what a busy machine may add."""

Question = Callable[[PostgresInferenceStore], Awaitable[object]]

QUESTIONS: list[Question] = [
    lambda store: store.inference_exists(new_id()),
    lambda store: store.episode_exists(new_id()),
    lambda store: store.fetch_response_target("chatcmpl-1"),
]


@pytest.fixture
async def store(database: str) -> AsyncIterator[PostgresInferenceStore]:
    asked = PostgresInferenceStore(database)
    yield asked
    await asked.close()


@pytest.fixture
async def relayed(
    database: str, tmp_path: Path
) -> AsyncIterator[tuple[PostgresInferenceStore, PostgresRelay]]:
    relay = PostgresRelay(database, tmp_path)
    await relay.start()
    asked = PostgresInferenceStore(relay.dsn)
    yield asked, relay
    await asked.close()
    await relay.close()


async def insert(db: asyncpg.Connection, identifier: UUID, **changes: object) -> None:
    await ensure_partitions(db, [id_time(identifier).date()])
    await prepare_staging(db)
    await insert_rows(db, some_rows(identifier, **changes))


async def test_an_inference_is_known_once_it_is_stored(
    store: PostgresInferenceStore, db: asyncpg.Connection
) -> None:
    identifier = new_id()
    assert not await store.inference_exists(identifier)
    await insert(db, identifier)
    assert await store.inference_exists(identifier)


@pytest.mark.parametrize("kind", ["chat", "json"])
async def test_an_inference_is_known_for_as_long_as_its_metadata_is_kept(
    store: PostgresInferenceStore, db: asyncpg.Connection, kind: str
) -> None:
    identifier, episode = new_id(), new_id()
    await insert(db, identifier, episode_id=episode)
    for table in {"exchanges", "chat_inferences", "json_inferences"} - {f"{kind}_inferences"}:
        await db.execute(f"TRUNCATE tensorzero.{table}")
    assert await store.inference_exists(identifier)
    assert await store.episode_exists(episode)


async def test_an_id_that_holds_no_time_is_no_inference(store: PostgresInferenceStore) -> None:
    assert not await store.inference_exists(uuid4())


async def test_an_episode_is_known_by_any_of_its_calls(
    store: PostgresInferenceStore, db: asyncpg.Connection
) -> None:
    episode = new_id()
    assert not await store.episode_exists(episode)
    await insert(db, new_id(), episode_id=episode)
    assert await store.episode_exists(episode)


async def test_a_providers_response_id_leads_to_inference_and_episode(
    store: PostgresInferenceStore, db: asyncpg.Connection
) -> None:
    identifier, episode = new_id(), new_id()
    await insert(db, identifier, episode_id=episode, provider_response_id="chatcmpl-7")
    assert await store.fetch_response_target("chatcmpl-7") == (identifier, episode)
    assert await store.fetch_response_target("chatcmpl-8") is None


async def test_of_two_exchanges_with_one_response_id_the_newer_counts(
    store: PostgresInferenceStore, db: asyncpg.Connection
) -> None:
    now = time.time()
    older, newer = id_at(now - 7200), id_at(now - 3600)
    await insert(db, newer, provider_response_id="chatcmpl-7")
    await insert(db, older, provider_response_id="chatcmpl-7")
    found = await store.fetch_response_target("chatcmpl-7")
    assert found is not None
    assert found[0] == newer


async def test_a_response_id_is_looked_for_one_month_back(
    store: PostgresInferenceStore, db: asyncpg.Connection
) -> None:
    day = 86400
    await insert(db, id_at(time.time() - 30 * day), provider_response_id="chatcmpl-30")
    await insert(db, id_at(time.time() - 32 * day), provider_response_id="chatcmpl-32")
    assert await store.fetch_response_target("chatcmpl-30") is not None
    assert await store.fetch_response_target("chatcmpl-32") is None


@pytest.mark.parametrize("question", QUESTIONS, ids=["inference", "episode", "response"])
async def test_a_server_that_hangs_is_given_up_in_good_time(
    relayed: tuple[PostgresInferenceStore, PostgresRelay], question: Question
) -> None:
    store, relay = relayed
    await question(store)
    relay.set("hang")
    for _ in range(CONNECTIONS + 1):
        start = time.monotonic()
        with pytest.raises(StoreUnavailable):
            await question(store)
        assert time.monotonic() - start < AT_MOST_S


async def test_a_server_that_hangs_from_the_beginning_is_given_up_in_good_time(
    relayed: tuple[PostgresInferenceStore, PostgresRelay],
) -> None:
    store, relay = relayed
    relay.set("hang")
    start = time.monotonic()
    with pytest.raises(StoreUnavailable):
        await store.inference_exists(new_id())
    assert time.monotonic() - start < AT_MOST_S


async def test_a_server_that_came_back_is_asked_again(
    relayed: tuple[PostgresInferenceStore, PostgresRelay],
) -> None:
    store, relay = relayed
    await relay.stop()
    with pytest.raises(StoreUnavailable):
        await store.inference_exists(new_id())
    await relay.start()
    assert not await store.inference_exists(new_id())


async def test_a_server_that_hung_is_asked_again(
    relayed: tuple[PostgresInferenceStore, PostgresRelay],
) -> None:
    store, relay = relayed
    await store.inference_exists(new_id())
    relay.set("hang")
    for _ in range(CONNECTIONS):
        with pytest.raises(StoreUnavailable):
            await store.inference_exists(new_id())
    relay.set("flow")
    assert not await store.inference_exists(new_id())


async def test_a_database_that_is_not_migrated_is_unavailable(
    postgres_dsn: str,
) -> None:
    store = PostgresInferenceStore(postgres_dsn)
    with pytest.raises(StoreUnavailable):
        await store.inference_exists(new_id())
    await store.close()


async def test_a_response_id_that_no_text_column_holds_is_found_as_it_was_stored(
    store: PostgresInferenceStore, db: asyncpg.Connection
) -> None:
    assert await store.fetch_response_target("chatcmpl-\x00") is None
    await insert(db, new_id(), provider_response_id="chatcmpl-\ufffd")
    assert await store.fetch_response_target("chatcmpl-\x00") is not None


async def test_what_is_unavailable_never_tells_the_password(tmp_path: Path) -> None:
    dsn = f"postgresql://someone:secret-word@/nowhere?host={tmp_path}"
    store = PostgresInferenceStore(dsn)
    with pytest.raises(StoreUnavailable) as told:
        await store.inference_exists(new_id())
    assert "secret-word" not in str(told.value)


async def test_a_look_up_by_id_reads_one_partition(db: asyncpg.Connection) -> None:
    await insert(db, id_at(time.time() - 40 * 86400))
    identifier = new_id()
    await insert(db, identifier)
    plan = await db.fetch(
        "EXPLAIN " + query("fetch_inference_exists"), identifier, id_time(identifier)
    )
    month, day = f"{id_time(identifier):%Y_%m}", f"{id_time(identifier):%Y_%m_%d}"
    read = set(re.findall(r" on (\w+)", "\n".join(row[0] for row in plan)))
    assert read == {f"{kind}_inferences_{month}" for kind in ("chat", "json")} | {
        f"exchanges_{day}"
    }

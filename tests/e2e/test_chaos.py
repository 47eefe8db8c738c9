"""Whatever dies: every answer whose end a client saw is recorded, exactly once."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
from pathlib import Path

import asyncpg
import psutil
import pytest

from tests.conftest import StartProxy, off_loop
from tests.e2e.load import Crowd, missing_and_doubled, mixed
from tests.fake_upstream import FakeUpstream, Seen, Wire, answer, completion
from tests.harness import Proxy, balance, eventually, one_provider
from tests.store.pg_relay import PostgresRelay

PROVE = bool(os.environ.get("PROVE"))
KILLS_OF_ALL = 200 if PROVE else 3
KILLS_OF_A_WORKER = 60 if PROVE else 4
KILLS_OF_MAIN = 20 if PROVE else 2
OUTAGE_SECONDS = 60 if PROVE else 4


@pytest.fixture
async def proxy(upstream: FakeUpstream, start_proxy: StartProxy) -> Proxy:
    upstream.script = mixed
    started: Proxy = await off_loop(lambda: start_proxy(one_provider(upstream.api_base), workers=2))
    return started


async def check(proxy: Proxy, crowd: Crowd, database: str) -> str:
    """Settle, and compare what clients saw with what is stored."""
    await crowd.stop()
    books = await off_loop(lambda: proxy.settle(120))
    missing, doubled = await missing_and_doubled(database, crowd.finished)
    assert (missing, doubled) == (0, 0), f"{missing} missing, {doubled} doubled: {books}"
    assert balance(books) == 0
    return f"{len(crowd.finished)} answers seen to the end, 0 missing, 0 doubled; books {books}"


async def test_kill_9_of_everything(proxy: Proxy, database: str) -> None:
    source = random.Random(5)
    crowd = Crowd(proxy)
    crowd.start()
    for _ in range(KILLS_OF_ALL):
        await asyncio.sleep(source.uniform(0.05, 1.0))
        await off_loop(proxy.kill_all)
        await off_loop(proxy.start)
    await asyncio.sleep(0.5)
    print(f"\nkill -9 of everything, {KILLS_OF_ALL} times:", await check(proxy, crowd, database))


async def test_kill_9_of_single_workers(proxy: Proxy, database: str) -> None:
    source = random.Random(6)
    crowd = Crowd(proxy)
    crowd.start()
    for _ in range(KILLS_OF_A_WORKER):
        await asyncio.sleep(source.uniform(0.1, 0.6))
        workers = await off_loop(proxy.worker_pids)
        if workers:
            os.kill(source.choice(workers), signal.SIGKILL)

    async def all_replaced() -> bool:
        return len(await off_loop(proxy.worker_pids)) == 2

    await eventually(all_replaced, 60)
    restarts = await off_loop(lambda: proxy.metric("zeroproxy_worker_restarts_total"))
    print(f"\nkill -9 of workers, {restarts:.0f} restarts:", await check(proxy, crowd, database))


async def test_kill_9_of_the_main_process_takes_the_workers_along(
    proxy: Proxy, database: str
) -> None:
    crowd = Crowd(proxy)
    crowd.start()
    for _ in range(KILLS_OF_MAIN):
        await asyncio.sleep(0.7)
        below = await off_loop(proxy.tree)
        await off_loop(proxy.kill_main)
        _, alive = await off_loop(lambda below=below: psutil.wait_procs(below, timeout=5))
        assert not alive, "workers die with their parent"
        await off_loop(proxy.start)
    await asyncio.sleep(0.5)
    print(f"\nkill -9 of the main process, {KILLS_OF_MAIN}:", await check(proxy, crowd, database))


async def test_postgres_away_hung_and_cut(
    upstream: FakeUpstream, start_proxy: StartProxy, database: str, tmp_path: Path
) -> None:
    upstream.script = mixed
    folder = tmp_path / "relay"
    folder.mkdir()
    relay = PostgresRelay(database, folder)
    await relay.start()
    config = one_provider(upstream.api_base)
    proxy = await off_loop(lambda: start_proxy(config, workers=2, dsn=relay.dsn))
    crowd = Crowd(proxy)
    crowd.start()
    await asyncio.sleep(1)
    before = await off_loop(lambda: memory(proxy))
    for outage in ("away", "hung", "cut"):
        seen = len(crowd.finished)
        if outage == "away":
            await relay.stop()
            await asyncio.sleep(OUTAGE_SECONDS)
            assert json.loads((await off_loop(lambda: proxy.get("/health")))[1])["postgres"] == (
                "error"
            )
            await relay.start()
        elif outage == "hung":
            relay.set("hang")
            await asyncio.sleep(OUTAGE_SECONDS)
            relay.set("flow")
        else:
            for _ in range(10):
                await asyncio.sleep(0.1)
                relay.cut()
        assert len(crowd.finished) > seen, f"calls go on while Postgres is {outage}"
        assert crowd.broken == 0, f"no call notices that Postgres is {outage}"
    grown = await off_loop(lambda: memory(proxy)) - before
    print(f"\nPostgres away, hung, cut; memory grew by {grown / 2**20:.0f} MiB")
    assert grown < 64 * 2**20
    print(await check(proxy, crowd, database))
    await off_loop(proxy.kill_all)
    await relay.close()


def memory(proxy: Proxy) -> int:
    return sum(
        process.memory_info().rss for process in proxy.tree() if "postgres" not in process.name()
    )


POISON = {
    "a NUL": b'{"model":"m","messages":[{"role":"user","content":"a\\u0000b"}]}',
    "a raw NUL in an unknown field": b'{"model":"m","messages":[],"x":"\\u0000"}',
    "a lone surrogate": b'{"model":"m","messages":[{"role":"user","content":"\\ud800"}]}',
    "50 MB": b'{"model":"m","messages":[],"x":"' + b"y" * (50 * 2**20) + b'"}',
}


async def test_poison_records_harm_nobody(proxy: Proxy, upstream: FakeUpstream) -> None:
    cut = b'{"id":"x","object":"chat.completion","choices":[{"index":0,"message":' + (
        b'{"role":"assistant","content":"\xc3"},"finish_reason":"stop"}]}'
    )
    for name, body in POISON.items():
        upstream.script = answer(completion("\0 after \ud83d\ude00"))
        status, _, _ = await off_loop(lambda body=body: proxy.post("/v1/chat/completions", body))
        assert status == 200, name
    upstream.script = answer(cut)
    status, _, received = await off_loop(lambda: proxy.chat("m"))
    assert received == cut
    books = await off_loop(proxy.settle)
    assert books["written"] + books["quarantined"] == len(POISON) + 1
    assert books["shed"] == 0


@pytest.mark.parametrize("policy", ["refuse", "shed"])
async def test_at_the_journals_bound_the_policy_decides(
    upstream: FakeUpstream,
    start_proxy: StartProxy,
    database: str,
    tmp_path: Path,
    policy: str,
) -> None:
    upstream.script = mixed
    folder = tmp_path / "relay"
    folder.mkdir()
    relay = PostgresRelay(database, folder)
    await relay.start()
    recording = {"max_journal_bytes": 2**20, "when_full": policy}
    config = one_provider(upstream.api_base, recording=recording)
    proxy = await off_loop(lambda: start_proxy(config, workers=2, dsn=relay.dsn))
    await relay.stop()
    crowd = Crowd(proxy)
    crowd.start()

    async def bound_reached() -> bool:
        if policy == "refuse":
            return crowd.refused > 0
        return await off_loop(lambda: proxy.metric("zeroproxy_exchanges_shed_total")) > 0

    await eventually(bound_reached, 60)
    size = await off_loop(lambda: proxy.metric("zeroproxy_journal_bytes"))
    if policy == "refuse":
        status, headers, body = await off_loop(lambda: proxy.chat("m"))
        assert status == 503 and headers["retry-after"] == "1"
        assert json.loads(body)["error"]["type"] == "unavailable_error"
        assert (await off_loop(lambda: proxy.get("/health")))[0] == 503
        assert (await off_loop(lambda: proxy.get("/ready")))[0] == 503
    else:
        assert crowd.refused == 0
    assert size < 2 * 2**20
    await crowd.stop()
    await relay.start()
    books = await off_loop(lambda: proxy.settle(60))
    missing, doubled = await missing_and_doubled(database, crowd.finished)
    assert doubled == 0
    # What was shed beyond that are the calls that ended when the crowd left.
    assert missing == 0 if policy == "refuse" else 0 <= books["shed"] - missing <= crowd.size
    status, _, _ = await off_loop(lambda: proxy.chat("m"))
    assert status == 200, "it serves again when there is room"
    print(f"\n{policy}: journal {size:.0f} bytes of 1048576; refused {crowd.refused}; {books}")
    await off_loop(proxy.kill_all)
    await relay.close()


async def test_a_hanging_upstream_is_nobody_elses_trouble(
    proxy: Proxy, upstream: FakeUpstream, db: asyncpg.Connection
) -> None:
    """A drain cuts what does not end, and records that it did."""

    async def hang(seen: Seen, wire: Wire) -> None:
        await wire.gone()

    upstream.script = hang
    call = asyncio.ensure_future(off_loop(lambda: proxy.chat("m")))
    await asyncio.sleep(0.5)
    await off_loop(proxy.kill_all)
    await asyncio.wait([call])
    assert await db.fetchval("SELECT count(*) FROM tensorzero.exchanges") == 0

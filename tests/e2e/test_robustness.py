"""Short forms of what `make bench-faults` proves under load: disks that fill, a Postgres that goes.

`kill -9` of workers and of everything is in test_chaos.
"""

from __future__ import annotations

import asyncio
import contextlib
import resource
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest

from proxy.store.embedded import EmbeddedPostgres
from tests.conftest import StartProxy, off_loop
from tests.e2e.load import Crowd, missing_and_doubled, mixed
from tests.fake_upstream import FakeUpstream
from tests.harness import Proxy, balance, eventually, one_provider

CROWD = 12
SOME = 30
"""Answers that have to come before a test goes on."""


async def more(crowd: Crowd) -> None:
    """Return when callers have seen some more answers."""
    before = len(crowd.finished)

    async def came() -> bool:
        return len(crowd.finished) >= before + SOME

    await eventually(came, 60)


async def nothing_missing(proxy: Proxy, crowd: Crowd, database: str) -> None:
    """Stop the crowd, and find each answer that it saw in the database, once."""
    await crowd.stop()
    books = await off_loop(lambda: proxy.settle(60))
    assert await missing_and_doubled(database, crowd.finished) == (0, 0), books
    assert balance(books) == 0 and books["shed"] == 0


def let_files_grow(proxy: Proxy, most: int) -> None:
    """To the workers a disk is full when no file may grow."""
    for pid in proxy.worker_pids():
        psutil.Process(pid).rlimit(resource.RLIMIT_FSIZE, (most, resource.RLIM_INFINITY))


async def test_a_full_disk_refuses_calls_and_loses_none_that_was_answered(
    upstream: FakeUpstream, start_proxy: StartProxy, database: str
) -> None:
    upstream.script = mixed
    proxy = await off_loop(lambda: start_proxy(one_provider(upstream.api_base), workers=2))
    crowd = Crowd(proxy, CROWD)
    crowd.start()
    await more(crowd)
    await off_loop(lambda: let_files_grow(proxy, 0))

    async def refused() -> bool:
        return crowd.refused >= SOME

    await eventually(refused, 60)
    await off_loop(lambda: let_files_grow(proxy, resource.RLIM_INFINITY))
    await more(crowd)
    assert await off_loop(lambda: proxy.metric("zeroproxy_worker_restarts_total")) == 0
    await nothing_missing(proxy, crowd, database)


@pytest.fixture
async def server(open_folder: Path) -> AsyncIterator[EmbeddedPostgres]:
    """A Postgres that may be stopped and killed; it runs."""
    made = EmbeddedPostgres(open_folder / "postgres")
    await made.start()
    yield made
    await made.stop()


def kill(folder: Path) -> None:
    """`kill -9` of all processes of the server in this folder."""
    pid = int((folder / "postgres" / "data" / "postmaster.pid").read_text().split()[0])
    postmaster = psutil.Process(pid)
    for process in (postmaster, *postmaster.children(recursive=True)):
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()


async def test_callers_do_not_notice_that_postgres_restarts_and_crashes(
    upstream: FakeUpstream, start_proxy: StartProxy, server: EmbeddedPostgres, open_folder: Path
) -> None:
    upstream.script = mixed
    dsn = server.dsn("tensorzero")
    config = one_provider(upstream.api_base)
    proxy = await off_loop(lambda: start_proxy(config, dsn=dsn))
    crowd = Crowd(proxy, CROWD)
    crowd.start()
    await more(crowd)
    await server.stop()
    await more(crowd)
    await server.start()
    await more(crowd)
    await asyncio.to_thread(kill, open_folder)
    await more(crowd)
    await server.revive()
    await more(crowd)
    assert (crowd.broken, crowd.refused) == (0, 0)
    await nothing_missing(proxy, crowd, dsn)
    await off_loop(proxy.kill_all)

"""A running proxy for the tests of this folder: real processes, a real Postgres, loopback HTTP."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from tests.fake_upstream import FakeUpstream, answer, completion
from tests.harness import Proxy, one_provider, write_config


@pytest.fixture
async def upstream() -> AsyncIterator[FakeUpstream]:
    """The provider; it runs on the test's own event loop."""
    async with FakeUpstream(answer(completion())) as running:
        yield running


StartProxy = Callable[..., Proxy]


@pytest.fixture
def start_proxy(tmp_path: Path, database: str) -> Iterator[StartProxy]:
    """Starts proxies on the test's database, and ends them with the test."""
    running: list[Proxy] = []

    def start(
        config: dict[str, Any], *, workers: int = 1, dsn: str | None = database, **more: Any
    ) -> Proxy:
        number = len(running)
        path = write_config(tmp_path / f"config-{number}.yaml", config)
        proxy = Proxy(path, tmp_path / "state", dsn, workers, **more)
        running.append(proxy)
        return proxy.start()

    yield start
    for proxy in running:
        if proxy.process is not None:
            proxy.kill_all()


@pytest.fixture
async def served(
    upstream: FakeUpstream, start_proxy: StartProxy
) -> AsyncIterator[tuple[Proxy, FakeUpstream]]:
    """A proxy with the model `m` and the function `f` in front of the upstream."""
    proxy = await off_loop(lambda: start_proxy(one_provider(upstream.api_base)))
    yield proxy, upstream


async def off_loop(work: Callable[[], Any]) -> Any:
    """Run blocking work in a thread: the upstream needs this event loop meanwhile."""
    import asyncio

    return await asyncio.get_running_loop().run_in_executor(None, work)


@pytest.fixture
async def db(database: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database)
    yield connection
    await connection.close()


@pytest.fixture(autouse=True)
def no_threads_left() -> Iterator[None]:
    before = threading.active_count()
    yield
    assert threading.active_count() <= before + 8

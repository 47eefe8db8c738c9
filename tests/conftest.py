"""What tests of all kinds share: one real Postgres for the whole run, a fresh database for each."""

from __future__ import annotations

import asyncio
import contextlib
import os
import tempfile
import uuid
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import asyncpg
import hypothesis
import pytest

from proxy.store.embedded import EmbeddedPostgres
from proxy.store.migrate import migrate
from tests.fake_upstream import FakeUpstream, answer, completion
from tests.harness import Proxy, one_provider, write_config
from tests.hung import fails_when_hung

TEMPLATE = "migrated"

hypothesis.settings.register_profile(
    "untimed", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("untimed")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol() -> Generator[None, Any, Any]:
    """Each test, with what it needs."""
    with contextlib.nullcontext() if os.environ.get("PROVE") else fails_when_hung():
        return (yield)


@pytest.fixture(scope="session")
def open_folders() -> Iterator[Path]:
    """Where folders can be made that Postgres' own account can reach, too, when we are root."""
    with tempfile.TemporaryDirectory(prefix="zp-state-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o711)
        yield Path(folder)


@pytest.fixture
def open_folder(open_folders: Path) -> Path:
    """A fresh one of these."""
    made = open_folders / uuid.uuid4().hex
    made.mkdir(mode=0o711)
    return made


@pytest.fixture(scope="session")
def postgres_dsn() -> Iterator[str]:
    """The server, as the product starts it. The address is that of its own database.

    TEST_DATABASE_URL names another server to run on.
    """
    given = os.environ.get("TEST_DATABASE_URL")
    if given:
        asyncio.run(_prepare(given))
        yield given
        return
    with tempfile.TemporaryDirectory(prefix="zp-test-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o711)
        server = EmbeddedPostgres(Path(folder) / "postgres", max_connections=150)
        dsn = asyncio.run(server.start())
        asyncio.run(_prepare(dsn))
        yield dsn
        asyncio.run(server.stop())


async def _prepare(dsn: str) -> None:
    connection = await asyncpg.connect(dsn)
    await connection.execute(f"DROP DATABASE IF EXISTS {TEMPLATE}")
    await connection.execute(f"CREATE DATABASE {TEMPLATE}")
    await connection.close()
    await migrate(sibling(dsn, TEMPLATE))


def sibling(dsn: str, database: str) -> str:
    """The address of another database of the same server."""
    head, _, tail = dsn.partition("?")
    return head.rpartition("/")[0] + f"/{database}" + (f"?{tail}" if tail else "")


@pytest.fixture
def database(postgres_dsn: str) -> Iterator[str]:
    """A fresh, migrated database for one test; its address."""
    with fresh_database(postgres_dsn) as made:
        yield made


@contextlib.contextmanager
def fresh_database(server: str) -> Iterator[str]:
    """The address of a migrated database of its own on the server."""
    name = "test_" + uuid.uuid4().hex
    asyncio.run(_run(server, f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}"))
    try:
        yield sibling(server, name)
    finally:
        asyncio.run(_run(server, f"DROP DATABASE {name} WITH (FORCE)"))


async def _run(server: str, statement: str) -> None:
    connection = await asyncpg.connect(server)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


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
    return await asyncio.get_running_loop().run_in_executor(None, work)


@pytest.fixture
async def db(database: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database)
    yield connection
    await connection.close()

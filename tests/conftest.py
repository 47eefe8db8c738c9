"""What tests of all kinds share: one real Postgres for the whole run, a fresh database for each."""

from __future__ import annotations

import asyncio
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest
from proxy.store.embedded import EmbeddedPostgres

from proxy.store.migrate import migrate

TEMPLATE = "migrated"


@pytest.fixture(scope="session")
def postgres_dsn() -> Iterator[str]:
    """The server, as the product starts it. The address is that of its own database."""
    with tempfile.TemporaryDirectory(prefix="zp-test-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o711)
        server = EmbeddedPostgres(Path(folder) / "postgres", max_connections=150)
        dsn = asyncio.run(server.start())
        asyncio.run(_prepare(dsn))
        yield dsn
        asyncio.run(server.stop())


async def _prepare(dsn: str) -> None:
    connection = await asyncpg.connect(dsn)
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
    name = "test_" + uuid.uuid4().hex
    asyncio.run(_run(postgres_dsn, f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}"))
    yield sibling(postgres_dsn, name)
    asyncio.run(_run(postgres_dsn, f"DROP DATABASE {name} WITH (FORCE)"))


async def _run(dsn: str, statement: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()

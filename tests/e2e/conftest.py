"""One proxy with functions of every sort, for all tests that only talk to it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import asyncpg
import pytest

from tests.conftest import fresh_database
from tests.harness import ROOT, Proxy
from tests.tensorzero_clients import KINDS, Client, open_client

FUNCTIONS = ROOT / "tests" / "data" / "functions" / "tensorzero.toml"


@pytest.fixture(scope="session")
def functions_database(postgres_dsn: str) -> Iterator[str]:
    """The address of its database."""
    with fresh_database(postgres_dsn) as made:
        yield made


@pytest.fixture(scope="session")
def functions_proxy(
    functions_database: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Proxy]:
    state = tmp_path_factory.mktemp("functions") / "state"
    proxy = Proxy(FUNCTIONS, state, functions_database).start()
    yield proxy
    proxy.kill_all()


@pytest.fixture
async def functions_db(functions_database: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(functions_database)
    yield connection
    await connection.close()


@pytest.fixture(params=KINDS)
async def client(request: pytest.FixtureRequest, functions_proxy: Proxy) -> AsyncIterator[Client]:
    """Each of the `tensorzero` clients in turn; for tests that are marked `needs_client`."""
    async with open_client(request.param, functions_proxy.base) as opened:
        yield opened

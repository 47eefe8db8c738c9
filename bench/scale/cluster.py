"""The Postgres of the measurement: embedded, in a folder that stays, with two databases.

One is full, the other empty but for its tables. While loading it writes as little of a log as it
can; for measuring it is as the product starts it, but for autovacuum, which would be charged to
whom it meets.
"""

from __future__ import annotations

from pathlib import Path

import asyncpg

from bench.errors import BenchError
from bench.scale.statements import statement, statements
from proxy.store.embedded import EmbeddedPostgres
from proxy.store.migrate import migrate
from proxy.store.pool import connect
from proxy.store.postmaster import find_postmaster

COMMAND_SECONDS = 7200.0
EMPTY = "scale_empty"


class Cluster:
    """Start it for loading or for measuring; stop it in the end."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        # Postgres runs under an account of its own where we are root.
        folder.chmod(0o711)
        self._home = folder / "postgres"
        self._server = EmbeddedPostgres(self._home)
        self.full = ""
        self.empty = self._server.dsn(EMPTY)

    async def start(self, settings: str) -> None:
        """Start anew with `for_loading` or `for_measuring`; the full database is migrated."""
        await self._server.stop()
        self.full = await self._server.start()
        connection = await self.connect()
        for each in statements(settings):
            await connection.execute(each)
        await connection.close()
        await self._server.stop()
        self.full = await self._server.start()
        self.empty = self._server.dsn(EMPTY)
        await migrate(self.full)

    async def stop(self) -> None:
        await self._server.stop()

    async def make_empty(self) -> None:
        """Make the empty database anew."""
        connection = await self.connect()
        await connection.execute(statement("drop_database"))
        await connection.execute(statement("create_database"))
        await connection.close()
        await migrate(self.empty)

    async def connect(self, dsn: str = "") -> asyncpg.Connection:
        return await connect(dsn or self.full, command_timeout=COMMAND_SECONDS)

    @property
    def pid(self) -> int:
        """Of the postmaster."""
        running = find_postmaster(self._home / "data")
        if running is None:
            raise BenchError("the Postgres of the measurement has died")
        return running.pid

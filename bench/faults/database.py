"""An operator's Postgres: the embedded one's programs and settings, with its ways to suffer.

Or the product's own, which suffers alike, but is neither started nor stopped from here.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import asyncpg
import psutil

from bench.faults.errors import StageError
from proxy.errors import EmbeddedPostgresError
from proxy.store.embedded import DATABASE, EmbeddedPostgres

SQL = Path(__file__).parent / "sql"


@dataclass(frozen=True, slots=True)
class Audit:
    """What the database has of what callers saw."""

    missing: Sequence[UUID]
    """Answered calls without an exchange, or served ones without a whole inference."""
    doubled: int
    in_default_partitions: int


class Database:
    """One server, in `folder`; ours unless `embedded`."""

    def __init__(self, folder: Path, *, embedded: bool = False) -> None:
        self._folder = folder
        self._server = EmbeddedPostgres(folder)
        self._embedded = embedded

    @property
    def dsn(self) -> str:
        return self._server.dsn(DATABASE)

    async def start(self) -> None:
        """Raises StageError when it does not start."""
        if self._embedded:
            return
        try:
            await self._server.start()
        except EmbeddedPostgresError as error:
            raise StageError(str(error)) from error

    async def stop(self) -> None:
        """A fast shutdown: sessions are ended, a last checkpoint is made."""
        await self._server.stop()

    @property
    def socket(self) -> Path:
        """Its unix socket."""
        query = parse_qs(urlsplit(self.dsn).query)
        return Path(query["host"][0]) / f".s.PGSQL.{query['port'][0]}"

    def runs(self) -> bool:
        return self._server.is_running()

    async def kill(self) -> None:
        """`kill -9` of all its processes, the postmaster first; nobody owns the folder then."""
        for process in self._processes():
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        await self._server.stop()

    def suspend(self) -> None:
        """It is there, takes connections, and does nothing."""
        for process in self._processes():
            with contextlib.suppress(psutil.NoSuchProcess):
                process.suspend()

    def resume(self) -> None:
        for process in reversed(self._processes()):
            with contextlib.suppress(psutil.NoSuchProcess):
                process.resume()

    def postmaster(self) -> int | None:
        """Its process id, as its file tells."""
        try:
            return int((self._folder / "data" / "postmaster.pid").read_text().split("\n", 1)[0])
        except (OSError, ValueError):
            return None

    def _processes(self) -> list[psutil.Process]:
        """The postmaster and all below it."""
        pid = self.postmaster()
        with contextlib.suppress(psutil.NoSuchProcess):
            if pid is not None:
                postmaster = psutil.Process(pid)
                return [postmaster, *postmaster.children(recursive=True)]
        return []

    async def audit(self, answered: Sequence[UUID], served: Sequence[UUID]) -> Audit:
        """Compare. Raises StageError when the database does not answer."""
        try:
            connection = await asyncpg.connect(self.dsn, timeout=10, command_timeout=120)
        except (OSError, asyncpg.PostgresError) as error:
            raise StageError(f"the database cannot be asked: {error}") from error
        try:
            rows = await connection.fetch(_sql("missing_exchanges"), answered)
            rows += await connection.fetch(_sql("missing_inferences"), served)
            return Audit(
                sorted({row["id"] for row in rows}),
                int(await connection.fetchval(_sql("doubled"))),
                int(await connection.fetchval(_sql("in_default_partitions"))),
            )
        finally:
            await connection.close()


def _sql(name: str) -> str:
    return (SQL / f"{name}.sql").read_text(encoding="utf-8")

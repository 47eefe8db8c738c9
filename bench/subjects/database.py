"""The product's embedded Postgres, seen from outside: where it is, and how many records it has."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import asyncpg

from bench.errors import BenchError

SQL = Path(__file__).resolve().parent.parent
DATABASE = "tensorzero"


@dataclass(frozen=True, slots=True)
class Cluster:
    """A running Postgres, as the file of its postmaster describes it."""

    pid: int
    port: int
    socket_folder: str

    @staticmethod
    def found_in(folder: Path) -> Cluster | None:
        for path in folder.rglob("postmaster.pid"):
            lines = path.read_text().splitlines()
            if len(lines) > 4:
                return Cluster(int(lines[0]), int(lines[3]), lines[4].strip())
        return None

    def url(self, database: str) -> str:
        host = quote(self.socket_folder, safe="")
        return f"postgresql://postgres@/{database}?host={host}&port={self.port}"


class Ledger:
    """Counts the records in the product's database."""

    def __init__(self, cluster: Cluster) -> None:
        self._runner = asyncio.Runner()
        self._count = (SQL / "count_exchanges.sql").read_text()
        self._create = (SQL / "create_database.sql").read_text()
        self._connection = self._runner.run(self._connect(cluster))

    @staticmethod
    async def _connect(cluster: Cluster) -> asyncpg.Connection:
        return await asyncpg.connect(
            host=cluster.socket_folder, port=cluster.port, user="postgres", database=DATABASE
        )

    def count(self) -> int:
        """Raises BenchError when the database is gone."""
        try:
            return int(self._runner.run(self._connection.fetchval(self._count)))
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            raise BenchError(f"the product's Postgres does not answer: {error}") from error

    def create_database(self) -> None:
        """One more database, `bench`, in the same cluster; nothing is in it."""
        self._runner.run(self._connection.execute(self._create))

    def close(self) -> None:
        self._connection.terminate()
        self._runner.close()

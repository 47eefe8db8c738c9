"""Migrations: numbered files, each in a transaction, safe from many replicas at once."""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

import asyncpg

from proxy.errors import MigrationFailed
from proxy.store.pool import connect, unavailable
from proxy.store.queries import query, sql_folder

COMMAND_SECONDS = 600.0
LOCK_SECONDS = 120.0
CLOSE_SECONDS = 5.0
REMEDY = (
    "the user of DATABASE_URL must be allowed to create the schema `tensorzero` and to own what is "
    "in it; a database in which another gateway has made that schema cannot be used"
)
_FILE = re.compile(r"(\d{4})_(\w+)\.sql")


@dataclass(frozen=True, slots=True)
class Migration:
    """One file."""

    number: int
    name: str
    text: str

    @property
    def checksum(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()


def load_migrations() -> list[Migration]:
    """All migrations, in order."""
    found = []
    for path in sorted((sql_folder() / "migrations").glob("*.sql")):
        match = _FILE.fullmatch(path.name)
        if match is None:
            raise MigrationFailed(f"{path.name} is not named like a migration")
        found.append(Migration(int(match[1]), match[2], path.read_text(encoding="utf-8")))
    return found


async def migrate(dsn: str, migrations: Sequence[Migration] | None = None) -> list[str]:
    """Apply what is missing; the names of what was applied.

    Of several replicas one migrates, the others wait and find nothing to do.

    Raises:
        StoreUnavailable: the database cannot be asked.
        MigrationFailed: it refuses, or a migration has been changed since it was applied.
    """
    wanted = load_migrations() if migrations is None else migrations
    try:
        with unavailable():
            return await _migrate(dsn, wanted)
    except asyncpg.PostgresError as error:
        raise MigrationFailed(f"the database refuses to be migrated: {error}; {REMEDY}") from error


async def _migrate(dsn: str, wanted: Sequence[Migration]) -> list[str]:
    connection = await connect(dsn, command_timeout=COMMAND_SECONDS)
    try:
        await _take_turn(connection)
        applied = await _apply_missing(connection, wanted)
        await connection.execute(query("release_migration_lock"))
        await connection.close(timeout=CLOSE_SECONDS)
        return applied
    finally:
        # After a failure the connection may be beyond answering; its end gives up the turn.
        connection.terminate()


async def _take_turn(connection: asyncpg.Connection) -> None:
    deadline = asyncio.get_running_loop().time() + LOCK_SECONDS
    while not await connection.fetchval(query("try_migration_lock")):
        if asyncio.get_running_loop().time() > deadline:
            raise MigrationFailed(
                f"another replica has been migrating for more than {LOCK_SECONDS:g} s; "
                "look for its session in pg_stat_activity"
            )
        await asyncio.sleep(0.2)


async def _apply_missing(connection: asyncpg.Connection, wanted: Sequence[Migration]) -> list[str]:
    await connection.execute(query("create_schema"))
    await connection.execute(query("create_migrations_table"))
    rows = await connection.fetch(query("fetch_migrations"))
    known = {row["number"]: row["checksum"] for row in rows}
    applied = []
    for migration in wanted:
        if migration.number not in known:
            await _apply(connection, migration)
            applied.append(f"{migration.number:04d}_{migration.name}")
        elif known[migration.number] != migration.checksum:
            raise MigrationFailed(
                f"migration {migration.number:04d}_{migration.name} is not the one that was "
                "applied to this database: another version of this program made it; serve with "
                "that version or a later one, or on another database"
            )
    return applied


async def _apply(connection: asyncpg.Connection, migration: Migration) -> None:
    async with connection.transaction():
        await connection.execute(migration.text)
        await connection.execute(
            query("insert_migration"), migration.number, migration.name, migration.checksum
        )

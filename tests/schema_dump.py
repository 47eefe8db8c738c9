"""`python -m tests.schema_dump` writes sql/schema.sql: what all migrations make, for reading."""

from __future__ import annotations

import asyncio
import re
import tempfile
from pathlib import Path

from proxy.store.embedded import EmbeddedPostgres
from proxy.store.migrate import migrate
from proxy.store.postgres_binaries import find_account, find_binaries

PAGE = Path(__file__).parents[1] / "sql" / "schema.sql"
HEAD = """\
-- What all migrations make, for reading: nothing loads this file.
-- Partitions for days and months are made while the program runs.
-- (Made by `python -m tests.schema_dump`.)
"""
_NOISE = re.compile(r"(--.*|SET .*|SELECT pg_catalog\.set_config.*|\\(un)?restrict .*)?\n")


def render_schema(dsn: str) -> str:
    """The dump of a migrated database, without what differs from one run to the next."""
    binaries = find_binaries(find_account())
    arguments = ["--schema-only", "--no-owner", "--no-privileges", "--schema=tensorzero", dsn]
    dump = binaries.run("pg_dump", arguments, seconds=60).stdout.decode()
    lines = (line for line in dump.splitlines(keepends=True) if not _NOISE.fullmatch(line))
    statements = re.sub(r";\n(?=(?:CREATE|ALTER|COMMENT) )", ";\n\n", "".join(lines))
    return f"{HEAD}\n{statements}"


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="zp-schema-") as folder:
        Path(folder).chmod(0o711)
        server = EmbeddedPostgres(Path(folder) / "postgres")
        asyncio.run(_write(server))


async def _write(server: EmbeddedPostgres) -> None:
    dsn = await server.start()
    try:
        await migrate(dsn)
        PAGE.write_text(render_schema(dsn))
    finally:
        await server.stop()


if __name__ == "__main__":
    main()

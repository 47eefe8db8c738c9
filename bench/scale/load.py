"""Fills the tables by COPY: one transaction a partition, so that an interrupted run goes on.

Each partition is made by the product's own function and filled in the transaction that made it:
then Postgres needs no log of it, and its rows are frozen from the start, as a vacuum would leave
them. Feedback tables are not partitioned; each is one transaction, with its indexes built at its
end. Two or three tables at a time, one connection each.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import islice

import asyncpg

from bench.scale.cluster import Cluster
from bench.scale.examples import EXAMPLE_COLUMNS, example_rows
from bench.scale.feedback import FEEDBACK_COLUMNS, FEEDBACK_TABLES, feedback_rows
from bench.scale.patterns import Patterns
from bench.scale.plan import Plan, midnight_ms
from bench.scale.statements import statement
from proxy.store.copy_values import HEADER, TRAILER
from proxy.store.queries import query
from proxy.store.tables import COLUMNS

SCHEMA = "tensorzero"
MONTHLY = ("chat_inferences", "json_inferences", "model_inferences")
LARGEST_FIRST = (
    "model_inference_data",
    "exchanges",
    "chat_inference_data",
    "model_inferences",
    "chat_inferences",
    "json_inference_data",
    "json_inferences",
)
ROWS_AT_ONCE = 500
EXAMPLES = "dicl_examples"
TELL_S = 2.0
"""Between two lines of progress."""

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Part:
    """A partition of a table: its name, its day or the first day of its month, its calls."""

    name: str
    day: date
    numbers: range


def parts_of(plan: Plan, table: str) -> list[Part]:
    """Every partition that gets rows, as `zeroproxy_ensure_partition` names them."""
    days = plan.dates()
    monthly = table in MONTHLY
    begins = sorted({day.replace(day=1) for day in days}) if monthly else days
    return [_part(plan, table, day, monthly) for day in begins]


def _part(plan: Plan, table: str, begin: date, monthly: bool) -> Part:
    end = (begin + timedelta(32)).replace(day=1) if monthly else begin + timedelta(1)
    name = f"{table}_{begin:%Y_%m}" if monthly else f"{table}_{begin:%Y_%m_%d}"
    return Part(name, begin, plan.between(midnight_ms(begin), midnight_ms(end)))


class Loader:
    """Loads all that is missing; `copied` counts rows since the start."""

    def __init__(self, cluster: Cluster, plan: Plan, say: Say) -> None:
        self._cluster = cluster
        self._plan = plan
        self._say = say
        self._patterns = Patterns()
        self._began = self._told = time.monotonic()
        self.copied = 0

    async def run(self, connections: int) -> None:
        queue = [*LARGEST_FIRST, *FEEDBACK_TABLES.values(), EXAMPLES]
        lanes = [self._lane(queue) for _ in range(connections)]
        await asyncio.gather(*lanes)

    async def _lane(self, queue: list[str]) -> None:
        connection = await self._cluster.connect()
        while queue:
            table = queue.pop(0)
            if table in COLUMNS:
                await self._load_parts(connection, table)
            else:
                await self._load_whole(connection, table)
        await connection.close()

    async def _load_parts(self, connection: asyncpg.Connection, table: str) -> None:
        parts = parts_of(self._plan, table)
        for place, part in enumerate(parts, 1):
            if await connection.fetchval(statement("partition_exists"), part.name):
                continue
            rows = self._patterns.rows(self._plan, table, part.numbers)
            async with connection.transaction():
                await connection.execute(query("ensure_partition"), table, part.day)
                await self._copy(connection, part.name, COLUMNS[table], rows)
            self._tell(f"{table}: {place} of {len(parts)} partitions")

    async def _load_whole(self, connection: asyncpg.Connection, table: str) -> None:
        if await connection.fetchval(statement("has_rows", table=table)):
            return
        indexes = await connection.fetch(statement("plain_indexes"), table)
        async with connection.transaction():
            await connection.execute(statement("empty_table", table=table))
            for index in indexes:
                await connection.execute(statement("drop_index", index=index["name"]))
            await self._copy(connection, table, *self._whole(table))
            for index in indexes:
                await connection.execute(index["definition"])
        self._tell(table)

    def _whole(self, table: str) -> tuple[tuple[str, ...], Iterator[bytes]]:
        if table == EXAMPLES:
            return EXAMPLE_COLUMNS, example_rows(self._plan)
        kind = next(kind for kind, name in FEEDBACK_TABLES.items() if name == table)
        return FEEDBACK_COLUMNS[kind], feedback_rows(self._plan, kind)

    async def _copy(
        self,
        connection: asyncpg.Connection,
        table: str,
        columns: tuple[str, ...],
        rows: Iterable[bytes],
    ) -> None:
        await connection.copy_to_table(
            table,
            source=self._pieces(rows),
            columns=columns,
            schema_name=SCHEMA,
            format="binary",
            freeze=True,
        )

    async def _pieces(self, rows: Iterable[bytes]) -> AsyncIterator[bytes]:
        yield HEADER
        left = iter(rows)
        while some := list(islice(left, ROWS_AT_ONCE)):
            self.copied += len(some)
            yield b"".join(some)
        yield TRAILER

    def _tell(self, what: str) -> None:
        now = time.monotonic()
        if now - self._told < TELL_S:
            return
        self._told, passed = now, now - self._began
        self._say(f"{what}; {self.copied:,} rows in all, {self.copied / passed:,.0f} a second")


async def settle(cluster: Cluster, say: Say) -> None:
    """Statistics of all tables, and all that is dirty on disk."""
    connection = await cluster.connect()
    for table in (*LARGEST_FIRST, *FEEDBACK_TABLES.values(), EXAMPLES):
        await connection.execute(statement("analyze", table=table))
        say(f"analyzed {table}")
    await connection.execute(statement("checkpoint"))
    await connection.close()

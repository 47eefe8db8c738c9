"""`python -m bench.store_shapes`: what writing an exchange costs, by the shape of the tables.

The product's own schema and its own way of writing are one shape; the others are changes of these,
each in a database of its own on one embedded Postgres. Rows are what the product makes of an
exchange of 2 KB question and 1 KB answer. Unlike the rest of this folder it reaches into the
product, because one room of it is what is measured.

Each round runs every shape once, in random order. CPU is counted, not only time: this process (the
client, rows made beforehand) and all processes of the server.

Shapes whose rows would be other ones than the product's (one wide staging table, `jsonb`, bodies in
other tables) were measured while rows were tuples; docs/discussions.md has what came out.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import asyncpg

from bench.measure import cpu, cpu_model
from bench.store_rows import Batch, Maker
from proxy.store.copy import insert_new, insert_rows, insert_staged, prepare_staging
from proxy.store.copy_at_once import BatchConnection
from proxy.store.embedded import EmbeddedPostgres
from proxy.store.migrate import migrate
from proxy.store.partitions import ensure_partitions
from proxy.store.pool import connect
from proxy.store.postmaster import find_postmaster
from proxy.store.queries import query
from proxy.store.tables import COLUMNS

SHAPES = Path(__file__).parent / "shapes"
SCHEMA = "tensorzero"
BATCH = 500
COMMAND_SECONDS = 120.0

Prepare = Callable[[asyncpg.Connection], Awaitable[None]]
Insert = Callable[[asyncpg.Connection, Batch], Awaitable[None]]


def sql(name: str) -> str:
    return (SHAPES / f"{name}.sql").read_text(encoding="utf-8")


# Ways to write a batch.


async def nothing(connection: asyncpg.Connection) -> None:
    """No preparation."""


async def prepare_kept(connection: asyncpg.Connection) -> None:
    for table in COLUMNS:
        await connection.execute(query(f"stage_{table}").replace("ON COMMIT DELETE ROWS", ""))


async def insert_truncating(connection: asyncpg.Connection, batch: Batch) -> None:
    """Staging tables that are emptied by TRUNCATE."""
    async with connection.transaction():
        await insert_staged(connection, batch)
        await connection.execute(sql("empty_staging"))


# Shapes.


@dataclass(slots=True)
class Shape:
    """A way to write into tables of a kind. `change` names what is done to the schema."""

    name: str
    change: str = ""
    prepare: Prepare = prepare_staging
    insert: Insert = insert_rows
    batch: int = BATCH
    repeated: bool = False
    """Whether the rows are there already when the clocks start, as after a crash."""
    connection: asyncpg.Connection | None = field(default=None, repr=False)


PRODUCT = "the product"


def all_shapes() -> list[Shape]:
    return [
        Shape(PRODUCT),
        Shape(f"{PRODUCT}, once more: the noise"),
        Shape(f"{PRODUCT}, batches of 100", batch=100),
        Shape(f"{PRODUCT}, batches of 2000", batch=2000),
        Shape("five staging tables", insert=insert_staged),
        Shape(
            "five staging tables, emptied by TRUNCATE",
            prepare=prepare_kept,
            insert=insert_truncating,
        ),
        Shape("never staging (the floor)", prepare=nothing, insert=insert_new),
        Shape("all rows are there: the product", repeated=True),
        Shape("all rows are there: five staging tables", insert=insert_staged, repeated=True),
        Shape("primary keys only", "keys_only"),
        Shape(f"{PRODUCT}, without indexes by time", "no_created"),
        Shape("with GIN(tags)", "tag_indexes"),
        Shape("with all indexes of TensorZero", "tensorzero_indexes"),
        Shape("every table by month", "monthly"),
    ]


# Measuring.


@dataclass(frozen=True, slots=True)
class Result:
    """One shape in one round. Per 1,000 exchanges: seconds of CPU and of time, bytes of log."""

    round: int
    shape: str
    client_s: float
    server_s: float
    elapsed_s: float
    wal: float


async def run_shape(shape: Shape, maker: Maker, count: int, number: int, server: int) -> Result:
    """Write `count` exchanges; made before the clocks start."""
    assert shape.connection is not None
    sizes = [min(shape.batch, count - done) for done in range(0, count, shape.batch)]
    batches = [maker.batch(size) for size in sizes]
    if shape.repeated:
        for batch in batches:
            await insert_rows(shape.connection, batch)
    wal = await shape.connection.fetchval(sql("wal_position"))
    before, client, start = cpu(server, server), time.process_time(), time.perf_counter()
    for batch in batches:
        await shape.insert(shape.connection, batch)
    await shape.connection.execute(sql("settle_tag_indexes"))
    elapsed, used = time.perf_counter() - start, time.process_time() - client
    spent = (cpu(server, server) - before).postgres
    wal = await shape.connection.fetchval(sql("wal_position")) - wal
    thousands = count / 1000
    return Result(
        number,
        shape.name,
        used / thousands,
        spent / thousands,
        elapsed / thousands,
        float(wal) / thousands,
    )


async def run_rounds(
    shapes: Sequence[Shape], options: argparse.Namespace, admin: asyncpg.Connection, server: int
) -> list[Result]:
    """Round 0 warms up and is not counted."""
    order, maker, results = random.Random(options.seed), Maker(options.seed), []
    for number in range(options.rounds + 1):
        await admin.execute(sql("checkpoint"))
        for shape in order.sample(shapes, len(shapes)):
            result = await run_shape(shape, maker, options.count, number, server)
            if number:
                results.append(result)
        print(f"round {number} of {options.rounds}", file=sys.stderr, flush=True)
    return results


async def open_shape(shape: Shape, dsn: str, admin: asyncpg.Connection, number: int) -> None:
    """Give the shape its database, with the tables changed as it wants them."""
    name = f"shape_{number}"
    await admin.execute(f"{query('create_database').replace('tensorzero', name)}")
    own = dsn.replace("/tensorzero?", f"/{name}?")
    await migrate(own)
    shape.connection = await connect(own, command_timeout=COMMAND_SECONDS, kind=BatchConnection)
    if shape.change:
        await shape.connection.execute(sql(shape.change))
    await ensure_partitions(shape.connection, [datetime.now(UTC).date()])
    await shape.prepare(shape.connection)


async def measure(options: argparse.Namespace) -> str:
    """Start a server in a folder of its own, run all rounds, stop it; the table."""
    shapes = [shape for shape in all_shapes() if options.only in shape.name]
    with tempfile.TemporaryDirectory(prefix="store-shapes-") as folder:
        Path(folder).chmod(0o711)
        home = Path(folder) / "postgres"
        postgres = EmbeddedPostgres(home)
        dsn = await postgres.start()
        try:
            postmaster = find_postmaster(home / "data")
            if postmaster is None:
                raise SystemExit("the server of the measurement is not where it should be")
            admin = await connect(dsn, command_timeout=COMMAND_SECONDS)
            await admin.execute(sql("quiet"))
            await admin.execute(sql("reload"))
            for number, shape in enumerate(shapes):
                await open_shape(shape, dsn, admin, number)
            results = await run_rounds(shapes, options, admin, postmaster.pid)
            return render_table(results, [await stored(shape) for shape in shapes], options)
        finally:
            await postgres.stop()


async def stored(shape: Shape) -> tuple[str, float, float]:
    """Kilobytes of tables and of indexes for each exchange."""
    assert shape.connection is not None
    row = await shape.connection.fetchrow(sql("stored"))
    await shape.connection.close()
    exchanges = max(1, row["exchanges"])
    return shape.name, row["tables"] / exchanges / 1000, row["indexes"] / exchanges / 1000


# The table.


def render_table(
    results: Sequence[Result],
    sizes: Sequence[tuple[str, float, float]],
    options: argparse.Namespace,
) -> str:
    head = (
        f"{options.rounds} rounds of {options.count} exchanges, each shape once in a round, in "
        f"random order; medians. {cpu_model()}, {datetime.now(UTC).date()}.\n\n"
        "| shape | exchanges/s (min–max) | client CPU ms / 1,000 | server CPU ms / 1,000 "
        "(min–max) | both, against the product | log KB each | tables + indexes KB each |\n"
        "|---|---|---|---|---|---|---|\n"
    )
    by_shape: dict[str, list[Result]] = {name: [] for name, _, _ in sizes}
    for result in results:
        by_shape[result.shape].append(result)
    base = {each.round: each.client_s + each.server_s for each in by_shape.get(PRODUCT, [])}
    return head + "\n".join(
        render_row(name, by_shape[name], base, tables, indexes) for name, tables, indexes in sizes
    )


def render_row(
    name: str, results: Sequence[Result], base: Mapping[int, float], tables: float, indexes: float
) -> str:
    rates = [1000 / each.elapsed_s for each in results]
    server = [each.server_s * 1000 for each in results]
    client = statistics.median(each.client_s for each in results) * 1000
    wal = statistics.median(each.wal for each in results) / 1e6
    cells = [
        name,
        f"{statistics.median(rates):,.0f} ({min(rates):,.0f}–{max(rates):,.0f})",
        f"{client:.0f}",
        f"{statistics.median(server):.0f} ({min(server):.0f}–{max(server):.0f})",
        " – ".join(f"{ratio:.2f}" for ratio in quartiles(list(ratios(results, base)))),
        f"{wal:.1f}",
        f"{tables:.1f} + {indexes:.1f}",
    ]
    return "| " + " | ".join(cells) + " |"


def ratios(results: Sequence[Result], base: Mapping[int, float]) -> Iterator[float]:
    """Of CPU, to the product's in the same round."""
    for each in results:
        if each.round in base:
            yield (each.client_s + each.server_s) / base[each.round]


def quartiles(values: Sequence[float]) -> list[float]:
    """The lower, the middle and the upper one, as far as there are enough values."""
    return statistics.quantiles(values, n=4) if len(values) > 1 else list(values)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.store_shapes", description=__doc__)
    parser.add_argument("--rounds", type=int, default=9, help="of all shapes, each once")
    parser.add_argument("--count", type=int, default=2000, help="exchanges of each, in a round")
    parser.add_argument("--seed", type=int, default=1, help="of the texts and the order")
    parser.add_argument("--only", default="", metavar="TEXT", help="shapes whose name has it")
    print(asyncio.run(measure(parser.parse_args())))


if __name__ == "__main__":
    main()

"""How fast the product's writer writes: into empty tables and into full ones, in turn."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from bench.measure import cpu
from bench.results import Result
from bench.scale.cluster import Cluster
from bench.scale.draining import DRAIN_SECONDS, Draining, fresh_exchanges, fresh_feedback
from bench.scale.load import LARGEST_FIRST
from bench.scale.plan import DAY_MS, Plan
from bench.scale.shapes import Shape, build_shapes
from bench.scale.statements import statement
from proxy.store.partitions import ensure_ahead
from proxy.types.exchange import Exchange, Feedback
from proxy.types.ids import new_id

EXCHANGES, FEEDBACK = "writing exchanges", "writing feedback"
SUBJECTS = ("empty", "full")
TARGETS_MS = DAY_MS // 24
"""Feedback is for inferences that are at most so old."""

Say = Callable[[str], None]
Records = Iterator[Exchange | Feedback]


class Rounds:
    """Each round writes the same into both, in random order, right after a checkpoint."""

    def __init__(self, cluster: Cluster, plan: Plan, folder: Path, counts: tuple[int, int]) -> None:
        self._cluster = cluster
        self._plan = plan
        self._folder = folder
        self._counts = dict(zip((EXCHANGES, FEEDBACK), counts, strict=True))
        self._order = random.Random(1)
        self._shapes: Sequence[Shape] = build_shapes()

    async def prepare(self) -> None:
        """Make the empty database, and the partitions of these days in both."""
        await self._cluster.make_empty()
        for dsn in (self._cluster.full, self._cluster.empty):
            connection = await self._cluster.connect(dsn)
            await ensure_ahead(connection)
            await connection.close()

    async def run(self, number: int) -> list[Result]:
        """One round. Raises BenchError where a record was not written."""
        found = []
        for scenario in self._counts:
            for subject in self._order.sample(SUBJECTS, len(SUBJECTS)):
                found.append(await self._measure(scenario, subject, number))
        return found

    async def _measure(self, scenario: str, subject: str, number: int) -> Result:
        dsn = self._cluster.full if subject == "full" else self._cluster.empty
        if subject == "empty" and scenario == EXCHANGES:
            await empty_tables(self._cluster)
        draining = Draining(self._folder, dsn)
        count = draining.fill(self._records(scenario, subject))
        figures = await measure_drain(self._cluster, draining, count)
        return Result(scenario, subject, number, figures)

    def _records(self, scenario: str, subject: str) -> Records:
        count = self._counts[scenario]
        if scenario == EXCHANGES:
            return fresh_exchanges(list(self._shapes), count)
        return fresh_feedback(count, self._targets(subject))

    def _targets(self, subject: str) -> Iterator[bytes]:
        """Recent inferences, as feedback is about what was just answered; in empty tables there
        are none, and an id is as good as another."""
        plan = self._plan
        recent = plan.between(plan.end_ms - TARGETS_MS, plan.end_ms)
        while True:
            call = plan.last_inference(self._order.choice(recent))
            yield plan.uuids(call)[0].bytes if subject == "full" else new_id().bytes


async def measure_drain(cluster: Cluster, draining: Draining, count: int) -> dict[str, float]:
    """Write all that is journalled; figures for each record, of `bench.figures`."""
    connection = await cluster.connect()
    await connection.execute(statement("checkpoint"))
    wal = await connection.fetchval(statement("wal_position"))
    before, own, began = cpu(os.getpid(), cluster.pid), time.process_time(), time.monotonic()
    async with draining.running() as writer:
        await writer.flush(DRAIN_SECONDS)
    elapsed = draining.timed.batches[-1][0] - began
    spent = cpu(os.getpid(), cluster.pid) - before
    wal = await connection.fetchval(statement("wal_position")) - wal
    await connection.close()
    draining.check(count)
    return {
        "rate": count / elapsed,
        "cpu_us": (draining.timed.cpu - own) / count * 1e6,
        "postgres_us": spent.postgres / count * 1e6,
        "wal_bytes": wal / count,
        "batch_ms": draining.timed.longest() * 1000,
        "seconds": elapsed,
    }


async def empty_tables(cluster: Cluster) -> None:
    connection = await cluster.connect(cluster.empty)
    tables = (*LARGEST_FIRST, "boolean_metric_feedback", "float_metric_feedback")
    for table in (*tables, "comment_feedback", "demonstration_feedback"):
        await connection.execute(statement("empty_table", table=table))
    await connection.close()

"""What a call of a kilobyte takes on disk and in the log: the size at which CPU is measured."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.scale.cluster import Cluster
from bench.scale.draining import Draining, fresh_identity
from bench.scale.shapes import build_exchange, build_shapes
from bench.scale.sizes import disk_bytes
from bench.scale.writing import empty_tables, measure_drain
from proxy.types.exchange import Exchange

ASKED, ANSWERED = 850, 650
"""Characters, as `bench.canned` has them; about 1 KB with what is around them."""


@dataclass(frozen=True, slots=True)
class Bodies:
    """Bytes for each exchange of about 1 KB in and 1 KB out, all tables and indexes together."""

    disk: float
    wal: float
    rate: float
    """Exchanges a second that one writer writes."""
    cpu_us: float
    postgres_us: float


async def measure_bodies(cluster: Cluster, folder: Path, count: int) -> Bodies:
    """Written by the product's writer into empty tables. The log has no page twice, as it would
    soon after each checkpoint: the tables are new."""
    await empty_tables(cluster)
    before = await disk_bytes(cluster, cluster.empty)
    draining = Draining(folder, cluster.empty)
    draining.fill(_exchanges(count))
    found = await measure_drain(cluster, draining, count)
    disk = await disk_bytes(cluster, cluster.empty) - before
    figures = (found[name] for name in ("wal_bytes", "rate", "cpu_us", "postgres_us"))
    return Bodies(disk / count, *figures)


def _exchanges(count: int) -> Iterator[Exchange]:
    chance = random.Random(3)
    shape = next(each for each in build_shapes() if each.function and not each.is_json)
    words = ["".join(chance.choices("etaoinshrdlu", k=chance.randint(2, 9))) for _ in range(4000)]

    def text(size: int) -> str:
        return " ".join(chance.choices(words, k=size // 3))[:size]

    for number in range(count):
        who = fresh_identity(number)
        yield build_exchange(shape, who, question=text(ASKED), answer=text(ANSWERED))

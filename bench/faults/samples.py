"""How the product is, twice a second: memory of its processes, and what waits for Postgres."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from bench import measure
from bench.faults.database import Database
from bench.faults.ledger import Interval
from bench.faults.product import EXCHANGES, Product

EVERY_S = 0.5


@dataclass(frozen=True, slots=True)
class Sample:
    """One look, `at` seconds of the monotonic clock."""

    at: float
    memory_mb: float
    """Proportional set size of main process and workers; 0 while there are none."""
    backlog: float | None
    """Exchanges that are not in Postgres yet; None where nobody told it."""


@dataclass(slots=True)
class Samples:
    """Of one run, in order."""

    taken: list[Sample] = field(default_factory=list)
    _task: asyncio.Task[None] | None = None

    def start(self, product: Product, database: Database) -> None:
        self._task = asyncio.create_task(self._keep_looking(product, database))

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _keep_looking(self, product: Product, database: Database) -> None:
        while True:
            self.taken.append(await asyncio.to_thread(_look, product, database))
            await asyncio.sleep(EVERY_S)

    def memory_mb(self, during: Interval | None = None) -> float:
        """The most there was."""
        seen = (each for each in self.taken if during is None or during.holds(each.at))
        return max((each.memory_mb for each in seen), default=0.0)

    def backlog(self, during: Interval | None = None) -> float:
        """The most that waited."""
        seen = (each for each in self.taken if during is None or during.holds(each.at))
        return max((each.backlog or 0.0 for each in seen), default=0.0)

    def last(self, since: float, is_bad: Callable[[Sample], bool]) -> float | None:
        """When the last bad one after `since` was taken."""
        bad = [each.at for each in self.taken if each.at >= since and is_bad(each)]
        return max(bad, default=None)

    def calm(self, seconds: float, is_bad: Callable[[Sample], bool]) -> bool:
        """Whether none was bad in the last `seconds`, and there were some."""
        recent = [each for each in self.taken if each.at > time.monotonic() - seconds]
        return len(recent) > 1 and not any(map(is_bad, recent))


def _look(product: Product, database: Database) -> Sample:
    backlog = product.metrics().get(EXCHANGES + "journalled")
    memory = measure.memory(product.pid, database.postmaster())
    return Sample(time.monotonic(), memory.ours, backlog)

"""One fault: load, fault, recovery, and the accounts."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

from bench.faults.crowd import Crowd
from bench.faults.database import Audit
from bench.faults.ledger import Interval, Ledger
from bench.faults.neighbours import Neighbours
from bench.faults.product import EXCHANGES
from bench.faults.samples import Sample, Samples
from bench.faults.stage import MODEL, Setup, Stage
from bench.faults.verdict import Limits, Outcome

SHARE = 0.6
"""Of the capacity, asked for in each run."""

CONNECTIONS = 96
"""Of the closed loop that measures it."""

CAPACITY_S = 4.0
STEADY_S = 4.0
CALM_S = 2.0
TAIL_S = 2.0
PATIENCE_S = 90.0
SETTLE_S = 60.0

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Fault:
    """Something bad that happens to a product under load."""

    name: str
    title: str
    """What happens, as the table says it."""
    act: Callable[[Stage], Awaitable[None]]
    """Does it, and returns when it is over."""
    limits: Limits
    setup: Setup = field(default_factory=Setup)


async def run_fault(
    fault: Fault, say: Say, *, rate: float | None = None, logs: Path | None = None
) -> Outcome:
    """Set the scene, load it, let it happen, and look at what is left.

    Args:
        rate: calls a second; None: 60 % of what is measured first.
        logs: a folder for what the product said.

    Raises:
        NotHere: this machine cannot produce the fault.
        StageError: the scene fell apart by itself.
    """
    async with Stage(fault.setup, logs and logs / f"{fault.name}.log") as stage:
        warm, capacity = await measure_capacity(stage)
        asked = rate or SHARE * capacity
        say(f"{fault.name}: {capacity:.0f} calls a second can be done, {asked:.0f} are asked for")
        watch = Watch(stage, asked)
        try:
            await watch.load()
            fault_took = await watch.suffer(fault)
            say(f"{fault.name}: over after {fault_took.end - fault_took.begin:.1f} s")
            recovery_s = await watch.recover(fault_took.end)
            await asyncio.sleep(TAIL_S)
        finally:
            await watch.stop()
        settled = await asyncio.to_thread(stage.product.settle, SETTLE_S) is not None
        shed = (await asyncio.to_thread(stage.product.metrics)).get(EXCHANGES + "shed_total", 0)
        ledger = watch.ledger
        audit = await stage.database.audit(
            [*warm.answered, *ledger.answered], [*warm.served, *ledger.served]
        )
        return outcome_of(fault, watch, capacity, fault_took, recovery_s, audit, settled, int(shed))


async def measure_capacity(stage: Stage) -> tuple[Ledger, float]:
    """Calls a second that can be answered and recorded, and the books of those that were."""
    crowd = Crowd(stage.product.port, MODEL)
    began = time.monotonic()
    await crowd.saturate(CONNECTIONS, CAPACITY_S)
    answered = len(crowd.ledger.served)
    await asyncio.to_thread(stage.product.settle, SETTLE_S)
    return crowd.ledger, answered / (time.monotonic() - began)


class Watch:
    """A load, and what is seen of it."""

    def __init__(self, stage: Stage, rate: float) -> None:
        self.stage = stage
        self.rate = rate
        self.samples = Samples()
        self.steady = Interval(0.0, 0.0)
        self.others_cores = 0.0
        self.neighbours = Neighbours()
        stage.crowd = Crowd(stage.product.port, MODEL)
        self.ledger = stage.crowd.ledger

    async def load(self) -> None:
        began = time.monotonic()
        self.samples.start(self.stage.product, self.stage.database)
        self.stage.crowd.start(self.rate)
        await asyncio.sleep(STEADY_S)
        self.steady = Interval(began, time.monotonic())

    async def suffer(self, fault: Fault) -> Interval:
        began = time.monotonic()
        await fault.act(self.stage)
        return Interval(began, time.monotonic())

    async def recover(self, since: float) -> float | None:
        """Seconds from the end of the fault until all was as before; None: it never was."""
        deadline = time.monotonic() + PATIENCE_S
        while not self._calm():
            if time.monotonic() > deadline:
                return None
            await asyncio.sleep(0.1)
        ends = (self.ledger.last_failure(), self.samples.last(since, self._is_bad))
        return max(0.0, *(end - since for end in ends if end is not None), 0.0)

    def _calm(self) -> bool:
        failed = self.ledger.last_failure()
        well = failed is None or failed < time.monotonic() - CALM_S
        return well and self.samples.calm(CALM_S, self._is_bad)

    def _is_bad(self, sample: Sample) -> bool:
        """More waits than did in the steady state, or nobody can say."""
        usual = 2 * self.samples.backlog(self.steady) + self.rate / 2
        return sample.backlog is None or sample.backlog > usual

    async def stop(self) -> None:
        await self.stage.crowd.stop()
        await self.samples.stop()
        self.others_cores = self.neighbours.cores()


def outcome_of(
    fault: Fault,
    watch: Watch,
    capacity: float,
    took: Interval,
    recovery_s: float | None,
    audit: Audit,
    settled: bool,
    shed: int,
) -> Outcome:
    ledger, samples = watch.ledger, watch.samples
    return Outcome(
        fault=fault.name,
        capacity=capacity,
        rate=watch.rate,
        fault_s=took.end - took.begin,
        sent=ledger.calls(),
        failed=ledger.kinds(),
        failing_s=ledger.failing_seconds(),
        answered=len(ledger.answered),
        missing=len(audit.missing),
        missing_ids=[str(each) for each in audit.missing[:5]],
        shed=shed,
        doubled=audit.doubled,
        in_default_partitions=audit.in_default_partitions,
        settled=settled,
        recovery_s=recovery_s,
        backlog=round(samples.backlog()),
        memory_mb=samples.memory_mb(watch.steady),
        memory_peak_mb=samples.memory_mb(),
        p99_ms=ledger.p99_ms(watch.steady),
        p99_fault_ms=ledger.p99_ms(took),
        asked_per_call=watch.stage.asked_per_call,
        others_cores=watch.others_cores,
        notes=tuple(watch.stage.notes),
    )

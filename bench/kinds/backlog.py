"""Recording alone: exchanges that Postgres could not take, written while calls go on coming."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median

from bench import measure as accounts
from bench.errors import BenchError
from bench.generator import Generator, Seen
from bench.kinds.base import Run, cpu_figures, generator, result
from bench.kinds.open import capacity
from bench.loads.target import Command
from bench.measure import Account
from bench.metrics import value
from bench.results import Result
from bench.scenarios import SCENARIOS, Scenario
from bench.subjects.product import Product

BACKLOG = 100_000
DRAINED = 1_000
QUIET_S = 6.0
DRAIN_S = 300.0
POLL_S = 1.0
JOURNALLED = "zeroproxy_exchanges_journalled"


def measure(run: Run, scenario: Scenario, name: str) -> list[Result]:
    """One result for each two seconds of draining, beside the same load without a backlog."""
    subject = run.stage.get(name)
    assert isinstance(subject, Product)
    with generator(run, scenario, subject) as load:
        rate = scenario.share * capacity(run, scenario, subject, load)
        quiet = load.run(Command("open", scenario.connections, seconds=QUIET_S, rate=rate, seed=1))
        with stopped(subject):
            crowd = Command("closed", SCENARIOS["unary"].connections, count=BACKLOG)
            piled = load.run(crowd)
        drained, spent, drain_s = _drain(scenario, subject, load, rate)
        again = load.run(Command("open", scenario.connections, seconds=QUIET_S, rate=rate, seed=2))
    direct = _direct(run, scenario, rate)
    seen = [quiet, piled, drained, again]
    subject.settle(sum(each.answered for each in seen))
    base = median([*quiet.block_p99_ms, *again.block_p99_ms]) - direct
    written = BACKLOG + drained.answered
    common = {
        "asked_rate": rate,
        "drain_s": drain_s,
        "drain_rate": written / drain_s,
        "quiet_p99_ms": base + direct,
        "direct_p99_ms": direct,
    } | cpu_figures(spent, written)
    return [
        result(
            _block(run, number),
            scenario,
            subject,
            common | {"p99_ms": p99, "added_p99_ratio": (p99 - direct) / base},
            seen if number == 0 else [],
        )
        for number, p99 in enumerate(drained.block_p99_ms)
    ]


def _block(run: Run, number: int) -> Run:
    """Blocks stand in the place of rounds."""
    return Run(run.stage, number + 1, run.seconds, run.warm)


def _direct(run: Run, scenario: Scenario, rate: float) -> float:
    """The p99 in ms at that rate with nothing before the provider."""
    direct = run.stage.get("direct")
    with generator(run, scenario, direct) as load:
        seen = load.run(Command("open", scenario.connections, seconds=QUIET_S, rate=rate, seed=1))
    return median(seen.block_p99_ms)


def _drain(
    scenario: Scenario, subject: Product, load: Generator, rate: float
) -> tuple[Seen, Account, float]:
    """Calls until the backlog is gone; what they saw, what all took, and how many seconds."""
    before, began = subject.cpu(), time.monotonic()
    load.begin(Command("open", scenario.connections, until_told=True, rate=rate, seed=3))
    while value(subject.scrape(), JOURNALLED) > DRAINED:
        if time.monotonic() - began > DRAIN_S:
            raise BenchError(f"the backlog is not gone after {DRAIN_S:.0f} s")
        time.sleep(POLL_S)
    took = time.monotonic() - began
    load.tell()
    seen = load.seen()
    return seen, subject.cpu() - before, took


@contextmanager
def stopped(subject: Product) -> Iterator[None]:
    """Its Postgres stands still, all processes of it, as a database does whose disk hangs."""
    assert subject.cluster is not None
    processes = accounts.tree(subject.cluster.pid)
    _signal(processes, signal.SIGSTOP)
    try:
        yield
    finally:
        _signal(processes, signal.SIGCONT)


def _signal(processes: set[int], number: signal.Signals) -> None:
    for pid in processes:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            pass

"""What all kinds of measurement share."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from bench.generator import Generator, Seen
from bench.loads.target import Command
from bench.measure import Account
from bench.results import Result
from bench.scenarios import Scenario
from bench.stage import Stage
from bench.subjects.base import Subject

KILO = 1000.0


@dataclass(frozen=True, slots=True)
class Run:
    """One round of the whole."""

    stage: Stage
    number: int
    seconds: float
    warm: float
    capacities: dict[str, float] = field(default_factory=dict)
    """Calls a second that a subject can answer, as last measured."""

    @property
    def core(self) -> int:
        return self.stage.at.cores.rest


def generator(run: Run, scenario: Scenario, subject: Subject) -> Generator:
    return Generator(subject.target(scenario), run.core)


def closed(scenario: Scenario, subject: Subject, seconds: float) -> Command:
    """All applications of a closed loop, more of them for more workers."""
    connections = scenario.connections * subject.workers
    return Command("closed", connections, seconds=seconds, spread_s=scenario.spread_s)


@dataclass(slots=True)
class Measured:
    """What a stretch of work took."""

    spent: Account = field(default_factory=lambda: Account(0, 0, 0))
    settle_s: float = 0.0
    """From the last answer until the last record."""


@contextmanager
def measured(subject: Subject, seen: list[Seen]) -> Iterator[Measured]:
    """Accounts from here until the records of the calls in `seen`, filled inside, are written."""
    made, before = Measured(), subject.cpu()
    yield made
    answered_at = time.monotonic()
    subject.settle(sum(each.answered for each in seen))
    made.settle_s = time.monotonic() - answered_at
    made.spent = subject.cpu() - before


def cpu_figures(spent: Account, units: int) -> dict[str, float]:
    """CPU in µs for each unit: of all our processes, of those that serve, of the main one."""
    each = 1e6 / max(units, 1)
    figures = {"cpu_us": spent.ours * each, "worker_us": spent.workers * each}
    if spent.main != spent.ours:
        figures["main_us"] = spent.main * each
    if spent.postgres:
        figures["postgres_us"] = spent.postgres * each
    return figures


def memory_figures(subject: Subject, prefix: str = "memory") -> dict[str, float]:
    """PSS in MB of all our processes, of the main one, of Postgres."""
    used = subject.memory()
    figures = {f"{prefix}_mb": used.ours}
    if used.main != used.ours:
        figures |= {f"{prefix}_main_mb": used.main, f"{prefix}_workers_mb": used.workers}
    if used.postgres:
        figures[f"{prefix}_postgres_mb"] = used.postgres
    return figures


def result(
    run: Run,
    scenario: Scenario,
    subject: Subject,
    figures: Mapping[str, float],
    seen: list[Seen],
    turn: int = 1,
) -> Result:
    wrong = [text for each in seen for text in each.first_errors]
    errors = sum(each.errors for each in seen)
    return Result(scenario.name, subject.name, run.number, figures, errors, wrong[:3], turn)

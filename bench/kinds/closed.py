"""A closed loop, and the CPU that it took, records and all.

A machine that changes its speed by the minute does so by the second, too. So the subjects of a
round take turns: a measured stretch is cut in slices, and what is compared was done side by side.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from statistics import median

from bench.generator import Generator, Seen
from bench.kinds.base import (
    Run,
    closed,
    cpu_figures,
    generator,
    measured,
    memory_figures,
    result,
)
from bench.measure import Account
from bench.results import Result
from bench.scenarios import Scenario
from bench.subjects.base import Subject
from bench.subjects.direct import Direct

SLICES = 3
"""Of streams that last longer than a slice there is one."""


@dataclass(slots=True)
class _Turns:
    """What one subject has done in a round."""

    subject: Subject
    load: Generator
    seen: list[Seen] = field(default_factory=list)
    counted: list[Seen] = field(default_factory=list)
    spent: Account = field(default_factory=lambda: Account(0, 0, 0))
    settles_s: list[float] = field(default_factory=list)

    def warm(self, scenario: Scenario, seconds: float) -> None:
        warmed = self.load.run(closed(scenario, self.subject, seconds))
        self.subject.settle(warmed.answered)
        self.seen.append(warmed)

    def take(self, scenario: Scenario, seconds: float) -> None:
        """One slice; the accounts hold exactly its calls."""
        counted: list[Seen] = []
        with measured(self.subject, counted) as took:
            counted.append(self.load.run(closed(scenario, self.subject, seconds)))
        self.spent += took.spent
        self.settles_s.append(took.settle_s)
        self.counted += counted
        self.seen += counted


def measure_round(run: Run, scenario: Scenario, names: Sequence[str]) -> list[Result]:
    """All subjects of a scenario, in turns."""
    slices = 1 if scenario.plays.pause_ms else SLICES
    seconds = (scenario.seconds or run.seconds) / slices
    with ExitStack() as loads:
        turns = [_begin(run, scenario, name, loads) for name in names]
        for each in turns:
            each.warm(scenario, run.warm)
        order = list(turns)
        for _ in range(slices):
            for each in order:
                each.take(scenario, seconds)
            order.reverse()
        return [_result(run, scenario, each) for each in turns]


def _begin(run: Run, scenario: Scenario, name: str, loads: ExitStack) -> _Turns:
    subject = run.stage.get(name)
    return _Turns(subject, loads.enter_context(generator(run, scenario, subject)))


def _result(run: Run, scenario: Scenario, turns: _Turns) -> Result:
    subject, counted = turns.subject, turns.counted
    units = sum(each.answered for each in counted) * scenario.units_per_answer
    figures = {
        "rate": units / sum(each.elapsed_s for each in counted),
        "p50_ms": median(each.p50_ms for each in counted),
        "p99_ms": median(each.p99_ms for each in counted),
    }
    if not isinstance(subject, Direct):
        figures |= cpu_figures(turns.spent, units) | memory_figures(subject)
    if subject.records:
        figures["settle_s"] = median(turns.settles_s)
    return result(run, scenario, subject, figures, turns.seen)

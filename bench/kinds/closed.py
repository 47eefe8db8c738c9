"""A closed loop, and the CPU that it took, records and all.

A machine that changes its speed by the minute does so by the second, too. So the subjects of a
round take turns, and what is compared was done side by side.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

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
from bench.results import Result
from bench.scenarios import Scenario
from bench.subjects.base import Subject
from bench.subjects.direct import Direct

TURNS = 3
"""In which the seconds of a round are spent; streams that last longer than a turn have one."""


@dataclass(frozen=True, slots=True)
class _Side:
    """A subject and what is asked of it."""

    run: Run
    scenario: Scenario
    subject: Subject
    load: Generator
    untold: list[Seen] = field(default_factory=list)
    """What was seen before the first turn, whose result tells it."""

    def warm(self) -> None:
        warmed = self.load.run(closed(self.scenario, self.subject, self.run.warm))
        self.subject.settle(warmed.answered)
        self.untold.append(warmed)

    def take(self, turn: int, seconds: float) -> Result:
        """One turn; the accounts hold exactly its calls."""
        subject, scenario = self.subject, self.scenario
        counted: list[Seen] = []
        with measured(subject, counted) as took:
            counted.append(self.load.run(closed(scenario, subject, seconds)))
        (seen,) = counted
        units = seen.answered * scenario.units_per_answer
        figures = {"rate": units / seen.elapsed_s, "p50_ms": seen.p50_ms, "p99_ms": seen.p99_ms}
        if not isinstance(subject, Direct):
            figures |= cpu_figures(took.spent, units) | memory_figures(subject)
        if subject.records:
            figures["settle_s"] = took.settle_s
        told = [*self.untold, seen]
        self.untold.clear()
        return result(self.run, scenario, subject, figures, told, turn)


def measure_round(run: Run, scenario: Scenario, names: Sequence[str]) -> list[Result]:
    """All subjects of a scenario, in turns: who was first is last the next time."""
    turns = 1 if scenario.plays.pause_ms else TURNS
    seconds = (scenario.seconds or run.seconds) / turns
    results: list[Result] = []
    with ExitStack() as loads:
        sides = [_begin(run, scenario, name, loads) for name in names]
        for side in sides:
            side.warm()
        for turn in range(1, turns + 1):
            results += [side.take(turn, seconds) for side in sides]
            sides.reverse()
    return results


def _begin(run: Run, scenario: Scenario, name: str, loads: ExitStack) -> _Side:
    subject = run.stage.get(name)
    return _Side(run, scenario, subject, loads.enter_context(generator(run, scenario, subject)))

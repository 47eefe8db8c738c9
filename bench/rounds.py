"""The runs: every scenario in each round, its subjects in random order, one after the other."""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from bench.errors import Missing
from bench.kinds import backlog, closed, held, start, storm, together
from bench.kinds import open as open_loop
from bench.kinds.base import Run
from bench.results import Journal, Result
from bench.scenarios import Kind, Scenario
from bench.stage import Stage

Measure = Callable[[Run, Scenario, str], list[Result]]
MeasureAll = Callable[[Run, Scenario, Sequence[str]], list[Result]]

SIDE_BY_SIDE: Mapping[Kind, MeasureAll] = {
    "closed": closed.measure_round,
    "together": together.measure_round,
}
"""Kinds that need all subjects at hand; those of the others come one after the other."""
MEASURES: Mapping[Kind, Measure] = {
    "open": open_loop.measure,
    "held": held.measure,
    "start": start.measure,
    "storm": storm.measure,
    "backlog": backlog.measure,
}
GUESSED_S: Mapping[Kind, float] = {
    "closed": 4,
    "together": 2,
    "open": 7,
    "held": 12,
    "start": 12,
    "storm": 5,
    "backlog": 100,
}
"""What one measurement takes, until one of its kind has been timed."""

DIRECT_S = 1.0
DIRECT_WARM_S = 0.3


@dataclass(frozen=True, slots=True)
class Plan:
    """What a target runs: scenarios with the names of their subjects."""

    scenarios: Sequence[tuple[Scenario, tuple[str, ...]]]
    rounds: int
    seconds: float
    warm: float
    seed: int

    def without(self, missing: set[str]) -> Plan:
        """The same without subjects that this machine does not have."""
        left = [
            (scenario, tuple(name for name in names if name not in missing))
            for scenario, names in self.scenarios
        ]
        return Plan(left, self.rounds, self.seconds, self.warm, self.seed)

    def jobs(self) -> Iterator[tuple[int, Scenario, tuple[str, ...]]]:
        """Rounds and their scenarios, each with its subjects in a random order.

        What needs fewer rounds comes in the last ones, when those before have left no traces.
        """
        shuffler = random.Random(self.seed)
        for number in range(1, self.rounds + 1):
            for scenario, names in self.scenarios:
                order = shuffler.sample(names, len(names))
                if not scenario.rounds or number > self.rounds - scenario.rounds:
                    yield number, scenario, tuple(order)


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def find_missing(stage: Stage, plan: Plan) -> dict[str, str]:
    """Start all subjects; why those that cannot be had are not there."""
    missing = {}
    for name in dict.fromkeys(name for _, names in plan.scenarios for name in names):
        try:
            say(f"starting {name}")
            stage.get(name)
        except Missing as error:
            say(f"without {name}: {error}")
            missing[name] = str(error)
    return missing


def measure_direct(stage: Stage, plan: Plan) -> list[Result]:
    """How much the provider and the load can do, before anything stands between them."""
    run = Run(stage, 0, DIRECT_S, DIRECT_WARM_S)
    results = []
    for scenario, _ in plan.scenarios:
        if scenario.kind == "closed":
            results += closed.measure_round(run, scenario, ["direct"])
            rate = results[-1].figures["rate"]
            say(f"straight on the provider, {scenario.name}: {rate:,.0f} {scenario.unit}s a second")
    return results


def run_plan(stage: Stage, plan: Plan, journal: Journal) -> None:
    """Do all that is not in the journal yet."""
    clock = Clock()
    jobs = list(plan.jobs())
    capacities: dict[str, float] = {}
    for at, (number, scenario, names) in enumerate(jobs):
        if journal.has(scenario.name, number):
            continue
        run = Run(stage, number, plan.seconds, plan.warm, capacities)
        for result in _measure(run, scenario, names, clock):
            show(result, plan.rounds, clock.left(jobs[at + 1 :]))
            journal.add(result)


def _measure(run: Run, scenario: Scenario, names: Sequence[str], clock: Clock) -> Sequence[Result]:
    """One round of a scenario: its subjects side by side where that can be, else one by one."""
    if scenario.kind in SIDE_BY_SIDE:
        with clock.timed(scenario.name, names):
            return SIDE_BY_SIDE[scenario.kind](run, scenario, names)
    made: list[Result] = []
    for name in names:
        with clock.timed(scenario.name, (name,)):
            made += MEASURES[scenario.kind](run, scenario, name)
    return made


class Clock:
    """How long each scenario took of each subject, and so how long the rest will take."""

    def __init__(self) -> None:
        self._seconds: dict[tuple[str, str], float] = {}

    @contextmanager
    def timed(self, scenario: str, names: Sequence[str]) -> Iterator[None]:
        began = time.monotonic()
        yield
        for name in names:
            self._seconds[scenario, name] = (time.monotonic() - began) / len(names)

    def left(self, jobs: Sequence[tuple[int, Scenario, tuple[str, ...]]]) -> float:
        """Seconds, by what each took the last time."""
        return sum(
            self._seconds.get((scenario.name, name), GUESSED_S[scenario.kind])
            for _, scenario, names in jobs
            for name in names
        )


def show(result: Result, rounds: int, left_s: float) -> None:
    """One line of progress."""
    known = {"cpu_us": "{:.1f} µs each", "p99_ms": "p99 {:.2f} ms", "start_s": "{:.2f} s"}
    known |= {"amplification": "{:.2f} calls for one", "stream_kb": "{:.1f} KB each"}
    said = [
        form.format(result.figures[name]) for name, form in known.items() if name in result.figures
    ]
    wrong = f", {result.errors} WRONG" if result.errors else ""
    say(
        f"round {result.round} of {rounds}  {result.scenario:15} {result.subject:14} "
        f"{', '.join(said)}{wrong}  (about {left_s / 60:.0f} min left)"
    )

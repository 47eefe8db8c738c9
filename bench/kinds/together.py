"""Closed loops on all subjects of a scenario at the same time, on the same core.

A machine that changes its speed within a second does so for one subject and not for the other, when
they take turns. Here the kernel lets them take turns, every few milliseconds: the core is as fast,
and its caches are as full of others' work, for the one as for the other. It says what a call costs
of CPU, and nothing of how many there can be or how long they take.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack

from bench.generator import Generator, Seen
from bench.kinds.base import Run, closed, cpu_figures, generator, result
from bench.results import Result
from bench.scenarios import Scenario
from bench.subjects.base import Subject


def measure_round(run: Run, scenario: Scenario, names: Sequence[str]) -> list[Result]:
    """All subjects, each with a crowd of its own."""
    seconds = scenario.seconds or run.seconds
    with ExitStack() as loads:
        subjects = [run.stage.get(name) for name in names]
        crowds = [loads.enter_context(generator(run, scenario, each)) for each in subjects]
        warmed = _ask(scenario, subjects, crowds, run.warm)
        before = [each.cpu() for each in subjects]
        seen = _ask(scenario, subjects, crowds, seconds)
        results = []
        for subject, at_first, early, one in zip(subjects, before, warmed, seen, strict=True):
            units = one.answered * scenario.units_per_answer
            figures = cpu_figures(subject.cpu() - at_first, units)
            results.append(result(run, scenario, subject, figures, [early, one]))
        return results


def _ask(
    scenario: Scenario, subjects: Sequence[Subject], crowds: Sequence[Generator], seconds: float
) -> list[Seen]:
    """What the crowds saw, when the last record of it is written."""
    for subject, crowd in zip(subjects, crowds, strict=True):
        crowd.begin(closed(scenario, subject, seconds))
    seen = [crowd.seen() for crowd in crowds]
    for subject, one in zip(subjects, seen, strict=True):
        subject.settle(one.answered)
    return seen

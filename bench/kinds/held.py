"""Streams that are open at the same time: the memory that each takes."""

from __future__ import annotations

from dataclasses import replace

from bench.errors import BenchError
from bench.generator import Generator
from bench.kinds.base import KILO, Run, closed, generator, result
from bench.loads.target import Command
from bench.results import Result
from bench.scenarios import SCENARIOS, Scenario
from bench.subjects.base import Subject

WARM_S = 1.0


def measure(run: Run, scenario: Scenario, name: str) -> list[Result]:
    """On a server that has held none before: memory that was freed is used again, and not seen."""
    with run.stage.fresh(name) as subject:
        return [_measure(run, scenario, subject)]


def _measure(run: Run, scenario: Scenario, subject: Subject) -> Result:
    """PSS with all streams standing still after some chunks, less PSS after a warm-up."""
    warm_up = replace(SCENARIOS["stream0"], lane=scenario.lane)
    with generator(run, warm_up, subject) as load:
        seen = [load.run(closed(warm_up, subject, WARM_S))]
    subject.settle(seen[0].answered)
    before = subject.memory()
    with generator(run, scenario, subject) as load:
        load.begin(Command("held", scenario.connections))
        held = wait_held(load)
        during = subject.memory()
        run.stage.release()
        load.tell()
        seen.append(load.seen())
    subject.settle(seen[1].answered)
    if held != scenario.connections:
        raise BenchError(f"{subject.name}: {held} streams open in place of {scenario.connections}")
    grown = during.ours - before.ours
    figures = {
        "stream_kb": grown * 1024 * 1024 / KILO / held,
        "before_mb": before.ours,
        "during_mb": during.ours,
    }
    return result(run, scenario, subject, figures, seen)


def wait_held(load: Generator) -> int:
    """How many streams stand still."""
    return int(str(load.line()["held"]))

"""A closed loop, and the CPU that it took, records and all."""

from __future__ import annotations

from bench.generator import Seen
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
from bench.subjects.direct import Direct


def measure(run: Run, scenario: Scenario, name: str) -> list[Result]:
    """Warm the subject up, then let its accounts hold exactly the calls that are counted."""
    subject = run.stage.get(name)
    seconds = scenario.seconds or run.seconds
    with generator(run, scenario, subject) as load:
        warmed = load.run(closed(scenario, subject, run.warm))
        subject.settle(warmed.answered)
        seen = [warmed]
        counted: list[Seen] = []
        with measured(subject, counted) as took:
            counted.append(load.run(closed(scenario, subject, seconds)))
        seen += counted
    units = counted[0].answered * scenario.units_per_answer
    figures = {
        "rate": units / counted[0].elapsed_s,
        "p50_ms": counted[0].p50_ms,
        "p99_ms": counted[0].p99_ms,
    }
    if not isinstance(subject, Direct):
        figures |= cpu_figures(took.spent, units) | memory_figures(subject)
    if subject.records:
        figures["settle_s"] = took.settle_s
    return [result(run, scenario, subject, figures, seen)]

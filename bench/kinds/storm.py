"""A provider that fails: how many more calls it gets than there were."""

from __future__ import annotations

from bench.generator import Seen
from bench.kinds.base import Run, closed, cpu_figures, generator, measured, result
from bench.results import Result
from bench.scenarios import Scenario

STORM_S = 5.0


def measure(run: Run, scenario: Scenario, name: str) -> list[Result]:
    """No warm-up: the budget of retries is what a quiet time before the storm has left."""
    subject = run.stage.get(name)
    counted: list[Seen] = []
    seconds = min(STORM_S, 2 * run.seconds)
    before = run.stage.provider_counts()[scenario.script]
    with generator(run, scenario, subject) as load, measured(subject, counted) as took:
        counted.append(load.run(closed(scenario, subject, seconds)))
    seen = counted[0]
    asked = run.stage.provider_counts()[scenario.script] - before
    figures = {
        "amplification": asked / max(seen.answered, 1),
        "refused_share": seen.refused / max(seen.answered, 1),
        "rate": seen.rate,
        "p50_ms": seen.p50_ms,
        "p99_ms": seen.p99_ms,
    }
    figures |= cpu_figures(took.spent, seen.answered)
    return [result(run, scenario, subject, figures, counted)]

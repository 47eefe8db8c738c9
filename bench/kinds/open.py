"""An open loop: latency from when a call was due, at a rate that does not depend on the answers."""

from __future__ import annotations

import threading
from dataclasses import replace

from bench.generator import Generator, Seen
from bench.kinds.base import Run, closed, cpu_figures, generator, measured, result
from bench.loads.target import Command
from bench.metrics import loop_lag_p99
from bench.results import Result
from bench.scenarios import SCENARIOS, Scenario
from bench.subjects.base import Subject
from bench.subjects.direct import Direct

WARM_S = 0.5
CAPACITY_S = 1.5
SCRAPE_S = 1.0


def measure(run: Run, scenario: Scenario, name: str) -> list[Result]:
    """At the scenario's rate, or at its share of what the subject was just seen to do."""
    subject = run.stage.get(name)
    with generator(run, scenario, subject) as load:
        rate = scenario.rate or scenario.share * capacity(run, scenario, subject, load)
        warm = arrivals(scenario, rate, WARM_S, 10**6 + run.number)
        seen = [load.run(warm)]
        subject.settle(seen[0].answered)
        command = arrivals(scenario, rate, scenario.seconds or run.seconds, run.number)
        counted: list[Seen] = []
        before = subject.scrape()
        with measured(subject, counted) as took, Scrapes(subject, SCRAPE_S):
            counted.append(load.run(command))
        after = subject.scrape()
    units = counted[0].answered * scenario.units_per_answer
    figures = {"asked_rate": rate} | latency_figures(counted[0], stream=scenario.plays.stream)
    if not isinstance(subject, Direct):
        figures |= cpu_figures(took.spent, units)
    if before:
        figures["lag_p99_ms"] = 1000 * loop_lag_p99(before, after)
    return [result(run, scenario, subject, figures, seen + counted)]


def arrivals(scenario: Scenario, rate: float, seconds: float, seed: int) -> Command:
    return Command("open", scenario.connections, seconds=seconds, rate=rate, seed=seed)


def latency_figures(seen: Seen, *, stream: bool) -> dict[str, float]:
    """Of whole answers, and of the first chunks of streams."""
    figures = {"p50_ms": seen.p50_ms, "p99_ms": seen.p99_ms}
    if stream:
        figures |= {"first_p50_ms": seen.first_p50_ms, "first_p99_ms": seen.first_p99_ms}
    return figures


def capacity(run: Run, scenario: Scenario, subject: Subject, load: Generator) -> float:
    """Calls a second with a core to itself, as far as CPU goes: that of the writer counts.

    Of the provider alone: as many as the product is asked, so that it sees the same load.
    """
    if isinstance(subject, Direct):
        known = run.capacities
        return known.get("product") or known.get("bare") or 1000.0
    crowd = replace(SCENARIOS["unary"], script=scenario.script)
    seen: list[Seen] = []
    subject.settle(load.run(closed(crowd, subject, WARM_S)).answered)
    with measured(subject, seen) as took:
        seen.append(load.run(closed(crowd, subject, CAPACITY_S)))
    run.capacities[subject.name] = seen[0].answered / took.spent.ours
    return run.capacities[subject.name]


class Scrapes:
    """Reads the subject's metrics again and again, as a monitoring system does."""

    def __init__(self, subject: Subject, every_s: float) -> None:
        self._subject = subject
        self._every_s = every_s
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._scrape)

    def __enter__(self) -> Scrapes:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _scrape(self) -> None:
        while not self._over.wait(self._every_s):
            self._subject.scrape()

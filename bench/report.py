"""Figures of the runs: paired ratios, medians, and how far they can be trusted."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from math import comb
from statistics import median

from bench.canned import SCENARIOS, Scenario
from bench.rounds import Result, Seen

CONFIDENCE = 0.9
ENOUGH = 3.0
"""The provider and the load together must be this much faster than any subject."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What one has to know about a run to compare it with another."""

    machine: str
    cores: int
    apart: bool
    postgres_apart: bool
    python: str
    versions: Mapping[str, str]
    rounds: int
    seconds: float
    date: str


@dataclass(frozen=True, slots=True)
class Spread:
    """A median and the interval around it that holds the true one with the given confidence."""

    median: float
    low: float
    high: float

    def text(self, digits: int = 2) -> str:
        return f"{self.median:.{digits}f} ({self.low:.{digits}f}-{self.high:.{digits}f})"


def spread(values: Sequence[float]) -> Spread:
    """Median with an interval from order statistics, which assumes nothing about the noise.

    Values number `k` from either end enclose the true median with the probability
    1 - 2 * P(fewer than k of n coin tosses are heads). With fewer than five values not even the
    extremes reach 90 %; the extremes are given then.
    """
    ordered, count = sorted(values), len(values)
    skip = 0
    while 2 * skip + 2 < count and _coverage(count, skip + 1) >= CONFIDENCE:
        skip += 1
    return Spread(median(ordered), ordered[skip], ordered[count - 1 - skip])


def _coverage(count: int, skip: int) -> float:
    outside = sum(comb(count, heads) for heads in range(skip + 1))
    return 1 - float(outside) / float(2 ** (count - 1))


def micros_per_unit(result: Result) -> float:
    """CPU of our processes, in µs per request or chunk."""
    return 1e6 * result.cpu.ours / result.units if result.units else float("nan")


class Findings:
    """All results of a run, asked in different ways."""

    def __init__(
        self,
        setting: Setting,
        results: Sequence[Result],
        direct: Mapping[str, Seen],
        recorded: Mapping[str, tuple[int, int]],
    ) -> None:
        self.setting = setting
        self.results = results
        self.direct = direct
        self.recorded = recorded
        """Of each subject that records: calls answered, rows found."""
        self.subjects = sorted({result.subject for result in results}, key=_order)

    def of(self, subject: str, scenario: str) -> list[Result]:
        return [
            result
            for result in self.results
            if result.subject == subject and result.scenario == scenario
        ]

    def ratios(self, subject: str, scenario: str, to: str = "bare") -> list[float]:
        """CPU per unit, divided by that of another subject in the same round."""
        base = {each.round: micros_per_unit(each) for each in self.of(to, scenario)}
        return [micros_per_unit(each) / base[each.round] for each in self.of(subject, scenario)]

    def problems(self) -> list[str]:
        """What makes the figures worthless; nothing, one hopes."""
        found = []
        for result in self.results:
            if result.seen.errors:
                found.append(
                    f"{result.subject}, {result.scenario}, round {result.round}: "
                    f"{result.seen.errors} wrong answers, such as {result.seen.first_errors[0]}"
                )
        for subject, (answered, rows) in self.recorded.items():
            if rows != answered:
                found.append(f"{subject}: {answered} calls answered, but {rows} rows recorded")
        return found

    def warnings(self) -> list[str]:
        """What one should know when reading the figures."""
        found = []
        if not self.setting.apart:
            found.append("one core only: server, provider and load share it")
        for name, seen in self.direct.items():
            if SCENARIOS[name].stream:
                continue
            fastest = max(_rate(each.seen) for each in self.results if each.scenario == name)
            if _rate(seen) < ENOUGH * fastest:
                found.append(f"{name}: provider and load are not {ENOUGH:.0f} times faster")
        return found

    def markdown(self) -> str:
        parts = [self._heading()]
        for scenario in SCENARIOS.values():
            if any(result.scenario == scenario.name for result in self.results):
                parts.append(self._table(scenario))
        parts.append(self._notes())
        return "\n\n".join(parts) + "\n"

    def plain(self) -> dict[str, object]:
        """All of it, for programs."""
        return {
            "setting": asdict(self.setting),
            "summary": [
                {
                    "scenario": scenario,
                    "subject": subject,
                    "cpu_us_per_unit": asdict(spread(_each(runs, micros_per_unit))),
                    "ratio_to_bare": asdict(spread(self.ratios(subject, scenario))),
                    "aim": SCENARIOS[scenario].aim,
                }
                for scenario in SCENARIOS
                for subject in self.subjects
                if (runs := self.of(subject, scenario))
            ],
            "recorded": {
                name: {"answered": answered, "rows": rows}
                for name, (answered, rows) in self.recorded.items()
            },
            "direct": {name: asdict(seen) for name, seen in self.direct.items()},
            "problems": self.problems(),
            "warnings": self.warnings(),
            "runs": [asdict(result) for result in self.results],
        }

    def _heading(self) -> str:
        at = self.setting
        versions = ", ".join(f"{name} {version}" for name, version in at.versions.items())
        return (
            "# What the product costs beside a bare pass-through\n\n"
            f"{at.date}; {at.cores} cores, {at.machine}; Python {at.python}, {versions}. "
            f"{at.rounds} rounds of {at.seconds:g} s in random order, ratios taken inside rounds, "
            "medians with their 90 % intervals. CPU is user and system time of all processes of "
            "the server, until the last record is in Postgres; Postgres itself stands beside it."
        )

    def _table(self, scenario: Scenario) -> str:
        names = self.subjects
        rows = [
            ["", *names],
            ["---", *("---:" for _ in names)],
            self._row(f"CPU µs per {scenario.unit}", scenario, _cpu_text),
            ["**× bare**", *(self._ratio_text(name, scenario) for name in names)],
            self._row("of it the main process (writer), µs", scenario, _main_text),
            self._row("Postgres beside it, µs", scenario, _postgres_text),
            self._row(f"{scenario.unit}s per second", scenario, _rate_text),
            self._row(_latency_title(scenario), scenario, _latency_text),
            self._row("memory after load, MB (Postgres)", scenario, _memory_text),
            self._row("wrong answers", scenario, _errors_text),
        ]
        lines = "\n".join("| " + " | ".join(cells) + " |" for cells in rows)
        return f"## {scenario.title}\n\n{lines}"

    def _row(
        self, title: str, scenario: Scenario, cell: Callable[[Scenario, list[Result]], str]
    ) -> list[str]:
        return [title, *(cell(scenario, self.of(name, scenario.name)) for name in self.subjects)]

    def _worker_notes(self) -> list[str]:
        """What more workers cost, against one."""
        notes = []
        for name in self.subjects:
            workers, _, word = name.partition(" ")
            if word != "workers":
                continue
            for scenario in SCENARIOS.values():
                if not self.of(name, scenario.name):
                    continue
                ratio = spread(self.ratios(name, scenario.name, to="product"))
                more = _memory_of(self.of(name, scenario.name)) - _memory_of(
                    self.of("product", scenario.name)
                )
                notes.append(
                    f"- {workers} workers (on the same core, with {workers} times the connections) "
                    f"against one, {scenario.name}: × {ratio.text()} of the CPU per "
                    f"{scenario.unit}; each further worker takes "
                    f"{more / (int(workers) - 1):.0f} MB."
                )
        return notes

    def _ratio_text(self, name: str, scenario: Scenario) -> str:
        if name == "bare":
            return "1"
        ratio = spread(self.ratios(name, scenario.name))
        aim = f", aim {scenario.aim:g}" if name == "product" else ""
        return f"**{ratio.text()}**{aim}"

    def _notes(self) -> str:
        lines = []
        for name, seen in self.direct.items():
            rate = _rate(seen) * SCENARIOS[name].units_per_answer
            unit = SCENARIOS[name].unit
            lines.append(f"- Load straight on the provider: {rate:,.0f} {unit}s per second.")
        for name, (answered, rows) in self.recorded.items():
            lines.append(f"- {name}: {answered:,} calls answered, {rows:,} rows in `exchanges`.")
        lines += self._worker_notes()
        place = "shares the core of provider and load" if self.setting.postgres_apart else "floats"
        if self.recorded:
            lines.append(f"- The embedded Postgres {place}.")
        lines += [f"- Mind: {warning}." for warning in self.warnings()]
        lines += [f"- **Wrong: {problem}.**" for problem in self.problems()]
        return "\n".join(lines)


def _memory_of(results: Sequence[Result]) -> float:
    return median(result.memory.ours for result in results)


def _order(name: str) -> tuple[bool, str]:
    return name != "bare", name


def _each(results: Sequence[Result], value: Callable[[Result], float]) -> list[float]:
    return [value(result) for result in results]


def _rate(seen: Seen) -> float:
    return seen.answered / seen.elapsed_s


def _cpu_text(_: Scenario, results: list[Result]) -> str:
    return spread(_each(results, micros_per_unit)).text(1)


def _main_text(_: Scenario, results: list[Result]) -> str:
    return _micros([each.cpu.main / max(each.units, 1) for each in results])


def _postgres_text(_: Scenario, results: list[Result]) -> str:
    return _micros([each.cpu.postgres / max(each.units, 1) for each in results])


def _micros(seconds: Sequence[float]) -> str:
    return f"{1e6 * median(seconds):.1f}" if any(seconds) else "-"


def _rate_text(scenario: Scenario, results: list[Result]) -> str:
    rate = median(_rate(each.seen) for each in results) * scenario.units_per_answer
    return f"{rate:,.0f}"


def _latency_title(scenario: Scenario) -> str:
    return f"whole {'stream' if scenario.stream else 'answer'}, p50 / p99 ms"


def _latency_text(_: Scenario, results: list[Result]) -> str:
    p50 = median(each.seen.p50_ms for each in results)
    return f"{p50:.1f} / {median(each.seen.p99_ms for each in results):.1f}"


def _memory_text(_: Scenario, results: list[Result]) -> str:
    last = results[-1].memory
    return f"{last.ours:.0f}" + (f" ({last.postgres:.0f})" if last.postgres else "")


def _errors_text(_: Scenario, results: list[Result]) -> str:
    return str(sum(each.seen.errors for each in results))

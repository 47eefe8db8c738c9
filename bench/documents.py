"""The results of a target, as they are kept in `bench/results`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from bench.figures import FIGURES, Question
from bench.results import Result, Setting
from bench.scenarios import SCENARIOS

RESULTS = Path(__file__).parent / "results"
TARGETS = {"bench": "latest", "peers": "peers", "db": "db", "soak": "soak"}
"""Files, without what follows the dot, by target."""

ENOUGH = 3.0
"""The provider and the load together must be this much faster than any subject."""


@dataclass(frozen=True, slots=True)
class Document:
    """All that a run has found."""

    setting: Setting
    results: Sequence[Result]
    recorded: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    """Of each subject that records: calls answered, rows found."""
    missing: Mapping[str, str] = field(default_factory=dict)
    """Subjects that this machine does not have, and why."""

    def subjects(self, scenario: str) -> list[str]:
        """Those of a scenario, the measure first."""
        names = dict.fromkeys(
            each.subject for each in self.results if each.scenario == scenario and each.round
        )
        order = ["direct", "bare", "bare again", "product"]
        return sorted(
            names,
            key=lambda name: (name not in order, order.index(name) if name in order else 0, name),
        )

    def problems(self) -> list[str]:
        """What makes figures worthless; nothing, one hopes."""
        found = [
            f"{each.subject}, {each.scenario}, round {each.round}: "
            f"{each.errors} wrong answers, such as {each.first_errors[0]}"
            for each in self.results
            if each.errors
        ]
        for subject, (answered, rows) in self.recorded.items():
            if rows != answered:
                found.append(f"{subject}: {answered} calls answered, but {rows} rows recorded")
        return found

    def warnings(self) -> list[str]:
        """What one should know when reading the figures."""
        found = []
        if not self.setting.apart:
            found.append("one core only: server, provider and load share it")
        for name, scenario in SCENARIOS.items():
            rates = {
                subject: Question(name, "rate", subject).spread(self.results)
                for subject in self.subjects(name)
            }
            direct = self.direct(name)
            fastest = max((rate.median for rate in rates.values() if rate), default=0.0)
            if direct and not scenario.plays.pause_ms and direct < ENOUGH * fastest:
                found.append(f"{name}: provider and load are not {ENOUGH:.0f} times faster")
        return found

    def direct(self, scenario: str) -> float | None:
        """Units a second with nothing before the provider."""
        rates = [
            each.figures["rate"]
            for each in self.results
            if (each.scenario, each.subject, each.round) == (scenario, "direct", 0)
        ]
        return rates[0] if rates else None

    def summary(self) -> list[dict[str, object]]:
        """Medians with their intervals, of every figure, and of every ratio to bare."""
        rows: list[dict[str, object]] = []
        for scenario in dict.fromkeys(each.scenario for each in self.results):
            for subject in self.subjects(scenario):
                for figure in FIGURES:
                    plain = Question(scenario, figure.name, subject)
                    rows += self._row(plain, figure.name)
                    if figure.ratio and subject != "bare":
                        question = Question(scenario, figure.name, subject, against="bare")
                        rows += self._row(question, f"{figure.name} / bare")
        return rows

    def _row(self, question: Question, name: str) -> list[dict[str, object]]:
        found = question.spread(self.results)
        if found is None:
            return []
        key = {"scenario": question.scenario, "subject": question.subject, "figure": name}
        return [key | asdict(found)]

    def dump(self) -> str:
        """JSON for programs: medians in front, every round behind."""
        plain = {
            "setting": asdict(self.setting),
            "problems": self.problems(),
            "warnings": self.warnings(),
            "missing": dict(self.missing),
            "recorded": {name: list(pair) for name, pair in self.recorded.items()},
            "summary": self.summary(),
            "results": [asdict(each) for each in self.results],
        }
        lists = {name: value for name, value in plain.items() if isinstance(value, list)}
        return _layout(plain, lists)


def _layout(plain: Mapping[str, object], lists: Mapping[str, Sequence[object]]) -> str:
    """One line for each entry, so that a change of one is one line of a difference."""
    parts = []
    for name, value in plain.items():
        if name in lists:
            lines = ",\n  ".join(json.dumps(each, ensure_ascii=False) for each in lists[name])
            parts.append(f' "{name}": [\n  {lines}\n ]' if lines else f' "{name}": []')
        else:
            parts.append(f' "{name}": {json.dumps(value, ensure_ascii=False)}')
    return "{\n" + ",\n".join(parts) + "\n}\n"


def load_document(path: Path) -> Document:
    """As it was written. Raises OSError, ValueError, KeyError, TypeError of anything else."""
    plain = json.loads(path.read_text())
    return Document(
        Setting(**plain["setting"]),
        [Result(**each) for each in plain["results"]],
        {name: (pair[0], pair[1]) for name, pair in plain["recorded"].items()},
        plain["missing"],
    )


def load_all(folder: Path = RESULTS) -> dict[str, Document]:
    """Those targets that have results, by name."""
    found = {}
    for target, name in TARGETS.items():
        path = folder / f"{name}.json"
        if path.exists():
            found[target] = load_document(path)
    return found

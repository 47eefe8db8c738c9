"""What must hold (`bounds.toml`), and whether it does."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.documents import Document
from bench.estimates import ENOUGH_ROUNDS, Spread
from bench.figures import Question
from bench.scenarios import SCENARIOS

FILE = Path(__file__).parent / "bounds.toml"


@dataclass(frozen=True, slots=True)
class Bound:
    """One limit of one figure."""

    line: int
    """Of the list of what the project promises."""
    target: str
    says: str
    question: Question
    limit: float
    at_least: bool
    or_around_zero: bool
    """Whether an interval that holds 0 will do, whatever its end."""
    slack: float

    def judge(self, document: Document | None) -> Verdict:
        seen = self.question.spread(document.results) if document else None
        rounds = len(self.question.values(document.results)) if document else 0
        return Verdict(self, seen, rounds, _needed(self.question.scenario))

    def holds(self, seen: Spread) -> bool:
        if self.or_around_zero and seen.low <= 0 <= seen.high:
            return True
        if self.at_least:
            return seen.low > self.limit / self.slack
        return seen.high < self.limit * self.slack or seen.high <= self.limit


def _needed(scenario: str) -> int:
    """Rounds without which a verdict says nothing; what is no comparison in rounds needs one."""
    known = SCENARIOS.get(scenario)
    return ENOUGH_ROUNDS if known else 1


@dataclass(frozen=True, slots=True)
class Verdict:
    """A bound beside what was seen."""

    bound: Bound
    seen: Spread | None
    rounds: int
    needed: int

    @property
    def judged(self) -> bool:
        """Whether enough was measured."""
        return self.seen is not None and self.rounds >= self.needed

    @property
    def exceeded(self) -> bool:
        """Whether it was measured, and it is not kept."""
        return self.judged and self.seen is not None and not self.bound.holds(self.seen)

    def word(self) -> str:
        if self.seen is None:
            return "not measured"
        if not self.judged:
            return f"{self.rounds} rounds are too few"
        return "**exceeded**" if self.exceeded else "met"

    def sentence(self) -> str:
        """Of a bound that is exceeded."""
        assert self.seen is not None
        digits = digits_of(self.bound.limit)
        side = "at least" if self.bound.at_least else "at most"
        return (
            f"{self.bound.says}: {side} {self.bound.limit:.{digits}f} is wanted, "
            f"{self.seen.text(digits)} was seen ({self.bound.question.scenario}, line "
            f"{self.bound.line} of the bounds)"
        )


def digits_of(limit: float) -> int:
    """How many digits after the point show a figure well beside its bound."""
    if not limit:
        return 0
    return 4 if limit < 0.1 else 2 if limit < 10 else 1


def load_bounds(path: Path = FILE) -> list[Bound]:
    """In the order of the file. Raises KeyError, TypeError, ValueError of what is no bound."""
    plain = tomllib.loads(path.read_text())
    return [_load(entry, plain["slack"]) for entry in plain["bound"]]


def _load(entry: Mapping[str, object], slack: float) -> Bound:
    rest = dict(entry)
    at_least, at_most = rest.pop("at_least", None), rest.pop("at_most", None)
    limit = at_most if at_least is None else at_least
    if not isinstance(limit, float):
        raise ValueError(f"a bound without a limit: {entry}")
    line, target, says = rest.pop("line"), rest.pop("target"), rest.pop("says")
    around_zero = bool(rest.pop("or_around_zero", False))
    question = Question(**{name: str(value) for name, value in rest.items()})
    return Bound(
        int(str(line)), str(target), str(says), question, limit, at_most is None, around_zero, slack
    )


def judge_all(documents: Mapping[str, Document]) -> list[Verdict]:
    """Every bound, by the results of its target."""
    return [bound.judge(documents.get(bound.target)) for bound in load_bounds()]


def render_verdicts(verdicts: Sequence[Verdict]) -> str:
    """A Markdown table."""
    lines = [
        "| line | what | bound | seen (interval) | verdict |",
        "| ---: | --- | ---: | ---: | --- |",
    ]
    for verdict in verdicts:
        bound = verdict.bound
        digits = digits_of(bound.limit)
        sign = "≥" if bound.at_least else "≤"
        seen = verdict.seen.text(digits) if verdict.seen else ""
        limit = f"{sign} {bound.limit:.{digits}f}"
        lines.append(f"| {bound.line} | {bound.says} | {limit} | {seen} | {verdict.word()} |")
    return "\n".join(lines)

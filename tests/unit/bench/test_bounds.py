from __future__ import annotations

import pytest

from bench.bounds import Bound, judge_all, load_bounds, render_verdicts
from bench.figures import FIGURES, Question
from bench.results import Result
from bench.scenarios import SCENARIOS
from tests.unit.bench.made import document, results

ASKED = Question("unary", "cpu_us", against="bare")


def bound(limit: float, *, at_least: bool = False, or_around_zero: bool = False) -> Bound:
    return Bound(1, "bench", "a figure", ASKED, limit, at_least, or_around_zero, 1.1)


def seen(*ratios: float) -> list[Result]:
    return results("unary", "cpu_us", product=ratios, bare=[1.0] * len(ratios))


@pytest.mark.parametrize("entry", load_bounds(), ids=lambda entry: entry.says)
def test_every_bound_is_of_something_that_is_measured(entry: Bound) -> None:
    asked = entry.question
    assert asked.figure in {figure.name for figure in FIGURES}
    assert entry.target in ("bench", "peers", "db", "soak")
    if entry.target in ("bench", "peers"):
        scenario = SCENARIOS[asked.scenario]
        names = scenario.subjects if entry.target == "bench" else scenario.peers
        names = tuple("bare" if name == "bare tls" else name for name in names)
        assert {asked.subject, asked.against or "bare", asked.beyond or "bare"} <= {*names, "bare"}


def test_a_bound_is_met_while_the_interval_ends_within_the_slack() -> None:
    assert bound(1.0).judge(document(seen(0.9, 0.9, 1.0, 1.0, 1.09))).word() == "met"


def test_a_bound_is_exceeded_when_the_interval_ends_beyond_the_slack() -> None:
    verdict = bound(1.0).judge(document(seen(0.9, 0.9, 1.0, 1.0, 1.11)))
    assert verdict.exceeded
    assert "at most 1.00 is wanted, 1.00 (0.90-1.11) was seen" in verdict.sentence()


def test_a_lower_bound_looks_at_the_lower_end() -> None:
    assert not bound(1.0, at_least=True).judge(document(seen(0.92, 1, 1, 1, 9))).exceeded
    assert bound(1.0, at_least=True).judge(document(seen(0.90, 1, 1, 1, 9))).exceeded


def test_an_interval_around_zero_will_do_where_the_bound_says_so() -> None:
    made = document(seen(-5, -1, 0, 1, 50))
    assert bound(1.0).judge(made).exceeded
    assert not bound(1.0, or_around_zero=True).judge(made).exceeded


def test_nothing_may_be_lost_at_all() -> None:
    assert not bound(0.0).judge(document(seen(0, 0, 0, 0, 0))).exceeded
    assert bound(0.0).judge(document(seen(0, 0, 0, 0, 1))).exceeded


def test_few_rounds_are_no_verdict() -> None:
    verdict = bound(1.0).judge(document(seen(9, 9, 9, 9)))
    assert not verdict.exceeded
    assert verdict.word() == "4 rounds are too few"


def test_what_was_not_measured_is_said_to_be_so() -> None:
    table = render_verdicts(judge_all({}))
    assert table.count("not measured") == len(load_bounds())

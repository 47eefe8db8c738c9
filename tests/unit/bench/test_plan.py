from __future__ import annotations

import pytest

from bench.errors import BenchError
from bench.options import build_plan, is_whole, parse
from bench.rounds import MEASURES, SIDE_BY_SIDE
from bench.scenarios import SCENARIOS


def test_every_round_has_every_subject_once() -> None:
    plan = build_plan(parse(["--scenario", "unary", "--rounds", "3"]))
    orders = [names for _, _, names in plan.jobs()]
    assert len(orders) == 3
    assert {frozenset(names) for names in orders} == {frozenset(SCENARIOS["unary"].subjects)}


def test_what_needs_few_rounds_comes_in_the_last_ones() -> None:
    plan = build_plan(parse([]))
    held = [number for number, scenario, _ in plan.jobs() if scenario.name == "held"]
    assert held == [4, 5, 6, 7, 8]
    assert [number for number, each, _ in plan.jobs() if each.name == "backlog"] == [8]


def test_a_subject_that_is_not_there_is_left_out() -> None:
    plan = build_plan(parse(["peers", "--scenario", "unary"])).without(
        {"nginx", "litellm", "forward"}
    )
    assert plan.scenarios[0][1] == ("bare", "product", "tensorzero")


@pytest.mark.parametrize(
    "arguments",
    [["--quick"], ["--scenario", "unary"], ["--workers", "2"], ["--control"], ["--no-product"]],
)
def test_only_a_whole_run_is_kept(arguments: list[str]) -> None:
    assert is_whole(parse([]))
    assert not is_whole(parse(arguments))


def test_nothing_to_measure_is_said() -> None:
    with pytest.raises(BenchError, match="nothing to measure"):
        build_plan(parse(["--scenario", "open10"]))


def test_every_kind_of_scenario_can_be_measured() -> None:
    assert {scenario.kind for scenario in SCENARIOS.values()} == {*SIDE_BY_SIDE, *MEASURES}

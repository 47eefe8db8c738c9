from __future__ import annotations

from bench.estimates import Spread
from bench.figures import FIGURES, Question
from bench.results import Result
from tests.unit.bench.made import results


def test_a_ratio_is_taken_inside_each_round() -> None:
    made = results("unary", "cpu_us", product=[10, 40], bare=[10, 20])
    assert Question("unary", "cpu_us", against="bare").values(made) == [1.0, 2.0]


def test_a_ratio_is_taken_inside_each_turn_of_a_round() -> None:
    spent = {"product": (10, 40), "bare": (10, 20)}
    made = [
        Result("unary", name, 1, {"cpu_us": each}, turn=turn)
        for name, turns in spent.items()
        for turn, each in enumerate(turns, 1)
    ]
    assert Question("unary", "cpu_us", against="bare").values(made) == [1.0, 2.0]


def test_what_is_taken_off_is_taken_from_both_sides() -> None:
    made = results("open60", "p99_ms", product=[7], bare=[5], direct=[1])
    assert Question("open60", "p99_ms", against="bare", beyond="direct").values(made) == [1.5]


def test_a_round_without_its_partner_is_left_out() -> None:
    made = results("unary", "cpu_us", product=[10, 40], bare=[10])
    assert Question("unary", "cpu_us", against="bare").values(made) == [1.0]


def test_a_round_whose_noise_outweighs_the_measure_is_left_out() -> None:
    made = results("open60", "p99_ms", product=[7, 7], bare=[5, 1], direct=[1, 2])
    assert Question("open60", "p99_ms", against="bare", beyond="direct").values(made) == [1.5]


def test_a_figure_with_an_interval_of_its_own_keeps_it() -> None:
    figures = {"slope_bytes": 2.0, "slope_bytes_low": -1.0, "slope_bytes_high": 5.0}
    made = [Result("soak", "product", 1, figures)]
    assert Question("soak", "slope_bytes").spread(made) == Spread(2.0, -1.0, 5.0)


def test_what_was_not_measured_has_no_spread() -> None:
    assert Question("unary", "cpu_us").spread([]) is None


def test_every_figure_has_one_row() -> None:
    names = [figure.name for figure in FIGURES]
    assert len(names) == len(set(names))

from __future__ import annotations

import pytest

from bench.metrics import histogram_quantile, loop_lag_p99, value

INFINITY = float("inf")
LAG = """zeroproxy_event_loop_lag_seconds_bucket{{process="worker",le="0.001"}} {0}
zeroproxy_event_loop_lag_seconds_bucket{{process="worker",le="0.005"}} {1}
zeroproxy_event_loop_lag_seconds_bucket{{process="worker",le="+Inf"}} {2}
zeroproxy_event_loop_lag_seconds_bucket{{process="main",le="+Inf"}} 999
"""


def test_a_quantile_stands_inside_its_bucket() -> None:
    buckets = {1.0: 50.0, 2.0: 100.0, INFINITY: 100.0}
    assert histogram_quantile(buckets, 0.75) == pytest.approx(1.5)


def test_what_lies_beyond_the_last_bound_is_not_guessed() -> None:
    assert histogram_quantile({1.0: 50.0, INFINITY: 100.0}, 0.99) == 1.0


def test_only_what_was_seen_between_two_scrapes_counts() -> None:
    before, after = LAG.format(0, 0, 50), LAG.format(100, 100, 150)
    assert loop_lag_p99(before, after) == pytest.approx(0.00099)


def test_the_sum_of_a_family_counts_all_its_series() -> None:
    text = 'a_total{x="1"} 2\na_total{x="2"} 3\nab_total 9\n# HELP a_total x\n'
    assert value(text, "a_total") == 5
    assert value(text, "missing") == 0

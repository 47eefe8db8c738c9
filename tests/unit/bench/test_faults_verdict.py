"""A verdict names each promise that was broken, and no other."""

from __future__ import annotations

from typing import Any

import pytest

from bench.faults.verdict import Limits, judge
from tests.unit.bench.outcomes import GOOD, an_outcome

LIMITS = Limits(failing_s=6, failed_share=0.05, recovery_s=5, growth_mb=50, asked_per_call=1.3)


def test_what_keeps_all_promises_has_passed() -> None:
    assert judge(GOOD, LIMITS).passed


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"missing": 3}, "3 records lost"),
        ({"doubled": 2}, "2 records doubled"),
        ({"in_default_partitions": 4}, "4 rows without a partition"),
        ({"settled": False}, "records still wait for Postgres"),
        ({"answered": 0}, "nothing was answered"),
        ({"failing_s": 7}, "calls failed in 7 seconds, allowed are 6"),
        ({"failed": {"cut off": 900}}, "7.5% of the calls failed, allowed are 5.0%"),
        ({"recovery_s": 5.5}, "recovery took more than 5 s"),
        ({"recovery_s": None}, "recovery took more than 5 s"),
        ({"memory_peak_mb": 240.0}, "memory grew by 70 MB, allowed are 50"),
        ({"asked_per_call": 1.5}, "the provider was asked 1.50 times a call, allowed is 1.3"),
    ],
)
def test_a_broken_promise_is_named(changes: dict[str, Any], reason: str) -> None:
    assert judge(an_outcome(**changes), LIMITS).reasons == (reason,)


def test_what_was_shed_and_counted_is_not_lost() -> None:
    assert an_outcome(missing=100, shed=120).lost == 0
    assert an_outcome(missing=100, shed=90).lost == 10

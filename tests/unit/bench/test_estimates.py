from __future__ import annotations

import random

import pytest

from bench.estimates import Spread, slope, spread


def test_a_spread_of_eight_rounds_leaves_out_the_extremes() -> None:
    assert spread([8, 1, 2, 3, 4, 5, 6, 7]) == Spread(4.5, 2, 7)


def test_a_spread_of_few_rounds_is_all_that_was_seen() -> None:
    assert spread([3, 1, 2]) == Spread(2, 1, 3)


def test_the_slope_of_a_line_is_its_own() -> None:
    found = slope([(x, 5 + 3 * x) for x in range(100)])
    assert found.value == pytest.approx(3)
    assert found.low == pytest.approx(3) and found.high == pytest.approx(3)


def test_the_slope_of_noise_may_be_zero() -> None:
    noise = random.Random(4)
    found = slope([(x, noise.gauss(100, 5)) for x in range(400)])
    assert found.low < 0 < found.high


def test_growth_under_noise_is_seen() -> None:
    noise = random.Random(4)
    found = slope([(x, noise.gauss(100, 5) + 0.2 * x) for x in range(400)])
    assert 0 < found.low < 0.2 < found.high


def test_noise_that_lasts_widens_the_interval() -> None:
    """A walk is not growth, although its neighbours say the same."""
    noise = random.Random(1)
    quick = [(float(x), noise.gauss(0, 1)) for x in range(2000)]
    walk, at = [], 0.0
    for x in range(2000):
        at = 0.999 * at + noise.gauss(0, 0.045)
        walk.append((float(x), at))
    widths = [found.high - found.low for found in (slope(quick), slope(walk))]
    assert widths[1] > 2 * widths[0]


def test_a_slope_wants_enough_samples() -> None:
    with pytest.raises(ValueError, match="too few"):
        slope([(x, x) for x in range(19)])

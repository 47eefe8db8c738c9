"""Medians and slopes, and how far they can be trusted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import comb, sqrt
from statistics import fmean, median

CONFIDENCE = 0.9
ENOUGH_ROUNDS = 5
"""With fewer, not even the extremes hold the true median with 90 % probability."""

BLOCKS = 20
STUDENT = 2.101
"""The 97.5 % quantile of Student's distribution with `BLOCKS` - 2 degrees of freedom."""


@dataclass(frozen=True, slots=True)
class Spread:
    """A median and the interval around it that holds the true one with the given confidence."""

    median: float
    low: float
    high: float

    def text(self, digits: int = 2) -> str:
        return f"{self.median:,.{digits}f} ({self.low:,.{digits}f}-{self.high:,.{digits}f})"


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


@dataclass(frozen=True, slots=True)
class Slope:
    """What `y` grows by for one of `x`, with its 95 % interval."""

    value: float
    low: float
    high: float


def slope(points: Sequence[tuple[float, float]]) -> Slope:
    """Least squares over the means of `BLOCKS` blocks of neighbours.

    Samples of memory that follow each other say nearly the same, so they are not as many witnesses
    as there are of them. Means of long blocks are; and where they still go together, the interval
    is widened by what their own correlation says. Raises ValueError of fewer points than blocks.
    """
    if len(points) < BLOCKS:
        raise ValueError(f"{len(points)} samples are too few for {BLOCKS} blocks")
    bounds = [len(points) * at // BLOCKS for at in range(BLOCKS + 1)]
    blocks = [points[low:high] for low, high in pairwise(bounds)]
    xs = [fmean(x for x, _ in block) for block in blocks]
    ys = [fmean(y for _, y in block) for block in blocks]
    x_mean, y_mean = fmean(xs), fmean(ys)
    squares = sum((x - x_mean) ** 2 for x in xs)
    value = sum((x - x_mean) * (y - y_mean) for x, y in zip(xs, ys, strict=True)) / squares
    rest = [y - y_mean - value * (x - x_mean) for x, y in zip(xs, ys, strict=True)]
    residual = sum(each**2 for each in rest)
    error = sqrt(residual / (BLOCKS - 2) / squares) * _widening(rest, residual)
    return Slope(value, value - STUDENT * error, value + STUDENT * error)


def _widening(rest: Sequence[float], residual: float) -> float:
    """The factor by which a correlation of neighbours widens an interval; at least 1."""
    if not residual:
        return 1.0
    together = sum(a * b for a, b in pairwise(rest)) / residual
    bounded = min(max(together, 0.0), 0.9)
    return sqrt((1 + bounded) / (1 - bounded))

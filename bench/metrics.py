"""Reads the text that the product's /metrics answers."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

_LAG = re.compile(
    r"^zeroproxy_event_loop_lag_seconds_bucket"
    r'\{(?=[^}]*process="worker")[^}]*le="([^"]+)"[^}]*\} (\S+)$',
    re.MULTILINE,
)


def loop_lag_p99(before: str, after: str) -> float:
    """Seconds below which 99 % of the worker's lateness was between two scrapes."""
    earlier, later = _buckets(before), _buckets(after)
    grown = {bound: count - earlier.get(bound, 0.0) for bound, count in later.items()}
    return histogram_quantile(grown, 0.99)


def histogram_quantile(buckets: Mapping[float, float], share: float) -> float:
    """From cumulative counts by upper bound; values stand evenly inside a bucket, as Prometheus
    has it. What lies beyond the last finite bound counts as that bound."""
    bounds: Sequence[float] = sorted(buckets)
    wanted = share * (buckets[bounds[-1]] if bounds else 0.0)
    low = below = 0.0
    for bound in bounds:
        if buckets[bound] >= wanted and buckets[bound] > below:
            if bound == float("inf"):
                return low
            return low + (bound - low) * (wanted - below) / (buckets[bound] - below)
        low, below = bound, buckets[bound]
    return low


def value(text: str, name: str) -> float:
    """The sum of all series of a name; 0 where there is none."""
    found = re.findall(rf"^{name}(?:\{{[^}}]*\}})? (\S+)$", text, re.MULTILINE)
    return sum(map(float, found))


def _buckets(text: str) -> dict[float, float]:
    return {float(bound): float(count) for bound, count in _LAG.findall(text)}

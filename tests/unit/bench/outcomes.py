"""Outcomes of faults, for tests."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from bench.faults.verdict import Outcome

GOOD = Outcome(
    fault="kill-worker",
    capacity=1000.0,
    rate=600.0,
    fault_s=12.0,
    sent=12_000,
    failed={"cut off": 60},
    failing_s=4,
    answered=11_940,
    missing=0,
    missing_ids=(),
    shed=0,
    doubled=0,
    in_default_partitions=0,
    settled=True,
    recovery_s=0.4,
    backlog=120,
    memory_mb=170.0,
    memory_peak_mb=182.0,
    p99_ms=20.0,
    p99_fault_ms=45.0,
    asked_per_call=None,
    others_cores=0.1,
    notes=("4 kills",),
)


def an_outcome(**changes: Any) -> Outcome:
    """A good one, but for this."""
    return replace(GOOD, **changes)

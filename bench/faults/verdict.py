"""What a fault did, and whether that is what was promised."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """What a fault may cost. Lost and doubled records are never allowed."""

    failing_s: int = 0
    """Seconds of the clock in which calls may fail."""
    failed_share: float = 1.0
    """Of all calls."""
    recovery_s: float = 30.0
    """From the end of the fault until calls succeed and the backlog is what it was."""
    growth_mb: float = 96.0
    """Memory of our processes over what it was just before the fault."""
    asked_per_call: float | None = None
    """How often the provider may be asked for each call that came in during the fault."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The figures of one run."""

    fault: str
    capacity: float
    """Calls a second, answered and recorded, before the fault."""
    rate: float
    """Calls a second during the run."""
    fault_s: float
    sent: int
    failed: Mapping[str, int]
    failing_s: int
    answered: int
    """Answers with an id that were seen to their end: each promises a record."""
    missing: int
    missing_ids: Sequence[str]
    """A few of them."""
    shed: int
    """Exchanges that the product says it dropped."""
    doubled: int
    in_default_partitions: int
    settled: bool
    """Whether nothing waited for Postgres any more, a minute after the load."""
    recovery_s: float | None
    """None: it did not recover."""
    backlog: int
    memory_mb: float
    """Just before the fault."""
    memory_peak_mb: float
    p99_ms: float | None
    """Just before the fault, of whole answers; streams take as long as the provider."""
    p99_fault_ms: float | None
    asked_per_call: float | None
    others_cores: float
    """Cores that programs of others were busy on meanwhile."""
    notes: Sequence[str] = ()

    @property
    def lost(self) -> int:
        """Missing records that were not counted as shed."""
        return max(0, self.missing - self.shed)

    @property
    def failures(self) -> int:
        return sum(self.failed.values())


@dataclass(frozen=True, slots=True)
class Verdict:
    """Passed where there is no reason against it."""

    reasons: tuple[str, ...]

    @property
    def passed(self) -> bool:
        return not self.reasons


def judge(outcome: Outcome, limits: Limits) -> Verdict:
    """Compare an outcome with what is allowed."""
    grown = outcome.memory_peak_mb - outcome.memory_mb
    asked = outcome.asked_per_call or 0.0
    share = outcome.failures / max(1, outcome.sent)
    late = outcome.recovery_s is None or outcome.recovery_s > limits.recovery_s
    complaints = {
        f"{outcome.lost} records lost": outcome.lost > 0,
        f"{outcome.doubled} records doubled": outcome.doubled > 0,
        f"{outcome.in_default_partitions} rows without a partition": (
            outcome.in_default_partitions > 0
        ),
        "records still wait for Postgres": not outcome.settled,
        "nothing was answered": outcome.answered == 0,
        f"calls failed in {outcome.failing_s} seconds, allowed are {limits.failing_s}": (
            outcome.failing_s > limits.failing_s
        ),
        f"{share:.1%} of the calls failed, allowed are {limits.failed_share:.1%}": (
            share > limits.failed_share
        ),
        f"recovery took more than {limits.recovery_s:g} s": late,
        f"memory grew by {grown:.0f} MB, allowed are {limits.growth_mb:g}": (
            grown > limits.growth_mb
        ),
        f"the provider was asked {asked:.2f} times a call, allowed is {limits.asked_per_call}": (
            limits.asked_per_call is not None and asked > limits.asked_per_call
        ),
    }
    return Verdict(tuple(text for text, holds in complaints.items() if holds))

"""What the callers saw: which answers came to their end, what failed, how long it took."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Failure:
    """A call that did not bring what was asked for, `at` seconds of the monotonic clock."""

    at: float
    kind: str


@dataclass(frozen=True, slots=True)
class Interval:
    """A stretch of the monotonic clock, in seconds."""

    begin: float
    end: float

    def holds(self, at: float) -> bool:
        return self.begin <= at < self.end


@dataclass(slots=True)
class Ledger:
    """The books of one crowd. `now` is the monotonic clock.

    An answer that carries an inference id is a promise of a record, whatever its status is; one
    with 200 that was right promises an inference, too.
    """

    sent: list[float] = field(default_factory=list)
    """When each call was due, or would have been."""
    answered: list[UUID] = field(default_factory=list)
    """Ids of answers seen to their end, errors of the provider included."""
    served: list[UUID] = field(default_factory=list)
    """Of these, ids of right answers with 200."""
    failures: list[Failure] = field(default_factory=list)
    times: list[tuple[float, float]] = field(default_factory=list)
    """Of each right whole answer: when it was due, and the seconds from then to its end."""

    def due(self, at: float) -> None:
        self.sent.append(at)

    def ended(self, identity: UUID | None) -> None:
        """An answer came to its end."""
        if identity is not None:
            self.answered.append(identity)

    def right(self, identity: UUID | None, due: float, *, stream: bool) -> None:
        """An answer came to its end, with 200, and is what the provider gave."""
        self.ended(identity)
        if identity is not None:
            self.served.append(identity)
        if not stream:
            self.times.append((due, time.monotonic() - due))

    def failed(self, kind: str) -> None:
        self.failures.append(Failure(time.monotonic(), kind))

    def calls(self, during: Interval | None = None) -> int:
        return sum(during is None or during.holds(at) for at in self.sent)

    def kinds(self) -> dict[str, int]:
        """How often calls failed, by how; the most frequent first."""
        return dict(Counter(each.kind for each in self.failures).most_common())

    def failing_seconds(self) -> int:
        """In how many seconds of the clock calls failed."""
        return len({int(each.at) for each in self.failures})

    def last_failure(self) -> float | None:
        return max((each.at for each in self.failures), default=None)

    def p99_ms(self, during: Interval) -> float | None:
        """Of the right whole answers to calls that were due in this time."""
        return percentile((took for due, took in self.times if during.holds(due)), 99)


def percentile(seconds: Iterable[float], hundredths: int) -> float | None:
    """In milliseconds; None of nothing."""
    ordered = sorted(seconds)
    return 1000 * ordered[len(ordered) * hundredths // 100] if ordered else None

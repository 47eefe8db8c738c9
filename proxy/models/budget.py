"""How many retries an upstream may be asked to bear: at most a share of its requests.

Counted per origin over a sliding window, in cells that all workers share, so that many workers
do not make many budgets. Only a second and later attempt of one call at the same origin is a
retry; failing over to another origin is not.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol


class Slots(Protocol):
    """One number for each process, of which this process may change its own."""

    def add(self, amount: float) -> None: ...

    def set(self, value: float) -> None: ...

    def get(self) -> float: ...

    def values(self) -> Sequence[float]:
        """One value a process."""


@dataclass(frozen=True, slots=True)
class Second:
    """The counts of one second of the ring: which second it is, requests and retries in it."""

    epoch: Slots
    requests: Slots
    retries: Slots


class Budget(Protocol):
    """What a route asks before it asks its provider."""

    def request(self) -> None:
        """Count a call's first attempt at this origin."""

    def try_retry(self) -> bool:
        """Count one more attempt of a call, if the budget allows it."""


class Unlimited:
    """The budget of a provider that asks nobody: no upstream has to bear its retries."""

    def request(self) -> None:
        """Nothing is counted."""

    def try_retry(self) -> bool:
        return True


class RetryBudget:
    """The budget of one origin. `ring` has one entry more than the window has seconds."""

    def __init__(
        self, ring: Sequence[Second], ratio: float, floor: int, now: Callable[[], float]
    ) -> None:
        self._ring = ring
        self._ratio = ratio
        self._floor = floor
        self._now = now
        self._latest = -1
        """The second that this process counts in."""
        self._requests: Slots | None = None
        """Its number of requests."""

    def request(self) -> None:
        """Count a call's first attempt at this origin."""
        requests = self._requests
        if requests is None or int(self._now()) != self._latest:
            requests = self._current().requests
        requests.add(1)

    def try_retry(self) -> bool:
        """Count one more attempt of a call, if the budget allows it."""
        current = self._current()
        requests, retries = self._window(current.epoch.get())
        if retries + 1 > max(self._floor, self._ratio * requests):
            return False
        current.retries.add(1)
        return True

    def _window(self, epoch: float) -> tuple[float, float]:
        """Requests and retries of all processes in the seconds that still count."""
        requests = retries = 0.0
        for second in self._ring:
            columns = (second.epoch.values(), second.requests.values(), second.retries.values())
            for then, asked, again in zip(*columns, strict=True):
                if then > epoch - len(self._ring):
                    requests += asked
                    retries += again
        return requests, retries

    def _current(self) -> Second:
        now = int(self._now())
        second = self._ring[now % len(self._ring)]
        epoch = float(now)
        if second.epoch.get() != epoch:
            second.epoch.set(epoch)
            second.requests.set(0)
            second.retries.set(0)
        self._latest, self._requests = now, second.requests
        return second

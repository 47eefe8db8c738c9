"""What the applications saw in one interval."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from math import ceil

BLOCK_S = 2.0


def quantile(ordered: Sequence[float], share: float) -> float:
    """The smallest value that so large a share of all is not above; 0 of nothing."""
    return ordered[max(0, ceil(share * len(ordered)) - 1)] if ordered else 0.0


class Tally:
    """Answers, faults and times. A fault is an answer that is wrong; a refusal is a status that
    the script allows."""

    def __init__(self) -> None:
        self.answered = 0
        self.refused = 0
        self.errors: list[str] = []
        self._begun = array("d")
        self._seconds = array("d")
        self._first = array("d")

    def add(self, asked_at: float, first_at: float, ended_at: float) -> None:
        self.answered += 1
        self._begun.append(asked_at)
        self._seconds.append(ended_at - asked_at)
        self._first.append(first_at - asked_at)

    def summary(self, began: float, ended: float) -> dict[str, object]:
        """For the parent. Times in ms, but for `elapsed_s`."""
        whole, first = sorted(self._seconds), sorted(self._first)
        return {
            "answered": self.answered,
            "refused": self.refused,
            "errors": len(self.errors),
            "first_errors": self.errors[:3],
            "elapsed_s": ended - began,
            "p50_ms": 1000 * quantile(whole, 0.5),
            "p99_ms": 1000 * quantile(whole, 0.99),
            "first_p50_ms": 1000 * quantile(first, 0.5),
            "first_p99_ms": 1000 * quantile(first, 0.99),
            "block_p99_ms": self._blocks(began),
        }

    def _blocks(self, began: float) -> list[float]:
        """The p99 of the calls that began in each whole block of `BLOCK_S` seconds."""
        blocks: dict[int, list[float]] = {}
        for at, seconds in zip(self._begun, self._seconds, strict=True):
            blocks.setdefault(int((at - began) / BLOCK_S), []).append(seconds)
        complete = sorted(blocks)[:-1]
        return [1000 * quantile(sorted(blocks[number]), 0.99) for number in complete]

"""How much of the machine others took: figures of time mean little where it was much."""

from __future__ import annotations

import os
import time
from pathlib import Path

from bench import measure

_IDLE = (3, 4)
"""Fields of the first line of /proc/stat that are no work: idle, and waiting for a disk."""


class Neighbours:
    """From its making on."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._all, self._ours = _all_work(), _our_work()

    def cores(self) -> float:
        """Cores that other programs were busy on, in the mean. Ours are this process and all that
        it started."""
        took = (_all_work() - self._all) - (_our_work() - self._ours)
        return max(0.0, took / (time.monotonic() - self._began))


def _all_work() -> float:
    """CPU-seconds that anybody has used since the machine started."""
    line = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]
    busy = sum(int(ticks) for field, ticks in enumerate(line) if field not in _IDLE)
    return busy * measure.TICK_S


def _our_work() -> float:
    return measure.cpu(os.getpid(), None).ours

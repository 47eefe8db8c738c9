"""How late the event loop is: a callback that is due at a known time, and sees when it ran."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

INTERVAL_S = 0.1


class LoopLag:
    """Tells `observe` the lateness in seconds, ten times a second, until it is stopped."""

    def __init__(self, observe: Callable[[float], None], interval: float = INTERVAL_S) -> None:
        self._observe = observe
        self._interval = interval
        self._loop = asyncio.get_running_loop()
        self._due = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        self._due = self._loop.time() + self._interval
        self._timer = self._loop.call_at(self._due, self._tick)

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _tick(self) -> None:
        self._observe(max(0.0, self._loop.time() - self._due))
        self.start()

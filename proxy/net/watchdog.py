"""Time limits of many calls, enforced by one sweep.

A timer for each call and each block costs more than all else that happens to a block. Here a call
notes when it last made progress, and a sweep every `interval` seconds looks who is late; a limit
is therefore met to within that interval. Whoever cannot be late for a while is passed over until
then.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from types import TracebackType

from proxy.errors import UpstreamTimeout
from proxy.types.ports import Limits

SWEEP_SECONDS = 0.05

TAIL_SECONDS = 0.25
"""How long the end of a body may lag behind its final event before the call counts as ended."""

FAR = float("inf")


class Flight:
    """One watched call. As a context manager it turns its own expiry into `UpstreamTimeout`;
    between `begin` and `end` it calls what it was given.

    `progress()` at each block; `token()` when the first token is there; `final()` at the final
    event; `pause()` and `progress()` around waiting for a slow client, which is nobody's fault.
    While a body is sent in blocks, `hold()` before waiting for the next and `sent()` after each:
    the first token is waited for from the last.
    """

    __slots__ = (
        "_alarm",
        "_dog",
        "_task",
        "asked",
        "due",
        "expired",
        "finished_at",
        "last",
        "limits",
        "now",
        "started",
        "waiting",
    )

    def __init__(self, dog: Watchdog, limits: Limits) -> None:
        self._dog = dog
        self.now = dog.now
        self._task: asyncio.Task[object] | None = None
        self._alarm: Callable[[], None] | None = None
        self.limits = limits
        self.started = self.asked = self.last = dog.now()
        self.due = 0.0
        """No limit passes before; nothing but `final` brings one nearer that is not in sight."""
        self.waiting = True
        self.finished_at: float | None = None
        self.expired: tuple[str, float] | None = None

    def progress(self) -> None:
        self.last = self.now()

    def pause(self) -> None:
        self.last = FAR

    def hold(self) -> None:
        self.asked = self.last = FAR

    def sent(self) -> None:
        self.asked = self.last = self.now()

    def token(self) -> None:
        self.waiting = False

    def final(self) -> None:
        if self.finished_at is None:
            self.finished_at = self.now()
            self.due = 0.0

    def late(self, now: float) -> tuple[str, float] | None:
        """The name and the seconds of the limit that has passed, if one has."""
        limits = self.limits
        if self.finished_at is not None:
            return ("tail", TAIL_SECONDS) if now - self.finished_at > TAIL_SECONDS else None
        due = FAR
        if limits.total is not None:
            due = self.started + limits.total
            if now > due:
                return "total", limits.total
        if self.waiting and limits.first_token is not None:
            due = min(due, self.asked + limits.first_token)
            if now > due:
                return "first_token", limits.first_token
        if limits.idle is not None:
            due = min(due, self.last + limits.idle)
            if now > due:
                return "idle", limits.idle
        waits = max(self.last, self.asked) == FAR  # who is held or paused may go on at any time
        self.due = now if waits else due
        return None

    def begin(self, alarm: Callable[[], None]) -> None:
        """Be watched; `alarm` is called, once, when a limit has passed: `expired` says which."""
        self._alarm = alarm
        self._dog.add(self)

    def end(self) -> None:
        """Be watched no longer."""
        self._alarm = None
        self._dog.discard(self)

    def expire(self, limit: tuple[str, float]) -> None:
        self.expired = limit
        if self._alarm is not None:
            self._alarm()
        elif self._task is not None:
            self._task.cancel()

    def __enter__(self) -> Flight:
        self._task = asyncio.current_task()
        self._dog.add(self)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._dog.discard(self)
        if self.expired is None or self._task is None:
            return
        others = self._task.uncancel()
        if isinstance(error, asyncio.CancelledError) and others == 0:
            raise UpstreamTimeout(*self.expired) from None


class Watchdog:
    """All watched calls of one event loop, and the sweep over them."""

    def __init__(self, interval: float = SWEEP_SECONDS) -> None:
        self._loop = asyncio.get_running_loop()
        self._interval = interval
        self._flights: set[Flight] = set()
        self._timer: asyncio.TimerHandle | None = None
        self.now = time.monotonic

    def watch(self, limits: Limits) -> Flight:
        return Flight(self, limits)

    def add(self, flight: Flight) -> None:
        self._flights.add(flight)
        if self._timer is None:
            self._timer = self._loop.call_later(self._interval, self._sweep)

    def discard(self, flight: Flight) -> None:
        self._flights.discard(flight)

    def _sweep(self) -> None:
        self._timer = None
        now = self.now()
        for flight in [each for each in self._flights if each.due <= now]:
            limit = flight.late(now)
            if limit is not None:
                self._flights.discard(flight)
                flight.expire(limit)
        if self._flights:
            self._timer = self._loop.call_later(self._interval, self._sweep)

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

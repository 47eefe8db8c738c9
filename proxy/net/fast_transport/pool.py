"""Idle connections by origin, and all that are open.

The connection that was used last is used next, so that those which a burst has left grow old and
are closed: after `KEEPALIVE_SECONDS`, or a second before the server said that it would.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from proxy.net.fast_transport.head import Origin

if TYPE_CHECKING:
    from proxy.net.fast_transport.connection import Connection

KEEPALIVE_SECONDS = 30.0
MARGIN_SECONDS = 1.0
"""A server counts from when it had sent its answer, and its end is on the way for a while."""
SWEEP_SECONDS = 5.0


class Pool:
    """The connections of one transport."""

    def __init__(self, loop: asyncio.AbstractEventLoop, now: Callable[[], float]) -> None:
        self._loop = loop
        self._now = now
        self._idle: dict[Origin, list[Connection]] = {}
        self._open: set[Connection] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False

    def __len__(self) -> int:
        """How many are open, in use or not."""
        return len(self._open)

    def take(self, origin: Origin, now: float) -> Connection | None:
        """An idle connection, for its taker alone; None if there is none that is good."""
        idle = self._idle.get(origin)
        while idle:
            connection = idle.pop()
            if connection.closed:
                continue
            if connection.idle_until > now:
                return connection
            connection.close()
        return None

    def enter(self, connection: Connection) -> None:
        """Know a connection that has been opened, and is in use."""
        if self._closed:
            connection.close()
        elif not connection.closed:
            self._open.add(connection)

    def put(self, connection: Connection, now: float) -> None:
        """Keep one that nobody uses any more."""
        said = connection.reader.keep_alive_for
        seconds = KEEPALIVE_SECONDS
        if said is not None and said - MARGIN_SECONDS < seconds:
            seconds = said - MARGIN_SECONDS
        if seconds <= 0:
            connection.close()
            return
        connection.idle_until = now + seconds
        idle = self._idle.get(connection.origin)
        if idle is None:
            idle = self._idle[connection.origin] = []
        idle.append(connection)
        if self._timer is None:
            self._timer = self._loop.call_later(SWEEP_SECONDS, self._sweep)

    def discard(self, connection: Connection) -> None:
        """Forget one that is closed."""
        self._open.discard(connection)  # an idle one is passed over by `take`, and swept away

    def close(self) -> None:
        """Close all, now and later; those in use fail their calls."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._idle.clear()
        for connection in list(self._open):
            connection.close()

    def _sweep(self) -> None:
        now = self._now()
        self._timer = None
        for origin, idle in list(self._idle.items()):
            good = [each for each in idle if each.idle_until > now and not each.closed]
            for each in idle:
                if each.idle_until <= now:
                    each.close()
            if good:
                self._idle[origin] = good
            else:
                del self._idle[origin]
        if self._idle:
            self._timer = self._loop.call_later(SWEEP_SECONDS, self._sweep)

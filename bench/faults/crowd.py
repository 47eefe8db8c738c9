"""The applications: calls that are made when they are due, whole answers and streams mixed.

Open loop: a call that is slow or fails keeps no other from being made, and its time counts from
when it was due. Connections are kept alive and used again, as SDKs do; a failed call is not
repeated, so that each failure is seen.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time

from bench.faults.calls import PATH, STREAM, WHOLE
from bench.faults.connection import Connection
from bench.faults.ledger import Ledger

STREAM_SHARE = 0.3
"""Of the calls; the rest ask for whole answers."""

PATIENCE_S = 15.0
"""After so long an application gives up."""

MOST_AT_ONCE = 3000
TICK_S = 0.005
SWEEP_S = 0.5


class Crowd:
    """Calls the function `model` at a port of this machine, and keeps the books."""

    def __init__(self, port: int, model: str, *, seed: int = 1) -> None:
        host = f"127.0.0.1:{port}"
        self._port = port
        self._whole = WHOLE.request(model, path=PATH, host=host)
        self._stream = STREAM.request(model, path=PATH, host=host)
        self._random = random.Random(seed)
        self._idle: list[Connection] = []
        self._busy: dict[Connection, float] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._running: list[asyncio.Task[None]] = []
        self._closed_until = 0.0
        self.ledger = Ledger()

    # Two ways to ask.

    def start(self, rate: float) -> None:
        """Ask `rate` times a second from now on."""
        self._running = [
            asyncio.create_task(self._keep_asking(rate)),
            asyncio.create_task(self._keep_sweeping()),
        ]

    async def stop(self) -> None:
        """Ask no more, and wait for what is under way."""
        asking, *others = self._running
        await _ended(asking)
        deadline = time.monotonic() + PATIENCE_S + 1
        while (self._busy or self._tasks) and time.monotonic() < deadline:
            await asyncio.sleep(0.05)
        for task in (*others, *self._tasks):
            await _ended(task)
        for connection in [*self._idle, *self._busy]:
            connection.close()

    async def saturate(self, connections: int, seconds: float) -> None:
        """Closed loop: so many applications ask again as soon as they were answered."""
        self._closed_until = time.monotonic() + seconds
        sweeping = asyncio.create_task(self._keep_sweeping())
        for _ in range(connections):
            self.ask(time.monotonic())
        while self._busy or self._tasks:
            await asyncio.sleep(0.02)
        self._closed_until = 0.0
        await _ended(sweeping)

    async def _keep_asking(self, rate: float) -> None:
        began = time.monotonic()
        number = 0
        while True:
            now = time.monotonic()
            while began + number / rate <= now:
                self.ask(began + number / rate)
                number += 1
            await asyncio.sleep(TICK_S)

    async def _keep_sweeping(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_S)
            overdue = time.monotonic() - PATIENCE_S
            for connection in [each for each, since in self._busy.items() if since < overdue]:
                connection.give_up("no answer in time")

    # One call.

    def ask(self, due: float) -> None:
        """Make a call now, which was due at `due`."""
        self.ledger.due(due)
        body = self._stream if self._random.random() < STREAM_SHARE else self._whole
        if self._idle:
            self._send(self._idle.pop(), body, due)
        elif len(self._busy) + len(self._tasks) >= MOST_AT_ONCE:
            self.ledger.failed("too many under way")
        else:
            task = asyncio.get_running_loop().create_task(self._connect_and_send(body, due))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _connect_and_send(self, body: bytes, due: float) -> None:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(PATIENCE_S):
                _, made = await loop.create_connection(
                    lambda: Connection(self), "127.0.0.1", self._port
                )
        except OSError:  # a TimeoutError is one, too
            self.ledger.failed("no connection")
            self._next()
            return
        if made.lost:
            self.ledger.failed("cut off")
            self._next()
        else:
            self._send(made, body, due)

    def _send(self, connection: Connection, body: bytes, due: float) -> None:
        self._busy[connection] = time.monotonic()
        connection.ask(body, due, stream=body is self._stream)

    # What connections tell.

    def released(self, connection: Connection) -> None:
        """Its call has ended, and it can be used again."""
        self._busy.pop(connection, None)
        self._idle.append(connection)
        self._next()

    def gone(self, connection: Connection, *, in_answer: bool) -> None:
        """It was closed, by whomever."""
        self._busy.pop(connection, None)
        with contextlib.suppress(ValueError):
            self._idle.remove(connection)
        if in_answer:
            self._next()

    def _next(self) -> None:
        if time.monotonic() < self._closed_until:
            self.ask(time.monotonic())


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task

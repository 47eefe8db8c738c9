"""An open loop: calls begin when they are due, and wait for nobody.

Times between calls are drawn from an exponential distribution, as those of many callers who know
nothing of each other. Each latency counts from the time at which the call was due. So a server that
stands still for a second is charged with all the calls of that second, not with one.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from itertools import cycle
from time import perf_counter

from bench.loads.alarm import Alarm
from bench.loads.connection import Answer, Connection, Connector
from bench.loads.tally import Tally
from bench.loads.target import Command, Target, Tell


class Arrivals:
    """Calls at times of their own, over as many connections as that takes."""

    def __init__(self, target: Target, connector: Connector, command: Command, tell: Tell) -> None:
        self._connector = connector
        self._requests = cycle(target.build_requests())
        self._command = command
        self._tell = tell
        self._random = random.Random(command.seed)
        self._idle: list[Connection] = []
        self._open = 0
        self._waiting: deque[float] = deque()
        """When calls were due that have no connection yet."""
        self._under_way = 0
        self._left = command.count or 2**62
        self._due = self._until = 0.0
        self._tally = Tally()
        self._over = False
        self._quiet = asyncio.Event()
        self._alarm = Alarm(self._ring)
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self, told: asyncio.Task[str] | None) -> dict[str, object]:
        """Until the command's end, or until `told` is done; then wait for what is under way."""
        began = perf_counter()
        self._due = began + self._gap()
        self._until = began + (self._command.seconds or 1e9)
        self._alarm.set(self._due)
        if told is not None:
            told.add_done_callback(lambda _: self._stop())
        progress = asyncio.create_task(self._report())
        await self._quiet.wait()
        progress.cancel()
        self._alarm.close()
        for connection in self._idle:
            connection.close()
        return self._tally.summary(began, perf_counter())

    async def _report(self) -> None:
        while self._command.tell_s:
            await asyncio.sleep(self._command.tell_s)
            self._tell({"progress": self._tally.answered})

    def _gap(self) -> float:
        return self._random.expovariate(self._command.rate)

    def _stop(self) -> None:
        self._until = 0.0

    def _ring(self) -> None:
        now = perf_counter()
        while self._due <= now and self._due < self._until and self._left:
            self._left -= 1
            self._begin(self._due)
            self._due += self._gap()
        if self._due < self._until and self._left:
            self._alarm.set(self._due)
        else:
            self._over = True
            self._rest()

    def _begin(self, due: float) -> None:
        self._under_way += 1
        if self._idle:
            self._idle.pop().ask(next(self._requests), due)
            return
        self._waiting.append(due)
        if self._open < self._command.connections:
            self._open += 1
            task = asyncio.get_running_loop().create_task(self._connect())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _connect(self) -> None:
        try:
            connection = await self._connector.connect(self)
        except OSError as error:
            self._open -= 1
            self.failed(f"cannot connect: {error}")
            if self._waiting:
                self._waiting.popleft()
                self._ended()
            return
        self._next(connection)

    def _next(self, connection: Connection) -> None:
        if self._waiting:
            connection.ask(next(self._requests), self._waiting.popleft())
        else:
            self._idle.append(connection)

    def answered(self, connection: Connection, answer: Answer) -> None:
        self._tally.add(answer.asked_at, answer.first_at, answer.ended_at)
        if answer.wrong:
            self.failed(answer.wrong)
        self._next(connection)
        self._ended()

    def failed(self, what: str) -> None:
        self._tally.errors.append(what)

    def lost(self, connection: Connection, *, in_answer: bool) -> None:
        self._open -= 1
        if connection in self._idle:
            self._idle.remove(connection)
        if in_answer:
            self.failed("the connection was closed before the end of the answer")
            self._ended()

    def _ended(self) -> None:
        self._under_way -= 1
        self._rest()

    def _rest(self) -> None:
        if self._over and not self._under_way:
            self._quiet.set()

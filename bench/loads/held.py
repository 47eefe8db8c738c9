"""Streams that are all open at once: begun one after the other, held, then read to their ends."""

from __future__ import annotations

import asyncio
from itertools import cycle
from time import perf_counter

from bench.loads.connection import Answer, Connection, Connector
from bench.loads.tally import Tally
from bench.loads.target import Command, Target, Tell

AT_ONCE = 50
QUIET_S = 0.5


class Streams:
    """As many streams as the command has connections."""

    def __init__(self, target: Target, connector: Connector, command: Command, tell: Tell) -> None:
        self._connector = connector
        self._requests = cycle(target.build_requests())
        self._command = command
        self._tell = tell
        self._tally = Tally()
        self._left = command.connections
        self._ended = asyncio.Event()
        self._connections: list[Connection] = []

    async def run(self, told: asyncio.Task[str]) -> dict[str, object]:
        """Says when all streams stand still; reads them to their ends when told."""
        began = perf_counter()
        while len(self._connections) < self._command.connections:
            for _ in range(min(AT_ONCE, self._command.connections - len(self._connections))):
                connection = await self._connector.connect(self)
                self._connections.append(connection)
                connection.ask(next(self._requests), perf_counter())
            await self._standing()
        await self._standing(QUIET_S)
        self._tell({"held": sum(each.asking for each in self._connections)})
        await told
        await self._ended.wait()
        return self._tally.summary(began, perf_counter())

    async def _standing(self, quiet_s: float = 0.02) -> None:
        """Until every stream has begun, and for a while none has grown."""
        before = -1
        while not self._ended.is_set():
            sizes = [each.total for each in self._connections]
            if sum(sizes) == before and all(sizes):
                return
            before = sum(sizes)
            await asyncio.sleep(quiet_s)

    def answered(self, connection: Connection, answer: Answer) -> None:
        self._tally.add(answer.asked_at, answer.first_at, answer.ended_at)
        if answer.wrong:
            self.failed(answer.wrong)
        self._over(connection)

    def failed(self, what: str) -> None:
        self._tally.errors.append(what)

    def lost(self, connection: Connection, *, in_answer: bool) -> None:
        if in_answer:
            self.failed("the connection was closed before the end of the answer")
            self._over(connection)

    def _over(self, connection: Connection) -> None:
        self._left -= 1
        connection.close()
        if self._left == 0:
            self._ended.set()

"""A closed loop: each application asks again as soon as it was answered."""

from __future__ import annotations

import asyncio
from itertools import cycle
from time import perf_counter

from bench.loads.connection import Answer, Connection, Connector
from bench.loads.tally import Tally
from bench.loads.target import Command, Target


class Crowd:
    """All applications. It may run several times; connections are kept between."""

    MAX_ERRORS = 1000

    def __init__(self, target: Target, connector: Connector) -> None:
        self._connector = connector
        self._requests = cycle(target.build_requests())
        self._may_refuse = target.plays.fails
        self._connections: list[Connection] = []
        self._asking = 0
        self._until = 0.0
        self._left = 0
        self._tally = Tally()
        self._quiet = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self, command: Command) -> dict[str, object]:
        """Ask for so long, or so often, then wait for the answers under way."""
        while len(self._connections) < command.connections:
            self._connections.append(await self._connector.connect(self))
        self._tally, self._asking = Tally(), len(self._connections)
        self._left = command.count or 2**62
        self._quiet.clear()
        began = perf_counter()
        self._until = began + (command.seconds or 1e9)
        loop = asyncio.get_running_loop()
        for index, connection in enumerate(self._connections):
            share = index / len(self._connections)
            loop.call_later(command.spread_s * share, self._ask, connection)
        await self._quiet.wait()
        return self._tally.summary(began, perf_counter())

    def close(self) -> None:
        for connection in list(self._connections):
            connection.close()

    def _ask(self, connection: Connection) -> None:
        self._left -= 1
        connection.ask(next(self._requests), perf_counter())

    def answered(self, connection: Connection, answer: Answer) -> None:
        self._tally.add(answer.asked_at, answer.first_at, answer.ended_at)
        if answer.refused and self._may_refuse:
            self._tally.refused += 1
        elif answer.wrong:
            self.failed(answer.wrong)
        if self._more():
            self._ask(connection)
        else:
            self._rested()

    def failed(self, what: str) -> None:
        self._tally.errors.append(what)

    def lost(self, connection: Connection, *, in_answer: bool) -> None:
        """A connection is gone; where that left a call unanswered, another takes its place."""
        if connection in self._connections:
            self._connections.remove(connection)
        if not in_answer:
            return
        self.failed("the connection was closed before the end of the answer")
        if not self._more():
            self._rested()
            return
        task = asyncio.get_running_loop().create_task(self._replace())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _replace(self) -> None:
        try:
            connection = await self._connector.connect(self)
        except OSError as error:
            self.failed(f"cannot connect: {error}")
            self._rested()
            return
        self._connections.append(connection)
        self._ask(connection)

    def _more(self) -> bool:
        few_errors = len(self._tally.errors) < self.MAX_ERRORS
        return self._left > 0 and perf_counter() < self._until and few_errors

    def _rested(self) -> None:
        self._asking -= 1
        if self._asking == 0:
            self._quiet.set()

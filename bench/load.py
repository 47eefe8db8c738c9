"""The applications: a closed loop of plain protocols on uvloop, which checks every answer.

    python -m bench.load --scenario unary --port PORT --model NAME --warm 0.5 --seconds 3

Speaks with its parent in lines. After the warm-up, when nothing is in flight, it prints a line of
JSON and waits for a line; then it runs again, ends when the last answer is complete, and prints
the second. So the parent's accounts hold exactly the calls that are counted.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import sys
from dataclasses import replace
from time import perf_counter
from typing import cast

import uvloop

from bench.canned import SCENARIOS, Scenario, request

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_OK = b"HTTP/1.1 200 "
_END = b"0\r\n\r\n"


def unframed(framed: bytes) -> bytes | None:
    """The body inside chunked framing; None where the framing is broken."""
    parts: list[bytes] = []
    at = 0
    while True:
        line_end = framed.find(b"\r\n", at)
        try:
            size = int(framed[at:line_end], 16)
        except ValueError:
            return None
        start = line_end + 2
        if size == 0:
            return b"".join(parts) if framed[start:] == b"\r\n" else None
        parts.append(framed[start : start + size])
        at = start + size + 2


class Tally:
    """What the applications saw in one interval."""

    def __init__(self) -> None:
        self.answered = 0
        self.errors: list[str] = []
        self.seconds: list[float] = []

    def summary(self, elapsed: float) -> dict[str, object]:
        ordered = sorted(self.seconds) or [0.0]
        return {
            "answered": self.answered,
            "errors": len(self.errors),
            "first_errors": self.errors[:3],
            "elapsed_s": elapsed,
            "p50_ms": 1000 * ordered[len(ordered) // 2],
            "p99_ms": 1000 * ordered[len(ordered) * 99 // 100],
        }


class Application(asyncio.Protocol):
    """One connection that asks again as soon as it was answered, while the crowd runs."""

    def __init__(self, crowd: Crowd) -> None:
        self._crowd = crowd
        self._transport: asyncio.Transport | None = None
        self._received: list[bytes] = []
        self._body_from = 0
        self._body_bytes: int | None = None
        self._total = 0
        self._asked_at = 0.0
        self.asking = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's own class

    def ask(self) -> None:
        assert self._transport is not None
        self._received = []
        self._body_from = self._total = 0
        self._body_bytes = None
        self.asking = True
        self._asked_at = perf_counter()
        self._transport.write(self._crowd.request)

    def data_received(self, data: bytes) -> None:
        if not self.asking:
            self._crowd.failed("bytes that nobody asked for")
            return
        self._received.append(data)
        self._total += len(data)
        if not self._body_from:
            self._read_head()
        if self._body_from and self._complete(data):
            self._answered()

    def _read_head(self) -> None:
        data = b"".join(self._received)
        self._received = [data]
        end = data.find(b"\r\n\r\n")
        if end >= 0:
            self._body_from = end + 4
            length = _LENGTH.search(data, 0, end)
            self._body_bytes = int(length[1]) if length else None

    def _complete(self, latest: bytes) -> bool:
        if self._body_bytes is not None:
            return self._total >= self._body_from + self._body_bytes
        tail = latest if len(latest) >= len(_END) else b"".join(self._received[-5:])
        return tail.endswith(_END)

    def _answered(self) -> None:
        self.asking = False
        seconds = perf_counter() - self._asked_at
        self._crowd.answered(self, self._verdict(), seconds)

    def _verdict(self) -> str:
        """What is wrong with the answer; nothing if it is right to the byte."""
        data = b"".join(self._received)
        if not data.startswith(_OK):
            return data[:300].decode(errors="replace")
        body: bytes | None = data[self._body_from :]
        if self._body_bytes is None and body is not None:
            body = unframed(body)
        return "" if body == self._crowd.expected else f"wrong body: {(body or data)[-200:]!r}"

    def connection_lost(self, _: Exception | None) -> None:
        in_answer, self.asking = self.asking, False
        self._crowd.lost(self, in_answer=in_answer)


class Crowd:
    """All applications of one scenario."""

    MAX_ERRORS = 1000

    def __init__(self, scenario: Scenario, port: int, model: str) -> None:
        self._scenario = scenario
        self._port = port
        self.request = request(model, stream=scenario.stream, host=f"127.0.0.1:{port}")
        self.expected = scenario.expected()
        self._applications: list[Application] = []
        self._asking = 0
        self._until = 0.0
        self._tally = Tally()
        self._quiet = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self, seconds: float) -> dict[str, object]:
        """Ask for so long, then wait for the answers under way."""
        while len(self._applications) < self._scenario.connections:
            self._applications.append(await self._connect())
        self._tally, self._asking = Tally(), len(self._applications)
        self._quiet.clear()
        began = perf_counter()
        self._until = began + seconds
        self._begin(asyncio.get_running_loop())
        await self._quiet.wait()
        return self._tally.summary(perf_counter() - began)

    def _begin(self, loop: asyncio.AbstractEventLoop) -> None:
        for index, application in enumerate(self._applications):
            share = index / len(self._applications)
            loop.call_later(self._scenario.spread_s * share, application.ask)

    async def _connect(self) -> Application:
        loop = asyncio.get_running_loop()
        _, application = await loop.create_connection(
            lambda: Application(self), "127.0.0.1", self._port
        )
        return application

    def answered(self, application: Application, wrong: str, seconds: float) -> None:
        self._tally.answered += 1
        self._tally.seconds.append(seconds)
        if wrong:
            self.failed(wrong)
        if self._more():
            application.ask()
        else:
            self._rested()

    def failed(self, what: str) -> None:
        self._tally.errors.append(what)

    def lost(self, application: Application, *, in_answer: bool) -> None:
        """A connection is gone; where that left a call unanswered, another takes its place."""
        if application in self._applications:
            self._applications.remove(application)
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
            application = await self._connect()
        except OSError as error:
            self.failed(f"cannot connect: {error}")
            self._rested()
            return
        self._applications.append(application)
        application.ask()

    def _more(self) -> bool:
        return perf_counter() < self._until and len(self._tally.errors) < self.MAX_ERRORS

    def _rested(self) -> None:
        self._asking -= 1
        if self._asking == 0:
            self._quiet.set()


async def run(options: argparse.Namespace) -> None:
    """Warm up, wait for the parent, measure."""
    scenario = SCENARIOS[options.scenario]
    scenario = replace(scenario, connections=scenario.connections * options.times)
    crowd = Crowd(scenario, options.port, options.model)
    print(json.dumps(await crowd.run(options.warm)), flush=True)
    sys.stdin.readline()
    print(json.dumps(await crowd.run(options.seconds)), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description="A closed loop of applications.")
    parser.add_argument("--scenario", choices=sorted(SCENARIOS), required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--model", required=True)
    parser.add_argument("--warm", type=float, default=0.5)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--times", type=int, default=1, help="so many times the connections")
    uvloop.run(run(parser.parse_args()))


if __name__ == "__main__":
    main()

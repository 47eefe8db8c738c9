from __future__ import annotations

import asyncio
import time

import pytest

from bench.canned import SCRIPTS
from bench.loads.closed import Crowd
from bench.loads.connection import Connector, unframed
from bench.loads.held import Streams
from bench.loads.open import Arrivals
from bench.loads.tally import quantile
from bench.loads.target import Command, Target
from bench.provider import Theatre
from bench.upstream import Whole
from tests.unit.bench.servers import build_theatre, provider, served, target


def silent(_: dict[str, object]) -> None:
    """Progress that nobody reads."""


async def closed(at: Target, command: Command) -> dict[str, object]:
    crowd = Crowd(at, Connector(at))
    seen = await crowd.run(command)
    crowd.close()
    return seen


async def arrivals(at: Target, command: Command) -> dict[str, object]:
    return await Arrivals(at, Connector(at), command, silent).run(None)


@pytest.mark.parametrize("script", ["small", "large", "unpaced"])
async def test_a_closed_loop_asks_as_often_as_it_is_told_and_checks_each_answer(
    script: str,
) -> None:
    async with provider() as port:
        seen = await closed(target(port, script), Command("closed", 4, count=20))
    assert seen["errors"] == 0
    assert 20 <= int(str(seen["answered"])) <= 23


async def test_a_wrong_answer_is_an_error() -> None:
    async with provider(build_theatre(small=Whole(SCRIPTS["large"]))) as port:
        seen = await closed(target(port), Command("closed", 1, count=3))
    assert seen["errors"] == 3
    assert "wrong body" in str(seen["first_errors"])


async def test_a_refusal_is_no_error_where_the_script_has_them() -> None:
    async with provider() as port:
        seen = await closed(target(port, "failing"), Command("closed", 1, count=10))
    assert (seen["answered"], seen["refused"], seen["errors"]) == (10, 5, 0)


class Closing(asyncio.Protocol):
    """Ends every connection at its first byte."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.transport.close()


async def test_a_connection_that_ends_early_is_an_error_and_no_hang() -> None:
    async with served(Closing) as port:
        seen = await closed(target(port), Command("closed", 2, count=6))
        also = await arrivals(target(port), Command("open", 8, count=6, rate=200))
    assert int(str(seen["errors"])) >= 4
    assert also["errors"] == 6


async def test_an_open_loop_makes_all_its_calls() -> None:
    async with provider() as port:
        seen = await arrivals(target(port), Command("open", 64, count=50, rate=500))
    assert (seen["answered"], seen["errors"]) == (50, 0)


class Stalling(Theatre):
    """Stands still once, with all that is in its process."""

    def __init__(self) -> None:
        super().__init__({"small": Whole(SCRIPTS["small"])})
        self._stalled = False

    def serve(self, transport: asyncio.Transport, request: bytes) -> None:
        if not self._stalled:
            self._stalled = True
            time.sleep(0.4)
        super().serve(transport, request)


async def test_calls_that_were_due_while_everything_stood_still_are_charged_with_it() -> None:
    """One call met the pause; a hundred were due in it. A closed loop would count one."""
    async with provider(Stalling()) as port:
        seen = await arrivals(target(port), Command("open", 256, seconds=0.5, rate=400))
    assert float(str(seen["p50_ms"])) > 50


async def test_an_open_loop_ends_when_it_is_told() -> None:
    async with provider() as port:
        at = target(port)
        told = asyncio.create_task(asyncio.sleep(0.1, "stop"))
        loop = Arrivals(at, Connector(at), Command("open", 64, until_told=True, rate=100), silent)
        seen = await loop.run(told)
    assert seen["errors"] == 0


async def test_held_streams_stand_together_and_end_when_told() -> None:
    theatre = build_theatre()
    lines: list[dict[str, object]] = []
    async with provider(theatre) as port:
        at = target(port, "held")

        async def go_on() -> str:
            while not lines:
                await asyncio.sleep(0.01)
            theatre.release()
            return ""

        streams = Streams(at, Connector(at), Command("held", 5), lines.append)
        seen = await streams.run(asyncio.create_task(go_on()))
    assert lines == [{"held": 5}]
    assert (seen["answered"], seen["errors"]) == (5, 0)


def test_many_functions_are_asked_in_turn() -> None:
    many = Target(1, "/", "f_{n}", "bytes", "small", functions=3)
    assert [b'"f_%d"' % n in request for n, request in enumerate(many.build_requests())] == [
        True
    ] * 3


def test_broken_framing_is_seen() -> None:
    assert unframed(b"3\r\nabc\r\n0\r\n\r\n") == b"abc"
    assert unframed(b"3\r\nabc\r\n0\r\n\r\nmore") is None
    assert unframed(b"x\r\nabc\r\n0\r\n\r\n") is None


def test_a_quantile_is_a_value_that_was_seen() -> None:
    assert quantile([1, 2, 3, 4], 0.5) == 2
    assert quantile([float(each) for each in range(1, 101)], 0.99) == 99
    assert quantile([], 0.99) == 0

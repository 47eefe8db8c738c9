"""Connections that are kept, and given up, and found dead; on both transports where both can."""

from __future__ import annotations

import asyncio
import socket
import struct
from dataclasses import dataclass

import pytest

from proxy.errors import UpstreamReset
from proxy.net.fast_transport import FastTransport
from proxy.net.watchdog import Watchdog
from proxy.types.ports import Transport
from tests.unit.net.transport_servers import (
    OK,
    TRANSPORTS,
    Answer,
    open_connections,
    read_request,
    request,
    sending,
    serving,
    turns,
)

KINDS = sorted(TRANSPORTS)
both = pytest.mark.parametrize("kind", KINDS)


@dataclass
class Dying:
    """Serves `good` requests on a connection; the next one costs it its life, after `words`."""

    good: int = 1
    words: bytes = b""
    reset: bool = False
    connections: int = 0
    requests: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        for _ in range(self.good):
            await read_request(reader)
            self.requests += 1
            writer.write(OK)
        await read_request(reader)
        self.requests += 1
        writer.write(self.words)
        await turns()
        if self.reset:
            linger = struct.pack("ii", 1, 0)
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)


class Budget:
    """How often a resend was asked for."""

    def __init__(self, allows: bool = True) -> None:
        self.allows, self.asked = allows, 0

    def __call__(self) -> bool:
        self.asked += 1
        return self.allows


async def call(transport: Transport, base: str, budget: Budget | None = None) -> Answer:
    answer = Answer()
    await transport.send(request(base, may_resend=budget or Budget()), answer)
    return answer


@both
@pytest.mark.parametrize("reset", [False, True])
async def test_a_request_on_a_connection_that_the_server_gave_up_is_sent_once_more(
    kind: str, reset: bool
) -> None:
    server, budget = Dying(reset=reset), Budget()
    async with serving(server.serve) as base, sending(kind) as transport:
        await call(transport, base, budget)
        assert budget.asked == 0
        answer = await call(transport, base, budget)
        assert (answer.body, answer.error) == (b"ok", None)
    assert (budget.asked, server.connections, server.requests) == (1, 2, 3)


@both
async def test_it_is_not_sent_again_where_the_budget_forbids(kind: str) -> None:
    server, budget = Dying(), Budget(allows=False)
    async with serving(server.serve) as base, sending(kind) as transport:
        await call(transport, base)
        answer = await call(transport, base, budget)
        assert isinstance(answer.error, UpstreamReset)
    assert (budget.asked, server.connections) == (1, 1)


@both
async def test_a_new_connection_that_dies_is_no_stale_one(kind: str) -> None:
    server, budget = Dying(good=0), Budget()
    async with serving(server.serve) as base, sending(kind) as transport:
        answer = await call(transport, base, budget)
        assert isinstance(answer.error, UpstreamReset)
        assert open_connections(transport) == 0
    assert (budget.asked, server.connections) == (0, 1)


async def test_the_second_time_is_on_a_new_connection_though_others_are_kept() -> None:
    server, budget = Dying(), Budget()
    async with serving(server.serve) as base, sending("fast") as transport:
        await asyncio.gather(*(call(transport, base) for _ in range(5)))
        assert open_connections(transport) == 5
        answer = await call(transport, base, budget)
        assert answer.body == b"ok"
    assert (budget.asked, server.connections) == (1, 6)


async def test_nothing_is_sent_again_once_a_byte_of_an_answer_came() -> None:
    server, budget = Dying(words=b"H"), Budget()
    async with serving(server.serve) as base, sending("fast") as transport:
        await call(transport, base)
        answer = await call(transport, base, budget)
        assert isinstance(answer.error, UpstreamReset)
    assert (budget.asked, server.connections) == (0, 1)


@both
async def test_a_connection_seen_to_be_closed_is_not_used_and_costs_no_resend(kind: str) -> None:
    connections = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await read_request(reader)
        writer.write(OK)

    budget = Budget()
    async with serving(serve) as base, sending(kind) as transport:
        for _ in range(3):
            assert (await call(transport, base, budget)).body == b"ok"
            await turns(10)
            assert kind == "aiohttp" or open_connections(transport) == 0
    assert (budget.asked, connections) == (0, 3)


@both
async def test_calls_one_after_another_share_a_connection(kind: str) -> None:
    server = Dying(good=100)
    async with serving(server.serve) as base, sending(kind) as transport:
        for _ in range(20):
            assert (await call(transport, base)).body == b"ok"
    assert server.connections == 1


async def test_origins_do_not_share_connections() -> None:
    servers = Dying(good=9), Dying(good=9)
    async with (
        serving(servers[0].serve) as one,
        serving(servers[1].serve) as two,
        sending("fast") as transport,
    ):
        for base in (one, two, one, two):
            assert (await call(transport, base)).body == b"ok"
        assert open_connections(transport) == 2
    assert [server.requests for server in servers] == [2, 2]


class Clock:
    """Time that passes when a test says so."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


def timed() -> tuple[FastTransport, Clock]:
    dog, clock = Watchdog(0.01), Clock()
    dog.now = clock
    return FastTransport(dog, lambda size: None), clock


@pytest.mark.parametrize(
    ("header", "seconds", "connections"),
    [
        (b"", 29.0, 1),
        (b"", 31.0, 2),
        (b"Keep-Alive: timeout=10\r\n", 8.5, 1),
        (b"Keep-Alive: timeout=10\r\n", 9.5, 2),
        (b"keep-alive: max=5, Timeout=10\r\n", 9.5, 2),
        (b"Keep-Alive: timeout=600\r\n", 31.0, 2),
        (b"Keep-Alive: nonsense\r\n", 29.0, 1),
    ],
)
async def test_an_idle_connection_is_used_for_so_long(
    header: bytes, seconds: float, connections: int
) -> None:
    made = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal made
        made += 1
        while True:
            await read_request(reader)
            writer.write(b"HTTP/1.1 200 OK\r\n" + header + b"Content-Length: 2\r\n\r\nok")

    async with serving(serve) as base:
        transport, clock = timed()
        await call(transport, base)
        clock.seconds += seconds
        assert (await call(transport, base)).body == b"ok"
        await turns()
        assert open_connections(transport) == 1
        await transport.close()
    assert made == connections


async def test_idle_connections_are_swept_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("proxy.net.fast_transport.pool.SWEEP_SECONDS", 0.01)
    server = Dying(good=9)
    async with serving(server.serve) as base:
        transport, clock = timed()
        await asyncio.gather(*(call(transport, base) for _ in range(5)))
        clock.seconds += 20
        await call(transport, base)
        clock.seconds += 15
        async with asyncio.timeout(10):
            while open_connections(transport) > 1:
                await asyncio.sleep(0.01)
        await call(transport, base)
        assert server.connections == 5, "the one that was used last is kept"
        clock.seconds += 31
        async with asyncio.timeout(10):
            while open_connections(transport):
                await asyncio.sleep(0.01)
        await transport.close()


async def test_connections_of_a_burst_grow_old_though_calls_go_on() -> None:
    server = Dying(good=99)
    async with serving(server.serve) as base:
        transport, clock = timed()
        await asyncio.gather(*(call(transport, base) for _ in range(9)))
        for _ in range(4):
            clock.seconds += 10
            await call(transport, base)
        transport._pool._sweep()
        await turns()
        assert open_connections(transport) == 1
        assert server.connections == 9
        await transport.close()


async def test_sockets_are_set_up_for_streams_and_slow_clients() -> None:
    server = Dying(good=9)
    async with serving(server.serve) as base:
        transport, _ = timed()
        await call(transport, base)
        (connection,) = transport._pool._open
        assert connection._transport is not None
        kept = connection._transport.get_extra_info("socket")
        assert kept.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        assert kept.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) <= 2 * 64 * 1024
        await transport.close()

"""Names and addresses: how servers are found, and found again. The resolver is a fake one."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from proxy.errors import UpstreamConnectError
from proxy.net.fast_transport import FastTransport
from proxy.net.watchdog import Watchdog
from tests.unit.net.transport_servers import (
    TRANSPORTS,
    Answer,
    read_request,
    request,
    sending,
    serving,
)

KINDS = sorted(TRANSPORTS)


class Resolver:
    """Stands for `socket.getaddrinfo`: knows the names that a test gives it."""

    def __init__(self, **known: Sequence[tuple[str, int]]) -> None:
        self.known = dict(known)
        self.asked: list[str] = []
        self.gate = threading.Event()
        self.gate.set()

    def __call__(self, host: str, port: int, *_: Any, **__: Any) -> list[Any]:
        self.asked.append(host)
        assert self.gate.wait(10)
        if host not in self.known:
            raise socket.gaierror(socket.EAI_NONAME, "unknown")
        tcp = (socket.SOCK_STREAM, socket.IPPROTO_TCP, "")
        return [(socket.AF_INET, *tcp, address) for address in self.known[host]]


class Clock:
    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@asynccontextmanager
async def finding(
    kind: str, resolver: Resolver, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Any]:
    if kind == "fast":
        async with sending("fast", look_up=resolver) as transport:
            yield transport
    else:
        monkeypatch.setattr(socket, "getaddrinfo", resolver)
        async with sending("aiohttp") as transport:
            yield transport


@asynccontextmanager
async def naming(name: str) -> AsyncIterator[tuple[str, int]]:
    """A server that tells its name, and closes; its address."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        said = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(name)
        writer.write(said + name.encode())
        await writer.drain()

    async with serving(serve) as base:
        yield "127.0.0.1", int(base.rpartition(":")[2])


async def said(transport: Any, host: str = "models.example") -> str | None:
    """What the server there answers; None when there is none."""
    answer = Answer()
    await transport.send(request(f"http://{host}:8"), answer)
    if answer.error is not None:
        assert isinstance(answer.error, UpstreamConnectError)
        assert host not in str(answer.error)
        return None
    return answer.body.decode()


def closed_port() -> tuple[str, int]:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        address: tuple[str, int] = bound.getsockname()
        return address


@pytest.mark.parametrize("kind", KINDS)
async def test_a_name_is_looked_up_once_for_many_connections(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with naming("one") as one:
        resolver = Resolver(**{"models.example": [one]})
        async with finding(kind, resolver, monkeypatch) as transport:
            for _ in range(3):
                assert await said(transport) == "one"
    assert resolver.asked == ["models.example"]


async def test_a_server_that_moves_is_found_again() -> None:
    async with naming("old") as old, naming("new") as new:
        resolver, clock, dog = Resolver(**{"models.example": [old]}), Clock(), Watchdog()
        dog.now = clock
        transport = FastTransport(dog, lambda size: None, look_up=resolver)
        assert await said(transport) == "old"
        resolver.known["models.example"] = [new]
        clock.seconds += 29
        assert await said(transport) == "old"
        clock.seconds += 2
        assert await said(transport) == "new"
        await transport.close()
    assert len(resolver.asked) == 2


async def test_a_name_is_looked_up_again_when_nobody_answers_there() -> None:
    async with naming("new") as new:
        resolver = Resolver(**{"models.example": [closed_port()]})
        async with sending("fast", look_up=resolver) as transport:
            assert await said(transport) is None
            resolver.known["models.example"] = [new]
            assert await said(transport) == "new"
    assert len(resolver.asked) == 2


@pytest.mark.parametrize("kind", KINDS)
async def test_the_next_address_is_tried_when_one_is_dead(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with naming("alive") as alive:
        resolver = Resolver(**{"models.example": [closed_port(), closed_port(), alive]})
        async with finding(kind, resolver, monkeypatch) as transport:
            for _ in range(4):
                assert await said(transport) == "alive"


@pytest.mark.parametrize("kind", KINDS)
async def test_connections_are_spread_over_the_addresses(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with naming("a") as a, naming("b") as b, naming("c") as c:
        resolver = Resolver(**{"models.example": [a, b, c]})
        async with finding(kind, resolver, monkeypatch) as transport:
            heard = [await said(transport) for _ in range(6)]
    assert sorted(heard) == ["a", "a", "b", "b", "c", "c"]


@pytest.mark.parametrize("kind", KINDS)
async def test_a_name_that_nobody_knows(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with finding(kind, Resolver(), monkeypatch) as transport:
        assert await said(transport) is None
        assert await said(transport) is None


async def test_a_name_that_is_none() -> None:
    async with sending("fast") as transport:
        assert await said(transport, "x" * 70 + ".example") is None


async def test_a_name_without_an_address() -> None:
    async with sending("fast", look_up=Resolver(**{"models.example": []})) as transport:
        assert await said(transport) is None


async def test_calls_at_once_share_a_look_up_and_one_that_leaves_does_not_end_it() -> None:
    async with naming("one") as one:
        resolver = Resolver(**{"models.example": [one]})
        resolver.gate.clear()
        async with sending("fast", look_up=resolver) as transport:
            calls = [asyncio.create_task(said(transport)) for _ in range(8)]
            await asyncio.sleep(0.05)
            calls[0].cancel()
            await asyncio.sleep(0)
            resolver.gate.set()
            heard = await asyncio.gather(*calls, return_exceptions=True)
    assert isinstance(heard[0], asyncio.CancelledError)
    assert heard[1:] == ["one"] * 7
    assert resolver.asked == ["models.example"]


async def test_a_look_up_that_hangs_is_the_connection_limits_business() -> None:
    resolver = Resolver()
    resolver.gate.clear()
    async with sending("fast", look_up=resolver) as transport:
        answer = Answer()
        limits = request("").limits
        await transport.send(
            request("http://models.example:8", limits=type(limits)(0.1, None, None, None)), answer
        )
        resolver.gate.set()
    assert answer.error is not None
    assert str(answer.error) == "the provider passed its connect limit of 0.1 s"


async def test_names_are_asked_for_in_ascii() -> None:
    async with naming("one") as one:
        resolver = Resolver(**{"xn--bcher-kva.example": [one]})
        async with sending("fast", look_up=resolver) as transport:
            assert await said(transport, "bücher.example") == "one"


async def test_addresses_are_not_looked_up() -> None:
    async with naming("one") as (host, port):
        resolver = Resolver()
        async with sending("fast", look_up=resolver) as transport:
            answer = Answer()
            await transport.send(request(f"http://{host}:{port}"), answer)
            assert answer.body == b"one"
    assert resolver.asked == []


@pytest.mark.parametrize("kind", KINDS)
async def test_an_ipv6_address(kind: str) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await read_request(reader)
        host = next(line for line in head.split(b"\r\n") if line.startswith(b"Host: "))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(host) + host)

    try:
        async with serving(serve, host="::1") as base, sending(kind) as transport:
            answer = Answer()
            await transport.send(request(base), answer)
            assert answer.body.decode() == "Host: " + base.removeprefix("http://")
    except OSError:
        pytest.skip("this machine has no IPv6")

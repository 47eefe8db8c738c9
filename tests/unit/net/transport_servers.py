"""Servers of raw bytes, sinks that keep what they get, and both transports, for their tests."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from proxy.errors import UpstreamError
from proxy.net.aiohttp_transport import AiohttpTransport
from proxy.net.fast_transport import FastTransport
from proxy.net.watchdog import Watchdog
from proxy.types.ports import Headers, Limits, OutgoingRequest, Transport

TRANSPORTS: dict[str, Any] = {"fast": FastTransport, "aiohttp": AiohttpTransport}
UNLIMITED = Limits(None, None, None, None)
GUARDED = Limits(connect=60.0, first_token=60.0, idle=60.0, total=60.0)
"""For calls that must not hang whatever the server does."""
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Answer:
    """A sink that keeps everything. Once it has ended, it takes nothing more."""

    started: bool = False
    finished: bool = False
    status: int = 0
    headers: Headers = ()
    body: bytes = b""
    blocks: list[bytes] = field(default_factory=list)
    ended: bool = False
    error: UpstreamError | None = None
    heads: int = 0

    def on_head(self, status: int, headers: Headers) -> None:
        assert not self.ended
        assert not self.blocks
        self.heads += 1
        self.status, self.headers = status, headers

    def on_block(self, block: bytes) -> Awaitable[None] | None:
        assert not self.ended
        assert self.heads == 1
        assert block
        self.body += block
        self.blocks.append(block)
        self.started = True
        return None

    def on_end(self, error: UpstreamError | None) -> None:
        assert not self.ended
        self.ended, self.error = True, error


class Slow(Answer):
    """A sink that wants each block awaited until `room` is set."""

    def __init__(self, room: asyncio.Event) -> None:
        super().__init__()
        self.room = room
        self.taken = asyncio.Event()

    def on_block(self, block: bytes) -> Awaitable[None] | None:
        super().on_block(block)
        self.taken.set()
        return self._wait()

    async def _wait(self) -> None:
        await self.room.wait()


@asynccontextmanager
async def serving(serve: Serve, **options: Any) -> AsyncIterator[str]:
    """A server of raw bytes on loopback; its address."""
    tasks: set[asyncio.Task[None]] = set()

    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            await serve(reader, writer)
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        except RuntimeError as error:
            assert "the handler is closed" in str(error)  # how uvloop says it
        finally:
            writer.close()

    host, port = options.pop("host", "127.0.0.1"), options.pop("port", 0)
    server = await asyncio.start_server(one, host, port, **options)
    address, port = server.sockets[0].getsockname()[:2]
    scheme = "https" if "ssl" in options else "http"
    try:
        yield f"{scheme}://{f'[{address}]' if ':' in address else address}:{port}"
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@asynccontextmanager
async def sending(
    kind: str, received: Callable[[int], None] = lambda size: None, **options: Any
) -> AsyncIterator[Transport]:
    """A transport. Nothing may go wrong behind the caller's back while it is in use."""
    mishaps: list[dict[str, Any]] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: mishaps.append(context))
    transport: Transport = TRANSPORTS[kind](Watchdog(0.01), received, **options)
    try:
        yield transport
    finally:
        await transport.close()
        await asyncio.sleep(0)
        loop.set_exception_handler(None)
    assert not mishaps, mishaps


def request(
    base: str,
    body: bytes = b"",
    *,
    method: str = "POST",
    path: str = "/v1/x",
    headers: Sequence[tuple[str, str]] = (("X-A", "b"),),
    limits: Limits = GUARDED,
    may_resend: Callable[[], bool] = lambda: True,
) -> OutgoingRequest:
    return OutgoingRequest(method, base + path, base, headers, body, limits, may_resend)


async def read_request(reader: asyncio.StreamReader) -> bytes:
    """One whole request."""
    head = await reader.readuntil(b"\r\n\r\n")
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return head + await reader.readexactly(int(line[15:]))
    return head


async def left(reader: asyncio.StreamReader) -> None:
    """Return when the client has hung up: with a reset, if it had not read all that was sent."""
    with suppress(ConnectionError):
        assert not await reader.read()


async def turns(count: int = 3) -> None:
    """Let the loop turn, so that what was written is read before more is written."""
    for _ in range(count):
        await asyncio.sleep(0)


def open_connections(transport: Transport) -> int:
    """How many a transport has, in use or not."""
    if isinstance(transport, FastTransport):
        return len(transport._pool)
    assert isinstance(transport, AiohttpTransport)
    connector = transport._connector
    return len(connector._acquired) + sum(map(len, connector._conns.values()))

"""Clients that leave, and clients that read slowly."""

from __future__ import annotations

import asyncio
import os
import socket
import statistics
import time

import aiohttp
import asyncpg
import pytest

from tests.conftest import StartProxy, off_loop
from tests.fake_upstream import FakeUpstream, Seen, Wire, events
from tests.harness import Proxy, eventually, one_provider

PROVE = bool(os.environ.get("PROVE"))
LEAVERS = 200 if PROVE else 40
READERS = 200 if PROVE else 20
READ_SECONDS = 120 if PROVE else 8
STREAM_BYTES = 50 * 2**20
SLACK_BYTES = 256 * 1024
BODY = {"model": "tensorzero::function_name::f", "messages": [], "stream": True}


async def test_a_client_that_leaves_ends_the_call_upstream(
    served: tuple[Proxy, FakeUpstream], db: asyncpg.Connection
) -> None:
    proxy, upstream = served
    gone: dict[str, float] = {}

    async def endless(seen: Seen, wire: Wire) -> None:
        name = seen.headers["x-caller"]
        await wire.head(200, {"content-type": "text/event-stream"})
        await wire.chunk(events(["a"])[0])
        await wire.gone()
        gone[name] = time.monotonic()
        wire.closing = True

    upstream.script = endless
    delays = []
    async with aiohttp.ClientSession() as session:
        for number in range(LEAVERS):
            response = await session.post(
                proxy.base + "/v1/chat/completions", json=BODY, headers={"x-caller": str(number)}
            )
            await response.content.readany()
            left = time.monotonic()
            response.close()

            async def noticed(name: str = str(number)) -> bool:
                return name in gone

            await eventually(noticed)
            delays.append(gone[str(number)] - left)
    delays.sort()
    p99 = delays[int(len(delays) * 0.99) - 1]
    print(
        f"\n{LEAVERS} clients left: upstream told after {statistics.median(delays) * 1000:.1f} ms "
        f"(median), {p99 * 1000:.1f} ms (p99)"
    )
    assert p99 < 0.1
    await off_loop(proxy.settle)
    ends = await db.fetch("SELECT end_reason, count(*) AS n FROM tensorzero.exchanges GROUP BY 1")
    assert {row["end_reason"]: row["n"] for row in ends} == {"client_disconnected": LEAVERS}
    complete = await db.fetchval(
        "SELECT count(*) FROM tensorzero.chat_inferences WHERE output_complete"
    )
    assert complete == 0


async def test_leaving_after_the_end_is_a_normal_end(
    served: tuple[Proxy, FakeUpstream], db: asyncpg.Connection
) -> None:
    """OpenAI's own client hangs up as soon as it has read `[DONE]`."""
    proxy, upstream = served

    async def late_end(seen: Seen, wire: Wire) -> None:
        await wire.head(200, {"content-type": "text/event-stream"})
        for block in events(["a", "b"]):
            await wire.chunk(block)
        await asyncio.sleep(0.1)
        await wire.end()

    upstream.script = late_end
    for _ in range(10):
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        body = b'{"model":"m","messages":[],"stream":true}'
        writer.write(
            b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%b"
            % (len(body), body)
        )
        await reader.readuntil(b"data: [DONE]\n\n")
        writer.transport.abort()
    await off_loop(proxy.settle)
    ends = await db.fetch("SELECT DISTINCT end_reason FROM tensorzero.exchanges")
    assert [row["end_reason"] for row in ends] == ["complete"]


@pytest.fixture
async def patient(upstream: FakeUpstream, start_proxy: StartProxy) -> Proxy:
    config = one_provider(upstream.api_base, timeouts={"idle_ms": 600_000})
    proxy: Proxy = await off_loop(lambda: start_proxy(config))
    return proxy


async def test_a_slow_reader_pauses_the_upstream(patient: Proxy, upstream: FakeUpstream) -> None:
    """Bytes taken from the upstream stay close to those that the client has read."""
    event = b"data: " + b"x" * 1000 + b"\n\n"

    async def flood(seen: Seen, wire: Wire) -> None:
        await wire.head(200, {"content-type": "text/event-stream"})
        sent = 0
        while sent < STREAM_BYTES:
            await wire.chunk(event * 16)
            sent += len(event) * 16
        await wire.end()

    upstream.script = flood
    read = [0] * READERS

    async def reader(number: int) -> None:
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(sock, ("127.0.0.1", patient.port))
        body = b'{"model":"m","messages":[],"stream":true}'
        await loop.sock_sendall(
            sock,
            b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%b"
            % (len(body), body),
        )
        try:
            while True:
                read[number] += len(await loop.sock_recv(sock, 1024))
                await asyncio.sleep(1)
        finally:
            sock.close()

    before = await off_loop(lambda: resident(patient))
    tasks = [asyncio.create_task(reader(number)) for number in range(READERS)]
    await asyncio.sleep(READ_SECONDS)
    received = await off_loop(lambda: patient.metric("zeroproxy_upstream_received_bytes_total"))
    delivered = sum(read)
    grown = await off_loop(lambda: resident(patient)) - before
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    each = (received - delivered) / READERS
    print(
        f"\n{READERS} readers at 1 KB/s for {READ_SECONDS} s: {received / READERS / 1024:.0f} KiB "
        f"taken from upstream, {delivered / READERS / 1024:.0f} KiB read by each client; "
        f"{each / 1024:.0f} KiB between; memory grew by {grown / 2**20:.0f} MiB"
    )
    assert delivered > 0
    assert each <= SLACK_BYTES


def resident(proxy: Proxy) -> int:
    return sum(
        process.memory_info().rss for process in proxy.tree() if "postgres" not in process.name()
    )

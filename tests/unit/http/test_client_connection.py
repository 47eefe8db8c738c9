"""Connections are read as aiohttp's own server reads them, whoever of the two does it."""

from __future__ import annotations

import asyncio
import contextlib
import random
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from itertools import pairwise

import pytest
from aiohttp import web

from proxy.http.client_connection import ClientServer
from proxy.http.client_stream import ClientStream
from proxy.http.spool import announced_length, read_body

LIMIT = 100_000
Protocols = Callable[[], asyncio.Protocol]


def post(body: bytes, *headers: str, line: str = "POST /v1/x?a=b%20c HTTP/1.1") -> bytes:
    lines = [line, "Host: gateway", "Content-Type: application/json", *headers]
    return "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""]).encode("latin-1") + body


def said(head: str, body: bytes = b"") -> bytes:
    return head.replace("\n", "\r\n").encode("latin-1") + body


PLAIN = post(b'{"a":1}', "User-Agent: app", "X-Trace: \xe4")
JSON = "Content-Type: application/json"
REQUESTS = {
    "plain": PLAIN,
    "another method": post(b"{}", line="PUT /v1/x HTTP/1.1"),
    "lower case": PLAIN.replace(b"Content-Length", b"content-length"),
    "odd case": PLAIN.replace(b"Content-Length", b"CONTENT-LENGTH"),
    "no space": PLAIN.replace(b"Content-Length: ", b"Content-Length:"),
    "two spaces": PLAIN.replace(b"Content-Length: ", b"Content-Length:  "),
    "length first": said(f"POST / HTTP/1.1\nContent-Length: 2\n{JSON}\n\n", b"[]"),
    "empty": post(b""),
    "long": post(b"[" + b"1," * 40_000 + b"1]"),
    "too long": post(b"1" * (LIMIT + 1)),
    "with a charset": said("POST / HTTP/1.1\nContent-Type: application/json; charset=utf-8\n")
    + b"Content-Length: 2\r\n\r\n[]",
    "a form": said("POST / HTTP/1.1\nContent-Type: application/x-www-form-urlencoded\n")
    + b"Content-Length: 3\r\n\r\na=b",
    "no type": said("POST / HTTP/1.1\nContent-Length: 2\n\n", b"{}"),
    "get": said("GET /v1/models HTTP/1.1\nHost: x\n\n"),
    "get with a body": said(f"GET /v1/models HTTP/1.1\n{JSON}\nContent-Length: 2\n\n", b"{}"),
    "chunked": said(
        f"POST / HTTP/1.1\n{JSON}\nTransfer-Encoding: chunked\n\n", b"2\r\n{}\r\n0\r\n\r\n"
    ),
    "both framings": post(b"{}", "Transfer-Encoding: chunked"),
    "two lengths": post(b"{}", "Content-Length: 2"),
    "two other lengths": post(b"{}", "Content-Length: 1"),
    "list of lengths": PLAIN.replace(b"Content-Length: 7", b"Content-Length: 7, 7"),
    "negative length": PLAIN.replace(b"Content-Length: 7", b"Content-Length: -7"),
    "signed length": PLAIN.replace(b"Content-Length: 7", b"Content-Length: +7"),
    "huge length": PLAIN.replace(b"Content-Length: 7", b"Content-Length: 99999999999999999999"),
    "closing": post(b"{}", "Connection: close"),
    "keeping": post(b"{}", "Connection: keep-alive"),
    "upgrade": post(b"{}", "Connection: upgrade", "Upgrade: h2c"),
    "old version": post(b"{}", line="POST / HTTP/1.0"),
    "strange version": post(b"{}", line="POST / HTTP/3.7"),
    "no version": post(b"{}", line="POST /"),
    "absolute": post(b"{}", line="POST http://elsewhere/v1/x HTTP/1.1"),
    "fragment": post(b"{}", line="POST /v1/x#y HTTP/1.1"),
    "no path": post(b"{}", line="POST x HTTP/1.1"),
    "blank before": b"\r\n" + PLAIN,
    "folded": post(b"{}", "X-A: b\r\n c"),
    "space before colon": post(b"{}", "X-A : b"),
    "no colon": post(b"{}", "nonsense"),
    "control": post(b"{}", "X-A: b\x00c"),
    "bare line feed": post(b"{}", "X-A: b\nX-B: c"),
    "bare return": post(b"{}", "X-A: b\rX-B: c"),
    "head ends early": post(b"{}", "X-A: b\n\nPOST / HTTP/1.1"),
    "length within a value": post(b"{}", "X-A: Content-Length: 9"),
    "long header": post(b"{}", "X-A: " + "b" * 9000),
    "many headers": post(b"{}", *(f"X-{n}: {n}" for n in range(300))),
    "expecting": post(b"{}", "Expect: 100-continue"),
    "packed": post(b"not gzip", "Content-Encoding: gzip"),
    "two at once": PLAIN + post(b"[2]"),
    "plain, then odd": PLAIN + said("GET / HTTP/1.1\nHost: x\n\n") + PLAIN,
    "plain, then damage": PLAIN + b"\x16\x03\x01\r\n\r\n",
    "more than was said": PLAIN + b"}",
    "tls": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
}


async def describe(request: web.BaseRequest) -> web.StreamResponse:
    """Everything that a handler can see of a request."""
    try:
        length = announced_length(request, LIMIT)
        body = await read_body(request)
    except Exception as error:
        return web.json_response({"refused": type(error).__name__}, status=400)
    headers = {name.lower(): value for name, value in request.headers.items()}
    headers.pop("content-length", None)
    facts = {
        "line": [request.method, request.path, str(request.rel_url), dict(request.query)],
        "headers": headers,
        "body": body.decode("latin-1"),
        "type": [request.content_type, request.charset],
        "length": [length, request.content_length, request.body_exists],
        "stays": [request.keep_alive, str(request.version)],
        "who": [request.remote, request.scheme, request.host],
    }
    return web.json_response(facts)


@contextlib.asynccontextmanager
async def listening(protocols: Protocols) -> AsyncIterator[int]:
    server = await asyncio.get_running_loop().create_server(protocols, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


def ours(
    handler: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]], **more: float
) -> ClientServer:
    return ClientServer(handler, limit=lambda: LIMIT, **more)


def theirs(handler: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]) -> web.Server:
    def make(message, payload, protocol, writer, task):  # type: ignore[no-untyped-def]
        loop = asyncio.get_running_loop()
        return web.BaseRequest(
            message, payload, protocol, writer, task, loop, client_max_size=LIMIT
        )

    return web.Server(handler, handler_cancellation=True, access_log=None, request_factory=make)


SILENT_TURNS = 30

LAST = said("GET /last HTTP/1.1\nHost: x\nConnection: close\n\n")


async def exchange(port: int, pieces: Sequence[bytes]) -> tuple[bytes, bool]:
    """What comes back until the server closes, and whether it was not the last request, sent
    behind the others, that made it."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    answer = b""

    async def read() -> None:
        nonlocal answer
        while block := await reader.read(65536):
            answer += block

    reading = asyncio.create_task(read())
    with contextlib.suppress(ConnectionError):
        for piece in (*pieces, LAST):
            writer.write(piece)
            await asyncio.sleep(0.001)
        # Where a length is damaged, the last becomes a body, and nothing more comes. That is told
        # by the loop's turns, not by the clock: a machine that stands still is no server's silence.
        silent = 0
        while not reading.done() and silent < SILENT_TURNS:
            length = len(answer)
            await asyncio.wait({reading}, timeout=0.01)
            silent = silent + 1 if len(answer) == length else 0
    reading.cancel()
    await asyncio.gather(reading, return_exceptions=True)
    writer.close()
    closed = b'"/last"' not in answer
    answer = re.sub(rb"\r\nDate: [^\r]*", b"", answer)
    # aiohttp quotes the piece in which it saw damage, so that text depends on how it was cut.
    quoted = rb"(HTTP/1.0 400.*\r\n)Content-Length.*?\r\n\r\n(.*?)\n+  b['\"].*$"
    return re.sub(quoted, rb"\1\2", answer, flags=re.DOTALL), closed


def alike(got: tuple[bytes, bool], expected: tuple[bytes, bool]) -> bool:
    """An answer to damage can be lost: more was sent when it came, and the connection is reset."""
    lost = (b"", True)
    return got == expected or (lost in (got, expected) and got[1] and expected[1])


def cut(data: bytes, chance: random.Random) -> list[bytes]:
    places = sorted({0, len(data), *(chance.randrange(len(data)) for _ in range(3))})
    return [data[start:end] for start, end in pairwise(places)]


@pytest.mark.parametrize("name", REQUESTS)
async def test_a_request_is_understood_as_by_aiohttps_server(name: str) -> None:
    data, chance = REQUESTS[name], random.Random(name)
    end = data.find(b"\r\n\r\n") + 4
    ways = [[data], [data[:end], data[end:]], cut(data, chance), [PLAIN, data], [data, PLAIN]]
    async with listening(ours(describe)) as here, listening(theirs(describe)) as there:
        for pieces in ways:
            got, expected = await asyncio.gather(exchange(here, pieces), exchange(there, pieces))
            assert alike(got, expected), pieces


async def test_damaged_heads_are_understood_as_by_aiohttps_server() -> None:
    chance = random.Random(7)
    async with listening(ours(describe)) as here, listening(theirs(describe)) as there:
        for _ in range(60):
            data = bytearray(PLAIN)
            for _ in range(chance.randrange(1, 4)):
                place = chance.randrange(len(data) - 8)
                data[place : place + chance.randrange(2)] = chance.choice(
                    [
                        b"\r",
                        b"\n",
                        b" ",
                        b":",
                        b"\x00",
                        b"\x80",
                        b"9",
                        b"Content-Length: 3\r\n",
                        b"",
                    ]
                )
            got = await asyncio.gather(
                exchange(here, [bytes(data)]), exchange(there, [bytes(data)])
            )
            assert alike(*got), bytes(data)


async def test_answers_come_in_the_order_of_the_requests() -> None:
    async with listening(ours(describe)) as port:
        sent = b"".join(post(b"[%d]" % number) for number in range(30))
        answer, closed = await exchange(port, [PLAIN, sent, PLAIN])
    assert re.findall(rb'"body": "\[(\d+)\]"', answer) == [b"%d" % n for n in range(30)]
    assert answer.count(b"HTTP/1.1 200") == 33 and not closed


async def test_who_leaves_cancels_the_call() -> None:
    began, ended = asyncio.Event(), asyncio.Event()

    async def waits(request: web.BaseRequest) -> web.StreamResponse:
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        raise AssertionError

    async with listening(ours(waits)) as port, asyncio.timeout(5):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(PLAIN)
        await began.wait()
        writer.close()
        await ended.wait()


async def test_what_is_raised_becomes_an_answer_or_the_end_of_the_connection(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def raises(request: web.BaseRequest) -> web.StreamResponse:
        if request.path == "/last":
            return web.Response(text=request.path)
        match await request.json():
            case 1:
                raise web.HTTPForbidden(text="no")
            case 2:
                raise ConnectionResetError
        raise ValueError

    async with listening(ours(raises)) as port:
        answer, _ = await exchange(port, [post(b"1")])
        assert answer.startswith(b"HTTP/1.1 403") and b"no" in answer and b"/last" in answer
        assert await exchange(port, [post(b"2")]) == (b"", True)
        assert not caplog.records
        assert await exchange(port, [post(b"3")]) == (b"", True)
    assert "an answer failed inside" in caplog.text


async def test_an_idle_connection_is_closed_and_a_slow_request_is_none() -> None:
    async with listening(ours(describe, keepalive_seconds=0.05)) as port, asyncio.timeout(10):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        assert await reader.read() == b""
        writer.close()
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        end = PLAIN.find(b"\r\n\r\n") + 4
        for piece in (PLAIN[:end], PLAIN[end:-3], PLAIN[-3:]):
            writer.write(piece)
            await asyncio.sleep(0.1)
        assert (await reader.readline()).startswith(b"HTTP/1.1 200")
        writer.close()


async def test_a_server_that_ends_gives_answers_under_way_and_closes_what_is_idle() -> None:
    go = asyncio.Event()

    async def waits(request: web.BaseRequest) -> web.StreamResponse:
        await go.wait()
        return await describe(request)

    server = ours(waits)
    async with listening(server) as port, asyncio.timeout(10):
        idle, idle_writer = await asyncio.open_connection("127.0.0.1", port)
        busy, busy_writer = await asyncio.open_connection("127.0.0.1", port)
        busy_writer.write(PLAIN)
        while not any(one.task for one in server.connections):
            await asyncio.sleep(0.01)
        server.pre_shutdown()
        assert await idle.read() == b""
        ending = asyncio.create_task(server.shutdown(5))
        await asyncio.sleep(0)
        go.set()
        assert (await busy.read()).startswith(b"HTTP/1.1 200")
        await ending
        assert not server.connections
        idle_writer.close()
        busy_writer.close()


async def test_a_server_that_ends_cuts_what_takes_too_long() -> None:
    async def waits(request: web.BaseRequest) -> web.StreamResponse:
        await asyncio.Event().wait()
        raise AssertionError

    server = ours(waits)
    async with listening(server) as port, asyncio.timeout(10):
        busy, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(PLAIN)
        while not any(one.task for one in server.connections):
            await asyncio.sleep(0.01)
        await server.shutdown(0.01)
        assert await busy.read() == b""
        writer.close()


async def test_a_client_that_reads_slowly_is_waited_for() -> None:
    written = 0

    async def pours(request: web.BaseRequest) -> web.StreamResponse:
        nonlocal written
        client = ClientStream(request)
        client.start(200, (), (), length=None)
        for _ in range(1000):
            room = client.write(b"x" * 65536)
            written += 65536
            if room is not None:
                await room
        client.finish(b"")
        return client

    async with listening(ours(pours)) as port, asyncio.timeout(5):
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=65536)
        writer.write(PLAIN)
        await reader.readline()
        await asyncio.sleep(0.2)
        assert written < 30_000_000
        rest = await reader.readuntil(b"\r\n\r\n")
        total = 0
        while size := int((await reader.readline()).strip(), 16):
            total += len(await reader.readexactly(size + 2)) - 2
        assert rest and total == 65_536_000
        writer.close()

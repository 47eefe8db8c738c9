"""Clients' bodies that are not held in memory, read from real connections."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import io
import json
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.errors import InvalidRequest, PayloadTooLarge
from proxy.http.spool import SpooledBody, StreamedBody, spool
from proxy.http.spool_file import SpoolFile
from proxy.net.aiohttp_transport import AiohttpTransport
from proxy.net.watchdog import Watchdog
from proxy.types.ports import Body, Limits, OutgoingRequest
from proxy.wire.splice import Edit
from tests.unit.http.relaying_process import Status

PROVE = os.environ.get("PROVE") == "1"
MEGABYTES = 200 if PROVE else 20
LIMIT = 2**22
Handler = Callable[[web.BaseRequest], Awaitable[object]]


async def everything(body: Body) -> bytes:
    return b"".join([block async for block in body.blocks()])


def applied(body: bytes, edits: list[Edit]) -> bytes:
    for start, end, new in reversed(edits):
        body = body[:start] + new + body[end:]
    return body


class Calls:
    """A server that gives each request to a handler, and what came of it."""

    def __init__(self, address: tuple[str, int]) -> None:
        self.address = address
        self.url = f"http://{address[0]}:{address[1]}/"
        self.outcomes: asyncio.Queue[object] = asyncio.Queue()

    async def post(self, data: object, **headers: str) -> object:
        data = io.BytesIO(data) if isinstance(data, bytes) else data
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        async with (
            aiohttp.ClientSession() as session,
            session.post(self.url, data=data, headers=named),
        ):
            return await self.outcomes.get()


@asynccontextmanager
async def serving(handler: Handler, *, cancels: bool = False) -> AsyncIterator[Calls]:
    async def outcome_of(request: web.BaseRequest) -> web.Response:
        try:
            outcome = await handler(request)
        except asyncio.CancelledError as error:
            calls.outcomes.put_nowait(error)
            raise
        except Exception as error:
            outcome = error
        calls.outcomes.put_nowait(outcome)
        return web.Response()

    server = web.Server(outcome_of, handler_cancellation=cancels, access_log=None)
    listening = await asyncio.get_running_loop().create_server(server, "127.0.0.1", 0)
    calls = Calls(listening.sockets[0].getsockname())
    try:
        yield calls
    finally:
        listening.close()
        await server.shutdown(0.1)


def spooling(
    folder: Path,
    *,
    memory: int = 1000,
    limit: int = LIMIT,
    scan: Callable[[bytes], None] = lambda block: None,
) -> Callable[[web.BaseRequest], Awaitable[SpooledBody]]:
    async def handler(request: web.BaseRequest) -> SpooledBody:
        return await spool(request, memory_bytes=memory, limit=limit, folder=folder, scan=scan)

    return handler


def open_files() -> int:
    return len(os.listdir("/dev/fd"))


@pytest.mark.parametrize("size", [0, 1000, 1001, 3 * 2**20 + 7])
async def test_a_body_is_spooled_whole(tmp_path: Path, size: int) -> None:
    data, seen = os.urandom(size), bytearray()
    async with serving(spooling(tmp_path, scan=seen.extend)) as calls:
        body = await calls.post(data)
    assert isinstance(body, SpooledBody)
    assert body.on_disk is (size > 1000)
    assert os.listdir(tmp_path) == [], "the file has no name that anyone could open"
    assert body.length == size
    assert body.sha256 == hashlib.sha256(data).digest()
    assert bytes(seen) == data
    assert await everything(body) == await everything(body) == data
    body.close()


async def test_a_closed_body_leaves_no_open_file(tmp_path: Path) -> None:
    async with serving(spooling(tmp_path)) as calls:
        await calls.post(b"")
        before = open_files()
        body = await calls.post(b"x" * 5000)
        assert isinstance(body, SpooledBody)
        body.close()
        assert open_files() == before


@settings(max_examples=200 if PROVE else 30, deadline=None)
@given(
    data=st.binary(max_size=300),
    places=st.lists(st.integers(0, 300), max_size=6),
    new=st.lists(st.binary(max_size=10), min_size=3, max_size=3),
    on_disk=st.booleans(),
)
def test_edits_are_made_while_the_body_is_read(
    tmp_path_factory: pytest.TempPathFactory,
    data: bytes,
    places: list[int],
    new: list[bytes],
    on_disk: bool,
) -> None:
    ordered = sorted(min(place, len(data)) for place in places)
    pairs = zip(ordered[::2], ordered[1::2], strict=False)
    edits = [(start, end, text) for (start, end), text in zip(pairs, new, strict=False)]

    async def run() -> None:
        file = SpoolFile(tmp_path_factory.getbasetemp()) if on_disk else None
        if file is not None:
            await file.append(data)
        body = SpooledBody(b"" if file else data, file, len(data), b"")
        edited = body.edited(edits)
        expected = applied(data, edits)
        assert await everything(edited) == await everything(edited) == expected
        assert edited.length == len(expected)
        body.close()

    asyncio.run(run())


async def chunks(size: int, *, block: int = 10_000) -> AsyncIterator[bytes]:
    for _ in range(size // block):
        yield b"x" * block


async def test_a_body_that_says_it_is_too_long_is_refused_unread(tmp_path: Path) -> None:
    async with serving(spooling(tmp_path, limit=100)) as calls:
        _, writer = await asyncio.open_connection(*calls.address)
        writer.write(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 101\r\n\r\n")
        assert isinstance(await calls.outcomes.get(), PayloadTooLarge)
        writer.close()


@pytest.mark.parametrize("limit", [500, 25_000])
async def test_a_body_that_turns_out_too_long_is_refused(tmp_path: Path, limit: int) -> None:
    async with serving(spooling(tmp_path, limit=limit)) as calls:
        before = open_files()
        outcome = await calls.post(chunks(100_000))
        assert isinstance(outcome, PayloadTooLarge)
        assert str(limit) in str(outcome)
        assert open_files() <= before + 1


async def test_what_the_scanner_refuses_is_read_no_further(tmp_path: Path) -> None:
    def scan(block: bytes) -> None:
        raise InvalidRequest("no form")

    async with serving(spooling(tmp_path, scan=scan)) as calls:
        assert isinstance(await calls.post(chunks(100_000)), InvalidRequest)


@pytest.mark.parametrize("cancels", [False, True])
async def test_a_client_that_leaves_while_its_body_is_spooled_leaves_nothing(
    tmp_path: Path, cancels: bool
) -> None:
    seen = asyncio.Event()
    handler = spooling(tmp_path, scan=lambda block: seen.set())
    async with serving(handler, cancels=cancels) as calls:
        before = open_files()
        _, writer = await asyncio.open_connection(*calls.address)
        writer.write(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9000\r\n\r\n" + b"x" * 5000)
        await seen.wait()
        writer.transport.abort()
        outcome = await calls.outcomes.get()
        assert isinstance(outcome, asyncio.CancelledError if cancels else ConnectionError)
        while open_files() > before:
            await asyncio.sleep(0.01)


async def test_a_damaged_compression_is_the_clients_fault(tmp_path: Path) -> None:
    async with serving(spooling(tmp_path)) as calls:
        outcome = await calls.post(b"no gzip at all", Content_Encoding="gzip")
    assert isinstance(outcome, InvalidRequest)


async def test_a_client_that_asks_whether_it_may_send_is_answered(tmp_path: Path) -> None:
    async with serving(spooling(tmp_path)) as calls:
        reader, writer = await asyncio.open_connection(*calls.address)
        writer.write(
            b"POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n"
        )
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(b"ok")
        body = await calls.outcomes.get()
        assert isinstance(body, SpooledBody)
        assert await everything(body) == b"ok"
        assert (await reader.readline()).startswith(b"HTTP/1.1 200")
        writer.close()


async def test_a_file_in_use_is_closed_when_it_is_free(tmp_path: Path) -> None:
    before = open_files()
    file = SpoolFile(tmp_path)
    writing = asyncio.create_task(file.append(b"x" * 2**24))
    await asyncio.sleep(0)
    writing.cancel()
    file.close()
    with pytest.raises(asyncio.CancelledError):
        await writing
    while open_files() > before:
        await asyncio.sleep(0.01)


# Streamed.


async def streamed(request: web.BaseRequest) -> tuple[StreamedBody, int | None, bytes]:
    body = StreamedBody(request, limit=LIMIT)
    assert (body.spent, body.repeatable) == (False, False)
    return body, body.length, await everything(body)


async def test_a_body_is_streamed_with_its_length_and_digest() -> None:
    data = os.urandom(300_000)
    async with serving(streamed) as calls:
        outcome = await calls.post(data)
        assert isinstance(outcome, tuple)
        body, length, got = outcome
        assert (got, length) == (data, 300_000)
        assert (body.received, body.sha256) == (300_000, hashlib.sha256(data).digest())
        assert body.spent
        with pytest.raises(RuntimeError, match="only once"):
            await everything(body)


async def test_a_body_without_a_length_is_streamed_without_one() -> None:
    async with serving(streamed) as calls:
        outcome = await calls.post(chunks(30_000))
    assert isinstance(outcome, tuple)
    assert outcome[1:] == (None, b"x" * 30_000)


async def test_a_compressed_body_is_passed_on_unpacked_and_measured_so() -> None:
    packed = gzip.compress(b"hello" * 1000)
    async with serving(streamed) as calls:
        outcome = await calls.post(packed, Content_Encoding="gzip")
    assert isinstance(outcome, tuple)
    assert outcome[1:] == (None, b"hello" * 1000)


async def test_a_streamed_body_that_is_too_long_is_refused_before_or_on_the_way() -> None:
    async def handler(request: web.BaseRequest) -> object:
        return await everything(StreamedBody(request, limit=100))

    async with serving(handler) as calls:
        for data in (b"x" * 101, chunks(20_000)):
            assert isinstance(await calls.post(data), PayloadTooLarge)


async def test_no_body_is_an_empty_one() -> None:
    async with (
        serving(streamed) as calls,
        aiohttp.ClientSession() as session,
        session.get(calls.url),
    ):
        outcome = await calls.outcomes.get()
    assert isinstance(outcome, tuple)
    assert outcome[1:] == (0, b"")


async def test_a_provider_that_takes_nothing_stops_the_client() -> None:
    taken, go_on = asyncio.Event(), asyncio.Event()

    async def handler(request: web.BaseRequest) -> object:
        async for _ in StreamedBody(request, limit=2**30).blocks():
            taken.set()
            await go_on.wait()
        return None

    async with serving(handler) as calls:
        _, writer = await asyncio.open_connection(*calls.address)
        writer.write(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000\r\n\r\n")
        sent = 0
        while sent < 100_000_000:
            writer.write(b"x" * 100_000)
            sent += 100_000
            try:
                await asyncio.wait_for(writer.drain(), 0.5)
            except TimeoutError:
                break
        assert taken.is_set()
        assert sent < 50_000_000, "what the kernel holds, and no more"
        writer.transport.abort()
        go_on.set()
        await calls.outcomes.get()


# From a client through the transport to a provider.


@asynccontextmanager
async def relaying(
    serve: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
) -> AsyncIterator[Calls]:
    upstream = await asyncio.start_server(serve, "127.0.0.1", 0)
    host, port = upstream.sockets[0].getsockname()
    base = f"http://{host}:{port}"
    transport = AiohttpTransport(Watchdog(), lambda size: None)

    async def handler(request: web.BaseRequest) -> object:
        answer, body = Status(), StreamedBody(request, limit=2**40)
        limits = Limits(None, None, None, None)
        sent = OutgoingRequest("POST", base, base, [], body, limits, lambda: True)
        await transport.send(sent, answer)
        return answer.status

    try:
        async with serving(handler, cancels=True) as calls:
            yield calls
    finally:
        await transport.close()
        upstream.close()


@pytest.mark.parametrize("framing", ["Transfer-Encoding: chunked", "Content-Length: 1000"])
async def test_a_client_that_leaves_breaks_the_providers_request_off(framing: str) -> None:
    reached, broken = asyncio.Event(), asyncio.Event()
    got: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"hello")
        reached.set()
        try:
            while block := await reader.read(1000):
                got.append(block)
        except ConnectionError:
            pass
        broken.set()
        writer.close()

    async with relaying(serve) as calls:
        _, writer = await asyncio.open_connection(*calls.address)
        writer.write(f"POST / HTTP/1.1\r\nHost: a\r\n{framing}\r\n\r\n".encode())
        writer.write(b"5\r\nhello\r\n")
        await reached.wait()
        writer.transport.abort()
        await broken.wait()
        assert isinstance(await calls.outcomes.get(), asyncio.CancelledError)
    assert b"0\r\n\r\n" not in b"".join(got)


async def test_a_refusal_reaches_a_client_that_is_still_sending() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"hello")
        writer.write(b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno")
        writer.close()

    async with relaying(serve) as calls:
        reader, writer = await asyncio.open_connection(*calls.address)
        writer.write(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nhello")
        assert await calls.outcomes.get() == 413
        assert (await reader.readline()).startswith(b"HTTP/1.1 200")
        writer.close()


# The memory of a process that relays.


class SlowUpstream:
    """Reads at a bounded pace, and keeps a digest of what came."""

    def __init__(self) -> None:
        self.digests: list[bytes] = []

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        fields = dict(line.lower().split(b": ") for line in head.split(b"\r\n")[1:-2])
        left, digest = int(fields[b"content-length"]), hashlib.sha256()
        rest_at = left
        while left:
            block = await reader.read(min(left, 65536))
            if not block:
                break
            left -= len(block)
            digest.update(block)
            if left < rest_at:
                rest_at = left - 2**20
                await asyncio.sleep(0.01)
        self.digests.append(digest.digest())
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        writer.close()


HEAD = (
    b'--b\r\nContent-Disposition: form-data; name="model"\r\n\r\nfirst\r\n'
    b'--b\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\n'
)
TAIL = b"\r\n--b--\r\n"
MEGABYTE = os.urandom(2**20)


async def form_of(megabytes: int) -> AsyncIterator[bytes]:
    yield HEAD
    for _ in range(megabytes):
        yield MEGABYTE
    yield TAIL


async def digest_of(blocks: AsyncIterator[bytes], model: bytes) -> bytes:
    digest = hashlib.sha256()
    async for block in blocks:
        digest.update(block.replace(b"\r\n\r\nfirst\r\n", b"\r\n\r\n" + model + b"\r\n"))
    return digest.digest()


async def upload(url: str, megabytes: int) -> int:
    """Send a form; the relaying process' highest memory so far."""
    size = len(HEAD) + megabytes * 2**20 + len(TAIL)
    headers = {"Content-Type": "multipart/form-data; boundary=b", "Content-Length": str(size)}
    async with (
        aiohttp.ClientSession() as session,
        session.post(url, data=form_of(megabytes), headers=headers) as response,
    ):
        told = await response.json()
    assert told["status"] == 200
    return int(told["peak"])


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read there")
@pytest.mark.parametrize("way", ["stream", "spool"])
async def test_a_large_upload_to_a_slow_provider_needs_little_memory(
    tmp_path: Path, way: str
) -> None:
    upstream = SlowUpstream()
    server = await asyncio.start_server(upstream, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        str(Path(__file__).with_name("relaying_process.py")),
        f"http://{host}:{port}",
        str(tmp_path),
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    try:
        assert child.stdout is not None
        url = f"http://127.0.0.1:{json.loads(await child.stdout.readline())}/{way}"
        before = await upload(url, 2)
        after = await upload(url, MEGABYTES)
    finally:
        child.kill()
        await child.wait()
        server.close()
    assert after - before < 30 * 2**20
    model = b"renamed" if way == "spool" else b"first"
    assert upstream.digests[-1] == await digest_of(form_of(MEGABYTES), model)
    print(f"{way}: {(after - before) / 2**20:.1f} MiB more for {MEGABYTES} MiB")

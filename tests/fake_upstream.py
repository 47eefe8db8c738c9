"""A provider at the network's far edge: a local HTTP server that plays what a test tells it to.

A *script* is an async callable that gets the parsed request and a `Wire` to answer on, byte by
byte if it wants to, so that broken framing, resets and hangs can be played too.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import socket
import struct
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

Script = Callable[["Seen", "Wire"], Awaitable[None]]


@dataclass
class Seen:
    """One request as it arrived."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Wire:
    """The connection to answer on."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.written = 0
        self.closing = False

    async def raw(self, data: bytes) -> None:
        self.writer.write(data)
        self.written += len(data)
        await self.writer.drain()

    async def head(
        self, status: int, headers: dict[str, str] | None = None, *, length: int | None = None
    ) -> None:
        lines = [f"HTTP/1.1 {status} Whatever"]
        fields = {"content-type": "application/json"} | (headers or {})
        if length is None:
            fields["transfer-encoding"] = "chunked"
        else:
            fields["content-length"] = str(length)
        lines += [f"{name}: {value}" for name, value in fields.items()]
        await self.raw(("\r\n".join(lines) + "\r\n\r\n").encode())

    async def chunk(self, data: bytes) -> None:
        if data:
            await self.raw(b"%x\r\n%b\r\n" % (len(data), data))

    async def end(self) -> None:
        await self.raw(b"0\r\n\r\n")

    def reset(self) -> None:
        """Break the connection off as a crashed peer would."""
        sock = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.closing = True
        self.writer.transport.abort()

    async def gone(self) -> None:
        """Return when the peer has hung up."""
        while await self.reader.read(65536):
            pass


@dataclass
class FakeUpstream:
    """The server. `script` may be changed between requests; `seen` has all that arrived."""

    script: Script
    seen: list[Seen] = field(default_factory=list)
    connections: int = 0
    _server: asyncio.Server | None = None
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def start(self) -> FakeUpstream:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, backlog=1024)
        return self

    @property
    def port(self) -> int:
        assert self._server is not None
        return int(self._server.sockets[0].getsockname()[1])

    @property
    def api_base(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1/"

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        for task in list(self._tasks):
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await task
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._server.wait_closed(), 2)

    async def __aenter__(self) -> FakeUpstream:
        return await self.start()

    async def __aexit__(self, *error: object) -> None:
        await self.stop()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        wire = Wire(reader, writer)
        try:
            while not wire.closing:
                request = await _read_request(reader)
                if request is None:
                    break
                self.seen.append(request)
                await self.script(request, wire)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            writer.close()


async def _read_request(reader: asyncio.StreamReader) -> Seen | None:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    lines = head.decode("latin-1").split("\r\n")
    method, path, _ = lines[0].split(" ", 2)
    headers = {}
    for line in lines[1:]:
        name, separator, value = line.partition(":")
        if separator:
            headers[name.strip().lower()] = value.strip()
    if headers.get("transfer-encoding") == "chunked":
        body = await _read_chunked(reader)
    else:
        body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Seen(method, path, headers, body)


async def _read_chunked(reader: asyncio.StreamReader) -> bytes:
    parts = []
    while size := int((await reader.readline()).split(b";")[0], 16):
        parts.append(await reader.readexactly(size))
        await reader.readexactly(2)
    await reader.readline()
    return b"".join(parts)


# Scripts that many tests want.


def answer(
    body: bytes | dict[str, Any],
    status: int = 200,
    headers: dict[str, str] | None = None,
    cuts: Sequence[int] = (),
) -> Script:
    """One whole answer; with `cuts`, chunked and split at these offsets."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()

    async def script(seen: Seen, wire: Wire) -> None:
        if not cuts:
            await wire.head(status, headers, length=len(data))
            await wire.raw(data)
            return
        await wire.head(status, headers)
        for piece in split(data, cuts):
            await wire.chunk(piece)
            await asyncio.sleep(0)
        await wire.end()

    return script


def stream(
    blocks: Sequence[bytes], pause: float = 0.0, headers: dict[str, str] | None = None
) -> Script:
    """A stream, block by block."""

    async def script(seen: Seen, wire: Wire) -> None:
        await wire.head(200, {"content-type": "text/event-stream"} | (headers or {}))
        for block in blocks:
            await wire.chunk(block)
            if pause:
                await asyncio.sleep(pause)
        await wire.end()

    return script


def split(data: bytes, cuts: Sequence[int]) -> list[bytes]:
    edges = [0, *sorted(cuts), len(data)]
    return [data[a:b] for a, b in itertools.pairwise(edges) if a < b]


def completion(text: str = "hello", **more: Any) -> dict[str, Any]:
    """A whole chat completion, in OpenAI's form."""
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1700000000,
        "model": "served-model",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": text},
                "finish_reason": "stop",
            }
        ],
        "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
    } | more


def events(words: Sequence[str], *, done: bool = True, usage: bool = False) -> list[bytes]:
    """A stream of chat-completion chunks, one event a word."""
    base = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    blocks = []
    for number, word in enumerate(words):
        delta = {"content": word} | ({"role": "assistant"} if number == 0 else {})
        choice = {"index": 0, "delta": delta, "finish_reason": None}
        blocks.append(_event(base | {"choices": [choice]}))
    last = {"index": 0, "delta": {}, "finish_reason": "stop"}
    blocks.append(_event(base | {"choices": [last]}))
    if usage:
        counts = {"prompt_tokens": 3, "completion_tokens": len(words), "total_tokens": 9}
        blocks.append(_event(base | {"choices": [], "usage": counts}))
    if done:
        blocks.append(b"data: [DONE]\n\n")
    return blocks


def _event(value: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps(value, separators=(",", ":")).encode() + b"\n\n"

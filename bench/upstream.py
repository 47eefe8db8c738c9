"""The provider: answers chat completions with canned bytes, as cheaply as Python can.

    python -m bench.upstream --port PORT

A plain protocol on uvloop, no HTTP library: it must never be what is measured.
"""

from __future__ import annotations

import argparse
import asyncio
import re
from typing import cast

import uvloop

from bench.canned import ANSWER_HEADERS, CHUNKS, PATH, PAUSE_MS, completion, events

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_STREAM = re.compile(rb'"stream": *true')
_EXPECTED_LINE = f"POST {PATH} HTTP/1.1\r\n".encode()
_REFUSAL = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"


def whole_answer() -> bytes:
    """A chat completion with its head."""
    body = completion()
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n{ANSWER_HEADERS}"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


def stream_blocks(count: int) -> tuple[bytes, ...]:
    """The writes of one stream; the head goes with the first, the end with the last."""
    head = (
        f"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n{ANSWER_HEADERS}"
        "Transfer-Encoding: chunked\r\n\r\n"
    ).encode()
    blocks = [b"%x\r\n%b\r\n" % (len(block), block) for block in events(count)]
    blocks[0] = head + blocks[0]
    blocks[-1] += b"0\r\n\r\n"
    return tuple(blocks)


class Pacer:
    """One timer for all streams.

    Time is cut in slots of a tenth of the pause; a stream keeps the slot in which it began, so that
    streams are spread over the pause as they are in life.
    """

    SLOTS = 10

    def __init__(self, blocks: tuple[bytes, ...], pause_s: float) -> None:
        self._blocks = blocks
        self._step = pause_s / self.SLOTS
        self._slots: list[dict[asyncio.Transport, int]] = [{} for _ in range(self.SLOTS)]
        self._turn = 0
        self._running = 0
        self._next_at = 0.0

    def begin(self, transport: asyncio.Transport) -> None:
        """Write the first block; the others follow by themselves."""
        transport.write(self._blocks[0])
        if len(self._blocks) == 1:
            return
        # The slot just served comes round again after one whole pause.
        self._slots[self._turn - 1][transport] = 1
        self._running += 1
        if self._running == 1:
            self._schedule(asyncio.get_running_loop().time())

    def _schedule(self, now: float) -> None:
        self._next_at = now + self._step
        asyncio.get_running_loop().call_at(self._next_at, self._tick)

    def _tick(self) -> None:
        slot = self._slots[self._turn]
        self._turn = (self._turn + 1) % self.SLOTS
        for transport, index in list(slot.items()):
            if not transport.is_closing():
                transport.write(self._blocks[index])
            if index + 1 == len(self._blocks) or transport.is_closing():
                del slot[transport]
                self._running -= 1
            else:
                slot[transport] = index + 1
        if self._running:
            self._schedule(self._next_at)


class Answering(asyncio.Protocol):
    """One connection: complete requests in, canned answers out."""

    def __init__(self, answer: bytes, pacer: Pacer) -> None:
        self._answer = answer
        self._pacer = pacer
        self._rest = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's own class

    def data_received(self, data: bytes) -> None:
        data = self._rest + data
        while (head_end := data.find(b"\r\n\r\n")) >= 0:
            length = _LENGTH.search(data, 0, head_end)
            end = head_end + 4 + (int(length[1]) if length else 0)
            if len(data) < end:
                break
            self._serve(data, end)
            data = data[end:]
        self._rest = data

    def _serve(self, data: bytes, end: int) -> None:
        assert self._transport is not None
        if not data.startswith(_EXPECTED_LINE):
            self._transport.write(_REFUSAL)
        elif _STREAM.search(data, 0, end):
            self._pacer.begin(self._transport)
        else:
            self._transport.write(self._answer)


async def serve(port: int, chunks: int, pause_ms: float) -> None:
    """Answer on 127.0.0.1 until the process is ended."""
    answer = whole_answer()
    pacer = Pacer(stream_blocks(chunks), pause_ms / 1000)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: Answering(answer, pacer), "127.0.0.1", port, backlog=1024
    )
    await server.serve_forever()


def main() -> None:
    parser = argparse.ArgumentParser(description="A provider with canned answers.")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--chunks", type=int, default=CHUNKS)
    parser.add_argument("--pause-ms", type=float, default=PAUSE_MS)
    options = parser.parse_args()
    uvloop.run(serve(options.port, options.chunks, options.pause_ms))


if __name__ == "__main__":
    main()

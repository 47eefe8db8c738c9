"""How the provider plays a script: canned bytes, written as cheaply as Python can."""

from __future__ import annotations

import asyncio
from typing import Protocol

from bench.canned import ANSWER_HEADERS, SCRIPTS, Script, compact


def whole_answer(script: Script = SCRIPTS["small"]) -> bytes:
    """A chat completion with its head."""
    body = script.answer_body()
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n{ANSWER_HEADERS}"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


def stream_blocks(count: int) -> tuple[bytes, ...]:
    """The writes of one stream; the head goes with the first, the end with the last."""
    head = (
        f"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n{ANSWER_HEADERS}"
        "Transfer-Encoding: chunked\r\n\r\n"
    ).encode()
    blocks = [b"%x\r\n%b\r\n" % (len(block), block) for block in Script("", chunks=count).events()]
    blocks[0] = head + blocks[0]
    blocks[-1] += b"0\r\n\r\n"
    return tuple(blocks)


def overload_answer() -> bytes:
    """A refusal with its head."""
    body = compact({"error": {"message": "Overloaded.", "type": "server_error", "code": None}})
    head = "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


class Whole:
    """Answers with one write."""

    def __init__(self, script: Script) -> None:
        self._answer = whole_answer(script)

    def begin(self, transport: asyncio.Transport) -> None:
        transport.write(self._answer)


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


class Hasty:
    """Streams without a pause: one block at each turn of the loop, so that each is a packet."""

    def __init__(self, blocks: tuple[bytes, ...]) -> None:
        self._blocks = blocks
        self._running: dict[asyncio.Transport, int] = {}

    def begin(self, transport: asyncio.Transport) -> None:
        if not self._running:
            asyncio.get_running_loop().call_soon(self._turn)
        self._running[transport] = 0

    def _turn(self) -> None:
        for transport, index in list(self._running.items()):
            if not transport.is_closing():
                transport.write(self._blocks[index])
            if index + 1 == len(self._blocks) or transport.is_closing():
                del self._running[transport]
            else:
                self._running[transport] = index + 1
        if self._running:
            asyncio.get_running_loop().call_soon(self._turn)


class Holding:
    """Streams whose first chunks come at once, and the others when all are released."""

    def __init__(self, blocks: tuple[bytes, ...], held_after: int, pause_s: float) -> None:
        self._beginning = Pacer(blocks[:held_after], pause_s)
        self._rest = Pacer(blocks[held_after:], pause_s)
        self._held: list[asyncio.Transport] = []

    def begin(self, transport: asyncio.Transport) -> None:
        self._held.append(transport)
        self._beginning.begin(transport)

    def release(self) -> None:
        """Go on with all of them. Those that are not at their mark yet must not exist."""
        held, self._held = self._held, []
        for transport in held:
            if not transport.is_closing():
                self._rest.begin(transport)


class Failing:
    """Refuses every other call, as a provider does that has too much to do."""

    def __init__(self, script: Script) -> None:
        self._answers = (overload_answer(), whole_answer(script))
        self._turn = 0

    def begin(self, transport: asyncio.Transport) -> None:
        transport.write(self._answers[self._turn])
        self._turn = 1 - self._turn


class Player(Protocol):
    """Plays one script to whoever asks for it."""

    def begin(self, transport: asyncio.Transport) -> None: ...


def build_player(script: Script) -> Player:
    if script.fails:
        return Failing(script)
    if not script.stream:
        return Whole(script)
    blocks, pause_s = stream_blocks(script.chunks), script.pause_ms / 1000
    if script.holds_after:
        return Holding(blocks, script.holds_after, pause_s)
    return Pacer(blocks, pause_s) if pause_s else Hasty(blocks)

"""One connection: asks, takes the answer apart, and says whether it was right."""

from __future__ import annotations

import asyncio
import re
import ssl
from dataclasses import dataclass
from time import perf_counter
from typing import Protocol, cast

from bench.checking import Check
from bench.loads.target import HOST, Target

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_OK = b"HTTP/1.1 200 "
_REFUSAL = b"HTTP/1.1 50"
_END = b"0\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Answer:
    """When it was asked for (or was to be), when its body began, when it was complete."""

    asked_at: float
    first_at: float
    ended_at: float
    wrong: str
    """What is wrong with it; nothing if it is right."""
    refused: bool
    """Whether it has a status that says: not now."""


class Listener(Protocol):
    """Who asks over connections."""

    def answered(self, connection: Connection, answer: Answer) -> None: ...

    def failed(self, what: str) -> None: ...

    def lost(self, connection: Connection, *, in_answer: bool) -> None: ...


class Connection(asyncio.Protocol):
    """One call at a time."""

    def __init__(self, listener: Listener, check: Check) -> None:
        self.listener = listener
        self._check = check
        self._transport: asyncio.Transport | None = None
        self._received: list[bytes] = []
        self._body_from = 0
        self._body_bytes: int | None = None
        self._asked_at = 0.0
        self._first_at = 0.0
        self.total = 0
        """Bytes of the present answer."""
        self.asking = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's own class

    def ask(self, request: bytes, asked_at: float) -> None:
        assert self._transport is not None
        self._received = []
        self._body_from = self.total = 0
        self._body_bytes = None
        self._first_at = 0.0
        self.asking = True
        self._asked_at = asked_at
        self._transport.write(request)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def data_received(self, data: bytes) -> None:
        if not self.asking:
            self.listener.failed("bytes that nobody asked for")
            return
        self._received.append(data)
        self.total += len(data)
        if not self._body_from:
            self._read_head()
        if self._body_from:
            if not self._first_at and self.total > self._body_from:
                self._first_at = perf_counter()
            if self._complete(data):
                self._answered()

    def _read_head(self) -> None:
        data = b"".join(self._received)
        self._received = [data]
        end = data.find(b"\r\n\r\n")
        if end >= 0:
            self._body_from = end + 4
            length = _LENGTH.search(data, 0, end + 2)
            self._body_bytes = int(length[1]) if length else None

    def _complete(self, latest: bytes) -> bool:
        if self._body_bytes is not None:
            return self.total >= self._body_from + self._body_bytes
        tail = latest if len(latest) >= len(_END) else b"".join(self._received[-5:])
        return tail.endswith(_END)

    def _answered(self) -> None:
        self.asking = False
        ended_at = perf_counter()
        data = b"".join(self._received)
        refused = data.startswith(_REFUSAL)
        answer = Answer(self._asked_at, self._first_at, ended_at, self._wrong(data), refused)
        self.listener.answered(self, answer)

    def _wrong(self, data: bytes) -> str:
        if not data.startswith(_OK):
            return data[:300].decode(errors="replace")
        body: bytes | None = data[self._body_from :]
        if self._body_bytes is None and body is not None:
            body = unframed(body)
        return self._check(body) if body is not None else f"broken framing: {data[-200:]!r}"

    def connection_lost(self, _: Exception | None) -> None:
        in_answer, self.asking = self.asking, False
        self.listener.lost(self, in_answer=in_answer)


class Connector:
    """Makes connections to one target."""

    def __init__(self, target: Target) -> None:
        self._port = target.port
        self._check = target.build_check()
        self._context = (
            ssl.create_default_context(cafile=target.authority) if target.authority else None
        )

    async def connect(self, listener: Listener) -> Connection:
        """Raises OSError where nobody listens."""
        _, connection = await asyncio.get_running_loop().create_connection(
            lambda: Connection(listener, self._check),
            HOST,
            self._port,
            ssl=self._context,
            server_hostname="localhost" if self._context else None,
        )
        return connection


def unframed(framed: bytes) -> bytes | None:
    """The body inside chunked framing; None where the framing is broken."""
    parts: list[bytes] = []
    at = 0
    while True:
        line_end = framed.find(b"\r\n", at)
        try:
            size = int(framed[at:line_end], 16)
        except ValueError:
            return None
        start = line_end + 2
        if size == 0:
            return b"".join(parts) if framed[start:] == b"\r\n" else None
        parts.append(framed[start : start + size])
        at = start + size + 2

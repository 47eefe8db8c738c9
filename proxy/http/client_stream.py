"""An answer to one client, written straight to its transport.

aiohttp's own response objects suspend a task for each block. Blocks are relayed here inside the
upstream's callback, so writing must not suspend: it writes, and hands back something to await only
when the client is slower than the provider.
"""

from __future__ import annotations

from collections.abc import Awaitable, Generator
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.helpers import rfc822_formatted_time
from aiohttp.http import HttpVersion10, HttpVersion11

from proxy.http.headers import answer_headers, one_line
from proxy.types.ports import Headers

WRITE_BUFFER_BYTES = 32 * 1024
"""Beyond this much unsent, the upstream is paused."""

NO_BODY = (204, 304)
"""Statuses whose answers have no body, and nothing that frames one (RFC 9110, 8.6)."""

_REASONS = {status.value: status.phrase for status in HTTPStatus}


@dataclass(frozen=True, slots=True)
class _Room:
    """Awaited by those who have more to write; who has not may leave it, unlike a coroutine."""

    writer: AbstractStreamWriter

    def __await__(self) -> Generator[Any, None, None]:
        return self.writer.drain().__await__()


class ClientStream(web.StreamResponse):
    """The port `Client` on aiohttp's server. The handler returns it when all has been written."""

    def __init__(self, request: web.BaseRequest, always: Headers = ()) -> None:
        """`always` are headers of every answer here."""
        super().__init__()
        self._request = request
        self._always = always
        self._transport = request.transport
        self._chunked_body = False
        self._last = False
        self._unsent = b""
        self.started = False
        self.sent = 0

    @property
    def keep_alive(self) -> bool | None:
        return self._request.keep_alive and not self._last

    def start(self, status: int, theirs: Headers, ours: Headers, *, length: int | None) -> None:
        """Prepare the head; it leaves together with the first bytes of the body."""
        self.started = True
        self.set_status(status)
        framing: tuple[str, str] | None = None
        if status in NO_BODY:
            framing = None
        elif length is not None:
            framing = ("Content-Length", str(length))
        elif self._request.version >= HttpVersion11:
            self._chunked_body = True
            framing = ("Transfer-Encoding", "chunked")
        else:
            self._last = True
        # Our own headers name models, and callers may invent those.
        named = [(name, one_line(value)) for name, value in ours]
        self._unsent = self._head(status, [*answer_headers(theirs), *named, *self._always], framing)
        if self._transport is not None:
            self._transport.set_write_buffer_limits(high=WRITE_BUFFER_BYTES)

    def _head(self, status: int, headers: Headers, framing: tuple[str, str] | None) -> bytes:
        version = self._request.version
        lines = [f"HTTP/{version.major}.{version.minor} {status} {_REASONS.get(status, '')}"]
        lines += [f"{name}: {value}" for name, value in headers]
        if framing is not None:
            lines.append(f"{framing[0]}: {framing[1]}")
        lines.append(f"Date: {rfc822_formatted_time()}")
        if not self.keep_alive:
            lines.append("Connection: close")
        elif version == HttpVersion10:
            lines.append("Connection: keep-alive")
        return ("\r\n".join(lines) + "\r\n\r\n").encode("utf-8", "surrogateescape")

    def write(self, block: bytes) -> Awaitable[None] | None:  # type: ignore[override]
        """Send a block of the body; await the result, if there is one, before the next."""
        transport = self._transport
        if transport is None or transport.is_closing():
            return None
        if self._chunked_body:
            frame = b"%b%x\r\n%b\r\n" % (self._unsent, len(block), block)
        else:
            frame = self._unsent + block
        self._unsent = b""
        self.sent += len(block)
        transport.write(frame)
        if self._request.protocol.writing_paused:
            return _Room(self._request.writer)
        return None

    def finish(self, held: bytes) -> None:
        """Send what was held back and the end of the body, in one write."""
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        if not self._chunked_body:
            last = held
        elif held:
            last = b"%x\r\n%b\r\n0\r\n\r\n" % (len(held), held)
        else:
            last = b"0\r\n\r\n"
        self.sent += len(held)
        transport.write(self._unsent + last)
        self._unsent = b""

    def abort(self) -> None:
        """Close after what was sent, without an end that the client could take for one."""
        self._last = True
        self.force_close()
        if self._transport is not None:
            if self._unsent:
                self._transport.write(self._unsent)
            self._transport.close()

    # aiohttp calls these when the handler has returned; all is written by then.

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        return None

    async def write_eof(self, data: bytes = b"") -> None:
        return None

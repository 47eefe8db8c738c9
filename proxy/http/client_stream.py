"""An answer to one client, written straight to its transport.

aiohttp's own response objects suspend a task for each block. Blocks are relayed here inside the
upstream's callback, so writing must not suspend: it writes, and hands back something to await only
when the client is slower than the provider.
"""

from __future__ import annotations

from collections.abc import Awaitable, Generator
from dataclasses import dataclass
from functools import lru_cache
from http import HTTPStatus
from typing import Any

from aiohttp.abc import AbstractStreamWriter
from aiohttp.helpers import rfc822_formatted_time
from aiohttp.http import HttpVersion, HttpVersion10, HttpVersion11

from proxy.http import web
from proxy.http.headers import answer_lines, encode_head, fixed_lines, stream_lines
from proxy.types.ports import FixedHeaders, Headers

WRITE_BUFFER_BYTES = 32 * 1024
"""Beyond this much unsent, the upstream is paused."""

NO_BODY = (204, 304)
"""Statuses whose answers have no body, and nothing that frames one (RFC 9110, 8.6)."""

_REASONS = {status.value: status.phrase for status in HTTPStatus}


@lru_cache(maxsize=256)
def _status_line(version: HttpVersion, status: int) -> str:
    return f"HTTP/{version.major}.{version.minor} {status} {_REASONS.get(status, '')}"


@dataclass(frozen=True, slots=True)
class _Room:
    """Awaited by those who have more to write; who has not may leave it, unlike a coroutine."""

    writer: AbstractStreamWriter

    def __await__(self) -> Generator[Any, None, None]:
        return self.writer.drain().__await__()


class ClientStream(web.StreamResponse):
    """The port `Client` on aiohttp's server. The handler returns it when all has been written.

    Of a response it has what the server asks for afterwards (`keep_alive`, `prepare`, `write_eof`),
    and none of the state: it is made for every call.
    """

    started = False
    _chunked_body = False
    _unsent = b""
    _flows = False
    """Whether blocks go out in chunks, with nothing left to be sent before."""

    def __init__(self, request: web.BaseRequest, always: FixedHeaders = ()) -> None:
        """`always` are headers of every answer here."""
        self._request = request
        self._always = always
        self._protocol = request.protocol
        self._transport = request.transport
        self._last = not request.keep_alive

    @property
    def keep_alive(self) -> bool | None:
        return not self._last

    def start(
        self,
        status: int,
        theirs: Headers,
        ours: Headers,
        fixed: FixedHeaders = (),
        *,
        length: int | None,
    ) -> None:
        """Prepare the head; it leaves together with the first bytes of the body."""
        self.started = True
        version = self._request.version
        lines = answer_lines(theirs, ours)
        if fixed:
            lines += fixed_lines(fixed)
        if self._always:
            lines += fixed_lines(self._always)
        if status in NO_BODY:
            pass
        elif length is not None:
            lines.append(f"Content-Length: {length}")
        elif version >= HttpVersion11:
            self._chunked_body = True
            lines.append("Transfer-Encoding: chunked")
        else:
            self._last = True
        if self._last:
            lines.append("Connection: close")
        elif version == HttpVersion10:
            lines.append("Connection: keep-alive")
        if length is None:
            lines += stream_lines(theirs)
            if self._transport is not None:
                self._transport.set_write_buffer_limits(high=WRITE_BUFFER_BYTES)
        lines.append(f"Date: {rfc822_formatted_time()}")
        self._unsent = encode_head(_status_line(version, status), lines)

    def write(self, block: bytes) -> Awaitable[None] | None:  # type: ignore[override]
        """Send a block of the body; await the result, if there is one, before the next."""
        transport = self._transport
        if transport is None or transport.is_closing():
            return None
        if self._flows:
            transport.write(b"%x\r\n%b\r\n" % (len(block), block))
        else:
            frame = b"%x\r\n%b\r\n" % (len(block), block) if self._chunked_body else block
            transport.write(self._unsent + frame)
            self._unsent = b""
            self._flows = self._chunked_body
        return _Room(self._request.writer) if self._protocol.writing_paused else None

    def write_chunk(self, block: bytes, chunk: bytes) -> Awaitable[None] | None:
        """As `write`, of a block that stands in a chunk already."""
        transport = self._transport
        if not self._flows or transport is None or transport.is_closing():
            return self.write(block)
        transport.write(chunk)
        return _Room(self._request.writer) if self._protocol.writing_paused else None

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
        transport.write(self._unsent + last)
        self._unsent = b""

    def abort(self) -> None:
        """Close after what was sent, without an end that the client could take for one."""
        self._last = True
        if self._transport is not None:
            if self._unsent:
                self._transport.write(self._unsent)
            self._transport.close()

    # aiohttp calls these when the handler has returned; all is written by then.

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        return None

    async def write_eof(self, data: bytes = b"") -> None:
        return None

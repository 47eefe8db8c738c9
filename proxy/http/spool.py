"""Clients' bodies that are not held in memory whole.

`spool` reads a body to its end before anything is decided (where it names the model), and keeps
what is beyond a bound in an unlinked temporary file. `StreamedBody` holds nothing: it passes the
client's bytes on as the provider takes them, and a provider that takes none slows the client.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path

from aiohttp.http import HttpVersion11
from aiohttp.http_exceptions import HttpProcessingError

from proxy.errors import InvalidRequest, PayloadTooLarge
from proxy.http import web
from proxy.http.ready_request import ReadyRequest
from proxy.http.spool_file import SpoolFile
from proxy.types.edits import Edit

READ_BYTES = 256 * 1024
WRITE_BYTES = 1024 * 1024
"""What goes to the disk at once; a spooled body holds no more than this in memory."""


class SpooledBody:
    """A whole body, in memory or on disk. It is a `Body`; `close` it when the call is over."""

    repeatable = True
    spent = False

    def __init__(self, held: bytes, file: SpoolFile | None, length: int, sha256: bytes) -> None:
        self._held = held
        self._file = file
        self.length = length
        self.sha256 = sha256

    @property
    def on_disk(self) -> bool:
        return self._file is not None

    def blocks(self) -> AsyncIterator[bytes]:
        return self.read(0, self.length)

    def edited(self, edits: Sequence[Edit]) -> EditedBody:
        """The same body with some bytes replaced; usable until this one is closed.

        `edits` are in order and do not overlap. Nothing is copied.
        """
        return EditedBody(self, tuple(edits))

    async def read(self, start: int, end: int) -> AsyncIterator[bytes]:
        """The bytes between two offsets, in blocks."""
        for place in range(start, end, READ_BYTES):
            size = min(READ_BYTES, end - place)
            if self._file is None:
                yield self._held[place : place + size]
            else:
                yield await self._file.read(place, size)

    def close(self) -> None:
        """Free the memory, or the disk."""
        self._held = b""
        if self._file is not None:
            self._file.close()


class EditedBody:
    """A spooled body with splices, made while it is read."""

    repeatable = True
    spent = False

    def __init__(self, whole: SpooledBody, edits: tuple[Edit, ...]) -> None:
        self._whole = whole
        self._edits = edits
        self.length = whole.length + sum(len(new) - (end - start) for start, end, new in edits)

    async def blocks(self) -> AsyncIterator[bytes]:
        place = 0
        for start, end, new in self._edits:
            async for block in self._whole.read(place, start):
                yield block
            if new:
                yield new
            place = end
        async for block in self._whole.read(place, self._whole.length):
            yield block


class StreamedBody:
    """A client's body, passed on as it comes. It can be sent once."""

    repeatable = False

    def __init__(self, request: web.BaseRequest, *, limit: int) -> None:
        """`limit` is in bytes.

        Raises:
            PayloadTooLarge: the body says that it is longer.
        """
        self.length = announced_length(request, limit)
        self.spent = False
        self.received = 0
        self._request = request
        self._limit = limit
        self._digest = hashlib.sha256()

    @property
    def sha256(self) -> bytes:
        """Of what has come so far."""
        return self._digest.digest()

    async def blocks(self) -> AsyncIterator[bytes]:
        """See `Body.blocks`.

        Raises:
            PayloadTooLarge: there is more than the limit.
            InvalidRequest: the body is damaged (its compression).
            ConnectionError: the client has left.
        """
        if self.spent:
            raise RuntimeError("a streamed body can be sent only once")
        self.spent = True
        async for block in _arriving(self._request, self._limit):
            self.received += len(block)
            self._digest.update(block)
            yield block


async def spool(
    request: web.BaseRequest,
    *,
    memory_bytes: int,
    limit: int,
    folder: Path,
    scan: Callable[[bytes], None],
) -> SpooledBody:
    """Read the whole body of a request.

    Up to `memory_bytes` stay in memory; a longer body goes to a file in `folder`, which nobody
    else can open. `scan` gets every block; what it raises ends the reading. `limit` is in bytes.

    Raises:
        PayloadTooLarge: there is more than the limit.
        InvalidRequest: the body is damaged (its compression).
        ConnectionError: the client has left.
        OSError: the disk refused it.
    """
    announced_length(request, limit)
    digest = hashlib.sha256()
    held = _Held(memory_bytes, folder)
    try:
        async for block in _arriving(request, limit):
            digest.update(block)
            scan(block)
            await held.add(block)
        return await held.whole(digest.digest())
    except BaseException:
        held.drop()
        raise


class _Held:
    """What has come of a body that is being spooled."""

    def __init__(self, memory_bytes: int, folder: Path) -> None:
        self._bound = memory_bytes
        self._folder = folder
        self._blocks: list[bytes] = []
        self._size = 0
        self._file: SpoolFile | None = None
        self._written = 0

    async def add(self, block: bytes) -> None:
        self._blocks.append(block)
        self._size += len(block)
        if self._size > (self._bound if self._file is None else WRITE_BYTES):
            await self._move()

    async def _move(self) -> None:
        if self._file is None:
            self._file = SpoolFile(self._folder)
        blocks, size = self._blocks, self._size
        self._blocks, self._size = [], 0
        await self._file.append(b"".join(blocks))
        self._written += size

    async def whole(self, sha256: bytes) -> SpooledBody:
        if self._file is None:
            return SpooledBody(b"".join(self._blocks), None, self._size, sha256)
        if self._blocks:
            await self._move()
        return SpooledBody(b"", self._file, self._written, sha256)

    def drop(self) -> None:
        if self._file is not None:
            self._file.close()


def announced_length(request: web.BaseRequest, limit: int) -> int | None:
    """How long the body says it is; None when it does not say, or comes compressed.

    Raises:
        PayloadTooLarge: it says more than the limit.
    """
    length = request.content_length
    if length is not None and length > limit:
        raise _too_large(limit)
    if length is None and not request.body_exists:
        return 0
    # aiohttp has unpacked a compressed body by the time it is read.
    return None if "Content-Encoding" in request.headers else length


def with_body(
    request: web.BaseRequest, handle: Callable[[bytes], Awaitable[web.StreamResponse]]
) -> Awaitable[web.StreamResponse]:
    """The answer that `handle` has for the body; where that is there already, nothing waits for
    it: each coroutine that does costs every call. Raises as `read_body`."""
    if isinstance(request, ReadyRequest):
        return handle(request.body)
    return _read_first(request, handle)


async def _read_first(
    request: web.BaseRequest, handle: Callable[[bytes], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    return await handle(await read_body(request))


async def read_body(request: web.BaseRequest) -> bytes:
    """A body that is understood as a whole, in memory.

    Raises:
        InvalidRequest: the client's framing or encoding is damaged.
        aiohttp.web.HTTPRequestEntityTooLarge: it is longer than the server's limit.
    """
    if isinstance(request, ReadyRequest):
        return request.body
    content, limit = request.content, request.client_max_size
    try:
        if content.is_eof() and (not limit or content.total_bytes <= limit):
            return content.read_nowait()  # All of it has come with the head, as most do.
        await _welcome(request)
        return await request.read()
    except (HttpProcessingError, web.RequestPayloadError) as error:
        raise InvalidRequest(f"the body could not be read: {error}") from error


async def _arriving(request: web.BaseRequest, limit: int) -> AsyncIterator[bytes]:
    """The body as it comes. What is not taken stays in the client's hands: reading pauses."""
    await _welcome(request)
    content = request.content
    received = 0
    while True:
        try:
            block = await content.readany()
        except HttpProcessingError as error:
            raise InvalidRequest(f"the body could not be read: {error.message}") from error
        except web.RequestPayloadError as error:
            raise InvalidRequest(f"the body could not be read: {error}") from error
        if block:
            received += len(block)
            if received > limit:
                raise _too_large(limit)
            yield block
        elif content.at_eof():
            return


async def _welcome(request: web.BaseRequest) -> None:
    """Tell a client that asked first (curl does, for large bodies) that it may send."""
    asked = request.headers.get("Expect", "").lower() == "100-continue"
    if asked and request.version >= HttpVersion11 and not request.content.total_bytes:
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0


def _too_large(limit: int) -> PayloadTooLarge:
    return PayloadTooLarge(
        f"The body is larger than the limit of {limit} bytes (`zeroproxy.limits.max_upload_bytes`)"
    )

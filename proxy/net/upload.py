"""A request body on its way to a provider, block by block.

What aiohttp's own payload of an async iterator does not do: tell a failing client from a failing
provider, stop the clock while the client is waited for, and never let a broken body look like a
whole one.
"""

from __future__ import annotations

import asyncio
import select
from collections.abc import AsyncIterator

from aiohttp.abc import AbstractStreamWriter
from aiohttp.http import StreamWriter
from aiohttp.payload import Payload
from aiohttp.streams import StreamReader

from proxy.errors import InvalidRequest
from proxy.net.watchdog import Flight
from proxy.types.ports import Body

WRITE_BYTES = 64 * 1024
"""No more than this is handed to the loop at once."""

HEARING_ROUNDS = 4
"""How often the loop may turn for an answer to be read, before more of the body is sent."""


class Upload(Payload):
    """Sends a `Body`, once for each time that aiohttp writes it."""

    _autoclose = True

    def __init__(self, body: Body, flight: Flight) -> None:
        super().__init__(body)
        self._size = body.length
        self.body = body
        self.fault: Exception | None = None
        """What the body raised: the caller's to hear, and no fault of the provider."""
        self._flight = flight
        self._writing: asyncio.Task[object] | None = None
        self._answer: StreamReader | None = None

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        raise TypeError("a body that is not held in memory has no text")

    async def write(self, writer: AbstractStreamWriter) -> None:
        await self.write_with_length(writer, None)

    async def write_with_length(
        self, writer: AbstractStreamWriter, content_length: int | None
    ) -> None:
        """Write all blocks; what goes wrong cuts the connection, with whatever it still holds."""
        self._consumed = True  # aiohttp must not send it again by itself
        self._writing = asyncio.current_task()
        blocks = self.body.blocks()
        try:
            await self._write(blocks, writer)
        except BaseException:
            if isinstance(writer, StreamWriter) and writer.transport is not None:
                writer.transport.abort()
            raise
        finally:
            await _close(blocks)

    async def _write(self, blocks: AsyncIterator[bytes], writer: AbstractStreamWriter) -> None:
        left = self._size
        while (block := await self._next(blocks, left)) is not None:
            if left is not None:
                left -= len(block)
            for start in range(0, len(block), WRITE_BYTES):
                await _hear_first(writer)
                await writer.write(block[start : start + WRITE_BYTES])
                await writer.drain()
                self._flight.sent()

    async def _next(self, blocks: AsyncIterator[bytes], left: int | None) -> bytes | None:
        """The next block, None after the last; `left` is what the body still owes."""
        self._flight.hold()
        try:
            block = await anext(blocks, None)
            if left is not None and (left if block is None else len(block) > left):
                raise InvalidRequest("the request body is not as long as it said")
        except Exception as error:
            self._fail(error)
            raise
        finally:
            self._flight.sent()
        return block

    def _fail(self, error: Exception) -> None:
        self.fault = error
        if self._answer is not None:
            self._answer.set_exception(error)

    def answered(self, content: StreamReader) -> None:
        """The answer has begun; a body that fails now must end it."""
        self._answer = content
        if self.fault is not None:
            content.set_exception(self.fault)

    async def stop(self) -> None:
        """Send no more, and return when nothing reads the body any longer."""
        task = self._writing
        if task is not None and not task.done():
            task.cancel()
            await asyncio.wait({task})


async def _close(blocks: AsyncIterator[bytes]) -> None:
    close = getattr(blocks, "aclose", None)
    if close is not None:
        await close()


async def _hear_first(writer: AbstractStreamWriter) -> None:
    """Let the loop read what the provider has already said, before more is sent to it.

    A provider that refuses a body and closes resets the connection right behind its answer; the
    first write after that fails, and the loop then throws the unread answer away.
    """
    transport = writer.transport if isinstance(writer, StreamWriter) else None
    connection = None if transport is None else transport.get_extra_info("socket")
    if connection is None or connection.fileno() < 0:
        return
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    for _ in range(HEARING_ROUNDS):
        if not poll.poll(0):
            return
        await asyncio.sleep(0)

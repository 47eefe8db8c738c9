"""A client's connection, and the server that makes them.

Nearly all calls are alike: a POST of JSON that has come whole in one or two reads, on a connection
that stays open. Those are answered here, with one task each. At the first request that is anything
else (an upload, a long body, a scrape, pipelining, a strange head) the connection is given to
aiohttp's server with all that was read, and stays there: what is unusual has one complete reader.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from aiohttp.base_protocol import BaseProtocol
from aiohttp.tcp_helpers import tcp_keepalive

from proxy.http import web
from proxy.http.client_stream import ClientStream
from proxy.http.ready_request import ReadyRequest
from proxy.http.request_heads import LONGEST, RequestHead, RequestHeads

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]

LONGEST_BODY = 1024 * 1024
"""Bytes of a body that is held here until it is whole."""
HELD_BYTES = 64 * 1024
"""What a client may send ahead; then no more is read until it has its answer."""
KEEPALIVE_SECONDS = 75.0
"""An idle connection is closed after it."""

log = logging.getLogger(__name__)


class ClientServer:
    """Makes the protocol of each accepted connection (`loop.create_server` calls it)."""

    def __init__(
        self,
        handler: Handler,
        *,
        limit: Callable[[], int],
        keepalive_seconds: float = KEEPALIVE_SECONDS,
    ) -> None:
        """`limit` is the longest body in bytes, as it is configured at that time."""
        self.handler = handler
        self.limit = limit
        self.keepalive_seconds = keepalive_seconds
        self.heads = RequestHeads()
        self.connections: set[ClientConnection] = set()
        self.complete = web.Server(
            handler,
            handler_cancellation=True,
            access_log=None,
            request_factory=partial(_make_request, limit),
            keepalive_timeout=keepalive_seconds,
        )

    def __call__(self) -> ClientConnection:
        return ClientConnection(self)

    def pre_shutdown(self) -> None:
        """Take no further request; answers under way go on."""
        self.complete.pre_shutdown()
        for connection in tuple(self.connections):
            connection.finish()

    async def shutdown(self, timeout: float) -> None:
        """Wait for what is under way, at most `timeout` seconds, and cut the rest."""
        tasks = {one.task for one in self.connections if one.task is not None}
        if tasks:
            await asyncio.wait(tasks, timeout=timeout)
        for connection in tuple(self.connections):
            connection.cut()
        await self.complete.shutdown(timeout)


def _make_request(  # type: ignore[no-untyped-def]
    limit: Callable[[], int], message, payload, protocol, writer, task
):
    """aiohttp's request, with our limit of a body."""
    loop = asyncio.get_running_loop()
    return web.BaseRequest(message, payload, protocol, writer, task, loop, client_max_size=limit())


class ClientConnection(BaseProtocol):
    """One connection, and its state: idle, waiting for the rest of a request, or answering."""

    __slots__ = (
        "_began_idle",
        "_blocks",
        "_finishing",
        "_head",
        "_held",
        "_missing",
        "_timer",
        "server",
        "task",
    )

    def __init__(self, server: ClientServer) -> None:
        super().__init__(asyncio.get_running_loop())
        self.server = server
        self.task: asyncio.Task[None] | None = None
        """The call that is being answered."""
        self._held = b""
        """What has come and was not used: the head of a body that is on its way, or more."""
        self._head: RequestHead | None = None
        self._blocks: list[bytes] = []
        self._missing = 0
        self._finishing = False
        self._began_idle = 0.0
        self._timer: asyncio.TimerHandle | None = None

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        return self._loop

    # What aiohttp's requests ask of their connection.

    @property
    def ssl_context(self) -> Any:
        return self._about("sslcontext")

    @property
    def peername(self) -> Any:
        return self._about("peername")

    @property
    def sockname(self) -> Any:
        return self._about("sockname")

    def _about(self, name: str) -> Any:
        return None if self.transport is None else self.transport.get_extra_info(name)

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        if self.transport is not None:
            tcp_keepalive(self.transport)
        self.server.connections.add(self)
        self._rest()

    def connection_lost(self, exc: BaseException | None) -> None:
        super().connection_lost(exc)
        self._forget()
        if self.task is not None:
            self.task.cancel()

    def data_received(self, data: bytes) -> None:
        if self.task is not None:
            self._hold(data)
        elif self._finishing:
            return
        elif self._head is not None:
            self._add(self._head, data)
        else:
            self._read(self._held + data if self._held else data)

    def _read(self, data: bytes) -> None:
        """Begin with what may be a plain request."""
        end = data.find(b"\r\n\r\n")
        if end < 0:
            if len(data) > LONGEST or not b"POST /".startswith(data[:6]):
                self._give_away(data)
            else:
                self._held = data
            return
        found = self.server.heads.read(data, end)
        if found is None:
            self._give_away(data)
            return
        head, length = found
        missing = end + 4 + length - len(data)
        if missing < 0 or length > LONGEST_BODY or length > self.server.limit():
            self._give_away(data)
        elif missing == 0:
            self._answer(head, data[end + 4 :])
        else:
            self._head, self._missing = head, missing
            self._held, self._blocks = data[: end + 4], [data[end + 4 :]]

    def _add(self, head: RequestHead, data: bytes) -> None:
        """Take more of a body."""
        self._blocks.append(data)
        self._missing -= len(data)
        if self._missing > 0:
            return
        body = b"".join(self._blocks)
        whole = self._missing == 0
        held, self._held, self._head, self._blocks = self._held, b"", None, []
        if whole:
            self._answer(head, body)
        else:
            self._give_away(held, body)

    def _hold(self, data: bytes) -> None:
        """Keep what a client sends before it has its answer, up to a bound."""
        self._held += data
        if len(self._held) > HELD_BYTES and self.transport is not None:
            self.transport.pause_reading()

    # What happens to a request.

    def _answer(self, head: RequestHead, body: bytes) -> None:
        self._held = b""
        self.task = self._loop.create_task(self._serve(ReadyRequest(head, body, self)))

    async def _serve(self, request: ReadyRequest) -> None:
        stays = False
        try:
            try:
                response = await self.server.handler(request)
            except web.HTTPException as error:
                response = error
            if not isinstance(response, ClientStream):  # That one has written itself.
                await response.prepare(request)
                await response.write_eof()
            stays = bool(response.keep_alive)
        except ConnectionError:
            log.debug("a client left before its answer was whole")
        except Exception:
            log.exception("an answer failed inside")
        finally:
            self.task = None
            if stays and not self._finishing:
                self._rest()
            elif self.transport is not None:
                self.transport.close()

    def _rest(self) -> None:
        """Be idle, or go on with what has come meanwhile."""
        loop = self._loop
        self._began_idle = loop.time()
        if self._timer is None:
            self._timer = loop.call_later(self.server.keepalive_seconds, self._look)
        if self._held and self.transport is not None:
            held, self._held = self._held, b""
            self.transport.resume_reading()
            self._read(held)

    def _look(self) -> None:
        """Close an idle connection; a request that comes slowly is no idleness."""
        self._timer = None
        if self.task is not None or self.transport is None:
            return
        left = self._began_idle + self.server.keepalive_seconds - self._loop.time()
        if left > 0:
            self._timer = self._loop.call_later(left, self._look)
        elif self._head is None:
            self.transport.close()
        else:
            self._give_away(self._held, b"".join(self._blocks))

    def _give_away(self, *pieces: bytes) -> None:
        """Let aiohttp's server go on with this connection, from these bytes on."""
        transport = self.transport
        if transport is None:
            return
        self._forget()
        self.transport, self._held, self._head, self._blocks = None, b"", None, []
        handler = self.server.complete()
        transport.set_protocol(handler)
        handler.connection_made(transport)
        if self._paused:
            handler.pause_writing()
        for data in pieces:
            handler.data_received(data)

    def _forget(self) -> None:
        self.server.connections.discard(self)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    # The end.

    def finish(self) -> None:
        """Close when the answer under way has been given; at once if there is none."""
        self._finishing = True
        if self.task is None and self.transport is not None:
            self.transport.close()

    def cut(self) -> None:
        """Close at once."""
        if self.task is not None:
            self.task.cancel()
        if self.transport is not None:
            self.transport.close()

"""The port: one call, from a request to its sink's end."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable
from typing import Any, cast

from proxy.errors import UpstreamConnectError, UpstreamError, UpstreamTimeout
from proxy.net.fast_transport.addresses import Addresses, LookUp
from proxy.net.fast_transport.connection import Connection, Failure
from proxy.net.fast_transport.head import HeadWriter, Origin, destination_of
from proxy.net.fast_transport.pool import Pool
from proxy.net.fast_transport.tls import TlsContexts
from proxy.net.watchdog import Watchdog
from proxy.types.ports import OutgoingRequest, Sink


class FastTransport:
    """One pool of connections for a worker. `received` is told the size of every block.

    `context` says whom to trust (by default whom the system trusts), `look_up` stands for
    `socket.getaddrinfo`. Bodies have to be bytes.
    """

    def __init__(
        self,
        watchdog: Watchdog,
        received: Callable[[int], None],
        *,
        context: ssl.SSLContext | None = None,
        look_up: LookUp = socket.getaddrinfo,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._watchdog = watchdog
        self._received = received
        self._tls = TlsContexts(self._loop, context)
        self._heads = HeadWriter()
        self._names: dict[bytes, str] = {}
        self._pool = Pool(self._loop, watchdog.now)
        self._addresses = Addresses(self._loop, watchdog.now, look_up)

    async def send(self, request: OutgoingRequest, sink: Sink) -> None:
        """See `Transport.send`. Asks once more on a new connection if need be."""
        flight = self._watchdog.watch(request.limits)
        method, body = request.method, request.body
        assert isinstance(body, bytes)
        error: BaseException | None = None
        try:
            to = destination_of(request.url)
            head = self._heads.encode(method, to, request.headers, len(body))
            connection = self._pool.take(to.origin, flight.started)
            while True:
                if connection is None:
                    with flight:
                        connection = await self._connect(to.origin, request.limits.connect)
                try:
                    waiter = connection.ask(head, body, sink, flight, bare=method == "HEAD")
                    head = b""  # a stream may be long
                    while (told := await waiter) is not None and not isinstance(told, Failure):
                        with flight:
                            await told
                        waiter = connection.resume()
                except BaseException:
                    connection.abandon(flight)
                    raise
                if told is None:
                    break
                if not told.stale or not request.may_resend():
                    error = told.error
                    break
                connection = None
                head = self._heads.encode(method, to, request.headers, len(body))
        except UpstreamError as raised:
            error = raised
        _tell_end(sink, error)

    async def _connect(self, origin: Origin, seconds: float | None) -> Connection:
        limit = asyncio.timeout(seconds)
        try:
            async with limit:
                return await self._open(origin)
        except TimeoutError as error:
            if limit.expired():
                raise UpstreamTimeout("connect", seconds or 0.0) from error
            raise UpstreamConnectError("no connection: TimeoutError") from error
        except (OSError, ValueError) as error:  # ValueError: a name that no certificate can have
            raise UpstreamConnectError(f"no connection: {type(error).__name__}") from error

    async def _open(self, origin: Origin) -> Connection:
        tls = await self._tls.of(origin) if origin.secure else None
        connected = await self._addresses.connect(origin.host, origin.port)
        connection = Connection(self._loop, self._pool, origin, self._received, self._names, tls)
        try:
            await self._loop.create_connection(
                lambda: connection,
                sock=connected,
                ssl=cast(Any, tls),
                server_hostname=None if tls is None else origin.host.rstrip("."),
            )
        except BaseException:
            if tls is not None:
                tls.forget()
            connection.close()
            raise
        self._pool.enter(connection)
        return connection

    async def close(self) -> None:
        """Close all connections."""
        self._pool.close()
        self._watchdog.close()


def _tell_end(sink: Sink, error: BaseException | None) -> None:
    """Tell a provider's failure; what the sink itself raised goes on to the caller."""
    if error is None:
        sink.on_end(None)
    elif isinstance(error, UpstreamError):
        tail = isinstance(error, UpstreamTimeout) and error.limit == "tail"
        sink.on_end(None if tail else error)
    else:
        raise error

"""The complete transport, on aiohttp's client.

What it is careful about: bodies arrive undecoded (`auto_decompress=False`), redirects are not
followed (an address comes from the configuration only), no cookies are kept, and a request that
went out on a pooled connection which the provider had meanwhile closed is sent once more on a
fresh one, as long as no byte of an answer came.

A body that is not held in memory is sent as it comes (`upload`); one that can be sent only once
goes out on a connection of its own, since no stale one could be made good for.

Memory for a slow client stays small: receive buffers are bounded (`RECEIVE_BUFFER_BYTES`), and
the next block is read only when the sink has taken the last.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable

import aiohttp
from aiohttp.client_reqrep import ClientRequest
from aiohttp.connector import Connection
from aiohttp.tracing import Trace

from proxy.errors import (
    UpstreamConnectError,
    UpstreamError,
    UpstreamGarbage,
    UpstreamReset,
    UpstreamTimeout,
)
from proxy.net.upload import Upload
from proxy.net.watchdog import Flight, Watchdog
from proxy.types.ports import OutgoingRequest, Sink

RECEIVE_BUFFER_BYTES = 64 * 1024
"""SO_RCVBUF of upstream connections: what the kernel may hold for a client that reads slowly."""

READ_BUFFER_BYTES = 4 * 1024
"""Beyond twice this, aiohttp stops reading until the relay has taken what is there."""

KEEPALIVE_SECONDS = 30.0


class _Connector(aiohttp.TCPConnector):
    """A pool that can say whether the connection of a request had been used before.

    A request is known by its timeout object, the one thing of ours that reaches `connect`.
    """

    def __init__(self, context: ssl.SSLContext | None, *, pooled: bool) -> None:
        super().__init__(
            ssl=context or True,
            limit=0,
            keepalive_timeout=KEEPALIVE_SECONDS if pooled else None,
            force_close=not pooled,
            ttl_dns_cache=30,
            socket_factory=_bounded_socket,
        )
        self._reused: set[int] = set()

    async def connect(
        self, req: ClientRequest, traces: list[Trace], timeout: aiohttp.ClientTimeout
    ) -> Connection:
        while True:
            connection = await super().connect(req, traces, timeout)
            protocol = connection.protocol
            if protocol is None:
                return connection
            if not getattr(protocol, "served_before", False):
                protocol.served_before = True  # type: ignore[attr-defined]
                if protocol.closed is not None:
                    protocol.closed.add_done_callback(_retrieve)
                return connection
            if not protocol.should_close:
                self._reused.add(id(timeout))
                return connection
            connection.close()  # something came while nobody had asked; it is no answer

    def was_reused(self, timeout: aiohttp.ClientTimeout) -> bool:
        """Whether the request's last connection was an old one; forgets the request."""
        try:
            self._reused.remove(id(timeout))
        except KeyError:
            return False
        return True


def _bounded_socket(address: tuple[object, ...]) -> socket.socket:
    """A socket for aiohappyeyeballs' address tuple, with a bounded receive buffer."""
    family, kind, proto = address[:3]
    made = socket.socket(family, kind, proto)  # type: ignore[arg-type]
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
    return made


class AiohttpTransport:
    """One pool of connections for a worker. `received` is told the size of every block.

    `context` says whom to trust; by default whom the system trusts.
    """

    def __init__(
        self,
        watchdog: Watchdog,
        received: Callable[[int], None],
        *,
        context: ssl.SSLContext | None = None,
    ) -> None:
        self._watchdog = watchdog
        self._received = received
        self._context = context
        self._connector = _Connector(context, pooled=True)
        self._pooled = _session(self._connector)
        self._fresh: aiohttp.ClientSession | None = None

    async def send(self, request: OutgoingRequest, sink: Sink) -> None:
        """See `Transport.send`."""
        flight = self._watchdog.watch(request.limits)
        body = request.body
        upload = None if isinstance(body, bytes) else Upload(body, flight)
        try:
            with flight:
                await self._attempt(request, upload, sink, flight)
        except UpstreamError as error:
            if upload is not None and upload.fault is not None:
                raise upload.fault from error
            tail = isinstance(error, UpstreamTimeout) and error.limit == "tail"
            sink.on_end(None if tail else error)
        else:
            sink.on_end(None)

    async def _attempt(
        self, request: OutgoingRequest, upload: Upload | None, sink: Sink, flight: Flight
    ) -> None:
        try:
            response = await self._open(request, upload)
            await self._relay(response, upload, sink, flight)
        finally:
            if upload is not None:
                await upload.stop()

    async def _relay(
        self,
        response: aiohttp.ClientResponse,
        upload: Upload | None,
        sink: Sink,
        flight: Flight,
    ) -> None:
        try:
            flight.progress()
            if upload is not None:
                upload.answered(response.content)
            with _Ear(response, self._pooled):
                sink.on_head(response.status, _header_items(response))
                await self._pump(response, sink, flight)
        except BaseException:
            response.close()
            raise
        if response._writer is None:
            response.release()
        else:
            response.close()  # answered before all was sent; nobody knows when it will be

    async def _pump(self, response: aiohttp.ClientResponse, sink: Sink, flight: Flight) -> None:
        """Feed the body into the sink, block by block."""
        content = response.content
        read = content.readany
        while True:
            try:
                block = await read()
            except (aiohttp.ClientError, OSError, TimeoutError) as error:
                raise _mapped(error, None) from error
            if not block:
                if content.at_eof():
                    return
                continue
            flight.progress()
            self._received(len(block))
            pause = sink.on_block(block)
            if flight.waiting and sink.started:
                flight.token()
            if sink.finished:
                flight.final()
            if pause is not None:
                flight.pause()
                await pause
                flight.progress()

    async def _open(
        self, request: OutgoingRequest, upload: Upload | None
    ) -> aiohttp.ClientResponse:
        """Send and wait for the head; again while only a stale pooled connection failed."""
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=request.limits.connect)
        session = self._session_for(upload)
        while True:
            try:
                return await session.request(
                    request.method,
                    request.url,
                    data=upload or request.body or None,
                    headers=request.headers,
                    allow_redirects=False,
                    timeout=timeout,
                )
            except Exception as error:
                stale = isinstance(error, _STALE) and self._connector.was_reused(timeout)
                broken = upload is not None and (upload.fault is not None or upload.body.spent)
                if broken or not stale or not request.may_resend():
                    raise _mapped(error, request.limits.connect) from error
            finally:
                self._connector.was_reused(timeout)
            if upload is not None:
                await upload.stop()

    def _session_for(self, upload: Upload | None) -> aiohttp.ClientSession:
        if upload is None or upload.body.repeatable:
            return self._pooled
        if self._fresh is None:
            self._fresh = _session(_Connector(self._context, pooled=False))
        return self._fresh

    async def close(self) -> None:
        await self._pooled.close()
        if self._fresh is not None:
            await self._fresh.close()
        self._watchdog.close()


def _retrieve(closed: asyncio.Future[None]) -> None:
    """Why a connection was lost, which is told by its calls, lest the loop tells it as well."""
    if not closed.cancelled():
        closed.exception()


class _Ear:
    """While it is held, a body ends when its connection does.

    aiohttp's parser lets go of a body in which it finds garbage, and nobody tells its reader.
    """

    def __init__(self, response: aiohttp.ClientResponse, session: aiohttp.ClientSession) -> None:
        self._content = response.content
        self._session = session
        connection = response.connection
        self._protocol = None if connection is None else connection.protocol
        self._closed = None if self._protocol is None else self._protocol.closed

    def __enter__(self) -> None:
        if self._closed is not None:
            self._closed.add_done_callback(self._hear)
        elif self._protocol is not None:
            self._cut()

    def __exit__(self, *error: object) -> None:
        if self._closed is not None:
            self._closed.remove_done_callback(self._hear)

    def _hear(self, _: asyncio.Future[None]) -> None:
        self._cut()

    def _cut(self) -> None:
        if self._content.is_eof() or self._content.exception() is not None:
            return
        if self._session.closed:
            self._content.set_exception(UpstreamReset("the connection was closed"))
        else:
            self._content.set_exception(UpstreamGarbage("no HTTP answer: its body breaks off"))


def _session(connector: _Connector) -> aiohttp.ClientSession:
    session = aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        read_bufsize=READ_BUFFER_BYTES,
        skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
        timeout=aiohttp.ClientTimeout(total=None),
        raise_for_status=False,
    )
    session._retry_connection = False  # of GET and the like, without asking `may_resend`
    return session


_STALE = (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError)


def _header_items(response: aiohttp.ClientResponse) -> tuple[tuple[str, str], ...]:
    return tuple(response.headers.items())


def _mapped(error: BaseException, connect: float | None) -> UpstreamError:
    """A foreign exception, in our words. Addresses stay out of the text: they may be private."""
    if isinstance(error, aiohttp.ServerTimeoutError | TimeoutError):
        return UpstreamTimeout("connect", connect or 0.0)
    if isinstance(error, aiohttp.ClientConnectorError | socket.gaierror | ssl.SSLError):
        return UpstreamConnectError(f"no connection: {type(error).__name__}")
    if isinstance(error, aiohttp.ClientPayloadError | aiohttp.ServerDisconnectedError | OSError):
        return UpstreamReset("the provider closed the connection before its answer was whole")
    if isinstance(error, aiohttp.ClientResponseError | aiohttp.NonHttpUrlClientError | ValueError):
        return UpstreamGarbage(f"no HTTP answer: {type(error).__name__}")
    return UpstreamReset(f"the connection failed: {type(error).__name__}")

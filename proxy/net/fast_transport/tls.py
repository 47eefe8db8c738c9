"""TLS contexts whose sessions are resumed.

The loop's `create_connection` has no parameter for a session. Of the context that it is given it
wants one thing only, `wrap_bio`; so each origin has an object of its own that hands the session of
its last connection in there, and the context that knows whom to trust is shared by all. A session
that the server no longer takes costs nothing: the handshake is then a full one.

Reading the system's authorities takes 50 ms, in a thread, when the first origin with TLS is called.
"""

from __future__ import annotations

import asyncio
import ssl
from typing import Any

from proxy.net.fast_transport.head import Origin

MAX_ORIGINS = 1024


def build_context() -> ssl.SSLContext:
    """The system's authorities, names checked, HTTP/1.1 and nothing else."""
    context = ssl.create_default_context()
    context.set_alpn_protocols(("http/1.1",))
    return context


class ResumingContext:
    """What an event loop takes for an `SSLContext`, for the connections to one origin."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context
        self._session: ssl.SSLSession | None = None

    def wrap_bio(
        self,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
        server_side: bool = False,
        server_hostname: str | None = None,
    ) -> ssl.SSLObject:
        """See `ssl.SSLContext.wrap_bio`."""
        return self._context.wrap_bio(
            incoming, outgoing, server_side, server_hostname, self._session
        )

    def remember(self, ssl_object: Any) -> None:
        """Keep the session of a connection on which an answer comes; tickets of TLS 1.3 come
        before it, after the handshake."""
        session = ssl_object.session
        if session is not None and session.has_ticket:
            self._session = session

    def forget(self) -> None:
        """Begin anew, after a connection that could not be made."""
        self._session = None


class TlsContexts:
    """Those of one transport. `context` says whom to trust, by default whom the system trusts."""

    def __init__(self, loop: asyncio.AbstractEventLoop, context: ssl.SSLContext | None) -> None:
        self._loop = loop
        self._context = context
        self._building: asyncio.Future[ssl.SSLContext] | None = None
        self._by_origin: dict[Origin, ResumingContext] = {}

    async def of(self, origin: Origin) -> ResumingContext:
        """The one for connections to this origin."""
        found = self._by_origin.get(origin)
        if found is None:
            if len(self._by_origin) >= MAX_ORIGINS:
                self._by_origin.clear()
            context = self._context or await self._build()
            found = self._by_origin.setdefault(origin, ResumingContext(context))
        return found

    async def _build(self) -> ssl.SSLContext:
        if self._building is None:
            self._building = self._loop.run_in_executor(None, build_context)
        self._context = await asyncio.shield(self._building)
        return self._context

"""A request whose head was known and whose body has come whole."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from aiohttp.http import HttpVersion, HttpVersion11, StreamWriter
from aiohttp.streams import StreamReader
from multidict import CIMultiDictProxy
from yarl import URL

from proxy.http import web
from proxy.http.request_heads import RequestHead

if TYPE_CHECKING:
    from proxy.http.client_connection import ClientConnection


class ReadyRequest(web.BaseRequest):
    """aiohttp's request, with what every call needs at hand; the rest of it is made when somebody
    asks for it."""

    ATTRS = web.BaseRequest.ATTRS | {"head", "body", "connection", "path"}

    method: str = "POST"
    version: HttpVersion = HttpVersion11
    keep_alive: bool = True
    content_type: str = "application/json"
    path: str = ""

    def __init__(self, head: RequestHead, body: bytes, connection: ClientConnection) -> None:
        self.head = head
        self.body = body
        self.path = head.path
        self.connection = connection

    @property
    def headers(self) -> CIMultiDictProxy[str]:
        """Without the length of the body, which `content_length` has."""
        return self.head.headers

    @property
    def rel_url(self) -> URL:
        return self.head.rel_url

    @property
    def transport(self) -> asyncio.Transport | None:
        return self.connection.transport

    @property
    def protocol(self) -> Any:
        return self.connection

    @property
    def content_length(self) -> int:
        return len(self.body)

    @property
    def body_exists(self) -> bool:
        return bool(self.body)

    can_read_body = body_exists

    async def read(self) -> bytes:
        return self.body

    def __getattr__(self, name: str) -> Any:
        if name == "_message" or name not in web.BaseRequest.ATTRS:
            raise AttributeError(name)
        self._complete()
        return self.__dict__[name]

    def _complete(self) -> None:
        connection = self.connection
        loop = connection.loop
        payload = StreamReader(connection, len(self.body) + 1, loop=loop)
        payload.feed_data(self.body)
        payload.feed_eof()
        super().__init__(
            self.head.message,
            payload,
            connection,  # type: ignore[arg-type]
            StreamWriter(connection, loop),
            connection.task,  # type: ignore[arg-type]
            loop,
            client_max_size=connection.server.limit(),
        )

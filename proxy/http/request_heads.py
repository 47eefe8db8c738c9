"""Heads of requests, remembered: an application sends the same one with every call.

Only the length of the body changes from call to call, so it is cut out of what is looked up. A head
that is new is read by aiohttp's parser, with all its rules; a connection whose head is not one of
the plain ones (`fit`) goes to aiohttp's server.
"""

from __future__ import annotations

import asyncio
import re
from typing import Any

from aiohttp.base_protocol import BaseProtocol
from aiohttp.http import HttpVersion11, RawRequestMessage
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.http_parser import HttpRequestParser
from multidict import CIMultiDictProxy
from yarl import URL

KEPT = 256
"""Heads that are remembered; then all are forgotten."""
LONGEST = 8190
"""Bytes of a head that is looked at here."""

_LENGTH = re.compile(rb"\r\n[Cc]ontent-[Ll]ength: ?([0-9]{1,9})(?=\r\n)")
_NOT_PLAIN = ("Content-Length", "Transfer-Encoding", "Content-Encoding", "Expect", "Upgrade")


class RequestHead:
    """What the head of a plain request says, but for the length of the body.

    Plain is what clients of a JSON API send: a POST of JSON by HTTP/1.1, of a given length, on a
    connection that stays open. It is one object for all calls with this head, so what is known of
    one of them can be kept by it.
    """

    __slots__ = ("headers", "message", "path", "rel_url")

    def __init__(self, message: RawRequestMessage) -> None:
        self.message = message
        self.path: str = message.url.path
        self.rel_url: URL = message.url
        self.headers: CIMultiDictProxy[str] = message.headers


class RequestHeads:
    """The heads that one worker remembers."""

    def __init__(self) -> None:
        self._known: dict[bytes, RequestHead | None] = {}
        self._parser: Any = None
        """One that stands between two requests."""

    def read(self, data: bytes, end: int) -> tuple[RequestHead, int] | None:
        """A plain head and the length of the body in bytes; None for any other request.

        `data` begins with the request line; the empty line behind the head is at `end`.
        """
        head = data[: end + 2]
        length = _LENGTH.search(head)
        if length is None:
            return None
        start, stop = length.span()
        constant = head[:start] + head[stop:]
        try:
            known = self._known[constant]
        except KeyError:
            known = self._read(constant)
        return None if known is None else (known, int(length[1]))

    def _read(self, constant: bytes) -> RequestHead | None:
        if len(constant) > LONGEST:
            return None
        head = self._plain(constant)
        if len(self._known) >= KEPT:
            self._known.clear()
        self._known[constant] = head
        return head

    def _plain(self, head: bytes) -> RequestHead | None:
        """Read a head that has no length; None unless it is plain."""
        if head.count(b"\n") != head.count(b"\r\n"):
            return None
        parser, self._parser = self._parser or _make_parser(), None
        try:
            messages, upgraded, tail = parser.feed_data(head + b"\r\n")
        except HttpProcessingError:
            return None
        if len(messages) != 1 or upgraded or tail:
            return None
        plain = _fit(messages[0][0])
        if plain is not None:  # Behind it the parser waits for the next request.
            self._parser = parser
        return plain


def _make_parser() -> Any:
    loop = asyncio.get_running_loop()
    return HttpRequestParser(
        BaseProtocol(loop), loop, 2**16, max_line_size=LONGEST, max_field_size=LONGEST
    )


def _fit(message: RawRequestMessage) -> RequestHead | None:
    headers = message.headers
    kind = headers.get("Content-Type", "").partition(";")[0].strip().lower()
    plain = (
        message.method == "POST"
        and message.version == HttpVersion11
        and kind == "application/json"
        and not message.should_close
        and not message.upgrade
        and not message.chunked
        and not message.compression
        and not message.url.absolute
        and not any(name in headers for name in _NOT_PLAIN)
    )
    return RequestHead(message) if plain else None

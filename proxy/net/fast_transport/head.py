"""A request's head in bytes, and where it goes.

URLs are spelled as yarl spells them, like on the complete transport, because signatures are made
over that spelling. What frames the body is ours to say; a header that would frame it otherwise is
left out. Of control characters a header may have the tab and no other.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import itemgetter
from typing import NamedTuple

from yarl import URL

from proxy.errors import UpstreamGarbage

BODILESS_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
"""Without a body they say nothing of its length; all others say 0."""

KNOWN_NAMES = 1024

_first = itemgetter(0)
_FORBIDDEN = bytes({*range(0x20), 0x7F} - {0x09})
_OURS = frozenset({"content-length", "transfer-encoding"})


class Origin(NamedTuple):
    """Whom a connection is to: what it can be used for depends on this and nothing else."""

    secure: bool
    host: str
    """In ASCII, an IPv6 address without brackets."""
    port: int


@dataclass(frozen=True, slots=True)
class Destination:
    """One URL, taken apart."""

    origin: Origin
    target: str
    """Path and query, as they stand in the request line."""
    host_header: str
    authorization: str | None
    """Of a user and a password in the URL."""


@lru_cache(maxsize=1024)
def destination_of(url: str) -> Destination:
    """Where a request for this URL goes.

    Raises:
        UpstreamGarbage: it is no address of an HTTP server.
    """
    try:
        parsed = URL(url)
        host, port, header = parsed.raw_host, parsed.port, parsed.host_port_subcomponent
    except ValueError:
        raise UpstreamGarbage("the provider's address is no URL") from None
    if parsed.scheme not in ("http", "https") or not host or port is None or header is None:
        raise UpstreamGarbage("the provider's address is no HTTP URL")
    origin = Origin(parsed.scheme == "https", host, port)
    return Destination(origin, parsed.raw_path_qs, header, _basic(parsed))


def _basic(url: URL) -> str | None:
    if url.user is None and url.password is None:
        return None
    pair = f"{url.user or ''}:{url.password or ''}".encode("latin-1", "replace")
    return "Basic " + base64.b64encode(pair).decode()


@lru_cache(maxsize=1024)
def _request_line(method: str, target: str, host: str) -> str:
    return f"{method} {target} HTTP/1.1\r\nHost: {host}\r\n"


class HeadWriter:
    """Writes the heads of requests. It remembers names of headers that need no second look."""

    def __init__(self) -> None:
        self._plain: set[str] = set()

    def encode(
        self, method: str, to: Destination, headers: Sequence[tuple[str, str]], length: int
    ) -> bytes:
        """Request line, headers, what frames a body of `length` bytes, and the empty line.

        Raises:
            UpstreamGarbage: a header has a character that no header can have.
        """
        host = to.host_header
        if to.authorization is not None or not self._plain.issuperset(map(_first, headers)):
            host, headers = self._checked(to, headers)
        start, count = _request_line(method, to.target, host), len(headers) + 3
        lines = "\r\n".join(map(": ".join, headers))
        if lines:
            lines += "\r\n"
        if length or method not in BODILESS_METHODS:
            return _encoded(f"{start}{lines}Content-Length: {length}\r\n\r\n", count + 1)
        return _encoded(f"{start}{lines}\r\n", count)

    def _checked(
        self, to: Destination, headers: Sequence[tuple[str, str]]
    ) -> tuple[str, Sequence[tuple[str, str]]]:
        """Host, and all headers but those that are ours to say; what the address says is added."""
        host, kept, authorization = to.host_header, [], to.authorization
        for name, value in headers:
            lowered = name.lower()
            if lowered == "host":
                host = value
                continue
            if lowered in _OURS:
                continue
            if lowered == "authorization":
                authorization = None
            if len(self._plain) < KNOWN_NAMES:
                self._plain.add(name)
            kept.append((name, value))
        if authorization is not None:
            kept.append(("Authorization", authorization))
        return host, kept


def _encoded(head: str, lines: int) -> bytes:
    """In bytes, when it has no more line ends, and control characters, than it has lines."""
    encoded = head.encode("utf-8", "surrogateescape")
    if len(encoded) - len(encoded.translate(None, _FORBIDDEN)) != 2 * lines:
        raise UpstreamGarbage("a header of the request has a control character")
    return encoded

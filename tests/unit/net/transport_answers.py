"""Answers as servers give them, and what becomes of each: the good ones. `transport_garbage` has
the others."""

from __future__ import annotations

from dataclasses import dataclass, replace

from proxy.errors import UpstreamError

HEAD = b"HTTP/1.1 200 OK\r\n"
TWO = b"Content-Length: 2\r\n"
BODY = TWO + b"\r\nok"
"""What an answer of two bytes ends with."""
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
CHUNKS = b"2\r\nok\r\n0\r\n\r\n"
HINTS = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
ALIVE = b"Connection: keep-alive\r\n"
MANY = b"".join(b"X-%d: y\r\n" % number for number in range(300))


@dataclass(frozen=True)
class Outcome:
    """What the caller sees: an answer, or an error. `keeps`: the connection is used again."""

    status: int = 0
    body: bytes = b""
    error: type[UpstreamError] | None = None
    keeps: bool = False


@dataclass(frozen=True)
class Case:
    """`raw` is sent, whereupon the server waits, or closes if it `closes`. Where the transport on
    aiohttp does otherwise, and may (the table in `proxy.net.transports`), `aiohttp` says what."""

    name: str
    raw: bytes
    outcome: Outcome
    aiohttp: Outcome | None = None
    closes: bool = False
    method: str = "POST"

    def check(self, kind: str, outcome: Outcome) -> None:
        """That this is what had to become of it.

        What comes before garbage is told if there is time; aiohttp has none for what came in the
        same read.
        """
        expected = self.outcome
        if kind == "aiohttp":
            expected = self.aiohttp or expected
            if expected.error is not None:
                assert outcome.status in (0, self.outcome.status)
                assert self.outcome.body.startswith(outcome.body)
                expected = replace(expected, status=outcome.status, body=outcome.body)
        assert outcome == expected


def good(body: bytes = b"ok", status: int = 200) -> Outcome:
    return Outcome(status, body, keeps=True)


def last(body: bytes = b"ok", status: int = 200) -> Outcome:
    """Good, and the connection is not used again."""
    return Outcome(status, body)


WHOLE = [
    Case("a length", HEAD + BODY, good()),
    Case("a length of 0", HEAD + b"Content-Length: 0\r\n\r\n", good(b"")),
    Case("a length with leading zeros", HEAD + b"Content-Length: 002\r\n\r\nok", good()),
    Case("spaces around a length", HEAD + b"Content-Length: \t 2 \t\r\n\r\nok", good()),
    Case("an error with a body", b"HTTP/1.1 404 Not here\r\n" + BODY, good(status=404)),
    Case("a status nobody knows", b"HTTP/1.1 799 X\r\n" + BODY, good(status=799)),
    Case("no reason", b"HTTP/1.1 200 \r\n" + BODY, good()),
    Case("no reason and no space", b"HTTP/1.1 200\r\n" + BODY, good()),
    Case("an odd reason", b"HTTP/1.1 200 \xe9\xff!\r\n" + BODY, good()),
    Case("empty lines first", b"\r\n\r\n" + HEAD + BODY, good()),
    Case("an empty header", HEAD + b"X-A:\r\nX-B: \r\n" + BODY, good()),
    Case("one chunk", CHUNKED + CHUNKS, good()),
    Case("many chunks", CHUNKED + b"1\r\nk\r\n" * 9 + b"0\r\n\r\n", good(b"k" * 9)),
    Case("no chunk", CHUNKED + b"0\r\n\r\n", good(b"")),
    Case("sizes in both cases", CHUNKED + b"A\r\n0123456789\r\nb\r\n01234567890\r\n0\r\n\r\n",
         good(b"012345678901234567890")),
    Case("sizes with leading zeros", CHUNKED + b"0002\r\nok\r\n0000\r\n\r\n", good()),
    Case("spaces behind a size", CHUNKED + b"2  \r\nok\r\n0\r\n\r\n", good()),
    Case("chunk extensions", CHUNKED + b'2;a=b;c="d;e"\r\nok\r\n0;f\r\n\r\n', good()),
    Case("trailers", CHUNKED + b"2\r\nok\r\n0\r\nX-Sum: 1\r\nExpires: x\r\n\r\n", good()),
    Case("a coding in capitals", HEAD + b"transfer-encoding:  CHUNKED \r\n\r\n" + CHUNKS, good()),
    Case("204", b"HTTP/1.1 204 No Content\r\n\r\n", good(b"", 204)),
    Case("304 with a length", b"HTTP/1.1 304 Same\r\n" + TWO + b"\r\n", good(b"", 304)),
    Case("HTTP/1.0 that keeps alive", b"HTTP/1.0 200 OK\r\n" + ALIVE + BODY, good()),
    Case("100 first", b"HTTP/1.1 100 Continue\r\n\r\n" + HEAD + BODY, good()),
    Case("hints first", HINTS * 3 + HEAD + BODY, good()),
    Case("hints before a stream", HINTS * 3 + CHUNKED + CHUNKS, good()),
    Case("100 with a coding", b"HTTP/1.1 100 Continue\r\nTransfer-Encoding: chunked\r\n\r\n"
         + CHUNKED + CHUNKS, good()),
    Case("an upgrade on offer", HEAD + b"Upgrade: h2c\r\nConnection: Upgrade\r\n" + BODY, good()),
    Case("close", HEAD + b"Connection: close\r\n" + BODY, last()),
    Case("close among others", HEAD + b"Connection: x, Close\r\n" + BODY, last()),
    Case("close of a stream", CHUNKED[:-2] + b"Connection: close\r\n\r\n" + CHUNKS, last()),
    Case("HTTP/1.0", b"HTTP/1.0 200 OK\r\n" + BODY, last()),
    Case("chunks of HTTP/1.0", b"HTTP/1.0 200 OK\r\n" + ALIVE + CHUNKED[17:] + CHUNKS, last(),
         good()),
    Case("hardly kept alive", HEAD + b"Keep-Alive: max=9, timeout=1\r\n" + BODY, last(), good()),
    Case("until the end", HEAD + b"\r\nok", last(), closes=True),
    Case("until the end, empty", HEAD + b"\r\n", last(b""), closes=True),
    Case("until the end of HTTP/1.0", b"HTTP/1.0 200 OK\r\n" + ALIVE + b"\r\nok", last(),
         closes=True),
    Case("HEAD", HEAD + TWO + b"\r\n", last(b""), good(b""), method="HEAD"),
    Case("HEAD of chunks", CHUNKED, last(b""), good(b""), method="HEAD"),
    Case("GET", HEAD + BODY, good(), method="GET"),
    Case("a hundred headers", HEAD + MANY[:990] + BODY, good()),
]  # fmt: skip

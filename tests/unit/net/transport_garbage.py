"""Answers that are none, or not whole, or have something behind them; see `transport_answers`."""

from __future__ import annotations

from proxy.errors import UpstreamError, UpstreamGarbage, UpstreamReset, UpstreamTimeout
from tests.unit.net.transport_answers import (
    BODY,
    CHUNKED,
    CHUNKS,
    HEAD,
    HINTS,
    MANY,
    TWO,
    WHOLE,
    Case,
    Outcome,
    good,
    last,
)

GARBAGE = Outcome(error=UpstreamGarbage)
RESET = Outcome(error=UpstreamReset)
ENDLESS = Outcome(error=UpstreamTimeout)
"""Where only a limit of time helps."""
CODING = b"Transfer-Encoding: "
NO_CONTENT = b"HTTP/1.1 204 No Content\r\n"
NOT_MODIFIED = b"HTTP/1.1 304 Not Modified\r\n"


def broken(body: bytes, error: type[UpstreamError] = UpstreamGarbage) -> Outcome:
    """The head and some of the body, then an error."""
    return Outcome(200, body, error)


def cut(body: bytes) -> Outcome:
    return broken(body, UpstreamReset)


def framed(header: bytes) -> bytes:
    return HEAD + header + b"\r\n\r\nok"


BEHIND = [
    Case("a byte behind a body", HEAD + BODY + b"x", last(), GARBAGE),
    Case("an answer behind a body", HEAD + BODY + HEAD + BODY, last()),
    Case("the beginning of an answer behind a body", HEAD + BODY + b"HTT", last(), good()),
    Case("a byte behind the chunks", CHUNKED + CHUNKS + b"x", last(), GARBAGE),
    Case("an answer behind the chunks", CHUNKED + CHUNKS + HEAD + BODY, last()),
    Case("a body of 204", NO_CONTENT + BODY, last(b"", 204), GARBAGE),
    Case("a body of 304", NOT_MODIFIED + BODY, last(b"", 304), GARBAGE),
    Case("a body of HEAD", HEAD + BODY, last(b""), GARBAGE, method="HEAD"),
]
"""Good ones with something behind them that nobody asked for."""

NO_HTTP = [
    Case("words", b"hello\r\n\r\n", GARBAGE),
    Case("another protocol", b"SSH-2.0-OpenSSH_9.2\r\n", GARBAGE),
    Case("TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", GARBAGE),
    Case("HTTP/2", b"\x00\x00\x12\x04\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x80", GARBAGE),
    Case("another name", b"ICY 200 OK\r\n" + BODY, GARBAGE),
    Case("small letters", b"http/1.1 200 OK\r\n" + BODY, GARBAGE),
    Case("a version without a dot", b"HTTP/1 200 OK\r\n" + BODY, GARBAGE),
    Case("a version too far", b"HTTP/9.9 200 OK\r\n" + BODY, GARBAGE),
    Case("a short status", b"HTTP/1.1 20 OK\r\n" + BODY, GARBAGE),
    Case("a long status", b"HTTP/1.1 2000 OK\r\n" + BODY, GARBAGE),
    Case("a status in words", b"HTTP/1.1 two OK\r\n" + BODY, GARBAGE),
    Case("a negative status", b"HTTP/1.1 -20 OK\r\n" + BODY, GARBAGE),
    Case("a status below 100", b"HTTP/1.1 099 OK\r\n" + BODY, GARBAGE, good(status=99)),
    Case("another protocol from now on", b"HTTP/1.1 101 X\r\nUpgrade: x\r\nConnection: upgrade\r\n"
         b"\r\n\0", GARBAGE, last(b"", 101)),
    Case("101 without a word", b"HTTP/1.1 101 X\r\n\r\n", GARBAGE, good(b"", 101)),
    Case("a request", b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", GARBAGE),
]  # fmt: skip

HEADS = [
    Case("two hundred headers", HEAD + MANY[:1990] + BODY, good(), GARBAGE),
    Case("a value of 10 KB", HEAD + b"X-A: " + b"y" * 10_000 + b"\r\n" + BODY, good(), GARBAGE),
    Case("a folded header", HEAD + b"X-A: b\r\n c\r\n" + BODY, GARBAGE, good()),
    Case("a folded length", framed(b"Content-Length:\r\n 2"), GARBAGE, good()),
    Case("a space before the colon", framed(b"Content-Length : 2"), GARBAGE, good()),
    Case("a space in a name", HEAD + b"X A: b\r\n" + BODY, GARBAGE),
    Case("no colon", HEAD + b"X-A\r\n" + BODY, GARBAGE),
    Case("no name", HEAD + b": x\r\n" + BODY, GARBAGE),
    Case("a NUL in a name", HEAD + b"X\0A: b\r\n" + BODY, GARBAGE),
    Case("a NUL in a value", HEAD + b"X-A: b\0c\r\n" + BODY, GARBAGE),
    Case("a bare CR in a value", HEAD + b"X-A: b\rc: d\r\n" + BODY, GARBAGE),
    Case("a bare LF behind a value", HEAD + b"X-A: b\n" + BODY, GARBAGE, good()),
    Case("bare LFs", b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok", GARBAGE, good()),
    Case("a control character", HEAD + b"X-A: b\x01c\r\n" + BODY, GARBAGE, good()),
    Case("a letter outside ASCII in a name", HEAD + b"X-\xc3\xa4: b\r\n" + BODY, GARBAGE),
    Case("too many headers", HEAD + MANY + BODY, GARBAGE),
    Case("a large head", HEAD + (b"X-A: %b\r\n" % (b"y" * 400)) * 170 + BODY, GARBAGE),
    Case("a large value", HEAD + b"X-A: " + b"y" * 70_000 + b"\r\n" + BODY, GARBAGE),
    Case("a large reason", b"HTTP/1.1 200 " + b"y" * 70_000 + b"\r\n" + BODY, GARBAGE),
    Case("endless hints", HINTS * 2000, GARBAGE, ENDLESS),
]

FRAMES = [
    Case("a negative length", framed(b"Content-Length: -1"), GARBAGE),
    Case("a signed length", framed(b"Content-Length: +2"), GARBAGE),
    Case("a hexadecimal length", framed(b"Content-Length: 0x2"), GARBAGE),
    Case("a length with an exponent", framed(b"Content-Length: 2e0"), GARBAGE),
    Case("a length in two parts", framed(b"Content-Length: 2 2"), GARBAGE),
    Case("a list of lengths", framed(b"Content-Length: 2, 2"), GARBAGE),
    Case("an empty length", framed(b"Content-Length: "), GARBAGE),
    Case("a length beyond all numbers", framed(b"Content-Length: " + b"9" * 23), GARBAGE),
    Case("two lengths that differ", HEAD + b"Content-Length: 3\r\n" + BODY, GARBAGE),
    Case("two lengths that agree", HEAD + TWO + BODY, GARBAGE),
    Case("a length before chunks", HEAD + TWO + CHUNKED[17:] + CHUNKS, GARBAGE),
    Case("a length behind chunks", CHUNKED[:-2] + TWO + b"\r\n" + CHUNKS, GARBAGE),
    Case("gzip", framed(CODING + b"gzip"), GARBAGE, last(), closes=True),
    Case("identity", framed(CODING + b"identity"), GARBAGE, last(), closes=True),
    Case("no coding", framed(CODING), GARBAGE, last(), closes=True),
    Case("almost chunked", framed(CODING + b"xchunked"), GARBAGE, last(), closes=True),
    Case("gzip in chunks", HEAD + CODING + b"gzip, chunked\r\n\r\n" + CHUNKS, GARBAGE, good()),
    Case("chunks, then gzip", framed(CODING + b"chunked\r\n" + CODING + b"gzip"), GARBAGE, last(),
         closes=True),
    Case("chunked twice", HEAD + CODING + b"chunked, chunked\r\n\r\n" + CHUNKS, GARBAGE, good()),
    Case("chunked twice, in two headers", HEAD + CODING + b"chunked\r\n" + CHUNKED[17:] + CHUNKS,
         GARBAGE, good()),
]  # fmt: skip

SIZES = [
    Case("no size", CHUNKED + b"\r\nok\r\n0\r\n\r\n", broken(b"")),
    Case("a size that is none", CHUNKED + b"g\r\nok\r\n0\r\n\r\n", broken(b"")),
    Case("a negative size", CHUNKED + b"-2\r\nok\r\n0\r\n\r\n", broken(b"")),
    Case("a signed size", CHUNKED + b"+2\r\nok\r\n0\r\n\r\n", broken(b"")),
    Case("a size with a prefix", CHUNKED + b"0x2\r\nok\r\n0\r\n\r\n", broken(b"")),
    Case("a size beyond all numbers", CHUNKED + b"1" * 17 + b"\r\nok\r\n0\r\n\r\n", broken(b"")),
    Case("a space before a size", CHUNKED + b" 2\r\nok\r\n0\r\n\r\n", broken(b"")),
    Case("a bare LF behind a size", CHUNKED + b"2\nok\r\n0\r\n\r\n", broken(b"")),
    Case("a bare LF in an extension", CHUNKED + b"2;a\nok\r\n0\r\n\r\n", broken(b""), good()),
    Case("a NUL in an extension", CHUNKED + b"2;a\0\r\nok\r\n0\r\n\r\n", broken(b"")),
    Case("a chunk longer than it says", CHUNKED + b"2\r\nokay\r\n0\r\n\r\n", broken(b"ok")),
    Case("a chunk shorter than it says", CHUNKED + b"4\r\nok\r\n0\r\n\r\n", broken(b"ok\r\n")),
    Case("no line end behind a chunk", CHUNKED + b"2\r\nok0\r\n\r\n", broken(b"ok")),
    Case("a bare LF behind a chunk", CHUNKED + b"2\r\nok\n0\r\n\r\n", broken(b"ok"), good()),
    Case("a bad second chunk", CHUNKED + b"2\r\nok\r\nxx\r\n", broken(b"ok")),
    Case("an endless extension", CHUNKED + b"2;" + b"a" * 300_000, broken(b""), ENDLESS),
    Case("endless trailers", CHUNKED + b"2\r\nok\r\n0\r\n" + b"X-A: b\r\n" * 40_000, broken(b"ok")),
    Case("a bad trailer", CHUNKED + b"2\r\nok\r\n0\r\nX A: b\r\n\r\n", broken(b"ok")),
    Case("a length among trailers", CHUNKED + CHUNKS[:-2] + TWO + b"\r\n", broken(b"ok")),
]

CUT = [
    Case("nothing at all", b"", RESET, closes=True),
    Case("half a status line", b"HTTP/1.1 20", RESET, closes=True),
    Case("half a head", HEAD + b"Content-Le", RESET, closes=True),
    Case("a head without its end", HEAD + TWO, RESET, closes=True),
    Case("hints and no answer", HINTS, RESET, closes=True),
    Case("less than its length", framed(b"Content-Length: 3"), cut(b"ok"), closes=True),
    Case("none of its length", HEAD + TWO + b"\r\n", cut(b""), closes=True),
    Case("chunks without an end", CHUNKED + b"2\r\nok\r\n", cut(b"ok"), closes=True),
    Case("half a chunk", CHUNKED + b"3\r\nok", cut(b"ok"), closes=True),
    Case("half an end of chunks", CHUNKED + b"2\r\nok\r\n0\r\n", cut(b"ok"), closes=True),
    Case("half a size", CHUNKED + b"2\r\nok\r\n1", cut(b"ok"), closes=True),
]

CASES = [*WHOLE, *BEHIND, *NO_HTTP, *HEADS, *FRAMES, *SIZES, *CUT]

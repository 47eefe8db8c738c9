"""Answers of one connection, read from its bytes.

The parser is llhttp in its strict mode, by httptools: it refuses folded headers, bare line feeds,
control characters, bad lengths and chunks, and a length beside a chunked body. Refused here are
heads beyond `MAX_HEAD_BYTES` or `MAX_HEADERS`, a change of protocol, other transfer codings than
`chunked`, and framing that goes on without a byte of a body. Trailers are read and dropped.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from httptools import HttpResponseParser

from proxy.errors import UpstreamError, UpstreamGarbage, UpstreamReset
from proxy.types.ports import Headers

MAX_HEAD_BYTES = 64 * 1024
"""Of status line and headers, all informational answers before them included; and of framing that
comes in a row without a byte of a body."""
MAX_HEADERS = 256
KNOWN_NAMES = 1024
"""How many header names are remembered in their decoded form."""


class AnswerReader:
    """Feed it all that a connection brings, by `feed_data`; then look what there is.

    `head_complete`, and with it `status` and `headers`; `blocks` of the body, for the owner to take
    out; `complete`. `HttpParserError` means that what came is no answer, or, when `complete`, that
    something came behind its end. `restart` before each further answer, `check_head` when a head is
    complete. `names` are header names known by now; connections share them. After a bare answer
    there is no further one.
    """

    __slots__ = (
        "_bare",
        "_chunked",
        "_framed",
        "_headers",
        "_names",
        "_parser",
        "between_chunks",
        "blocks",
        "complete",
        "feed_data",
        "head_complete",
        "headers",
        "keep_alive",
        "keep_alive_for",
        "on_body",
        "status",
    )

    def __init__(self, names: dict[bytes, str]) -> None:
        self._names = names
        self.blocks: list[bytes] = []
        self.on_body = self.blocks.append
        self.between_chunks = False
        """Whether a chunk has ended and no other has begun, as far as whole lines tell."""
        self.keep_alive_for: float | None = None
        """Seconds for which the server says that it keeps an idle connection."""
        self._parser = HttpResponseParser(self)
        self._parser.set_dangerous_leniencies(lenient_spaces_after_chunk_size=True)
        self.feed_data: Callable[[bytes], None] = self._parser.feed_data
        self.status = 0
        self.headers: Headers = ()
        self.restart(bare=False)

    def restart(self, *, bare: bool) -> None:
        """Be ready for the next answer; a `bare` one has no body whatever its head says."""
        self._bare = bare
        self._chunked = self._framed = self.between_chunks = False
        self._headers: list[tuple[str, str]] = []
        self.head_complete = self.complete = self.keep_alive = False

    def close(self) -> None:
        """Let go of the parser, which holds on to this reader."""
        self._parser = self.feed_data = self.on_body = None  # type: ignore[assignment]

    def check_head(self, before: int, data: bytes) -> None:
        """Refuse a head that is too large: it was complete with `data`, `before` bytes had come.

        Raises:
            UpstreamGarbage: it is.
        """
        if len(self.headers) > MAX_HEADERS:
            raise UpstreamGarbage("the answer has too many headers")
        if before + len(data) > MAX_HEAD_BYTES:
            end = data.find(b"\r\n\r\n")
            if end < 0 or data[0] in b"\r\n":
                end = 0  # the end may have begun in the last read; what is found may be the body's
            size = sum(len(name) + len(value) + 4 for name, value in self.headers)
            if max(size, before + end) > MAX_HEAD_BYTES:
                raise UpstreamGarbage("the head of the answer is too large")

    def at_eof(self) -> UpstreamError | None:
        """What it means that the connection ends here: None if it is the end of the body."""
        if self.head_complete and not self.complete and not self._framed:
            return None
        return UpstreamReset(BROKEN)

    # What the parser tells.

    def on_message_begin(self) -> None:
        if self.complete:
            raise ValueError("more than was asked for")

    def on_header(self, name: bytes, value: bytes) -> None:
        known = self._names.get(name) or self._named(name, value)
        self._headers.append((known, value.decode("utf-8", "surrogateescape").rstrip(" \t")))

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        headers, self._headers = self._headers, []
        if status < 200:
            self._chunked = self._framed = False
            if status < 100 or status == 101:
                raise ValueError("no status of an answer")
            return
        self.status, self.headers = status, headers
        self.head_complete = True
        if self._bare:
            self.complete = True
            raise ValueError("what follows is no body, though the parser would take it for one")

    def on_chunk_header(self) -> None:
        self.between_chunks = False

    def on_chunk_complete(self) -> None:
        self.between_chunks = True

    def on_message_complete(self) -> None:
        if self.head_complete:
            self.complete = True
            self.keep_alive = self._parser.should_keep_alive()
            if self._chunked and self._parser.get_http_version() != "1.1":
                self.keep_alive = False

    def _named(self, name: bytes, value: bytes) -> str:
        """A name that is not known yet, or one of a header that is looked into."""
        decoded = name.decode("ascii")
        lowered = decoded.lower()
        if lowered == "transfer-encoding" and not self.head_complete:
            if self._chunked or value.strip().lower() != b"chunked":
                raise ValueError("no transfer coding that is known here")
            self._chunked = self._framed = True
        elif lowered == "content-length":
            self._framed = True
        elif lowered == "keep-alive":
            self.keep_alive_for = _timeout_in(value)
        elif len(self._names) < KNOWN_NAMES:
            self._names[name] = decoded
        return decoded


def _timeout_in(value: bytes) -> float | None:
    found = _KEEP_ALIVE_TIMEOUT.search(value)
    return None if found is None else float(found[1])


_KEEP_ALIVE_TIMEOUT = re.compile(rb"(?i)\btimeout\s*=\s*\"?(\d{1,9})")
BROKEN = "the provider closed the connection before its answer was whole"

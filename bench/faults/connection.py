"""One connection of an application: it asks, reads the answer, and says what became of it."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, cast
from uuid import UUID

from bench.faults.calls import WHOLE

if TYPE_CHECKING:
    from bench.faults.crowd import Crowd

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_IDENTITY = re.compile(rb"\r\nx-tensorzero-inference-id: *([0-9a-f-]{36})", re.IGNORECASE)
_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3})")
_LAST_CHUNK = b"0\r\n\r\n"
_DONE = b"data: [DONE]\n\n"
_WHOLE = WHOLE.answer_body()


class Connection(asyncio.Protocol):
    """Carries one call at a time."""

    def __init__(self, crowd: Crowd) -> None:
        self._crowd = crowd
        self._transport: asyncio.Transport | None = None
        self._received = bytearray()
        self._body_from = 0
        self._body_bytes: int | None = None
        self._asking = False
        self._stream = False
        self._due = 0.0
        self.lost = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's own class

    def ask(self, request: bytes, due: float, *, stream: bool) -> None:
        assert self._transport is not None
        self._received.clear()
        self._body_from = 0
        self._asking, self._stream, self._due = True, stream, due
        self._transport.write(request)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def give_up(self, kind: str) -> None:
        """Leave in the middle of a call."""
        self._asking = False
        self._crowd.ledger.failed(kind)
        self.close()
        self._crowd.gone(self, in_answer=True)

    def data_received(self, data: bytes) -> None:
        self._received += data
        if not self._asking:
            self.close()
            return
        if not self._body_from:
            self._read_head()
        if self._body_from and self._complete():
            self._answered()

    def _read_head(self) -> None:
        end = self._received.find(b"\r\n\r\n")
        if end >= 0:
            self._body_from = end + 4
            length = _LENGTH.search(self._received, 0, end)
            self._body_bytes = int(length[1]) if length else None

    def _complete(self) -> bool:
        if self._body_bytes is not None:
            return len(self._received) >= self._body_from + self._body_bytes
        return self._received.endswith(_LAST_CHUNK)

    def _answered(self) -> None:
        self._asking = False
        ledger, identity = self._crowd.ledger, self._identity()
        kind = self._failing()
        if kind is None:
            ledger.right(identity, self._due, stream=self._stream)
        else:
            ledger.ended(identity)
            ledger.failed(kind)
        self._crowd.released(self)

    def _identity(self) -> UUID | None:
        found = _IDENTITY.search(self._received, 0, self._body_from)
        return UUID(found[1].decode()) if found else None

    def _failing(self) -> str | None:
        """What is wrong with the answer."""
        status = _STATUS.match(self._received)
        if status is None or status[1] != b"200":
            return f"HTTP {status[1].decode()}" if status else "no HTTP"
        if self._stream:
            return None if _DONE in self._received[-64:] else "wrong stream"
        return None if self._received[self._body_from :] == _WHOLE else "wrong body"

    def connection_lost(self, _: Exception | None) -> None:
        self.lost = True
        in_answer, self._asking = self._asking, False
        if in_answer:
            self._crowd.ledger.failed("cut off")
        self._crowd.gone(self, in_answer=in_answer)

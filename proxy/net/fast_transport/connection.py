"""One connection to a server: its calls one after another, and the state between them.

An answer is told to its sink while the read that brought it is handled: all that one read has of a
body is one block. The sender waits for one future. It says None at a good end and a `Failure` at
any other, or has something that the sink wants awaited; the sender awaits that, while nothing more
is read, and says `resume`.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol, cast

from httptools import HttpParserError, HttpParserUpgrade

from proxy.errors import UpstreamError, UpstreamGarbage, UpstreamReset, UpstreamTimeout
from proxy.net.fast_transport.answer import BROKEN, MAX_HEAD_BYTES, MAX_HEADERS, AnswerReader
from proxy.net.fast_transport.head import Origin
from proxy.net.fast_transport.tls import ResumingContext
from proxy.net.watchdog import Flight
from proxy.types.ports import Passage, Sink

JOINED_BYTES = 16 * 1024
"""Requests with bodies up to this size leave in one piece, larger ones without a copy."""

ROOM_BYTES = 64 * 1024
"""So much of a stream is told before it is counted as received."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a call ended. `stale`: because the server had given up an idle connection."""

    error: BaseException
    stale: bool


Waiter = asyncio.Future[Awaitable[None] | Failure | None]


class Home(Protocol):
    """Where connections are kept that nobody uses."""

    def put(self, connection: Connection, now: float) -> None:
        """Take one that may be used again."""

    def discard(self, connection: Connection) -> None:
        """Forget one that is closed."""


class _ChunkLengths(dict[bytes, int]):
    """How long a chunk is with all that frames it, by the digits of its size. Of what is no size,
    of the last chunk and of large ones, -1."""

    def __missing__(self, digits: bytes) -> int:
        if _SIZE.fullmatch(digits) is None:
            return -1
        length = self[digits] = int(digits, 16) + len(digits) + 4
        return length


_SIZE = re.compile(rb"[1-9a-fA-F][0-9a-fA-F]{0,2}")
"""Up to 4 KB, so that no more than some thousand are remembered."""
CHUNK_LENGTHS = _ChunkLengths()


class Connection(asyncio.Protocol):
    """For one call at a time, from `ask` to its end."""

    __slots__ = (
        "_backlog",
        "_ended",
        "_flight",
        "_heard",
        "_home",
        "_loop",
        "_outcome",
        "_passage",
        "_pending",
        "_received",
        "_room",
        "_short",
        "_sink",
        "_tls",
        "_told",
        "_transport",
        "_waiter",
        "answers",
        "closed",
        "idle_until",
        "origin",
        "reader",
    )

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        home: Home,
        origin: Origin,
        received: Callable[[int], None],
        names: dict[bytes, str],
        tls: ResumingContext | None = None,
    ) -> None:
        self._tls = tls
        self._loop = loop
        self._home = home
        self._received = received
        self._transport: asyncio.Transport | None = None
        self._sink: Sink | None = None
        self._flight: Flight | None = None
        self._waiter: Waiter | None = None
        self._pending: Awaitable[None] | None = None
        """What the sink wants awaited; nothing is told to it meanwhile."""
        self._backlog: list[bytes] = []
        """What was read meanwhile all the same."""
        self._ended = False
        """Whether the answer has come to its end, `_outcome`, though it is not told yet."""
        self._outcome: UpstreamError | None = None
        self._told = False
        """Whether the sink knows the head."""
        self._heard = 0
        """Bytes since the last of a body, or since the request."""
        self._room = 0
        """Bytes that may be told by the short way; 0 or less: only the complete one will do."""
        self._short = False
        """Whether some may have been told by it that are not counted."""
        self._passage: Passage | None = None
        """The sink's, on the short way, while the next byte begins a chunk."""
        self.reader = AnswerReader(names)
        self.origin = origin
        self.answers = 0
        """How many have come whole."""
        self.closed = False
        self.idle_until = 0.0

    # What the sender asks.

    def ask(self, head: bytes, body: bytes, sink: Sink, flight: Flight, *, bare: bool) -> Waiter:
        """Send a request; its answer goes into the sink. A `bare` answer has no body."""
        waiter = self._waiter = self._loop.create_future()
        self._sink, self._flight = sink, flight
        self._heard, self._told, self._ended = 0, False, False
        flight.begin(self._expire)
        transport = self._transport
        if self.closed or transport is None or transport.is_closing():
            self._finish(UpstreamReset(BROKEN))
            return waiter
        self.reader.restart(bare=bare)
        if len(body) <= JOINED_BYTES:
            transport.write(head + body)
        else:
            transport.writelines((head, body))
        return waiter

    def resume(self) -> Waiter:
        """Go on; what the sink wanted awaited is done."""
        waiter = self._waiter = self._loop.create_future()
        assert self._flight is not None
        self._pending = None
        self._flight.progress()
        self._flight.begin(self._expire)
        backlog, self._backlog = self._backlog, []
        for data in backlog:
            self.data_received(data)
        if self._sink is not None and self._pending is None:
            if self._ended:
                self._finish(self._outcome)
            elif self._transport is not None:
                self._transport.resume_reading()
        return waiter

    def abandon(self, flight: Flight) -> None:
        """Close, unless this call has come to its end."""
        if self._flight is not flight:
            return
        flight.end()
        if self._short:
            self._count()
        close = getattr(self._pending, "close", None)
        if close is not None:
            close()  # a coroutine that nobody awaits any more
        self._sink = self._flight = self._waiter = self._pending = None
        self.close()
        self.reader.close()

    def close(self) -> None:
        """Close at once, whatever is unsent."""
        if not self.closed:
            self.closed = True
            if self._transport is not None:
                self._transport.abort()

    # What the loop tells.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's own class
        if self.closed:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        """What a stream mostly brings, one block of the middle of a body, goes one of two short
        ways: past the sink, or to it.

        What goes past it is exactly one chunk. The parser need not see that: behind it, it would
        stand where it stands now.
        """
        passage = self._passage
        if passage is None or passage.room <= 0 or not data.endswith(b"\n\r\n"):
            if self._room > 0:
                self._tell_more(data)
            else:
                self._take(data)
            return
        size = data.find(b"\r\n")
        if CHUNK_LENGTHS[data[:size]] != len(data) or passage.hint in data:
            self._tell_more(data)
            return
        block, flight = data[size + 2 : -2], self._flight
        assert flight is not None
        self._room -= len(block)
        passage.room -= len(block)
        flight.last = now = flight.now()
        passage.note(now)
        passage.keep(block)
        try:
            pause = passage.write(block, data)
        except BaseException as error:
            self._finish(error)
            return
        if pause is not None:
            self._pause(pause)

    def _tell_more(self, data: bytes) -> None:
        """Tell the sink what has been read of `data`, if that is only more of the body."""
        reader = self.reader
        try:
            reader.feed_data(data)
        except (HttpParserError, HttpParserUpgrade) as error:
            self._tell(data, error)
            return
        blocks = reader.blocks
        if not blocks or reader.complete:
            self._tell(data, None)
            return
        block = blocks.pop()
        if blocks:
            block = _joined(blocks, block)
        flight, sink = self._flight, self._sink
        assert flight is not None and sink is not None
        self._room -= len(block)
        flight.last = flight.now()
        try:
            pause = sink.on_block(block)
        except BaseException as error:
            self._finish(error)
            return
        if sink.finished:
            flight.final()
        self._passage = self._passage_of(sink, data)
        if pause is not None:
            self._pause(pause)

    def _passage_of(self, sink: Sink, data: bytes) -> Passage | None:
        """What the sink gives, if a chunk ends with `data`, the last that was read."""
        if self.reader.between_chunks and data.endswith(b"\r\n"):
            return getattr(sink, "passage", None)
        return None

    def _take(self, data: bytes) -> None:
        """The complete way."""
        if self._sink is None:
            self.close()  # nobody asked for it
            return
        if self._pending is not None:
            self._backlog.append(data)
            return
        garbled: Exception | None = None
        try:
            self.reader.feed_data(data)
        except (HttpParserError, HttpParserUpgrade) as error:
            garbled = error
        self._tell(data, garbled)

    def _tell(self, data: bytes, garbled: Exception | None) -> None:
        """Tell the sink what has been read of `data`, and the sender if that was the end."""
        sink, reader = self._sink, self.reader
        assert sink is not None
        if self._short:
            self._count()
        self._heard += len(data)
        try:
            if not self._told:
                self._tell_head(sink, data, garbled)
            pause = None
            if reader.blocks:
                pause = self._tell_block(sink, reader.blocks)
        except BaseException as error:
            self._finish(error)
            return
        if reader.complete:
            if garbled is not None:
                reader.keep_alive = False  # something came behind the answer
            if pause is None:
                self._finish(None)
            else:
                self._end(None, pause)
        elif garbled is not None:
            self._end(_garbage(garbled), pause)
        elif pause is not None:
            self._pause(pause)
        elif self._heard > MAX_HEAD_BYTES:
            self._finish(UpstreamGarbage("the answer goes on without a byte of a body"))
        elif not self._heard and sink.started:
            self._room, self._short = ROOM_BYTES, True
            self._passage = self._passage_of(sink, data)

    def eof_received(self) -> None:
        self._lose(self.reader.at_eof())
        self.close()

    def connection_lost(self, error: Exception | None) -> None:
        self.closed = True
        self._home.discard(self)
        self._lose(self.reader.at_eof() if error is None else UpstreamReset(BROKEN))
        if self._sink is None:
            self.reader.close()

    # How it is done.

    def _tell_head(self, sink: Sink, data: bytes, garbled: Exception | None) -> None:
        reader = self.reader
        if reader.head_complete:
            if self._heard > MAX_HEAD_BYTES or len(reader.headers) > MAX_HEADERS:
                reader.check_head(self._heard - len(data), data)
            self._told = True
            if self._tls is not None and self._transport is not None and not self.answers:
                self._tls.remember(self._transport.get_extra_info("ssl_object"))
            if self._flight is not None and not reader.blocks:
                self._flight.progress()
            headers, reader.headers = reader.headers, ()  # a stream may be long
            sink.on_head(reader.status, headers)
        elif garbled is not None:
            raise _garbage(garbled)

    def _tell_block(self, sink: Sink, blocks: list[bytes]) -> Awaitable[None] | None:
        """Hand on what came of the body; what the sink wants awaited before there is more."""
        flight = self._flight
        assert flight is not None
        block = blocks.pop()
        if blocks:
            block = _joined(blocks, block)
        self._heard = 0
        flight.last = flight.now()
        self._received(len(block))
        pause = sink.on_block(block)
        if flight.waiting and sink.started:
            flight.waiting = False
        if sink.finished:
            flight.final()
        return pause

    def _count(self) -> None:
        """Leave the short way, and count what was told by it."""
        self._received(ROOM_BYTES - self._room)
        self._room, self._short, self._passage = 0, False, None

    def _pause(self, pause: Awaitable[None]) -> None:
        """Let the sender wait for what the sink wants awaited."""
        if self._short:
            self._count()
        flight, waiter, transport = self._flight, self._waiter, self._transport
        assert flight is not None
        assert waiter is not None
        self._pending = pause
        flight.pause()
        flight.end()
        if transport is not None and not self._ended and not transport.is_closing():
            transport.pause_reading()
        if not waiter.done():
            waiter.set_result(pause)

    def _lose(self, outcome: UpstreamError | None) -> None:
        """Nothing more will come."""
        if self._sink is None or self._ended:
            return
        if self._pending is None:
            self._finish(outcome)
        else:
            self._ended, self._outcome = True, outcome

    def _end(self, outcome: UpstreamError | None, pause: Awaitable[None] | None) -> None:
        """The call is over when the sink has taken the last block."""
        if pause is None:
            self._finish(outcome)
        else:
            self._ended, self._outcome = True, outcome
            self._pause(pause)

    def _expire(self) -> None:
        assert self._flight is not None
        assert self._flight.expired is not None
        self._finish(UpstreamTimeout(*self._flight.expired))

    def _finish(self, outcome: BaseException | None) -> None:
        """Tell the sender; go back to the pool if the server may be asked again."""
        if self._short:
            self._count()
        flight, waiter, transport = self._flight, self._waiter, self._transport
        assert flight is not None
        flight.end()
        self._sink = self._flight = self._waiter = None
        if (
            outcome is None
            and self.reader.keep_alive
            and not self.closed
            and transport is not None
            and not transport.get_write_buffer_size()
        ):
            self.answers += 1
            self._home.put(self, flight.last)
        else:
            self.close()
            self.reader.close()
        if waiter is None or waiter.done():
            return
        if outcome is None:
            waiter.set_result(None)
        else:
            unheard = self.answers > 0 and not self._told and not self._heard
            stale = unheard and isinstance(outcome, UpstreamReset)
            waiter.set_result(Failure(outcome, stale))


def _joined(blocks: list[bytes], last: bytes) -> bytes:
    """What one read has of a body, and nothing left in `blocks`."""
    blocks.append(last)
    block = b"".join(blocks)
    blocks.clear()
    return block


def _garbage(error: Exception) -> UpstreamGarbage:
    return UpstreamGarbage(f"no HTTP answer: {error.__context__ or error}")

"""One attempt's answer on its way through neutral chunks into a lane's own words.

As in the relay nothing reaches the client until the first chunk is there, and what completes the
answer is left to the service, which makes the exchange safe first.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

import orjson

from proxy.errors import (
    UpstreamError,
    UpstreamErrorInBody,
    UpstreamGarbage,
    UpstreamReset,
    UpstreamStatus,
)
from proxy.services.answer_head import read_head
from proxy.services.veil import veiled
from proxy.types.ports import Client, Headers
from proxy.types.response import Answer, Chunk
from proxy.types.secrets import Secret
from proxy.wire.sse import EndDetector

if TYPE_CHECKING:
    from proxy.services.infer_call import InferProgress, Outlet
    from proxy.services.leg import Leg
    from proxy.services.tasks import Reader
    from proxy.wire.events import StreamReader

KEEP_ALIVE_SECONDS = 15.0
EVENT_STREAM = (
    ("Content-Type", "text/event-stream"),
    ("Cache-Control", "no-cache"),
    ("X-Accel-Buffering", "no"),
)


class ChunkOutlet:
    """Takes chunks, accumulates them and sends them on; the first one starts the answer."""

    def __init__(
        self,
        progress: InferProgress,
        leg: Leg,
        outlet: Outlet,
        client: Client,
        *,
        now: Callable[[], float],
        on_first: Callable[[], None],
        on_gap: Callable[[float], None],
        headers: Callable[[], Headers],
    ) -> None:
        self._progress = progress
        self._leg = leg
        self._outlet = outlet
        self._client = client
        self._now = now
        self._on_first = on_first
        self._on_gap = on_gap
        self._headers = headers
        self._frame = b""
        self._timer: asyncio.TimerHandle | None = None
        self._kept_alive_at = 0.0

    def take(self, chunk: Chunk) -> Awaitable[None] | None:
        """Send a chunk; await the result, if there is one, before the next."""
        return self.take_all((chunk,))

    def take_all(self, chunks: Sequence[Chunk]) -> Awaitable[None] | None:
        """As `take`, of chunks that came together, in one write."""
        now, came = self._now(), False
        words = []
        for chunk in chunks:
            if chunk.error is not None:
                words.append(self._failed(chunk.error))
                continue
            self._leg.accumulator.add(chunk)
            if not came:
                came = True
                self._came(now)
            words.append(self._outlet.chunk(chunk))
        return self._send(b"".join(words))

    def frame(self, identifier: str) -> bool:
        """Whether parts of this text may be given to `take_texts`, from now on."""
        frame = self._outlet.text_frame(identifier)
        if frame is None:
            return False
        self._frame = frame
        return True

    def take_texts(
        self, identifier: str, texts: Sequence[str], events: bytes
    ) -> Awaitable[None] | None:
        """As `take_all`, of chunks that say only more of the text of this `frame`, one each.

        `events` is what the provider sent, as `ChunkAccumulator.add_texts` takes it.
        """
        leg, now = self._leg, self._now()
        leg.accumulator.add_texts(identifier, texts, events)
        self._on_gap(now - leg.last_at)
        leg.last_at = now
        frame = self._frame
        if len(texts) == 1:
            return self._client.write(frame % orjson.dumps(texts[0]))
        return self._client.write(b"".join([frame % orjson.dumps(text) for text in texts]))

    def _failed(self, error: UpstreamError) -> bytes:
        """What to send for an error; raises it if nothing was sent before."""
        if not self._progress.started:
            raise error
        return self._outlet.failure(error)

    def _came(self, now: float) -> None:
        if self._progress.started:
            self._on_gap(now - self._leg.last_at)
        else:
            self._start(now)
        self._leg.last_at = now

    def close(self) -> None:
        """No more chunks will come."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _start(self, now: float) -> None:
        progress = self._progress
        progress.started, progress.status = True, 200
        self._leg.started = True
        progress.first_at = self._leg.first_at = self._leg.last_at = now
        self._on_first()
        self._client.start(200, EVENT_STREAM, self._headers(), length=None)
        self._tick()

    def _send(self, block: bytes) -> Awaitable[None] | None:
        return self._client.write(block) if block else None

    def _tick(self) -> None:
        """Write a comment whenever nothing has come for a while."""
        loop = asyncio.get_running_loop()
        silent = self._now() - max(self._leg.last_at, self._kept_alive_at)
        if self._timer is not None and silent >= KEEP_ALIVE_SECONDS:
            self._client.write(self._outlet.keep_alive())
            self._kept_alive_at, silent = self._now(), 0.0
        self._timer = loop.call_later(KEEP_ALIVE_SECONDS - silent, self._tick)


class InferSink:
    """A transport's sink for an answer that is decoded as it comes."""

    def __init__(
        self,
        leg: Leg,
        chunks: ChunkOutlet | None,
        reader: Reader,
        error_limit: int,
        answer_limit: int,
        secret: Secret,
        now: Callable[[], float],
    ) -> None:
        self.started = False
        self.finished = False
        self.error: UpstreamError | None = None
        self._leg = leg
        self._chunks = chunks
        self._reader = reader
        self._decoder = reader.stream
        self._streaming: StreamReader | None = None
        """Who reads the answer, if it is a stream."""
        self._limit = error_limit
        self._answer_limit = answer_limit
        self._secret = secret
        self._now = now
        self._end = EndDetector()
        self._framed: ChunkOutlet | None = None
        """The outlet, once it takes the short way of `StreamReader.texts`."""
        self._status = 0
        self._headers: Headers = ()
        self._held: list[bytes] = []
        self._held_size = 0

    def on_head(self, status: int, headers: Headers) -> None:
        self._status = status
        self._headers = headers
        self._leg.head = head = read_head(headers)
        if 200 <= status < 300 and "json" not in head.kind:
            self._streaming = self._decoder

    def on_block(self, block: bytes) -> Awaitable[None] | None:
        tap = self._leg.tap
        tap.add(block)
        decoder = self._streaming
        if decoder is None:
            self._hold(block)
            return None
        if tap.total > self._answer_limit:
            raise self._too_large()
        if self._framed is not None:
            texts = decoder.texts(block)
            if texts:  # Whole events: nothing in them that `_end` would have to see.
                return self._framed.take_texts(decoder.text_id, texts, block)
        return self._read(decoder, block)

    def _read(self, decoder: StreamReader, block: bytes) -> Awaitable[None] | None:
        chunks = decoder.feed(block)
        if decoder.done or self._end.feed(block) is not None:
            self.finished = True
        if not self.started:
            self._check_fault(decoder)
        pause = self._take(chunks)
        self._check_fault(decoder)
        if self.started and self._framed is None and decoder.text_id:
            assert self._chunks is not None
            self._framed = self._chunks if self._chunks.frame(decoder.text_id) else None
        return pause

    def on_end(self, error: UpstreamError | None) -> None:
        try:
            self.error = error or self._finish()
        except UpstreamError as found:
            self.error = found
        if isinstance(self.error, UpstreamStatus):
            self._veil(self.error)
        self._leg.last_at = self._now()

    def _hold(self, block: bytes) -> None:
        self._held.append(block)
        self._held_size += len(block)
        if not 200 <= self._status < 300:
            if self._held_size > self._limit:
                raise self._status_error()
        elif self._leg.tap.total > self._answer_limit:
            raise self._too_large()

    def _too_large(self) -> UpstreamGarbage:
        """All of an answer is kept, streamed or not."""
        return UpstreamGarbage(f"the answer is larger than {self._answer_limit} bytes")

    def _veil(self, error: UpstreamStatus) -> None:
        body = veiled(error.body, self._secret)
        if body == error.body:
            return
        error.body = body
        if not self.started:
            self._leg.tap.restart(body)

    def _status_error(self) -> UpstreamStatus:
        return UpstreamStatus(self._status, tuple(self._headers), b"".join(self._held))

    def _check_fault(self, decoder: StreamReader) -> None:
        status, body = decoder.error_status, decoder.error_body
        if status is not None:
            raise UpstreamErrorInBody(status, tuple(self._headers), body[: self._limit])

    def _take(self, chunks: list[Chunk]) -> Awaitable[None] | None:
        if not chunks:
            return None
        assert self._chunks is not None
        route = self._leg.route
        if route and route.discards_unknown:
            chunks = [chunk.without_unknown() for chunk in chunks]
        pause = self._chunks.take_all(chunks)
        self.started = True
        return pause

    def _finish(self) -> UpstreamError | None:
        if not 200 <= self._status < 300:
            return self._status_error()
        decoder = self._streaming
        if decoder is None:
            answer = self._reader.decode(b"".join(self._held))
            if self._decoder is not None:
                return UpstreamGarbage("the provider was asked for a stream and sent none")
            self._leg.answer = self._leg.signed(answer) if isinstance(answer, Answer) else answer
            return None
        self._take(decoder.close())
        self._check_fault(decoder)
        if not decoder.complete:
            return UpstreamReset("the provider's stream ended before its answer was whole")
        if not self.started:
            return UpstreamGarbage("the provider's stream ended before its first chunk")
        return None

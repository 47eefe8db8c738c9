"""The peek: an attempt's answer is held until it is known to be one, then passed on unchanged.

Held means that nothing has reached the client, so that another provider can still be asked:

- an HTTP error is held whole;
- a stream is held until its first complete data event (comments do not count); an error in that
  event fails the attempt;
- a whole answer is held whole, or until it outgrows the limit; an error in it fails the attempt;
- an answer that is neither JSON nor a stream (speech, a file), or one of an endpoint whose answers
  are not judged, is passed on as it comes.

Once passed on, blocks go out as they come. What completes the wire's final event is held again
until the exchange is safe, because clients hang up as soon as they have read it.

Of a stream, most blocks are whole lines that cannot be its end. They are passed on by the few lines
at the top of `on_block`, or by the transport itself (`passage`): what is to be counted of them is
counted later, for many at once, after `BATCH_BYTES` or at the end (`settle`). A scrape sees them
that much later.
"""

from __future__ import annotations

from array import array
from collections.abc import Awaitable, Callable, Sequence

from proxy.errors import (
    UpstreamError,
    UpstreamErrorInBody,
    UpstreamGarbage,
    UpstreamStatus,
)
from proxy.services.answer_head import NO_HEAD, read_head
from proxy.services.endpoints import Endpoint
from proxy.services.recording_tap import RecordingTap
from proxy.services.veil import veiled
from proxy.types.ports import Client, Headers, Passage
from proxy.types.secrets import Secret
from proxy.wire.chat_completions.usage_filter import UsageFilter
from proxy.wire.sse import EndDetector, SSEParser

BATCH_BYTES = 8 * 1024
"""Some thirty blocks of a stream of text."""
BATCH_TIMES = 64
"""The same for blocks that go the complete way."""


class RelaySink:
    """One attempt's answer on its way to the client.

    `on_start(sink, length)` sends the head to the client, just before the first byte of a body.
    `on_gaps` is told at what times blocks were passed on, for the inter-block histogram: two or
    more, the first of which is the last of those that it was told before. Whoever gave the sink to
    a transport says `settle` when that is done with it, however it ended.
    """

    __slots__ = (
        "_end",
        "_endpoint",
        "_fault",
        "_held",
        "_held_size",
        "_judged",
        "_limit",
        "_now",
        "_on_gaps",
        "_on_start",
        "_opaque",
        "_parser",
        "_stream",
        "_strip",
        "_times",
        "_write",
        "_write_chunk",
        "error",
        "finished",
        "first_at",
        "head",
        "headers",
        "last_at",
        "passage",
        "secret",
        "started",
        "status",
        "tap",
    )
    _times: array[float]
    """When blocks were passed on that have not been told; of a sink that has started."""

    def __init__(
        self,
        client: Client,
        *,
        endpoint: Endpoint,
        stream: bool,
        peek_limit: int,
        tap: RecordingTap,
        now: Callable[[], float],
        on_start: Callable[[RelaySink, int | None], None],
        on_gaps: Callable[[Sequence[float]], None],
        strip: UsageFilter | None = None,
    ) -> None:
        self.started = self.finished = False
        self.status = 0
        self.headers: Headers = ()
        self.head = NO_HEAD
        self.error: UpstreamError | None = None
        self.first_at: float | None = None
        self.last_at = now()
        self.secret: Secret = None
        """With which the provider is asked: errors that repeat it are passed on without it."""
        self.tap = tap
        self._write = client.write
        self._write_chunk = client.write_chunk
        self._endpoint = endpoint
        self._stream = stream
        self._limit = peek_limit
        self._now = now
        self._on_start = on_start
        self._on_gaps = on_gaps
        self._strip = strip
        self._parser: SSEParser | None = None
        self._end: EndDetector | None = None
        self._fault: int | None = None
        """Status hint of an error found in a 200, once there is one."""
        self._opaque = False
        self._held: list[bytes] = []
        self._held_size = 0
        self.passage: Passage | None = None
        """As long as blocks may be passed on by the short way; the tap has lent its room."""
        self._judged = endpoint.find_error is not None

    # What the transport tells.

    def on_head(self, status: int, headers: Headers) -> None:
        self.status = status
        self.headers = headers
        self.head = head = read_head(headers)
        kind = head.kind
        self._opaque = head.encoding not in ("", "identity")
        if not self._endpoint.wire and not _is_text(kind):
            self.tap.keep_nothing()
        if 200 <= status < 300 and not self._opaque and _is_event_stream(kind, self._stream):
            self._end = EndDetector(self._endpoint.final)
            if self._judged:
                self._parser = SSEParser()

    def on_block(self, block: bytes) -> Awaitable[None] | None:
        passage = self.passage
        if passage is None or passage.room <= 0:
            return self._take(block)
        if passage.hint in block or not block.endswith(b"\n"):
            return self._take(block)
        passage.room -= len(block)
        self._times.append(self._now())
        passage.keep(block)
        return self._write(block)

    def _take(self, block: bytes) -> Awaitable[None] | None:
        """The complete way of a block."""
        if self.started:
            if self.passage is not None or len(self._times) >= BATCH_TIMES:
                self.settle()
            self.tap.add(block)
            self._times.append(self._now())
            return self._pass_on(block)
        self.tap.add(block)
        self._held.append(block)
        self._held_size += len(block)
        if self._failed:
            if self._held_size > self._limit:
                raise self._as_error()
            return None
        if self._parser is not None:
            return self._peek_stream(block)
        if not self._judged or self._held_size > self._limit:
            return self._release()
        return None

    def on_end(self, error: UpstreamError | None) -> None:
        self.error = error
        if self.started:
            if self._strip is not None:
                self._held.append(self._strip.close())
            return
        self.last_at = self._now()
        if error is None:
            self.error = self._judge_whole()

    def take_error(self, error: UpstreamStatus) -> None:
        """Hold an error's answer, made elsewhere, as if it had come so; `on_end` follows."""
        self.take_whole(error.status or 0, error.headers, error.body)

    def take_whole(self, status: int, headers: Headers, body: bytes) -> None:
        """The same for any answer, however large: it is all there and need not be passed on before
        its end."""
        self.status, self.headers = status, headers
        self.head = read_head(headers)
        self._held = [body]
        self.tap.restart(body)

    # What the service asks.

    def settle(self) -> None:
        """Count what has been passed on and is not counted yet; for one that has started."""
        times = self._times
        if len(times) > 1:
            self._on_gaps(times)
            self.last_at = times[-1]
            del times[:-1]
        if self.passage is not None:
            self.tap.settle(self.passage.room)
            self.passage.room = 0
            self.passage = None

    def body(self) -> bytes:
        """What is held and not yet sent."""
        held = self._held
        return held[0] if len(held) == 1 else b"".join(held)

    @property
    def answered(self) -> bool:
        """Whether there is an HTTP answer that can be relayed as it is, for want of a better."""
        return self.status != 0 and isinstance(self.error, UpstreamStatus | UpstreamGarbage)

    # How it is done.

    @property
    def strips(self) -> bool:
        """Whether the usage chunk of the stream is taken out again."""
        return self._strip is not None

    @property
    def _failed(self) -> bool:
        return not 200 <= self.status < 300 or self._fault is not None

    def _as_error(self) -> UpstreamStatus:
        came = self.body()
        body = veiled(came, self.secret)
        if body != came:
            self._held = [body]
            self.tap.restart(body)
        if self._fault is not None:
            return UpstreamErrorInBody(self._fault, tuple(self.headers), body)
        return UpstreamStatus(self.status, tuple(self.headers), body)

    def _peek_stream(self, block: bytes) -> Awaitable[None] | None:
        assert self._parser is not None
        for event in self._parser.feed(block):
            if not event.data:
                continue
            self._fault = self._find_error(event.data, event.event)
            if self._fault is None:
                return self._release()
            self.finished = True
            return None
        return self._release() if self._held_size > self._limit else None

    def _judge_whole(self) -> UpstreamError | None:
        """An answer that ended while it was held: is it one?"""
        if self._failed:
            return self._as_error()
        if self._opaque or not self._judged:
            return None
        if self._parser is not None:
            events = [event for event in self._parser.close() if event.data]
            self._fault = self._find_error(events[0].data, events[0].event) if events else None
            if events and self._fault is None:
                return None
        body = self.body()
        self._fault = self._fault or self._find_error(body, b"")
        if self._fault is not None:
            return self._as_error()
        if self._parser is not None or not _looks_like_json(body):
            return UpstreamGarbage("the provider's answer is no answer in its protocol")
        return None

    def _find_error(self, data: bytes, event: bytes) -> int | None:
        assert self._endpoint.find_error is not None
        return self._endpoint.find_error(data, event)

    def _release(self) -> Awaitable[None] | None:
        """The peek is over: send the head and what was held."""
        self.started = True
        self._parser = None
        self._times = array("d")
        self.first_at = self.last_at = now = self._now()
        self._times.append(now)
        self._on_start(self, None)
        held, self._held = self.body(), []
        return self._pass_on(held)

    def _pass_on(self, block: bytes) -> Awaitable[None] | None:
        if self._strip is not None:
            block = self._strip.feed(block)
        if self.finished:
            self._held.append(block)
            return None
        if self._end is not None:
            cut = self._end.feed(block)
            if cut is not None:
                self.finished = True
                self._held.append(block[cut:])
                block = block[:cut]
            elif self._strip is None and self._end.skips and self._end.hint not in block:
                self._shorten(self._end.hint)
        return self._write(block) if block else None

    def _shorten(self, hint: bytes) -> None:
        """Let the blocks that follow go the short way, until one is odd or the room is used up."""
        room = self.tap.lend(BATCH_BYTES)
        if room > 0:
            note, keep = self._times.append, self.tap.blocks.append
            self.passage = Passage(hint, room, note, keep, self._write_chunk)


def _is_text(kind: str) -> bool:
    """Whether an answer's body is kept for the record; speech and files are known by metadata."""
    return not kind or "json" in kind or kind.startswith("text/") or "xml" in kind


def _is_event_stream(kind: str, asked: bool) -> bool:
    """Providers name streams in many ways; what was asked for counts unless it says JSON."""
    return "event-stream" in kind or (asked and "json" not in kind)


def _looks_like_json(body: bytes) -> bool:
    return body.lstrip()[:1] in (b"{", b"[")

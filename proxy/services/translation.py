"""One attempt at a provider of another protocol: its answer, put into OpenAI's words as it comes.

A transport feeds it as it would feed the relay's own sink, and it feeds that one: peek, holding
back and failover are the same for both. An error keeps its status and is said in OpenAI's form.
"""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass, replace

from proxy.errors import (
    UpstreamError,
    UpstreamErrorInBody,
    UpstreamGarbage,
    UpstreamReset,
    UpstreamStatus,
)
from proxy.providers.base import HttpProvider
from proxy.services.recording_tap import RecordingTap
from proxy.services.relay_sink import RelaySink
from proxy.services.veil import veiled
from proxy.types.fault import Fault
from proxy.types.ports import Headers
from proxy.types.response import Chunk
from proxy.wire.chat_completions.encode_error import encode_error
from proxy.wire.chat_completions.encode_stream import Author
from proxy.wire.chat_completions.response import encode_response
from proxy.wire.chat_completions.stream import StreamEncoder

JSON = ("Content-Type", "application/json")
EVENT_STREAM = ("Content-Type", "text/event-stream; charset=utf-8")
_OF_THE_BODY = ("content-type", "content-length", "content-encoding", "transfer-encoding")


@dataclass(slots=True)
class Translation:
    """What went over the wire, for the record."""

    wire: str
    tap: RecordingTap


@dataclass(frozen=True, slots=True)
class Wording:
    """What the client's form of an answer bears."""

    identifier: str
    """Ours, by which feedback finds the answer."""
    model: str
    """As the client named it."""
    created: int
    include_usage: bool
    author: Author
    discards_unknown: bool = False
    """See `Route`."""


class TranslatingSink:
    """Between a transport and the relay's sink."""

    def __init__(
        self,
        inner: RelaySink,
        provider: HttpProvider,
        wording: Wording,
        tap: RecordingTap,
        *,
        stream: bool,
        error_limit: int,
        answer_limit: int,
    ) -> None:
        self._inner = inner
        self._provider = provider
        self._wording = wording
        self._tap = tap
        self._limit = error_limit
        self._answer_limit = answer_limit
        self._decoder = provider.open_chat_stream() if stream else None
        self._encoder = StreamEncoder(
            wording.model,
            include_usage=wording.include_usage,
            response_id=wording.identifier,
            created=wording.created,
            author=wording.author,
        )
        self._streams = False
        self._status = 0
        self._headers: Headers = ()
        self._held: list[bytes] = []
        self._held_size = 0

    @property
    def started(self) -> bool:
        """See `Sink`."""
        return self._inner.started

    @property
    def finished(self) -> bool:
        """See `Sink`."""
        return self._decoder is not None and self._decoder.done

    def on_head(self, status: int, headers: Headers) -> None:
        self._status, self._headers = status, headers
        kind = next((value for name, value in headers if name.lower() == "content-type"), "")
        good = 200 <= status < 300
        self._streams = good and self._decoder is not None and "json" not in kind.lower()

    def on_block(self, block: bytes) -> Awaitable[None] | None:
        self._tap.add(block)
        if not self._streams:
            self._hold(block)
            return None
        assert self._decoder is not None
        chunks = self._decoder.feed(block)
        if not self.started:
            self._check_fault()
        pause = self._pass_on(chunks)
        self._check_fault()
        return pause

    def on_end(self, error: UpstreamError | None) -> None:
        if error is None:
            try:
                self._finish()
                return
            except UpstreamError as found:
                error = found
        if isinstance(error, UpstreamStatus):
            error = self._told(error)
        elif self.started and self._streams:
            self._say(Fault("server", 502, error.kind, str(error)))
        self._inner.on_end(error)

    # How it is done.

    def _ours(self, kind: tuple[str, str]) -> Headers:
        kept = [pair for pair in self._headers if pair[0].lower() not in _OF_THE_BODY]
        return [*kept, kind]

    def _hold(self, block: bytes) -> None:
        self._held.append(block)
        self._held_size += len(block)
        if not 200 <= self._status < 300:
            if self._held_size > self._limit:
                raise self._status_error()
        elif self._held_size > self._answer_limit:
            raise UpstreamGarbage(f"the answer is larger than {self._answer_limit} bytes")

    def _status_error(self) -> UpstreamStatus:
        return UpstreamStatus(self._status, tuple(self._headers), b"".join(self._held))

    def _check_fault(self) -> None:
        assert self._decoder is not None
        status = self._decoder.error_status
        if status is not None:
            body = self._decoder.error_body[: self._limit]
            raise UpstreamErrorInBody(status, tuple(self._headers), body)

    def _pass_on(self, chunks: list[Chunk]) -> Awaitable[None] | None:
        pause = None
        for chunk in chunks:
            if chunk.error is not None:
                raise chunk.error
            if self._wording.discards_unknown:
                chunk = chunk.without_unknown()
            block = self._encoder.encode(replace(chunk, response_id=self._wording.identifier))
            if block:
                pause = self._send(block) or pause
        return pause

    def _send(self, block: bytes) -> Awaitable[None] | None:
        """An event for the client; the head of the answer goes before the first, and not sooner:
        until then there is no answer of ours that could be told in place of a better one."""
        if not self._inner.status:
            self._inner.on_head(self._status, self._ours(EVENT_STREAM))
        return self._inner.on_block(block)

    def _finish(self) -> None:
        if not 200 <= self._status < 300:
            raise self._status_error()
        if self._streams:
            self._finish_stream()
        else:
            self._finish_whole(b"".join(self._held))
        self._inner.on_end(None)

    def _finish_whole(self, body: bytes) -> None:
        answer = self._provider.decode_chat(body)
        if self._decoder is not None:
            raise UpstreamReset("the provider was asked for a stream and sent none")
        named = replace(
            answer.signed_by(*self._wording.author),
            id=self._wording.identifier,
            created=answer.created or self._wording.created,
        )
        told = encode_response(named, self._wording.model)
        self._inner.take_whole(self._status, self._ours(JSON), told)

    def _finish_stream(self) -> None:
        assert self._decoder is not None
        self._pass_on(self._decoder.close())
        self._check_fault()
        if not self._decoder.complete:
            raise UpstreamReset("the provider's stream ended before its answer was whole")
        self._send(self._encoder.close())

    def _told(self, error: UpstreamStatus) -> UpstreamStatus:
        """The error with a body that OpenAI's clients understand."""
        status = error.status or 500
        said = veiled(error.body, self._inner.secret)
        fault = self._provider.read_error(status, error.headers, said)
        if self.started and self._streams:
            self._say(fault)
        told = type(error)(status, tuple(self._ours(JSON)), encode_error(fault))
        told.fault = fault
        if not self.started:
            self._inner.take_error(told)
        return told

    def _say(self, fault: Fault) -> None:
        """Tell the client of a stream that has begun why it breaks off."""
        self._inner.on_block(b"data: " + encode_error(fault) + b"\n\n")

"""What upper rooms see of the network and of the store: protocols, no more."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol
from uuid import UUID

import msgspec

from proxy.errors import TimeoutScope, UpstreamError
from proxy.types.examples import Example
from proxy.types.exchange import ConfigSnapshot, Exchange, Feedback
from proxy.types.feedback import StoredInference
from proxy.types.immutable import immutable

Headers = Sequence[tuple[str, str]]
FixedHeaders = tuple[tuple[str, str], ...]

FAST = "fast"
"""The transport that is used unless a provider asks for another."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Time limits of one attempt, in seconds; None is no limit."""

    connect: float | None
    first_token: float | None
    idle: float | None
    total: float | None
    scopes: Mapping[str, TimeoutScope] = field(default_factory=dict, compare=False)
    """Of a `total` or `first_token` that is a variant's, model's or provider's, whose it is."""


class Body(Protocol):
    """A request body that is not held in memory whole."""

    @property
    def length(self) -> int | None:
        """Bytes; None when nobody knows yet: it is then sent chunked."""

    @property
    def repeatable(self) -> bool:
        """Whether `blocks` can be asked for more than once, as resends and failover need it."""

    @property
    def spent(self) -> bool:
        """Whether `blocks` has been asked for and cannot be again."""

    def blocks(self) -> AsyncIterator[bytes]:
        """The bytes, each block when the last has been taken. What it raises ends the call."""


@immutable
class OutgoingRequest:
    """One HTTP request to a provider. `origin` is `scheme://host:port`, for pools and budgets."""

    method: str
    url: str
    origin: str
    headers: Headers
    body: bytes | Body
    limits: Limits
    may_resend: Callable[[], bool]
    """Asked before the request is sent once more because its pooled connection was stale."""
    seal: Callable[[OutgoingRequest], OutgoingRequest] | None = None
    """Makes what depends on all the rest, such as a signature; asked when nothing will change any
    more."""
    transport: str = FAST
    """Which one is to send it: `fast`, or `aiohttp`, the complete one."""

    def sealed(self) -> OutgoingRequest:
        """The request as it is to be sent."""
        return self if self.seal is None else self.seal(self)


class Sink(Protocol):
    """Where a transport puts an answer as it comes; called on the event loop, in order."""

    @property
    def started(self) -> bool:
        """Whether the first token has come; until then the first-token limit holds."""

    @property
    def finished(self) -> bool:
        """Whether the final event has come; the end of the body may then not be long in coming."""

    def on_head(self, status: int, headers: Headers) -> None:
        """Status and headers, once, before any block."""

    def on_block(self, block: bytes) -> Awaitable[None] | None:
        """Some bytes of the body. An awaitable pauses the sender until it is done.

        An `UpstreamError` raised here ends the call: the connection is closed and `on_end` gets it.
        """

    def on_end(self, error: UpstreamError | None) -> None:
        """The end, once: None when the body arrived whole."""


class Passage(msgspec.Struct, eq=False):
    """Leave to pass blocks by a sink, which are neither the first nor the last of a stream: for so
    long as there is `room`, those that end with a line and do not hold `hint`, one for each chunk
    of the provider's. Of each, `note` is told the time (by the monotonic clock), `keep` the block;
    `write` gets both the block and its chunk, and returns what `on_block` would.

    A sink that gives it has it in its attribute `passage`, and may take it back: no room is left.
    """

    hint: bytes
    room: int
    """Bytes of blocks."""
    note: Callable[[float], None]
    keep: Callable[[bytes], None]
    write: Callable[[bytes, bytes], Awaitable[None] | None]


class Transport(Protocol):
    """Sends requests and feeds their answers into sinks. One per worker."""

    async def send(self, request: OutgoingRequest, sink: Sink) -> None:
        """Send, feed the sink to the end, return.

        Upstream failures are told to `sink.on_end`, never raised. An exception raised by the sink,
        or by the body, closes the upstream connection and goes on to the caller; so does a
        cancellation. An answer that comes before the body is sent ends the sending.
        """

    async def close(self) -> None: ...


class Client(Protocol):
    """The one who asked. Takes an answer as it comes, or all at once."""

    def start(
        self,
        status: int,
        theirs: Headers,
        ours: Headers,
        fixed: FixedHeaders = (),
        *,
        length: int | None,
    ) -> None:
        """Send the head, with the provider's headers and our own; `fixed` are those of ours that
        many answers share.

        Without a length, the end of the body is told apart by `finish`.
        """

    def write(self, block: bytes) -> Awaitable[None] | None:
        """Send some of the body. An awaitable is done when the client has room again."""

    def write_chunk(self, block: bytes, chunk: bytes) -> Awaitable[None] | None:
        """As `write`, of a block that came as this chunk, which can go on as it stands."""

    def finish(self, held: bytes) -> None:
        """Send the rest and the end, in one write with all that is still unsent."""

    def abort(self) -> None:
        """Cut the connection, so that nobody takes what was sent for the whole answer."""


class Recorder(Protocol):
    """Makes finished exchanges safe. What it accepted will be in Postgres, whatever dies."""

    def admit(self) -> None:
        """Ask before a call is begun.

        Raises:
            RecordingRefused: the journal is at its bound and the policy is `refuse`.
        """

    def exchange(self, exchange: Exchange) -> Awaitable[None] | None:
        """Make the exchange safe (or shed, and counted). It is when this returns, or when the
        awaitable that it returns is done.

        Raises:
            JournalFailed: the disk refused it and the policy is `refuse`; so may the awaitable.
        """

    async def feedback(self, feedback: Feedback) -> None:
        """As `exchange`, for feedback."""

    async def config(self, snapshot: ConfigSnapshot) -> None:
        """As `exchange`, for a configuration's text."""


class InferenceStore(Protocol):
    """Questions about what is stored. Each may raise StoreUnavailable."""

    async def inference_exists(self, inference_id: UUID) -> bool: ...

    async def episode_exists(self, episode_id: UUID) -> bool: ...

    async def fetch_response_target(self, response_id: str) -> tuple[UUID, UUID] | None:
        """(inference id, episode id) of the exchange whose provider's answer bore this id."""

    async def fetch_stored_inference(self, inference_id: UUID) -> StoredInference | None:
        """What a demonstration for this inference depends on; None while it is not stored."""

    async def similar_examples(
        self, function_name: str, variant_name: str, embedding: Sequence[float], k: int
    ) -> Sequence[Example]:
        """The `k` examples of a variant that are nearest to a vector, nearest first."""


WriterLag = Callable[[], float]
"""Seconds: all that was journalled on this host before so long ago is in Postgres, or put aside."""

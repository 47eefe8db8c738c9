"""The port of this room: what a provider is to those above.

A provider is an address, a way to show a credential and the protocol it speaks. There are three
kinds, told apart by what they can do:

- `HttpProvider` puts a neutral request into its protocol and reads the answer's bytes.
- `RelayProvider` is one that also takes a body which is in its protocol already; whoever sends it
  relays the answer's bytes.
- `NeutralProvider` answers without HTTP, in neutral values; one that has `embed` (it is then an
  `EmbeddingProvider`) makes vectors, too.

A provider has no state of its calls, never retries, and never looks at a configuration.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import field
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeGuard

from proxy.types.embeddings import EmbeddingsAnswer, EmbeddingsRequest
from proxy.types.fault import Fault
from proxy.types.immutable import immutable
from proxy.types.ports import Body, Headers, Limits, OutgoingRequest
from proxy.types.request import ModelRequest
from proxy.types.response import Answer, Chunk
from proxy.types.secrets import Secret

if TYPE_CHECKING:
    from typing_extensions import TypeIs

    from proxy.wire.events import StreamReader

NO_RENAMES: Mapping[str, str] = MappingProxyType({})
NO_DEFAULTS: Mapping[str, bytes] = MappingProxyType({})


@immutable
class Attempt:
    """What a request needs beside what it says: on whose behalf, within which limits."""

    secret: Secret = field(repr=False)
    limits: Limits
    may_resend: Callable[[], bool]
    """See `OutgoingRequest`."""
    headers: Headers = ()
    """Further headers."""
    model_name: str | None = None
    """This and the next are the configuration's names, for blocks that are for one model or one
    provider only."""
    provider_name: str | None = None


class Encoded(NamedTuple):
    """A request in a provider's protocol."""

    request: OutgoingRequest
    """Its body is bytes. To be `sealed()` before it is sent."""
    ignored: tuple[str, ...] = ()
    """Parameters that the protocol has no place for, by their names in `Params`; they are left out,
    counted and documented."""


class HttpProvider(Protocol):
    """A provider that is asked over HTTP, in a protocol of its own."""

    type: str
    """Its type in the configuration."""
    wire: str
    """The protocol it speaks, named as the folder in `wire/`."""
    reading: str
    """Who reads its answers for the record, by the names in `app/host`: its `wire`, or one who
    knows more of its ways."""
    origin: str
    """`scheme://host:port`, the unit of connection pools and of retry budgets."""
    model_name: str
    """The provider's own name of the model."""
    takes_secret: bool
    """Whether its credential is resolved by those above and handed in."""
    transport: str
    """Which one sends its requests; see `OutgoingRequest`."""

    def encode_chat(self, request: ModelRequest, attempt: Attempt) -> Encoded:
        """The HTTP request of a chat.

        Raises:
            InvalidRequest: a block stands where it cannot.
            UpstreamUnsupported: the protocol has no form for what is asked; the text names it.
        """

    def decode_chat(self, body: bytes) -> Answer:
        """The whole answer in a body of status 200.

        Raises:
            UpstreamErrorInBody: it is an error all the same.
            UpstreamGarbage: it is no answer in this protocol.
        """

    def open_chat_stream(self) -> StreamReader:
        """A decoder for one streamed answer, which tells of damage."""

    def read_error(self, status: int, headers: Headers, body: bytes) -> Fault:
        """What an error of this provider says. Raises nothing."""


class RelayProvider(HttpProvider, Protocol):
    """A provider whose protocol may be the client's own."""

    usage: str
    """`ask` when it tells of a stream's tokens only if `stream_options` asks for it."""
    renames: Mapping[str, str]
    """What it calls otherwise: its own name of a body's member, by the protocol's."""
    body_defaults: Mapping[str, bytes]
    """Members (raw JSON) that it wants in a body, for what the body leaves out."""
    reasoning_key: str | None
    """The member of a message in which it takes thoughts back; None where it takes none."""
    allow_lists: bool
    """Whether a choice of tools may be a list of some of them."""

    def encode_relay(
        self,
        path: str,
        body: bytes | Body,
        headers: Headers,
        secret: Secret,
        limits: Limits,
        may_resend: Callable[[], bool],
        *,
        method: str = "POST",
        query: str = "",
    ) -> OutgoingRequest:
        """A request whose body is passed on as it is.

        `path` is the endpoint below the base address, such as `chat/completions`, and `query` what
        follows its question mark; `headers` are the client's, already without those that are
        nobody else's business; `secret` the credential's value; `may_resend` see
        `OutgoingRequest`.
        """


class NeutralProvider(Protocol):
    """A provider that is asked and answers in neutral values."""

    type: str
    origin: str
    model_name: str
    takes_secret: bool
    renames: Mapping[str, str]
    body_defaults: Mapping[str, bytes]
    """Both empty: what is put into neutral form bears the protocol's own names until then."""
    raw_request: bytes
    """What is recorded as the request, for there is none in its own words."""

    async def infer(self, request: ModelRequest) -> Answer:
        """The whole answer.

        Raises:
            UpstreamError: the attempt failed.
        """

    def stream(self, request: ModelRequest) -> AsyncIterator[Chunk]:
        """The answer in chunks; raises as `infer`, before the first chunk or between two."""


class EmbeddingProvider(Protocol):
    """A provider without HTTP that makes vectors."""

    type: str
    origin: str
    model_name: str
    takes_secret: bool

    async def embed(self, request: EmbeddingsRequest) -> EmbeddingsAnswer:
        """One vector for each input.

        Raises:
            UpstreamError: the attempt failed.
        """


Provider = HttpProvider | NeutralProvider


def answers_neutrally(provider: Provider) -> TypeIs[NeutralProvider]:
    """Whether it is asked in neutral values; otherwise it speaks a protocol over HTTP."""
    return hasattr(provider, "infer")


def relays(provider: Provider) -> TypeIs[RelayProvider]:
    """Whether it takes bodies that are in its protocol already."""
    return hasattr(provider, "encode_relay")


def title_of(provider: Provider) -> str:
    """How people write the name of its vendor, where it has one."""
    return getattr(provider, "title", provider.type)


def makes_vectors(provider: Provider) -> TypeGuard[EmbeddingProvider]:
    """Whether it has embeddings, too."""
    return hasattr(provider, "embed")

"""The port of this room: what a provider is to those above.

A provider is an address, a way to show a credential and the protocol it speaks. It comes in two
kinds, told apart by what it can do:

- `RelayProvider` turns a body that is already in its protocol into an HTTP request; whoever sends
  it relays the answer's bytes.
- `NeutralProvider` answers a neutral request with neutral blocks.

A provider has no state of its calls, never retries, and never looks at a configuration.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Protocol

from proxy.types.ports import Headers, Limits, OutgoingRequest
from proxy.types.request import ModelRequest
from proxy.types.response import Answer, Chunk


class RelayProvider(Protocol):
    """A provider whose protocol may be the client's own."""

    type: str
    """Its type in the configuration."""
    wire: str
    """The protocol it speaks, named as the folder in `wire/`."""
    origin: str
    """`scheme://host:port`, the unit of connection pools and of retry budgets."""
    model_name: str
    """The provider's own name of the model."""
    takes_secret: bool
    """Whether its credential is resolved by those above and handed in."""

    def encode_relay(
        self,
        path: str,
        body: bytes,
        headers: Headers,
        secret: str | None,
        limits: Limits,
        may_resend: Callable[[], bool],
    ) -> OutgoingRequest:
        """A request whose body is passed on as it is.

        `path` is the endpoint below the base address, such as `chat/completions`; `headers` are
        the client's, already without those that are nobody else's business; `secret` the
        credential's value; `may_resend` see `OutgoingRequest`.
        """


class NeutralProvider(Protocol):
    """A provider that is asked and answers in neutral values."""

    type: str
    origin: str
    model_name: str
    takes_secret: bool

    async def infer(self, request: ModelRequest) -> Answer:
        """The whole answer.

        Raises:
            UpstreamError: the attempt failed.
        """

    def stream(self, request: ModelRequest) -> AsyncIterator[Chunk]:
        """The answer in chunks; raises as `infer`, before the first chunk or between two."""


Provider = RelayProvider | NeutralProvider

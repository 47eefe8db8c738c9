"""The live form of a configured model: its providers in routing order."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from proxy.errors import UpstreamTimeout
from proxy.models.budget import Budget
from proxy.models.cost import Prices, dump_prices
from proxy.models.credentials import CallCredentials, Credential
from proxy.models.rewrite import NO_REWRITES, Rewrites
from proxy.providers.base import (
    NO_DEFAULTS,
    NO_RENAMES,
    Provider,
    RelayProvider,
    relays,
    title_of,
)
from proxy.types.ports import Limits
from proxy.types.secrets import PendingSecret, Secret


@dataclass(frozen=True, slots=True)
class TimeLimits:
    """TensorZero's `timeouts` of a provider, model or variant, in seconds; None is no limit."""

    non_streaming_total: float | None = None
    streaming_ttft: float | None = None
    streaming_total: float | None = None

    def total(self, stream: bool) -> float | None:
        return self.streaming_total if stream else self.non_streaming_total

    def first_token(self, stream: bool) -> float | None:
        return self.streaming_ttft if stream else None


NO_LIMITS = TimeLimits()


@dataclass(frozen=True, slots=True)
class Route:
    """One provider of a model, ready to be asked."""

    name: str
    provider: Provider
    credential: Credential
    limits: TimeLimits
    budget: Budget
    rewrites: Rewrites = NO_REWRITES
    prices: Prices | None = None
    """What its calls cost; None where nobody has said it."""
    operators_key: bool = False
    """Whether its credential is the operator's, not the caller's."""
    discards_unknown: bool = False
    """Whether callers are not told of what its streams have and neutral chunks have no form for."""
    dumped_prices: bytes = field(init=False, default=b"")
    """The same prices, as records carry them."""
    relay: RelayProvider | None = field(init=False, default=None)
    """The provider, if it takes bodies that are in its protocol already."""
    renames: Mapping[str, str] = field(init=False, default_factory=lambda: NO_RENAMES)
    """Its own names of OpenAI's members."""
    body_defaults: Mapping[str, bytes] = field(init=False, default_factory=lambda: NO_DEFAULTS)
    """What it wants where a body says nothing."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "renames", getattr(self.provider, "renames", NO_RENAMES))
        defaults = getattr(self.provider, "body_defaults", NO_DEFAULTS)
        object.__setattr__(self, "body_defaults", defaults)
        if relays(self.provider):
            object.__setattr__(self, "relay", self.provider)
        if self.prices is not None:
            object.__setattr__(self, "dumped_prices", dump_prices(self.prices))

    def secret(self, call: CallCredentials) -> Secret | PendingSecret:
        """The value of the credential; where one `is_pending`, it has to be `fetched`.

        Raises:
            CredentialMissing: there is none.
        """
        return self.credential(call, title_of(self.provider))


async def fetched(found: PendingSecret, limits: Limits) -> Secret:
    """A secret that is not there yet; waits for it no longer than an attempt's limits allow.

    Raises:
        CredentialMissing: it cannot be had.
        UpstreamTimeout: it did not come in time.
    """
    known = (("total", limits.total), ("first_token", limits.first_token))
    wanted = [(seconds, name) for name, seconds in known if seconds is not None]
    if not wanted:
        return await found.fetch()
    seconds, name = min(wanted)
    try:
        async with asyncio.timeout(seconds):
            return await found.fetch()
    except TimeoutError:
        raise UpstreamTimeout(name, seconds, "the fetch of its token") from None


@dataclass(frozen=True, slots=True)
class Model:
    """A name and the providers behind it, in the order in which they are tried."""

    name: str
    routes: Sequence[Route]
    limits: TimeLimits = NO_LIMITS
    namespace: str | None = None
    """Only calls of this namespace may use it; None is for all."""

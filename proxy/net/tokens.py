"""Tokens that have to be fetched: kept while they are good, renewed before they end.

A `TokenKeeper` holds one token. Whoever wants it gets it without waiting as long as it is good. In
the last part of its life the first who asks begins a renewal behind everybody's back; when there is
none yet, or it has run out, all who ask wait for one fetch. A renewal that fails leaves the old
token in place while that lasts.

The libraries that fetch are synchronous, so each fetch has a thread of its own. It is a daemon:
a token server that hangs keeps no process from ending, and there is nothing to close.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
import weakref
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from proxy.errors import CredentialMissing

Value = TypeVar("Value")

EARLY_S = 300.0
"""How long before its end a token is renewed; of a short-lived one, half of its life."""
SKEW_S = 10.0
"""It counts as run out so long before its end: requests need time, and clocks differ."""
UNBOUNDED_S = 900.0
"""How often what has no end is looked up anew: it may have been replaced where it was found."""
PAUSE_S = 10.0
"""Between a renewal that failed and the next."""
REST_S = 1.0
"""So long after a failed fetch, those who ask are told the same without another."""
WAIT_S = 30.0
"""How long a call waits for a token."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Token(Generic[Value]):
    """What was fetched, and until when (Unix time) it is good; None where nobody said."""

    value: Value = field(repr=False)
    expires_at: float | None = None


Fetch = Callable[[], Token[Value]]
"""Fetches, in a thread. Raises CredentialMissing with the reason in words that hold no secret."""


class TokenKeeper(Generic[Value]):
    """One token of `what`, such as "the service account in `path::/keys/a.json`". One per loop."""

    def __init__(self, what: str, fetch: Fetch[Value], now: Callable[[], float] = time.time):
        self._what = what
        self._fetch = fetch
        self._now = now
        self._value: Value | None = None
        self._renew_at = 0.0
        self._over_at = 0.0
        self._failure = ""
        self._failed_at = float("-inf")
        self._flight: asyncio.Future[Value | CredentialMissing] | None = None

    def __repr__(self) -> str:
        return f"TokenKeeper({self._what!r})"

    def current(self) -> Value | None:
        """The token if it is good; begins to renew it when its end is near."""
        now = self._now()
        if now >= self._over_at:
            return None
        if now >= self._renew_at and self._flight is None:
            self._begin()
        return self._value

    async def fetch(self) -> Value:
        """The token; waits for a fetch if there is none that is good.

        Raises:
            CredentialMissing: it cannot be had; names the place, never a value.
        """
        value = self.current()
        if value is not None:
            return value
        if self._flight is None and self._now() < self._failed_at + REST_S:
            raise CredentialMissing(self._failure)
        flight = self._flight or self._begin()
        try:
            outcome = await asyncio.wait_for(asyncio.shield(flight), WAIT_S)
        except TimeoutError:
            raise CredentialMissing(f"{self._what}: nothing came within {WAIT_S:g} s") from None
        if isinstance(outcome, CredentialMissing):
            raise CredentialMissing(str(outcome))
        return outcome

    def _begin(self) -> asyncio.Future[Value | CredentialMissing]:
        loop = asyncio.get_running_loop()
        flight: asyncio.Future[Value | CredentialMissing] = loop.create_future()
        thread = threading.Thread(
            target=self._run, args=(loop, flight), name="token-fetch", daemon=True
        )
        try:
            thread.start()
        except RuntimeError:
            flight.set_result(self._fail("no thread could be started"))
        else:
            self._flight = flight
        return flight

    def _run(
        self, loop: asyncio.AbstractEventLoop, flight: asyncio.Future[Value | CredentialMissing]
    ) -> None:
        outcome: Token[Value] | CredentialMissing
        try:
            outcome = self._fetch()
        except CredentialMissing as error:
            outcome = error
        except Exception as error:
            outcome = CredentialMissing(f"it cannot be fetched ({type(error).__name__})")
        try:
            loop.call_soon_threadsafe(self._landed, flight, outcome)
        except RuntimeError:
            return  # the loop has ended meanwhile, and with it all who waited

    def _landed(
        self,
        flight: asyncio.Future[Value | CredentialMissing],
        outcome: Token[Value] | CredentialMissing,
    ) -> None:
        self._flight = None
        kept = self._keep(outcome) if isinstance(outcome, Token) else self._fail(str(outcome))
        if not flight.done():
            flight.set_result(kept)

    def _keep(self, token: Token[Value]) -> Value | CredentialMissing:
        now, end = self._now(), token.expires_at
        if end is None:
            self._over_at, self._renew_at = float("inf"), now + UNBOUNDED_S
        elif end <= now:
            return self._fail("what came has run out already")
        else:
            left = end - now
            self._over_at = end - min(SKEW_S, left / 10)
            self._renew_at = end - min(EARLY_S, left / 2)
        self._value = token.value
        return token.value

    def _fail(self, reason: str) -> CredentialMissing:
        now = self._now()
        self._failure, self._failed_at = f"{self._what}: {reason}", now
        self._renew_at = now + PAUSE_S
        if now < self._over_at:
            log.warning("%s; what was fetched before is used as long as it is good", self._failure)
        return CredentialMissing(self._failure)


class Tokens:
    """The keepers of a worker: one for each credential, however many providers name it.

    A keeper lives as long as somebody uses it. May be asked by several threads.
    """

    def __init__(self) -> None:
        self._keepers: weakref.WeakValueDictionary[Hashable, TokenKeeper[Any]] = (
            weakref.WeakValueDictionary()
        )
        self._lock = threading.Lock()

    def keeper(self, key: Hashable, what: str, fetch: Fetch[Value]) -> TokenKeeper[Value]:
        """The keeper that was made for an equal `key`, or a new one."""
        with self._lock:
            found = self._keepers.get(key)
            if found is None:
                found = self._keepers[key] = TokenKeeper(what, fetch)
            return found

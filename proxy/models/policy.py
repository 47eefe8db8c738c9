"""The one retry loop of the program.

    variants, as sampling gives them        (a function's; one for a plain model)
      └─ rounds: 1 + `num_retries`, with a pause before each but the first
           └─ providers in routing order, at once

An answer of class *final* (400, 413, 422) ends everything; *failover* (401, 403, 404 and missing
credentials) rules the provider out for the rest of the call; *retry* (408, 409, 429, 5xx, broken
connections, timeouts) may be tried again in the next round. A second attempt at an origin must be
covered by that origin's budget. Nothing is tried again once the client has been sent a byte.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from email.utils import parsedate_to_datetime
from enum import Enum
from types import MappingProxyType

import msgspec
from aiohttp import ClientResponse
from aiohttp_retry import RetryOptionsBase

from proxy.errors import (
    CredentialMissing,
    TimeoutScope,
    UpstreamError,
    UpstreamStatus,
    UpstreamTimeout,
    UpstreamUnsupported,
)
from proxy.models.model import NO_LIMITS, Model, Route, TimeLimits
from proxy.types.exchange import Attempt
from proxy.types.ports import Limits

FIRST_PAUSE_S = 1.0
DETAIL_BYTES = 4096
NO_SCOPES: Mapping[str, TimeoutScope] = MappingProxyType({})


class ErrorClass(Enum):
    """What a failed attempt means for the rest of the call."""

    FINAL = "final"
    FAILOVER = "failover"
    RETRY = "retry"


Classify = Callable[[UpstreamError], ErrorClass]


def classify(error: UpstreamError) -> ErrorClass:
    """The class of an attempt's error; see the table at the top of this module."""
    if isinstance(error, CredentialMissing | UpstreamUnsupported):
        return ErrorClass.FAILOVER
    if not isinstance(error, UpstreamStatus) or error.status is None:
        return ErrorClass.RETRY
    if error.status in (400, 413, 422):
        return ErrorClass.FINAL
    if error.status in (408, 409, 429) or error.status >= 500:
        return ErrorClass.RETRY
    return ErrorClass.FAILOVER


def classify_leniently(error: UpstreamError) -> ErrorClass:
    """As TensorZero's API promises: what one provider refuses, another may take."""
    kind = classify(error)
    return ErrorClass.FAILOVER if kind is ErrorClass.FINAL else kind


class Schedule(RetryOptionsBase):
    """When the next round begins: 1 s, doubled each time, at most `max_delay_s`, plus jitter.

    The jitter is between nothing and the pause itself, as in TensorZero.
    """

    def __init__(
        self, num_retries: int, max_delay_s: float, jitter: Callable[[], float] = random.random
    ) -> None:
        super().__init__(attempts=num_retries + 1)
        self.max_delay_s = max_delay_s
        self._jitter = jitter

    def get_timeout(self, attempt: int, response: ClientResponse | None = None) -> float:
        """Seconds before round `attempt` (the second round is 1)."""
        pause = min(FIRST_PAUSE_S * 2.0 ** (attempt - 1), self.max_delay_s)
        return pause + pause * self._jitter()

    def pause_before(self, attempt: int, asked: float | None) -> float | None:
        """As `get_timeout`, but no earlier than the provider asked for; None is too late."""
        if asked is not None and asked > self.max_delay_s:
            return None
        return max(self.get_timeout(attempt), asked or 0.0)


@dataclass(frozen=True, slots=True)
class Candidate:
    """One variant to try: the model that it names, how often, and for how long."""

    variant_name: str
    model: Model
    schedule: Schedule
    limits: TimeLimits


class CallLog(msgspec.Struct):
    """What happened in one call, attempt by attempt."""

    began: float
    attempts: list[Attempt] = msgspec.field(default_factory=list)
    last: UpstreamError | None = None
    refused: bool = False
    """Whether a retry was not made because the budget did not cover it."""
    seen: set[str] = msgspec.field(default_factory=set)
    """Origins that have been asked: another attempt there is a retry."""

    def branch(self) -> CallLog:
        """The log of another question of the same call: its attempts stand among the others, but
        it is no retry of theirs."""
        return CallLog(self.began, self.attempts)

    def add(
        self,
        candidate: Candidate,
        route: Route,
        error: UpstreamError | None,
        began: float,
        ended: float,
        pause: float,
    ) -> None:
        """Note an attempt, by the clock of `began`, that came after a pause (in seconds)."""
        status, kind, detail, fault = 200, "", "", ""
        if error is not None:
            self.last = error
            status, kind, detail = error.status or 0, error.kind, _detail(error)
            fault = _fault(error)
        self.attempts.append(
            Attempt(
                candidate.variant_name,
                candidate.model.name,
                route.name,
                status,
                kind,
                detail,
                round((began - self.began) * 1000),
                round((ended - began) * 1000),
                round(pause * 1000),
                fault,
            )
        )

    @property
    def exhausted(self) -> bool:
        """Whether we have retried ourselves, so that the client had better not."""
        return self.refused or len(self.attempts) > 1


Try = Callable[[Candidate, Route, Limits], Awaitable[UpstreamError | None]]


class Policy:
    """Walks the candidates until one answer has reached the client."""

    def __init__(
        self,
        defaults: Limits,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        now: Callable[[], float] = time.monotonic,
        on_refused: Callable[[str], None] = lambda origin: None,
    ) -> None:
        self._defaults = defaults
        self._sleep = sleep
        self._now = now
        self._on_refused = on_refused
        self._unlimited = _Until(now)

    async def run(
        self,
        candidates: Iterable[Candidate],
        attempt: Try,
        log: CallLog,
        *,
        stream: bool,
        classify: Classify = classify,
    ) -> tuple[Candidate, Route] | None:
        """Try until one attempt returns None; `log.last` has the error otherwise.

        All levels stand in one coroutine: one for each costs every call more than all that the
        levels do.
        """
        paid: Route | None = None
        now = self._now
        for candidate in candidates:
            model, schedule = candidate.model, candidate.schedule
            ruled_out: set[str] = set()
            until = self._unlimited
            if candidate.limits is not NO_LIMITS:
                until = until.narrowed(candidate.limits, stream, "Variant", candidate.variant_name)
            pause = 0.0
            for round_ in range(schedule.attempts):
                if round_:
                    wait = schedule.pause_before(round_, retry_after(log.last))
                    if wait is None or not until.outlasts(wait):
                        break
                    left = [route for route in model.routes if route.name not in ruled_out]
                    if all(route.provider.origin in log.seen for route in left):
                        paid = self._reserve(left, log)
                        if paid is None:
                            break
                    pause = float(wait)
                    await self._sleep(pause)
                scope = until
                if model.limits is not NO_LIMITS:
                    scope = until.narrowed(model.limits, stream, "Model", model.name)
                for route in model.routes:
                    if route.name in ruled_out or not self._covered(route, paid, log):
                        continue
                    paid = None if route is paid else paid
                    within = scope
                    if route.limits is not NO_LIMITS:
                        within = scope.narrowed(route.limits, stream, "Model provider", route.name)
                    began = now()
                    error = await attempt(candidate, route, within.limits(self._defaults))
                    log.add(candidate, route, error, began, now(), pause)
                    if error is None:
                        return candidate, route
                    within.explain(error)
                    pause = 0.0
                    kind = classify(error)
                    if kind is ErrorClass.FINAL:
                        return None
                    if kind is ErrorClass.FAILOVER:
                        ruled_out.add(route.name)
                    if scope.passed():
                        break
                if len(ruled_out) == len(model.routes) or until.passed():
                    break
        return None

    def _reserve(self, left: Sequence[Route], log: CallLog) -> Route | None:
        """Pay for the next round before waiting for it: nobody waits for a refusal."""
        for route in left:
            if route.budget.try_retry():
                return route
        for route in left[:1]:
            self._refuse(route, log)
        return None

    def _covered(self, route: Route, paid: Route | None, log: CallLog) -> bool:
        """Whether this attempt is a first one at its origin, or one that the budget covers."""
        origin = route.provider.origin
        if origin not in log.seen:
            log.seen.add(origin)
            route.budget.request()
            return True
        if route is paid or route.budget.try_retry():
            return True
        self._refuse(route, log)
        return False

    def _refuse(self, route: Route, log: CallLog) -> None:
        log.refused = True
        self._on_refused(route.provider.origin)


class _Until:
    """Deadlines of the scopes that an attempt stands in, as times of the loop's clock."""

    __slots__ = ("_first_token", "_now", "_scopes", "_total")

    def __init__(
        self,
        now: Callable[[], float],
        total: float | None = None,
        first_token: float | None = None,
        scopes: Mapping[str, TimeoutScope] = NO_SCOPES,
    ) -> None:
        self._now = now
        self._total = total
        self._first_token = first_token
        self._scopes = scopes

    def narrowed(self, limits: TimeLimits, stream: bool, kind: str, name: str) -> _Until:
        """The same, within one more scope that begins now: a variant, model or provider."""
        total, first = limits.total(stream), limits.first_token(stream)
        if total is None and first is None:
            return self
        now, scopes = self._now(), dict(self._scopes)
        if total is not None and (self._total is None or now + total < self._total):
            mode = "streaming" if stream else "non_streaming"
            scopes["total"] = TimeoutScope(kind, name, f"{mode}.total_ms", total)
        if first is not None and (self._first_token is None or now + first < self._first_token):
            scopes["first_token"] = TimeoutScope(kind, name, "streaming.ttft_ms", first)
        return _Until(
            self._now,
            _least(self._total, None if total is None else now + total),
            _least(self._first_token, None if first is None else now + first),
            scopes,
        )

    def limits(self, defaults: Limits) -> Limits:
        """What is left for one attempt."""
        if self._total is None and self._first_token is None:
            return defaults
        now = self._now()
        first, total = _left(self._first_token, now), _left(self._total, now)
        limits = Limits(
            defaults.connect,
            _least(defaults.first_token, first),
            defaults.idle,
            _least(defaults.total, total),
        )
        own = {"first_token": first == limits.first_token, "total": total == limits.total}
        scopes = {name: scope for name, scope in self._scopes.items() if own[name]}
        return replace(limits, scopes=scopes)

    def explain(self, error: UpstreamError | None) -> None:
        """Note in an error whose limit has passed."""
        if error is not None and isinstance(error, UpstreamTimeout) and self.passed():
            error.scope = self._scopes.get(error.limit)

    def passed(self) -> bool:
        return not self.outlasts(0.0)

    def outlasts(self, pause: float) -> bool:
        if self._total is None and self._first_token is None:
            return True
        then = self._now() + pause
        deadlines = (self._total, self._first_token)
        return all(deadline is None or then < deadline for deadline in deadlines)


def _least(one: float | None, other: float | None) -> float | None:
    if one is None or other is None:
        return one if other is None else other
    return min(one, other)


def _left(deadline: float | None, now: float) -> float | None:
    return None if deadline is None else max(0.0, deadline - now)


def _fault(error: UpstreamError) -> str:
    read = error.fault if isinstance(error, UpstreamStatus) else None
    return "" if read is None else read.kind


def _detail(error: UpstreamError) -> str:
    if isinstance(error, UpstreamStatus) and error.body:
        return error.body[:DETAIL_BYTES].decode("utf-8", "replace").replace("\0", "�")
    if isinstance(error, UpstreamTimeout):
        return f"{error.limit} limit"
    return str(error)[:DETAIL_BYTES]


def retry_after(error: UpstreamError | None) -> float | None:
    """Seconds that a provider asked us to wait (RFC 9110, 10.2.3; or `retry-after-ms`)."""
    if not isinstance(error, UpstreamStatus):
        return None
    headers = {name.lower(): value for name, value in error.headers}
    said = None if error.fault is None else error.fault.retry_after
    try:
        if "retry-after-ms" in headers:
            return max(0.0, float(headers["retry-after-ms"]) / 1000)
        text = headers.get("retry-after")
        if text is None:
            return said
        if text.strip().replace(".", "", 1).isdigit():
            return float(text)
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    except (ValueError, TypeError):
        return None

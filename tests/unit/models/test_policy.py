from __future__ import annotations

from collections.abc import Sequence

import pytest

from proxy.errors import (
    CredentialMissing,
    UpstreamConnectError,
    UpstreamError,
    UpstreamReset,
    UpstreamStatus,
    UpstreamTimeout,
)
from proxy.models.budget import RetryBudget, Second
from proxy.models.credentials import no_credential
from proxy.models.model import Model, Route, TimeLimits
from proxy.models.policy import (
    CallLog,
    Candidate,
    ErrorClass,
    Policy,
    Schedule,
    classify,
    retry_after,
)
from proxy.types.ports import Limits


class Number:
    """One process's number, as `budget.Slots`."""

    def __init__(self) -> None:
        self.value = 0.0

    def add(self, amount: float) -> None:
        self.value += amount

    def set(self, value: float) -> None:
        self.value = value

    def get(self) -> float:
        return self.value

    def values(self) -> Sequence[float]:
        return [self.value]


class Clock:
    def __init__(self) -> None:
        self.time = 1000.0
        self.slept: list[float] = []

    def now(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time += seconds


class FakeProvider:
    type = "test"
    model_name = "m"

    def __init__(self, origin: str) -> None:
        self.origin = origin


def budget(clock: Clock, ratio: float = 1.0, floor: int = 100) -> RetryBudget:
    ring = [Second(Number(), Number(), Number()) for _ in range(11)]
    return RetryBudget(ring, ratio, floor, clock.now)


def model(*routes: Route) -> Model:
    return Model("model", routes)


def route(name: str, retries: RetryBudget, origin: str = "", **limits: float) -> Route:
    provider = FakeProvider(origin or f"http://{name}:80")
    return Route(name, provider, no_credential, TimeLimits(**limits), retries)  # type: ignore[arg-type]


def candidate(
    target: Model, retries: int = 0, max_delay: float = 10.0, **limits: float
) -> Candidate:
    schedule = Schedule(retries, max_delay, jitter=lambda: 0.0)
    return Candidate("v", target, schedule, TimeLimits(**limits))


class Play:
    """Attempts with outcomes told beforehand; what was asked is kept."""

    def __init__(self, clock: Clock, *outcomes: UpstreamError | None, takes: float = 0.0) -> None:
        self.clock = clock
        self.outcomes = list(outcomes)
        self.takes = takes
        self.asked: list[str] = []
        self.limits: list[Limits] = []
        self.policy = Policy(Limits(5, None, 60, 900), clock.sleep, clock.now)
        self.log = CallLog(clock.now())

    async def __call__(
        self, candidate: Candidate, route: Route, limits: Limits
    ) -> UpstreamError | None:
        self.asked.append(route.name)
        self.limits.append(limits)
        self.clock.time += self.takes
        return self.outcomes.pop(0)

    async def run(self, *candidates: Candidate, stream: bool = False) -> str | None:
        served = await self.policy.run(candidates, self, self.log, stream=stream)
        return None if served is None else served[1].name


DOWN = UpstreamStatus(500)


async def test_the_first_provider_that_answers_ends_the_call() -> None:
    clock = Clock()
    play = Play(clock, None)
    both = model(route("a", budget(clock)), route("b", budget(clock)))
    assert await play.run(candidate(both)) == "a"
    assert play.asked == ["a"]


@pytest.mark.parametrize("error", [DOWN, UpstreamReset("x"), UpstreamStatus(401)])
async def test_a_failure_fails_over_in_routing_order_at_once(error: UpstreamError) -> None:
    clock = Clock()
    play = Play(clock, error, None)
    both = model(route("a", budget(clock)), route("b", budget(clock)))
    assert await play.run(candidate(both)) == "b"
    assert clock.slept == []


@pytest.mark.parametrize("status", [400, 413, 422])
async def test_the_callers_own_fault_is_final(status: int) -> None:
    clock = Clock()
    play = Play(clock, UpstreamStatus(status))
    both = model(route("a", budget(clock)), route("b", budget(clock)))
    assert await play.run(candidate(both, retries=3), candidate(both)) is None
    assert play.asked == ["a"]


async def test_rounds_begin_after_a_pause_that_doubles() -> None:
    clock = Clock()
    play = Play(clock, DOWN, DOWN, DOWN, DOWN)
    one = model(route("a", budget(clock)))
    assert await play.run(candidate(one, retries=3, max_delay=3.0)) is None
    assert clock.slept == [1.0, 2.0, 3.0]
    assert [attempt.waited_ms for attempt in play.log.attempts] == [0, 1000, 2000, 3000]


async def test_a_refused_credential_is_not_tried_again_in_the_next_round() -> None:
    clock = Clock()
    play = Play(clock, UpstreamStatus(401), DOWN, None)
    both = model(route("a", budget(clock)), route("b", budget(clock)))
    assert await play.run(candidate(both, retries=1)) == "b"
    assert play.asked == ["a", "b", "b"]


async def test_retry_after_is_waited_for() -> None:
    clock = Clock()
    play = Play(clock, UpstreamStatus(429, (("Retry-After", "4"),)), None)
    assert await play.run(candidate(model(route("a", budget(clock))), retries=1)) == "a"
    assert clock.slept == [4.0]


async def test_a_retry_after_beyond_the_longest_pause_ends_the_variant() -> None:
    clock = Clock()
    play = Play(clock, UpstreamStatus(429, (("Retry-After", "60"),)))
    assert await play.run(candidate(model(route("a", budget(clock))), retries=5)) is None
    assert clock.slept == []


async def test_the_next_variant_is_tried_when_one_has_failed() -> None:
    clock = Clock()
    play = Play(clock, DOWN, None)
    first, second = model(route("a", budget(clock))), model(route("b", budget(clock)))
    assert await play.run(candidate(first), candidate(second)) == "b"


async def test_without_budget_nothing_is_retried_and_nobody_waits() -> None:
    clock = Clock()
    play = Play(clock, DOWN)
    one = model(route("a", budget(clock, ratio=0.0, floor=0)))
    assert await play.run(candidate(one, retries=3)) is None
    assert play.asked == ["a"]
    assert clock.slept == []
    assert play.log.refused


async def test_failing_over_to_another_origin_costs_no_budget() -> None:
    clock = Clock()
    play = Play(clock, DOWN, None)
    none = budget(clock, ratio=0.0, floor=0)
    assert await play.run(candidate(model(route("a", none), route("b", none)))) == "b"


async def test_a_second_provider_at_the_same_origin_is_a_retry() -> None:
    clock = Clock()
    play = Play(clock, DOWN)
    none = budget(clock, ratio=0.0, floor=0)
    both = model(route("a", none, "http://x:80"), route("b", none, "http://x:80"))
    assert await play.run(candidate(both)) is None
    assert play.asked == ["a"]


async def test_in_an_outage_the_upstream_gets_a_fifth_more_at_most() -> None:
    clock = Clock()
    shared = budget(clock, ratio=0.2, floor=3)
    asked = 0
    for _ in range(100):
        play = Play(clock, *[DOWN] * 10)
        await play.run(candidate(model(route("a", shared)), retries=4, max_delay=0.0))
        asked += len(play.asked)
    assert 100 < asked <= 1.2 * 100 + 3


async def test_the_budget_is_free_again_when_the_window_has_passed() -> None:
    clock = Clock()
    shared = budget(clock, ratio=0.0, floor=1)
    assert shared.try_retry()
    assert not shared.try_retry()
    clock.time += 12
    assert shared.try_retry()


async def test_an_attempt_gets_what_is_left_of_the_scopes_it_stands_in() -> None:
    clock = Clock()
    play = Play(clock, DOWN, None, takes=2.0)
    one = model(route("a", budget(clock), non_streaming_total=9.0))
    variant = candidate(one, retries=1, max_delay=0.0, non_streaming_total=10.0)
    assert await play.run(variant) == "a"
    assert [limits.total for limits in play.limits] == [9.0, 8.0]


async def test_an_attempt_knows_whose_its_limits_are() -> None:
    clock = Clock()
    play = Play(clock, None)
    one = model(route("a", budget(clock), streaming_ttft=3.0, streaming_total=2000.0))
    assert await play.run(candidate(one, streaming_total=9.0), stream=True) == "a"
    scopes = play.limits[0].scopes
    assert (scopes["total"].kind, scopes["total"].key) == ("Variant", "streaming.total_ms")
    assert (scopes["first_token"].kind, scopes["first_token"].seconds) == ("Model provider", 3.0)
    above = Play(clock, None)
    longer = model(route("a", budget(clock), streaming_total=2000.0))
    await above.run(candidate(longer), stream=True)
    assert (above.limits[0].total, above.limits[0].scopes) == (900, {})


async def test_the_variants_time_limit_ends_its_rounds() -> None:
    clock = Clock()
    play = Play(clock, DOWN, takes=6.0)
    one = model(route("a", budget(clock)))
    assert await play.run(candidate(one, retries=4, non_streaming_total=5.0)) is None
    assert play.asked == ["a"]


async def test_the_first_token_limit_counts_only_for_streams() -> None:
    clock = Clock()
    one = model(route("a", budget(clock), streaming_ttft=3.0))
    whole, stream = Play(clock, None), Play(clock, None)
    await whole.run(candidate(one))
    await stream.run(candidate(one), stream=True)
    assert whole.limits[0].first_token is None
    assert stream.limits[0].first_token == 3.0


def test_errors_have_their_classes() -> None:
    assert classify(UpstreamStatus(400)) is ErrorClass.FINAL
    for status in (401, 403, 404, 301):
        assert classify(UpstreamStatus(status)) is ErrorClass.FAILOVER
    for status in (408, 409, 429, 500, 503):
        assert classify(UpstreamStatus(status)) is ErrorClass.RETRY
    assert classify(CredentialMissing("k")) is ErrorClass.FAILOVER
    for error in (UpstreamReset("x"), UpstreamConnectError("x"), UpstreamTimeout("idle", 1)):
        assert classify(error) is ErrorClass.RETRY


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ((("retry-after", "2"),), 2.0),
        ((("Retry-After", "0.5"),), 0.5),
        ((("retry-after-ms", "250"), ("retry-after", "9")), 0.25),
        ((("Retry-After", "Thu, 01 Jan 1970 00:00:00 GMT"),), 0.0),
        ((("Retry-After", "soon"),), None),
        ((), None),
    ],
)
def test_retry_after_is_read_in_all_its_spellings(
    headers: tuple[tuple[str, str], ...], seconds: float | None
) -> None:
    assert retry_after(UpstreamStatus(429, headers)) == seconds

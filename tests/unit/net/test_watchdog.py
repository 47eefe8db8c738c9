"""A sweep that passes over those who cannot be late finds the same as one that asks everybody."""

from __future__ import annotations

import random

import pytest

from proxy.net.watchdog import TAIL_SECONDS, Flight, Watchdog
from proxy.types.ports import Limits

STEP = 0.05


class Clock:
    def __init__(self) -> None:
        self.time = 100.0

    def __call__(self) -> float:
        return self.time


def flight_of(limits: Limits) -> tuple[Flight, Clock]:
    watchdog, clock = Watchdog(), Clock()
    watchdog.now = clock
    return watchdog.watch(limits), clock


def late_from_scratch(flight: Flight, now: float) -> str | None:
    """Which limit has passed, by the definition of each."""
    limits = flight.limits
    if flight.finished_at is not None:
        return "tail" if now - flight.finished_at > TAIL_SECONDS else None
    if limits.total is not None and now - flight.started > limits.total:
        return "total"
    first = limits.first_token
    if flight.waiting and first is not None and now - flight.asked > first:
        return "first_token"
    if limits.idle is not None and now - flight.last > limits.idle:
        return "idle"
    return None


@pytest.mark.parametrize("seed", range(200))
async def test_whatever_happens_to_a_call_its_limit_is_met_at_the_same_sweep(seed: int) -> None:
    chance = random.Random(seed)

    def limit() -> float | None:
        return chance.choice([None, 0.3, 1.0, 4.0])

    flight, clock = flight_of(Limits(None, limit(), limit(), limit()))
    happenings = [flight.progress, flight.pause, flight.hold, flight.sent, flight.token]
    found = None
    for _ in range(300):
        clock.time += STEP
        if chance.random() < 0.3:
            chance.choice([*happenings, flight.progress, flight.progress])()
        if chance.random() < 0.01:
            flight.final()
        now = clock.time + 1e-6  # not on the very moment, where roundings differ
        expected = late_from_scratch(flight, now)
        found = flight.late(now) if flight.due <= now else None
        assert (found and found[0]) == expected
        if found is not None:
            return
    assert found is None


async def test_who_is_far_from_every_limit_is_not_asked() -> None:
    flight, clock = flight_of(Limits(None, 30.0, 10.0, 300.0))
    assert flight.late(clock.time) is None
    assert flight.due == clock.time + 10.0
    clock.time += 9.0
    flight.progress()
    assert flight.late(clock.time) is None
    assert flight.due == clock.time + 10.0


async def test_who_has_no_limit_is_never_asked() -> None:
    flight, clock = flight_of(Limits(None, None, None, None))
    assert flight.late(clock.time) is None
    assert flight.due == float("inf")
    flight.final()
    assert flight.due <= clock.time

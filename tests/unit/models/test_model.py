"""A route's secret, and how long a call waits for it."""

from __future__ import annotations

import asyncio

import pytest

from proxy.errors import UpstreamTimeout
from proxy.models.budget import Unlimited
from proxy.models.credentials import CallCredentials
from proxy.models.model import NO_LIMITS, Route, fetched
from proxy.providers.anthropic import AnthropicProvider
from proxy.types.ports import Limits
from proxy.types.secrets import PendingSecret, Secret, is_pending

NOBODY = CallCredentials(None, {})


class Slow:
    """A token server that hangs."""

    def __init__(self) -> None:
        self.cancelled = False

    async def fetch(self) -> Secret:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            self.cancelled = True
            raise
        return "late"


class Quick:
    async def fetch(self) -> Secret:
        return "token"


def route(found: Secret | PendingSecret) -> Route:
    return Route(
        "p",
        AnthropicProvider("m"),
        lambda call, provider: found,
        limits=NO_LIMITS,
        budget=Unlimited(),
    )


@pytest.mark.parametrize("limits", [(None, None), (5.0, None), (None, 5.0)])
async def test_a_secret_that_is_there_or_comes_soon_is_given(
    limits: tuple[float | None, float | None],
) -> None:
    first, total = limits
    for found in ("key", Quick()):
        given = route(found).secret(NOBODY)
        if is_pending(given):
            given = await fetched(given, Limits(5.0, first, None, total))
        assert given == ("key" if found == "key" else "token")


@pytest.mark.parametrize(
    ("first", "total", "named"),
    [(0.01, None, "first_token"), (None, 0.01, "total"), (9.0, 0.01, "total")],
)
async def test_nobody_waits_for_a_token_longer_than_for_an_answer(
    first: float | None, total: float | None, named: str
) -> None:
    slow = Slow()
    with pytest.raises(UpstreamTimeout) as caught:
        await fetched(slow, Limits(5.0, first, None, total))
    assert (caught.value.limit, caught.value.seconds) == (named, 0.01)
    assert slow.cancelled

"""A token is kept while it is good, and fetched by one for all."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from proxy.errors import CredentialMissing
from proxy.net import tokens
from proxy.net.tokens import Token, TokenKeeper, Tokens

HUSH = "hush-1234567890"


@dataclass
class Clock:
    at: float = 1_000_000.0

    def __call__(self) -> float:
        return self.at


class Source:
    """Gives what it is told to, one after the other, when its gate is open."""

    def __init__(self, *outcomes: Token[str] | Exception) -> None:
        self.outcomes = list(outcomes)
        self.calls = 0
        self.gate = threading.Event()
        self.gate.set()

    def __call__(self) -> Token[str]:
        self.calls += 1
        assert self.gate.wait(10)
        outcome = self.outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


def kept(source: Source, clock: Callable[[], float]) -> TokenKeeper[str]:
    return TokenKeeper("the key in `path::/a.json`", source, clock)


async def settled(keeper: TokenKeeper[str]) -> None:
    """Waits for a renewal that is under way."""
    while keeper._flight is not None:
        await asyncio.sleep(0.001)


async def test_a_hundred_callers_wait_for_one_fetch() -> None:
    source = Source(Token("a", 1_003_600.0))
    source.gate.clear()
    keeper = kept(source, Clock())
    callers = [asyncio.create_task(keeper.fetch()) for _ in range(100)]
    await asyncio.sleep(0.01)
    source.gate.set()
    assert await asyncio.gather(*callers) == ["a"] * 100
    assert source.calls == 1


async def test_a_good_token_is_given_without_waiting_and_without_a_fetch() -> None:
    clock = Clock()
    source = Source(Token("a", clock.at + 3600))
    keeper = kept(source, clock)
    assert keeper.current() is None
    await keeper.fetch()
    clock.at += 3000
    assert keeper.current() == "a"
    assert await keeper.fetch() == "a"
    assert source.calls == 1


async def test_near_its_end_it_is_renewed_behind_the_callers_back() -> None:
    clock = Clock()
    source = Source(Token("a", clock.at + 3600), Token("b", clock.at + 7200))
    keeper = kept(source, clock)
    await keeper.fetch()
    clock.at += 3600 - tokens.EARLY_S + 1
    source.gate.clear()
    assert [keeper.current() for _ in range(50)] == ["a"] * 50
    assert await keeper.fetch() == "a"
    source.gate.set()
    await settled(keeper)
    assert keeper.current() == "b"
    assert source.calls == 2


async def test_a_short_lived_token_is_renewed_after_half_its_life() -> None:
    clock = Clock()
    source = Source(Token("a", clock.at + 100), Token("b", clock.at + 200))
    keeper = kept(source, clock)
    await keeper.fetch()
    clock.at += 49
    keeper.current()
    assert source.calls == 1
    clock.at += 2
    keeper.current()
    await settled(keeper)
    assert keeper.current() == "b"


async def test_a_failed_renewal_leaves_the_old_token_while_it_lasts(
    caplog: pytest.LogCaptureFixture,
) -> None:
    clock = Clock()
    refused = CredentialMissing("the token server refuses it")
    source = Source(Token(HUSH, clock.at + 3600), *[refused] * 3)
    keeper = kept(source, clock)
    await keeper.fetch()
    clock.at += 3400
    assert keeper.current() == HUSH
    await settled(keeper)
    assert "`path::/a.json`: the token server refuses it" in caplog.text
    assert HUSH not in caplog.text
    assert keeper.current() == HUSH
    assert source.calls == 2, "the next renewal waits"
    clock.at += tokens.PAUSE_S
    assert await keeper.fetch() == HUSH
    await settled(keeper)
    assert source.calls == 3
    clock.at += 200
    with pytest.raises(CredentialMissing, match="refuses it"):
        await keeper.fetch()


async def test_a_token_that_has_run_out_is_fetched_anew() -> None:
    clock = Clock()
    source = Source(Token("a", clock.at + 3600), Token("b", clock.at + 7200))
    keeper = kept(source, clock)
    await keeper.fetch()
    clock.at += 3595
    assert keeper.current() is None, "it counts as run out a little earlier"
    assert await keeper.fetch() == "b"


async def test_after_a_failure_callers_are_told_at_once_for_a_moment() -> None:
    clock = Clock()
    source = Source(CredentialMissing("no"), Token("a", clock.at + 3600))
    keeper = kept(source, clock)
    for _ in range(20):
        with pytest.raises(CredentialMissing, match=r"the key in `path::/a\.json`: no"):
            await keeper.fetch()
    assert source.calls == 1
    clock.at += tokens.REST_S
    assert await keeper.fetch() == "a"


async def test_all_who_wait_hear_of_the_failure() -> None:
    source = Source(CredentialMissing("no"))
    source.gate.clear()
    keeper = kept(source, Clock())
    callers = [asyncio.create_task(keeper.fetch()) for _ in range(10)]
    await asyncio.sleep(0.01)
    source.gate.set()
    heard = await asyncio.gather(*callers, return_exceptions=True)
    assert [type(each) for each in heard] == [CredentialMissing] * 10
    assert source.calls == 1


async def test_a_token_that_has_run_out_when_it_comes_is_a_failure() -> None:
    clock = Clock()
    keeper = kept(Source(Token("a", clock.at - 1)), clock)
    with pytest.raises(CredentialMissing, match="has run out already"):
        await keeper.fetch()


async def test_what_has_no_end_is_looked_up_anew_from_time_to_time() -> None:
    clock = Clock()
    source = Source(Token("a"), CredentialMissing("gone"), Token("b", clock.at + 9000))
    keeper = kept(source, clock)
    await keeper.fetch()
    clock.at += tokens.UNBOUNDED_S
    assert keeper.current() == "a"
    await settled(keeper)
    assert keeper.current() == "a"
    clock.at += tokens.PAUSE_S
    keeper.current()
    await settled(keeper)
    assert keeper.current() == "b"


async def test_a_fetch_that_hangs_holds_a_call_for_a_bounded_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tokens, "WAIT_S", 0.05)
    source = Source(Token("a"))
    source.gate.clear()
    keeper = kept(source, time.time)
    with pytest.raises(CredentialMissing, match=r"nothing came within 0\.05 s"):
        await keeper.fetch()
    source.gate.set()
    await settled(keeper)
    assert keeper.current() == "a", "what came late is kept"


async def test_a_caller_who_leaves_does_not_take_the_fetch_along() -> None:
    source = Source(Token("a"))
    source.gate.clear()
    keeper = kept(source, time.time)
    leaving, staying = (asyncio.create_task(keeper.fetch()) for _ in range(2))
    await asyncio.sleep(0.01)
    leaving.cancel()
    await asyncio.sleep(0)
    source.gate.set()
    assert await staying == "a"
    assert source.calls == 1


async def test_of_a_foreign_error_only_the_kind_is_told() -> None:
    keeper = kept(Source(ValueError(HUSH)), time.time)
    with pytest.raises(CredentialMissing, match="cannot be fetched \\(ValueError\\)") as caught:
        await keeper.fetch()
    assert HUSH not in repr(caught.value)


async def test_a_machine_without_threads_left_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def none_left(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    keeper = kept(Source(), time.time)
    monkeypatch.setattr(threading.Thread, "start", none_left)
    with pytest.raises(CredentialMissing, match="no thread could be started"):
        await keeper.fetch()


def test_a_fetch_may_outlive_its_loop() -> None:
    source = Source(Token("a"))
    source.gate.clear()
    keeper = kept(source, time.time)

    async def begin() -> None:
        keeper._begin()

    asyncio.run(begin())
    (thread,) = (each for each in threading.enumerate() if each.name == "token-fetch")
    source.gate.set()
    thread.join(5)
    assert not thread.is_alive()


async def test_neither_tokens_nor_keepers_show_what_they_hold() -> None:
    keeper = kept(Source(Token(HUSH)), time.time)
    await keeper.fetch()
    assert HUSH not in repr(Token(HUSH)) + repr(keeper) + repr(Tokens())


def test_who_names_the_same_credential_shares_a_keeper_as_long_as_it_is_used() -> None:
    shared = Tokens()
    one = shared.keeper("k", "a", Source())
    assert shared.keeper("k", "a", Source()) is one
    assert shared.keeper("other", "a", Source()) is not one
    known = id(one)
    del one
    gc.collect()
    source = Source()
    new = shared.keeper("k", "a", source)
    assert new._fetch is source, known

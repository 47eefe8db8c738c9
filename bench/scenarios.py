"""What is measured, as data: which load, how much of it, on which lane, of whom."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from bench.canned import SCRIPTS, Script

Lane = Literal["relay", "envelope"]
Kind = Literal["closed", "together", "open", "held", "start", "storm", "backlog"]

BARE_AND_PRODUCT = ("bare", "product")
PEERS = ("bare", "product", "nginx", "litellm", "tensorzero")
FORWARD_AND_PEERS = ("bare", "forward", *PEERS[1:])


@dataclass(frozen=True, slots=True)
class Scenario:
    """One load on several subjects. `bench.kinds` has a file for each kind."""

    name: str
    title: str
    kind: Kind
    script: str = "small"
    connections: int = 64
    """Of a closed loop: applications. Of an open one: calls under way, at most. Of held: streams"""
    lane: Lane = "relay"
    """How the product is asked. What has no lanes is always asked as a provider is."""
    tls: bool = False
    """Whether the provider is asked over TLS."""
    rate: float = 0.0
    """Of an open loop: calls a second."""
    share: float = 0.0
    """Of an open loop: calls a second as a share of what the subject can do."""
    seconds: float = 0.0
    """Of one run, where it needs more than others."""
    rounds: int = 0
    """How many rounds are enough; 0 is all."""
    subjects: tuple[str, ...] = BARE_AND_PRODUCT
    """In `make bench`."""
    peers: tuple[str, ...] = ()
    """In `make bench-peers`."""

    @property
    def plays(self) -> Script:
        return SCRIPTS[self.script]

    @property
    def unit(self) -> str:
        return "chunk" if self.plays.stream else "request"

    @property
    def units_per_answer(self) -> int:
        return max(1, self.plays.chunks)

    @property
    def spread_s(self) -> float:
        """Time over which applications start, so that streams do not march in step."""
        return self.plays.chunks * self.plays.pause_ms / 1000


SCENARIOS = {
    scenario.name: scenario
    for scenario in (
        Scenario(
            "unary",
            "1 KB in, 1 KB out, 64 at a time",
            "closed",
            subjects=(*BARE_AND_PRODUCT, "unrecorded", "many functions"),
            peers=FORWARD_AND_PEERS,
        ),
        Scenario(
            "unary50k",
            "50 KB in, 50 KB out, 64 at a time",
            "closed",
            "large",
            seconds=0.9,
            peers=FORWARD_AND_PEERS,
        ),
        Scenario(
            "envelope",
            "the envelope, 1 KB in and out, 64 at a time",
            "closed",
            lane="envelope",
            peers=("bare", "product", "tensorzero"),
        ),
        Scenario(
            "stream",
            "streams of 50 chunks 10 ms apart, 32 at a time",
            "closed",
            "paced",
            32,
            peers=FORWARD_AND_PEERS,
        ),
        Scenario(
            "stream0",
            "streams of 50 chunks without a pause, 16 at a time",
            "closed",
            "unpaced",
            16,
            peers=FORWARD_AND_PEERS,
        ),
        Scenario(
            "envelope-stream",
            "the envelope, streams of 50 chunks 10 ms apart, 32 at a time",
            "closed",
            "paced",
            32,
            "envelope",
            peers=("bare", "product", "tensorzero"),
        ),
        Scenario(
            "tls",
            "1 KB in, 1 KB out, 64 at a time, the provider over TLS",
            "closed",
            tls=True,
            subjects=("bare tls", "product"),
        ),
        Scenario(
            "unary-together",
            "1 KB in, 1 KB out, 64 at a time of each, all at the same time",
            "together",
        ),
        Scenario(
            "envelope-together",
            "the envelope, 1 KB in and out, 64 at a time of each, all at the same time",
            "together",
            lane="envelope",
        ),
        Scenario(
            "tls-together",
            "1 KB in, 1 KB out, the provider over TLS, 64 at a time of each, all at the same time",
            "together",
            tls=True,
            subjects=("bare tls", "product"),
        ),
        Scenario(
            "open100",
            "100 requests a second, which begin when they are due",
            "open",
            rate=100,
            connections=512,
            seconds=3,
            rounds=5,
            subjects=("direct", *BARE_AND_PRODUCT),
            peers=("direct", *PEERS),
        ),
        Scenario(
            "open10",
            "10 requests a second, which begin when they are due",
            "open",
            rate=10,
            connections=512,
            seconds=8,
            subjects=(),
            peers=("direct", *PEERS),
        ),
        Scenario(
            "open-stream",
            "20 streams a second, which begin when they are due",
            "open",
            "paced",
            rate=20,
            connections=512,
            seconds=4,
            subjects=("direct", *BARE_AND_PRODUCT),
        ),
        Scenario(
            "open60",
            "calls that begin when due, 60 % of what each can do, metrics read each second",
            "open",
            share=0.6,
            connections=256,
            seconds=4,
            subjects=("direct", *BARE_AND_PRODUCT),
        ),
        Scenario(
            "storm",
            "a provider that refuses half of its calls, 64 at a time",
            "storm",
            "failing",
            rounds=5,
            subjects=("product",),
        ),
        Scenario(
            "held",
            "2,000 streams open at once",
            "held",
            "held",
            2000,
            rounds=5,
        ),
        Scenario(
            "start",
            "start-up to the first good answer, and rest",
            "start",
            subjects=("bare", "product"),
            peers=PEERS,
            rounds=5,
        ),
        Scenario(
            "backlog",
            "100,000 exchanges behind, while calls come at 30 % of what it can do",
            "backlog",
            share=0.3,
            connections=256,
            rounds=1,
            subjects=("product",),
        ),
    )
}

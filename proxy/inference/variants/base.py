"""The port of strategies: what they get, whom they may ask, what they leave."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from proxy.inference.prepare import CheckedCall, Prepared
from proxy.models.policy import Candidate
from proxy.models.rewrite import NO_REWRITES, Rewrites
from proxy.types.response import Answer


@dataclass(frozen=True, slots=True)
class Question:
    """One call of one model, as its strategy wants it made."""

    candidate: Candidate
    """The model with its repeats and limits."""
    prepared: Prepared
    rewrites: Rewrites = NO_REWRITES
    """Those of the configured judge, fuser or variant."""
    cache_key: str = ""
    """What tells equal questions of one call apart, such as `candidate_0`."""


@dataclass(frozen=True, slots=True)
class Told:
    """An answer, and how to read it."""

    answer: Answer
    prepared: Prepared


@dataclass(frozen=True, slots=True)
class Settled:
    """The answer of the whole variant. Usage is summed up by whoever made the calls."""

    told: Told
    original_response: str | None
    """The body that a caller gets who asks for the original one; None where there is none."""


@dataclass(frozen=True, slots=True)
class Final:
    """What is left: `question`, if any, is asked, and answered in a stream if the caller wants one.
    If that fails before the client has seen anything, or there is none, `settled` is the answer."""

    question: Question | None = None
    settled: Settled | None = None


class Asker(Protocol):
    """Makes the calls of a strategy, and keeps a record of each."""

    async def variant(self, name: str, cache_key: str) -> Told:
        """The whole answer of another variant of the function, of whatever type, within its own
        repeats and limits, without the caller's parameters.

        Raises:
            VariantFailed: it gave none.
        """

    async def ask(self, question: Question) -> Answer:
        """The whole answer of a model. Raises VariantFailed."""

    async def embed(self, candidate: Candidate, text: str) -> Sequence[float]:
        """The vector of a text. Raises VariantFailed."""


class Strategy(Protocol):
    """A variant that is more than one call."""

    asks_variants: bool
    """Whether it asks variants of the function, which have requests that a caller may change."""

    async def run(self, call: CheckedCall, asker: Asker) -> Final:
        """Raises VariantFailed or Unrenderable when there can be no answer."""

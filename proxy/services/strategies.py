"""Whom a strategy asks: other variants of its function, and models, each call on record."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import replace

from proxy.errors import VariantFailed
from proxy.inference.prepare import CheckedCall
from proxy.inference.variant import Variant
from proxy.inference.variants.base import Final, Question, Told
from proxy.models.policy import Candidate
from proxy.services.asking import Asking
from proxy.services.deadline import Deadline
from proxy.services.failures import describe_variant
from proxy.services.infer_call import InferProgress
from proxy.services.leg import Leg
from proxy.services.tasks import ChatModelTask, ChatTask, EmbeddingsTask
from proxy.types.embeddings import EmbeddingsAnswer
from proxy.types.request import NO_PARAMS
from proxy.types.response import Answer

DEEPEST = 8
"""How many strategies may stand in each other: candidates can be strategies, too."""


class StrategyAsker:
    """See `inference.variants.base.Asker`. `name` is the variant on whose behalf it asks."""

    def __init__(
        self,
        asking: Asking,
        progress: InferProgress,
        checked: CheckedCall,
        name: str,
        depth: int = 0,
    ) -> None:
        self._asking = asking
        self._progress = progress
        self._checked = checked
        self._name = name
        self._depth = depth

    async def variant(self, name: str, cache_key: str) -> Told:
        if self._depth >= DEEPEST:
            raise VariantFailed(f"Variant `{name}`: candidates stand in each other too deeply")
        variant = self._progress.call.target.named(name)
        call = replace(self._checked.call, params=NO_PARAMS)
        checked = replace(self._checked, call=call)
        if variant.strategy is None:
            return await self._plain(variant, checked)
        asker = StrategyAsker(self._asking, self._progress, checked, name, self._depth + 1)
        deadline = Deadline(variant, False, 0.0)
        try:
            async with asyncio.timeout(deadline.first):
                return await asker.whole(await variant.strategy.run(checked, asker))
        except TimeoutError as error:
            raise VariantFailed(deadline.sentence) from error

    async def ask(self, question: Question) -> Answer:
        task = ChatModelTask(question.prepared, stream=False)
        leg = self.leg(question, task)
        return await self._answer(leg)

    async def embed(self, candidate: Candidate, text: str) -> Sequence[float]:
        log = self._progress.log.branch()
        leg = Leg(self._name, candidate, EmbeddingsTask.of_text(text), log, takes_extras=False)
        if await self._asking.run(self._progress, leg, None) is None:
            raise VariantFailed(describe_variant(leg.failures))
        assert isinstance(leg.answer, EmbeddingsAnswer)
        vector: list[float] = json.loads(leg.answer.embeddings[0])
        return vector

    async def whole(self, final: Final) -> Told:
        """The answer that a strategy comes to in the end. Raises VariantFailed."""
        question, settled = final.question, final.settled
        if question is not None:
            try:
                return Told(await self.ask(question), question.prepared)
            except VariantFailed:
                if settled is None:
                    raise
        if settled is None:
            raise VariantFailed(f"Variant `{self._name}` came to no answer")
        return settled.told

    def leg(self, question: Question, task: ChatModelTask) -> Leg:
        """The question as a leg of its own."""
        return Leg(
            self._name,
            question.candidate,
            task,
            self._progress.log.branch(),
            question.rewrites,
            takes_extras=False,
        )

    async def _plain(self, variant: Variant, checked: CheckedCall) -> Told:
        task = ChatTask(checked, stream=False).for_variant(variant)
        log = self._progress.log.branch()
        leg = Leg(variant.name, variant.candidate, task, log, variant.rewrites)
        return Told(await self._answer(leg), task.prepared)

    async def _answer(self, leg: Leg) -> Answer:
        if await self._asking.run(self._progress, leg, None) is None:
            raise VariantFailed(describe_variant(leg.failures))
        assert isinstance(leg.answer, Answer)
        return leg.answer

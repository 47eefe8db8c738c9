"""Whom strategies ask in tests: variants and models whose answers are told beforehand."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from proxy.errors import VariantFailed
from proxy.inference.prepare import (
    Call,
    CheckedCall,
    FunctionSpec,
    VariantSpec,
    check_call,
    prepare,
)
from proxy.inference.schemas import Schema, SchemaCache
from proxy.inference.templates import TemplateSet
from proxy.inference.variants.base import Final, Question, Settled, Told
from proxy.models.model import NO_LIMITS, Model
from proxy.models.policy import Candidate, Schedule
from proxy.types.content import Block, Text
from proxy.types.request import Input, Message, Params
from proxy.types.response import Answer

BARE = VariantSpec(TemplateSet({}))
CHAT = FunctionSpec()
NUMBER = FunctionSpec(
    kind="json",
    output_schema=Schema(b'{"type":"object","properties":{"n":{"type":"integer"}}}'),
)
HELLO = Input((Message("user", (Text("hi"),)),), "Be kind.")


def a_model(name: str = "model") -> Candidate:
    return Candidate("variant", Model(name, ()), Schedule(0, 10.0), NO_LIMITS)


def checked(spec: FunctionSpec = CHAT, said: Input = HELLO, **params: object) -> CheckedCall:
    call = Call(said, Params(**params))  # type: ignore[arg-type]
    return check_call(spec, call, SchemaCache())


def answer(*blocks: Block | str) -> Answer:
    """What a model says; its body is told apart by what it says first."""
    said = tuple(Text(each) if isinstance(each, str) else each for each in blocks)
    return Answer("id", said, raw_response=f"body of {blocks[0] if blocks else 'nothing'}")


@dataclass
class FakeAsker:
    """Keeps what it was asked. What it has no answer for fails."""

    call: CheckedCall
    variants: Mapping[str, Answer | Sequence[Answer]] = field(default_factory=dict)
    model: Answer | None = None
    vector: Sequence[float] = (1.0, 0.0)
    asked: list[tuple[str, str]] = field(default_factory=list)
    questions: list[Question] = field(default_factory=list)
    embedded: list[str] = field(default_factory=list)

    async def variant(self, name: str, cache_key: str) -> Told:
        self.asked.append((name, cache_key))
        await asyncio.sleep(0)
        if name not in self.variants:
            raise VariantFailed(f"{name} is away")
        return Told(self._answer(name), prepare(self.call, BARE))

    async def ask(self, question: Question) -> Answer:
        self.questions.append(question)
        if self.model is None:
            raise VariantFailed("the judge is away")
        return self.model

    async def embed(self, candidate: Candidate, text: str) -> Sequence[float]:
        self.embedded.append(text)
        return self.vector

    def _answer(self, name: str) -> Answer:
        known = self.variants[name]
        if isinstance(known, Answer):
            return known
        return known[sum(1 for each, _ in self.asked if each == name) - 1]


def settled(final: Final) -> Settled:
    assert final.settled is not None
    return final.settled


def said(final: Final) -> str:
    """The text of a settled answer."""
    (block,) = settled(final).told.answer.blocks
    assert isinstance(block, Text)
    return block.text


def question(final: Final) -> Question:
    assert final.question is not None
    return final.question


def last_text(asked: Question) -> str:
    """The text of the last message of what a model is asked."""
    (block,) = asked.prepared.input.messages[-1].content
    assert isinstance(block, Text)
    return block.text

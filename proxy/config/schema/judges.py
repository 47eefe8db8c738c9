"""Variants of a judge: how a model judges an answer."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from proxy.config.schema.base import U32, Many, NoEffect, Positive, Section, Weight
from proxy.config.schema.form import Field
from proxy.config.schema.named_files import TextPath
from proxy.config.schema.sampling import JsonMode, Sampling
from proxy.config.schema.timeouts import Timeouts
from proxy.config.schema.variants import MODEL, ModelName

_ACTIVE = Field(None, description="Of several, exactly one is.")
_INSTRUCTIONS = Field(description="What to judge, and how.")
_JSON_MODE = Field(description="How JSON is asked for.")
_CANDIDATES = Field((), description="Variants of the same judge.")


class JudgeVariant(Section):
    """What they share."""

    active: bool | None = _ACTIVE
    timeouts: Timeouts | None = Field(None, description="Limits of the variant.")


class JudgeCall(Sampling):
    """One call of one model."""

    model: ModelName = MODEL
    system_instructions: TextPath = _INSTRUCTIONS
    json_mode: JsonMode = _JSON_MODE
    active: Annotated[bool | None, NoEffect("its variant says it")] = Field(
        None, description="Without effect here."
    )


class ChatJudge(Sampling, JudgeVariant):
    type: Literal["chat_completion"] = Field(description="One call of one model.")
    model: ModelName = MODEL
    system_instructions: TextPath = _INSTRUCTIONS
    json_mode: JsonMode = _JSON_MODE


class ThinkingJudge(Sampling, JudgeVariant):
    type: Literal["experimental_chain_of_thought"] = Field(description="It thinks first.")
    model: ModelName = MODEL
    system_instructions: TextPath = _INSTRUCTIONS
    json_mode: JsonMode = _JSON_MODE


class BestOfNJudge(JudgeVariant):
    type: Literal["experimental_best_of_n_sampling"] = Field(description="The best judgement.")
    candidates: Many[str] = _CANDIDATES
    evaluator: JudgeCall = Field(description="Who picks.")
    timeout_s: Positive | None = Field(None, description="Deprecated.")


class MixtureOfNJudge(JudgeVariant):
    type: Literal["experimental_mixture_of_n"] = Field(description="A judgement of judgements.")
    candidates: Many[str] = _CANDIDATES
    fuser: JudgeCall = Field(description="Who makes it.")
    timeout_s: Positive | None = Field(None, description="Deprecated.")


class DiclJudge(Sampling, JudgeVariant):
    type: Literal["experimental_dynamic_in_context_learning"] = Field(
        description="It sees judgements of similar answers."
    )
    model: ModelName = MODEL
    embedding_model: str = Field(min_length=1, description="A name from `embedding_models`.")
    k: U32 = Field(description="How many similar answers, at most.")
    max_distance: Weight | None = Field(None, description="How far they may be.")
    system_instructions: TextPath | None = Field(None, description="What to judge, and how.")


JudgeVariantConfig: TypeAlias = Annotated[
    ChatJudge | ThinkingJudge | BestOfNJudge | MixtureOfNJudge | DiclJudge,
    Field(discriminator="type"),
]

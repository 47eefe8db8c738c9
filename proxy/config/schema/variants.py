"""Variants: the ways in which a function can be answered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, TypeAlias

from proxy.config.schema.base import (
    U32,
    Many,
    Namespace,
    NoEffect,
    Positive,
    Section,
    Weight,
)
from proxy.config.schema.form import Field
from proxy.config.schema.named_files import LABEL, TEXT, Template, TemplateEntry, TextPath
from proxy.config.schema.sampling import Sampling
from proxy.config.schema.timeouts import Timeouts

__all__ = ["LABEL", "ROLES", "TEXT", "Template", "VariantConfig"]

ROLES = ("system", "user", "assistant")
BEST_OF_N = "experimental_best_of_n_sampling"
MIXTURE_OF_N = "experimental_mixture_of_n"
CHAIN_OF_THOUGHT = "experimental_chain_of_thought"
DICL = "experimental_dynamic_in_context_learning"

ModelName = Annotated[str, Field(min_length=1)]
MODEL = Field(description="A name from `models`, or a shorthand such as `openai::NAME`.")


class InputWrappers(Section):
    """The older spelling of templates that take the text of a message."""

    system: TextPath | None = Field(None, description="As `system_template`.")
    user: TextPath | None = Field(None, description="As `user_template`.")
    assistant: TextPath | None = Field(None, description="As `assistant_template`.")


class Prompted(Sampling):
    """One call of one model, with templates."""

    model: ModelName = MODEL
    system_template: TextPath | None = Field(
        None,
        description="The system text. Without a schema it may use `{{ system_text }}`, the system "
        "text sent.",
    )
    user_template: TextPath | None = Field(None, description="The same, of users' messages.")
    assistant_template: TextPath | None = Field(None, description="The same, of assistants'.")
    templates: Mapping[str, TemplateEntry] = Field(
        default_factory=dict, description="More templates, by the name that messages use."
    )
    input_wrappers: InputWrappers | None = Field(None, description="Deprecated spelling.")

    @property
    def role_templates(self) -> Mapping[str, Template]:
        """Of `system`, `user` and `assistant`: those of the older keys, which take texts."""
        wrappers = self.input_wrappers or InputWrappers.by_default()
        found = {
            role: getattr(self, f"{role}_template") or getattr(wrappers, role) for role in ROLES
        }
        return {role: template for role, template in found.items() if template is not None}

    @property
    def named_templates(self) -> Mapping[str, Template]:
        """Those under `templates`, by name."""
        return {name: entry.path for name, entry in self.templates.items()}


class Drawn(Section):
    """What every variant has."""

    weight: Weight | None = Field(
        None, description="Its share; a variant without one is a fallback for those with one."
    )
    timeouts: Timeouts = Field(
        Timeouts.by_default(), description="Limits of the variant with its repeats."
    )
    namespace: Namespace | None = Field(
        None, description="Only experiments of this namespace may name it."
    )


class ChatCompletionVariant(Prompted, Drawn):
    type: Literal["chat_completion"] = Field(description="One call of one model.")


class ChainOfThoughtVariant(Prompted, Drawn):
    type: Literal["experimental_chain_of_thought"] = Field(
        description="The model thinks before it answers; for JSON functions."
    )


class Judged(Prompted):
    """The model that looks at the candidates. Its `weight` is accepted and means nothing."""

    weight: Annotated[Weight | None, NoEffect("it is asked whenever its variant is")] = Field(
        None, description="Without effect."
    )


CANDIDATES = Field(description="Variants of the same function; one may stand several times.")
TIMEOUT_S = Field(
    None, description="Deprecated: the `timeouts` of every candidate that has none of its own."
)


class BestOfNVariant(Drawn):
    type: Literal["experimental_best_of_n_sampling"] = Field(
        description="Several candidates answer, a model picks the best."
    )
    candidates: Many[str] = CANDIDATES
    evaluator: Judged = Field(description="Who picks.")
    timeout_s: Positive | None = TIMEOUT_S

    @property
    def model(self) -> str:
        """The model that it calls itself."""
        return self.evaluator.model


class MixtureOfNVariant(Drawn):
    type: Literal["experimental_mixture_of_n"] = Field(
        description="Several candidates answer, a model makes one answer of them."
    )
    candidates: Many[str] = CANDIDATES
    fuser: Judged = Field(description="Who makes it.")
    timeout_s: Positive | None = TIMEOUT_S

    @property
    def model(self) -> str:
        """The model that it calls itself."""
        return self.fuser.model


class DiclVariant(Sampling, Drawn):
    type: Literal["experimental_dynamic_in_context_learning"] = Field(
        description="One call of one model, which sees answers to similar inputs."
    )
    model: ModelName = MODEL
    embedding_model: str = Field(
        min_length=1, description="A name from `embedding_models`, or a shorthand."
    )
    k: U32 = Field(description="How many similar inputs, at most.")
    max_distance: Weight | None = Field(None, description="How far they may be (cosine distance).")
    system_instructions: TextPath | None = Field(
        None, description="The system text, in place of the usual one."
    )


VariantConfig: TypeAlias = Annotated[
    ChatCompletionVariant
    | ChainOfThoughtVariant
    | BestOfNVariant
    | MixtureOfNVariant
    | DiclVariant,
    Field(discriminator="type"),
]

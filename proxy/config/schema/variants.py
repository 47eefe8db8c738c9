"""Variants: the ways in which a function can be answered."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import BeforeValidator, Field

from proxy.config.schema.base import I64, U32, Many, NotServed, Section, Shown, Weight, problem
from proxy.config.schema.overrides import ExtraBody, ExtraHeaders
from proxy.config.schema.timeouts import Retries, Timeouts

LABEL = "__tensorzero_remapped_path"
TEXT = "__data"
UNSERVED_VARIANTS = (
    "experimental_best_of_n_sampling",
    "experimental_mixture_of_n",
    "experimental_dynamic_in_context_learning",
    "experimental_chain_of_thought",
)


def _check_template(value: object) -> object:
    if value is None or isinstance(value, dict):
        return value
    raise problem(
        "expected the path of a text file",
        f"write a path as text, or the object `{{{LABEL}: LABEL, {TEXT}: CONTENT}}`",
    )


class Template(Section):
    """A template's text, and the label it has in messages (its path as written)."""

    label: str = Field(alias=LABEL, description="The name it has in messages.")
    text: str = Field(alias=TEXT, description="Its content.")


class ChatCompletionVariant(Section):
    not_served = frozenset(
        {"user_template", "assistant_template", "templates", "input_wrappers", "namespace"}
    )

    type: Annotated[Literal["chat_completion"], NotServed(UNSERVED_VARIANTS)] = Field(
        description="One call of one model."
    )
    model: str = Field(
        min_length=1, description="A name from `models`, or a shorthand such as `openai::NAME`."
    )
    weight: Weight | None = Field(
        None, description="Its share; a variant without one is a fallback for those with one."
    )
    system_template: (
        Annotated[Template, BeforeValidator(_check_template), Shown("path of a text file")] | None
    ) = Field(
        None,
        description="The system text, which may use `{{ system_text }}`, the system text sent.",
    )
    temperature: float | None = Field(None, description="Sent where the caller sends none.")
    top_p: float | None = Field(None, description="The same.")
    max_tokens: U32 | None = Field(None, description="The same.")
    presence_penalty: float | None = Field(None, description="The same.")
    frequency_penalty: float | None = Field(None, description="The same.")
    seed: I64 | None = Field(None, description="The same.")
    stop_sequences: Many[str] | None = Field(None, description="The same, as `stop`.")
    reasoning_effort: str | None = Field(None, description="The same.")
    service_tier: str | None = Field(None, description="The same.")
    verbosity: str | None = Field(None, description="The same.")
    thinking_budget_tokens: I64 | None = Field(
        None, description="For providers that have such a budget."
    )
    json_mode: Literal["off", "on", "strict", "implicit_tool", "tool"] | None = Field(
        None, description="Not allowed in a chat function; the request's `response_format` says it."
    )
    retries: Retries = Field(Retries(), description="Repeats of this variant.")
    timeouts: Timeouts = Field(Timeouts(), description="Limits of the variant with its repeats.")
    extra_body: ExtraBody = Field((), description="Changes to the request body.")
    extra_headers: ExtraHeaders = Field((), description="Changes to the request headers.")


VariantConfig: TypeAlias = ChatCompletionVariant

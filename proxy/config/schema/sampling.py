"""What variants say about how a model answers."""

from __future__ import annotations

from typing import Literal

from proxy.config.schema.base import I32, U32, Many, Section
from proxy.config.schema.form import Field
from proxy.config.schema.overrides import ExtraBody, ExtraHeaders
from proxy.config.schema.timeouts import Retries

JsonMode = Literal["off", "on", "strict", "implicit_tool", "tool"]
"""`implicit_tool` is the older spelling of `tool`."""

ServiceTier = Literal["auto", "default", "priority", "flex"]


class Sampling(Section):
    """Parameters, each for what the caller leaves out."""

    temperature: float | None = Field(None, description="Sent where the caller sends none.")
    top_p: float | None = Field(None, description="The same.")
    max_tokens: U32 | None = Field(None, description="The same.")
    presence_penalty: float | None = Field(None, description="The same.")
    frequency_penalty: float | None = Field(None, description="The same.")
    seed: U32 | None = Field(None, description="The same.")
    stop_sequences: Many[str] | None = Field(None, description="The same, as `stop`.")
    reasoning_effort: str | None = Field(None, description="The same.")
    service_tier: ServiceTier | None = Field(None, description="The same.")
    verbosity: str | None = Field(None, description="The same.")
    thinking_budget_tokens: I32 | None = Field(
        None, description="The same, for providers that have such a budget."
    )
    json_mode: JsonMode | None = Field(
        None,
        description="How JSON is asked for. A JSON function's variants must say it; those of a "
        "chat function must not: there the request's `response_format` says it.",
    )
    retries: Retries = Field(Retries.by_default(), description="Repeats of this variant.")
    extra_body: ExtraBody = Field((), description="Changes to the request body.")
    extra_headers: ExtraHeaders = Field((), description="Changes to the request headers.")

"""Evaluators, and `evaluations`: how answers are judged."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, TypeAlias

from proxy.config.schema.base import Many, NoEffect, Section
from proxy.config.schema.form import Field
from proxy.config.schema.judges import JudgeVariantConfig
from proxy.config.schema.named_files import TextPath

_CUTOFF = Field(None, description="Deprecated.")
Verdict = Literal["float", "boolean"]
Direction = Literal["min", "max"]


class ExactMatch(Section):
    type: Literal["exact_match"] = Field(description="The answer is the demonstration.")
    cutoff: Annotated[float | None, NoEffect("deprecated")] = _CUTOFF


class JudgeInclude(Section):
    reference_output: bool = Field(False, description="Shows the demonstration to the judge.")


class LlmJudge(Section):
    type: Literal["llm_judge"] = Field(description="A model judges.")
    output_type: Verdict = Field(description="The kind of judgement.")
    optimize: Direction = Field(description="Which direction is better.")
    variants: Mapping[str, JudgeVariantConfig] = Field(description="How it judges, by name.")
    input_format: Literal["serialized", "messages"] = Field(
        "serialized", description="How the input is shown to it."
    )
    include: JudgeInclude = Field(JudgeInclude.by_default(), description="What it sees beside.")
    cutoff: Annotated[float | None, NoEffect("deprecated")] = _CUTOFF
    description: str | None = Field(None, description="For people.")


class ToolUse(Section):
    type: Literal["tool_use"] = Field(description="Which tools the answer calls.")
    behavior: Literal["none", "any", "none_of", "any_of", "all_of"] = Field(
        description="None at all, any, or of `tools` none, any, all."
    )
    tools: Many[str] | None = Field(None, description="For the last three: names of tools.")


class RegexMatch(Section):
    type: Literal["regex"] = Field(description="What the answer's text matches.")
    must_match: str | None = Field(None, description="A regular expression.")
    must_not_match: str | None = Field(None, description="A regular expression.")


class TypescriptJudge(Section):
    type: Literal["typescript"] = Field(description="A program judges.")
    typescript_file: TextPath = Field(description="The program.")
    output_type: Verdict = Field(description="The kind of judgement.")
    optimize: Direction = Field(description="Which direction is better.")


EvaluatorConfig: TypeAlias = Annotated[
    ExactMatch | LlmJudge | ToolUse | RegexMatch | TypescriptJudge, Field(discriminator="type")
]


class EvaluationConfig(Section):
    type: Literal["inference", "static"] = Field(
        description="Of single answers; the second is the older spelling."
    )
    function_name: str = Field(min_length=1, description="The function whose answers are judged.")
    evaluators: Mapping[str, EvaluatorConfig] = Field(
        default_factory=dict, description="The judgements, by name."
    )
    description: str | None = Field(None, description="For people.")

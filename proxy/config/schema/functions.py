"""`functions`: the tasks that applications call by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, TypeAlias

from proxy.config.schema.base import Many, NotBuilt, Section
from proxy.config.schema.evaluators import EvaluatorConfig
from proxy.config.schema.experimentation import Experimentation, spread_uniform
from proxy.config.schema.form import Field, model_validator
from proxy.config.schema.named_files import SchemaEntry, SchemaFile, SchemaPath
from proxy.config.schema.tools import ToolChoice
from proxy.config.schema.variants import ROLES, VariantConfig


class CommonFunction(Section):
    """What functions of all types share."""

    variants: Mapping[str, VariantConfig] = Field(description="The ways to answer, by name.")
    description: str | None = Field(None, description="For people.")
    experimentation: Experimentation | None = Field(
        None, description="Shares of the variants, in place of their `weight`."
    )
    system_schema: SchemaPath | None = Field(
        None, description="Older spelling of `schemas.system.path`."
    )
    user_schema: SchemaPath | None = Field(
        None, description="Older spelling of `schemas.user.path`."
    )
    assistant_schema: SchemaPath | None = Field(
        None, description="Older spelling of `schemas.assistant.path`."
    )
    schemas: Mapping[str, SchemaEntry] = Field(
        default_factory=dict, description="Schemas of templates' arguments, by template name."
    )
    evaluators: Annotated[Mapping[str, EvaluatorConfig], NotBuilt("evaluations")] = Field(
        default_factory=dict, description="Judgements of its answers, by name."
    )

    @property
    def input_schemas(self) -> Mapping[str, SchemaFile]:
        """The schemas of arguments by template name, of both spellings."""
        older = {role: getattr(self, f"{role}_schema") for role in ROLES}
        return {
            **{role: schema for role, schema in older.items() if schema is not None},
            **{name: entry.path for name, entry in self.schemas.items()},
        }

    @model_validator(mode="before")
    @classmethod
    def _older_spellings(cls, data: Any) -> Any:
        """Brings `uniform` and `timeout_s` into the form of today."""
        if not isinstance(data, dict):
            return data
        if "experimentation" in data:
            split = spread_uniform(data["experimentation"], data.get("variants"))
            data = data | {"experimentation": split}
        return data | {"variants": _limited(data["variants"])} if "variants" in data else data


def _limited(variants: Any) -> Any:
    """`timeout_s` of a variant as the `timeouts` of its candidates."""
    if not isinstance(variants, dict):
        return variants
    result = dict(variants)
    for variant in variants.values():
        seconds = variant.get("timeout_s") if isinstance(variant, dict) else None
        if not isinstance(seconds, int | float) or not isinstance(variant.get("candidates"), list):
            continue
        millis = int(seconds * 1000)
        limits = {"non_streaming": {"total_ms": millis}, "streaming": {"ttft_ms": millis}}
        for name in variant["candidates"]:
            candidate = result.get(name) if isinstance(name, str) else None
            if isinstance(candidate, dict) and "timeouts" not in candidate:
                result[name] = candidate | {"timeouts": limits}
    return result


class ChatFunction(CommonFunction):
    hints: ClassVar[Mapping[str, str]] = {
        "output_schema": "chat functions have no output schema; the request can bring one"
    }

    type: Literal["chat"] = Field(description="A chat.")
    tools: Many[str] = Field((), description="Names from `tools`.")
    tool_choice: ToolChoice = Field("auto", description="Whether and which tool is called.")
    parallel_tool_calls: bool | None = Field(None, description="Sent where it is given.")


class JsonFunction(CommonFunction):
    hints: ClassVar[Mapping[str, str]] = {
        "tools": "JSON functions have no tools; a chat function has",
        "tool_choice": "JSON functions have no tools; a chat function has",
    }

    type: Literal["json"] = Field(description="Answers are JSON.")
    output_schema: SchemaPath | None = Field(
        None, description="What answers look like; by default anything."
    )


FunctionConfig: TypeAlias = Annotated[ChatFunction | JsonFunction, Field(discriminator="type")]

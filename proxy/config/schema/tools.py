"""`tools`: what models may call, and how functions name them."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from proxy.config.schema.base import Section, Shown, problem
from proxy.config.schema.form import BeforeValidator, Field
from proxy.config.schema.named_files import SchemaPath

_FORM = "write `none`, `auto`, `required`, or `{specific: TOOL}`"


class ToolConfig(Section):
    description: str = Field(description="Told to the model.")
    parameters: SchemaPath = Field(description="The schema of its arguments.")
    name: str | None = Field(
        None, min_length=1, description="The name that the model sees; by default its key."
    )
    strict: bool = Field(False, description="Asks the provider to hold the model to the schema.")


class SpecificTool(Section):
    specific: str = Field(min_length=1, description="The tool that must be called.")


def _check_choice(value: object) -> object:
    if isinstance(value, SpecificTool) or value in ("none", "auto", "required"):
        return value
    specific = value.get("specific") if isinstance(value, dict) and len(value) == 1 else None
    if isinstance(specific, str) and specific:
        return value
    raise problem("not a choice of tools", _FORM)


ToolChoice: TypeAlias = Annotated[
    Literal["none", "auto", "required"] | SpecificTool,
    BeforeValidator(_check_choice),
    Shown("`none`, `auto`, `required`, or `{specific: TOOL}`"),
]

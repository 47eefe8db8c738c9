"""`functions`: the tasks that applications call by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, TypeAlias

from pydantic import Field, model_validator

from proxy.config.schema.base import NotServed, Section
from proxy.config.schema.experimentation import Experimentation
from proxy.config.schema.variants import VariantConfig


class ChatFunction(Section):
    not_served = frozenset(
        {
            "system_schema",
            "user_schema",
            "assistant_schema",
            "schemas",
            "tools",
            "tool_choice",
            "parallel_tool_calls",
            "evaluators",
        }
    )
    hints: ClassVar[Mapping[str, str]] = {
        "output_schema": "chat functions have no output schema; the request can bring one"
    }

    type: Annotated[Literal["chat"], NotServed(("json",))] = Field(description="A chat.")
    variants: Mapping[str, VariantConfig] = Field(description="The ways to answer, by name.")
    description: str | None = Field(None, description="For people.")
    experimentation: Experimentation | None = Field(
        None, description="Shares of the variants, in place of their `weight`."
    )

    @model_validator(mode="before")
    @classmethod
    def _uniform_means_all(cls, data: Any) -> Any:
        """The older `uniform` with no lists takes all variants; later rooms need not know of it."""
        split = data.get("experimentation") if isinstance(data, dict) else None
        if not isinstance(split, dict) or split.get("type") != "uniform":
            return data
        if "candidate_variants" in split or "fallback_variants" in split:
            return data
        names = data.get("variants")
        everyone = sorted(names) if isinstance(names, dict) else []
        return data | {"experimentation": split | {"candidate_variants": everyone}}


FunctionConfig: TypeAlias = ChatFunction

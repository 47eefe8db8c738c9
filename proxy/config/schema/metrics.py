"""`metrics`: what feedback can be given about."""

from __future__ import annotations

from typing import Annotated, Literal

from proxy.config.schema.base import NoEffect, Section
from proxy.config.schema.form import Field

RESERVED_METRICS = ("comment", "demonstration")

_LATER = NoEffect("adaptive experiments and evaluations ask for it, and are not built yet")


class MetricConfig(Section):
    type: Literal["boolean", "float"] = Field(description="The kind of value.")
    optimize: Annotated[Literal["min", "max"], _LATER] = Field(
        description="Which direction is better."
    )
    level: Literal["inference", "episode"] = Field(description="What the feedback is about.")
    description: str | None = Field(None, description="For people.")

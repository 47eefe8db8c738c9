"""`metrics`: what feedback can be given about."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from proxy.config.schema.base import Section

RESERVED_METRICS = ("comment", "demonstration")


class MetricConfig(Section):
    type: Literal["boolean", "float"] = Field(description="The kind of value.")
    optimize: Literal["min", "max"] = Field(description="Which direction is better.")
    level: Literal["inference", "episode"] = Field(description="What the feedback is about.")
    description: str | None = Field(None, description="For people.")

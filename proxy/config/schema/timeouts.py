"""Limits in time, and repeats: for providers, models and variants."""

from __future__ import annotations

from typing import Annotated

from proxy.config.schema.base import U32, Millis, Section, Shown
from proxy.config.schema.form import Field


class NonStreamingTimeouts(Section):
    total_ms: Millis | None = Field(None, description="The whole call.")


class StreamingTimeouts(Section):
    ttft_ms: Millis | None = Field(None, description="Until the first chunk.")
    total_ms: Millis | None = Field(None, description="The whole stream.")


class Timeouts(Section):
    non_streaming: NonStreamingTimeouts = Field(
        NonStreamingTimeouts.by_default(), description="Limits of calls that do not stream."
    )
    streaming: StreamingTimeouts = Field(
        StreamingTimeouts.by_default(), description="Limits of calls that stream."
    )


class Retries(Section):
    num_retries: U32 = Field(0, description="Extra attempts after the first.")
    max_delay_s: Annotated[float, Field(ge=0), Shown("seconds")] = Field(
        10.0, description="The longest pause between two attempts."
    )

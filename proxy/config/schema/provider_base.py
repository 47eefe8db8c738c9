"""What providers of models share, whatever their type."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from proxy.config.schema.base import NotBuilt, Section
from proxy.config.schema.cost import Costs, UnifiedCosts
from proxy.config.schema.overrides import ExtraBody, ExtraHeaders
from proxy.config.schema.timeouts import Timeouts


class CommonProvider(Section):
    """What providers of models share."""

    timeouts: Timeouts = Field(Timeouts(), description="Limits of one attempt.")
    extra_body: ExtraBody = Field((), description="Changes to the request body.")
    extra_headers: ExtraHeaders = Field((), description="Changes to the request headers.")
    discard_unknown_chunks: bool = Field(
        False, description="Drops chunks of streams that are not understood, with a warning."
    )
    cost: Costs = Field((), description="What calls cost.")
    batch_cost: Annotated[UnifiedCosts, NotBuilt("batches")] = Field(
        (), description="What calls of batches cost."
    )

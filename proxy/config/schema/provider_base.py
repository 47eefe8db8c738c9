"""What providers of models share, whatever their type."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from proxy.config.schema.base import NotBuilt, Section
from proxy.config.schema.cost import Costs, UnifiedCosts
from proxy.config.schema.form import Field
from proxy.config.schema.overrides import ExtraBody, ExtraHeaders
from proxy.config.schema.timeouts import Timeouts

TransportName: TypeAlias = Literal["fast", "aiohttp"]
TRANSPORT: Any = Field(
    "fast",
    description="The HTTP client that asks it: the gateway's own, or aiohttp's, which needs more "
    "processor time and is more lenient with servers that stray from HTTP.",
)


class CommonProvider(Section):
    """What providers of models share."""

    timeouts: Timeouts = Field(Timeouts.by_default(), description="Limits of one attempt.")
    extra_body: ExtraBody = Field((), description="Changes to the request body.")
    extra_headers: ExtraHeaders = Field((), description="Changes to the request headers.")
    discard_unknown_chunks: bool = Field(
        False, description="Drops chunks of streams that are not understood, with a warning."
    )
    cost: Costs = Field((), description="What calls cost.")
    transport: TransportName = TRANSPORT
    batch_cost: Annotated[UnifiedCosts, NotBuilt("batches")] = Field(
        (), description="What calls of batches cost."
    )

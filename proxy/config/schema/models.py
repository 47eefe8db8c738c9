"""`models`: names, the providers behind each, and the order in which they are tried."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from proxy.config.schema.base import Many, Namespace, NotBuilt, Section
from proxy.config.schema.form import Field
from proxy.config.schema.providers import ProviderConfig
from proxy.config.schema.timeouts import Timeouts


class ModelConfig(Section):
    routing: Many[str] = Field(
        description="Provider names in the order in which they are tried; all of them, each once."
    )
    providers: Mapping[str, ProviderConfig] = Field(description="The providers, by name.")
    timeouts: Timeouts = Field(
        Timeouts.by_default(), description="Limits of the model, all its providers together."
    )
    skip_relay: Annotated[bool, NotBuilt("`gateway.relay`")] = Field(
        False, description="With `gateway.relay`: calls its providers nevertheless."
    )
    namespace: Namespace | None = Field(
        None, description="Only requests of this namespace, or of none, may use it."
    )

"""`models`: names, the providers behind each, and the order in which they are tried."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import Field

from proxy.config.schema.base import Many, Section
from proxy.config.schema.providers import ProviderConfig
from proxy.config.schema.timeouts import Timeouts


class ModelConfig(Section):
    not_served = frozenset({"skip_relay", "namespace"})

    routing: Many[str] = Field(
        description="Provider names in the order in which they are tried; all of them, each once."
    )
    providers: Mapping[str, ProviderConfig] = Field(description="The providers, by name.")
    timeouts: Timeouts = Field(
        Timeouts(), description="Limits of the model, all its providers together."
    )

"""Providers: where requests go, and what is particular to each vendor.

In: a configured provider. Out: something that can be asked (`base` has the two forms).

- `compatible` is the table of vendors that speak OpenAI's protocol: data, no code.
- `dummy` answers without a network, for tests and for the first curl.

`build_provider` is the registry. A vendor's name appears here, in the configuration schema and in
tests, and nowhere else. Not allowed here: retries, credentials' values, configuration beyond the
provider's own entry.
"""

from __future__ import annotations

from proxy.config.schema import DummyProvider as DummyConfig
from proxy.config.schema import DynamicLocation, OpenAIProvider, ProviderConfig
from proxy.providers.base import Provider
from proxy.providers.compatible import OPENAI, CompatibleProvider
from proxy.providers.dummy import DummyProvider, FlakyCounters


def build_provider(config: ProviderConfig, flaky: FlakyCounters) -> Provider:
    """The live form of a configured provider."""
    match config:
        case OpenAIProvider():
            return CompatibleProvider(OPENAI, config.model_name, config.api_base)
        case DummyConfig():
            location = config.api_key_location
            key_name = location.key if isinstance(location, DynamicLocation) else None
            return DummyProvider(config.model_name, flaky, key_name)

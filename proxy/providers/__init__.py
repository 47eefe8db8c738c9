"""Providers: where requests go, and what is particular to each vendor.

In: a configured provider. Out: something that can be asked (`base` has the two forms).

- `compatible` is the table of vendors that speak OpenAI's protocol: data, no code.
- `dummy` answers without a network, for tests and for the first curl.
- `neutral` asks a vendor of the table with a neutral request.
- `unbuilt` stands for what is configured and not built yet.

`build_provider` and `build_default_provider` are the registry. A vendor's name appears here, in the
configuration schema and in tests, and nowhere else. Not allowed here: retries, credentials' values,
configuration beyond the provider's own entry.
"""

from __future__ import annotations

import orjson

from proxy.config.schema import (
    DefaultProvider,
    DynamicLocation,
    EmbeddingProviderConfig,
    ProviderConfig,
    blocking,
)
from proxy.config.schema.providers import AzureKeys, DummyKeys
from proxy.providers.base import Provider
from proxy.providers.compatible import ROWS, CompatibleProvider
from proxy.providers.dummy import DummyProvider, FlakyCounters
from proxy.providers.unbuilt import UnbuiltProvider

BODY_KEYS = ("reasoning_format", "prompt_mode")
"""Keys of an entry that are members of its requests, of the same name."""
ONLY_MODEL = "tgi"
"""What is sent as `model` to a server that has but one and does not look."""


def build_provider(
    config: ProviderConfig | EmbeddingProviderConfig, flaky: FlakyCounters
) -> Provider:
    """The live form of a configured provider."""
    unbuilt = blocking(config)
    if unbuilt is not None:
        return UnbuiltProvider(config.type, getattr(config, "model_name", ""), unbuilt.name)
    if isinstance(config, DummyKeys):
        location = config.api_key_location
        key_name = location.key if isinstance(location, DynamicLocation) else None
        return DummyProvider(config.model_name, flaky, key_name)
    row = ROWS[config.type]
    if isinstance(config, AzureKeys):
        return CompatibleProvider(row, config.deployment_id, config.endpoint)
    name = getattr(config, "model_name", ONLY_MODEL)
    base = getattr(config, "api_base", None)
    return CompatibleProvider(row, name, base, _body_defaults(config))


def build_default_provider(config: DefaultProvider, model_name: str) -> Provider:
    """The live form of the default provider, for a model's name as the caller wrote it."""
    return CompatibleProvider(ROWS[config.type], model_name, config.api_base)


def _body_defaults(config: ProviderConfig | EmbeddingProviderConfig) -> dict[str, bytes]:
    values = {key: getattr(config, key, None) for key in BODY_KEYS}
    return {key: orjson.dumps(value) for key, value in values.items() if value is not None}

"""Providers: where requests go, and what is particular to each vendor.

In: a configured provider. Out: something that can be asked (`base` has the forms).

- `compatible` is the table of vendors that speak OpenAI's protocol: data, no code.
- `openai_responses`, `anthropic`, `gemini`, `bedrock` and `sagemaker` have protocols of their own.
- `dummy` answers without a network, for tests and for the first curl.
- `neutral` makes vectors at a vendor of the table.
- `unbuilt` stands for what is configured and not built yet.

`build_provider` and `build_default_provider` are the registry; it loads what has a protocol of its
own when such a provider is built, because few configurations have them all. A vendor's name appears
here, in the configuration schema and in tests, and nowhere else. Not allowed here: retries,
credentials' values, configuration beyond the provider's own entry.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import orjson

from proxy.config.schema import (
    DefaultProvider,
    DynamicLocation,
    EmbeddingProviderConfig,
    ProviderConfig,
    blocking,
)
from proxy.config.schema.cloud_providers import (
    AnthropicProvider as AnthropicConfig,
)
from proxy.config.schema.cloud_providers import (
    AwsKeys,
)
from proxy.config.schema.cloud_providers import (
    BedrockProvider as BedrockConfig,
)
from proxy.config.schema.cloud_providers import (
    GeminiProvider as GeminiConfig,
)
from proxy.config.schema.cloud_providers import (
    SagemakerProvider as SagemakerConfig,
)
from proxy.config.schema.cloud_providers import (
    VertexAnthropicProvider as VertexAnthropicConfig,
)
from proxy.config.schema.cloud_providers import (
    VertexGeminiProvider as VertexGeminiConfig,
)
from proxy.config.schema.providers import AzureKeys, DummyKeys, OpenAIKeys
from proxy.providers.base import NO_RENAMES, Provider, answers_neutrally
from proxy.providers.compatible import ROWS, CompatibleProvider
from proxy.providers.dummy import DummyProvider, FlakyCounters
from proxy.providers.unbuilt import UnbuiltProvider

BODY_KEYS = ("reasoning_format", "prompt_mode")
"""Keys of an entry that are members of its requests, of the same name."""
ONLY_MODEL = "tgi"
"""What is sent as `model` to a server that has but one and does not look."""
NO_ADDRESS = "https://endpoint.of.the.call/"
"""Stands where calls bring their address along, for the budget that they share."""


def build_provider(
    config: ProviderConfig | EmbeddingProviderConfig, flaky: FlakyCounters
) -> Provider:
    """The live form of a configured provider."""
    return _sent_by(config.transport, _build(config, flaky))


def _sent_by(transport: str, provider: Provider) -> Provider:
    if not answers_neutrally(provider):
        provider.transport = transport
    return provider


def _build(config: ProviderConfig | EmbeddingProviderConfig, flaky: FlakyCounters) -> Provider:
    unbuilt = blocking(config)
    if unbuilt is not None:
        return UnbuiltProvider(config.type, getattr(config, "model_name", ""), unbuilt.name)
    match config:
        case DummyKeys():
            location = config.api_key_location
            key_name = location.key if isinstance(location, DynamicLocation) else None
            return DummyProvider(config.model_name, flaky, key_name)
        case AnthropicConfig():
            from proxy.providers.anthropic import AnthropicProvider

            tools = _raw(config.provider_tools)
            return AnthropicProvider(config.model_name, config.api_base, tools)
        case VertexAnthropicConfig():
            from proxy.providers.anthropic import VertexAnthropicProvider

            return VertexAnthropicProvider(
                config.model_id,
                config.location,
                config.project_id,
                endpoint_id=config.endpoint_id,
                api_base=config.api_base,
                provider_tools=_raw(config.provider_tools),
            )
        case GeminiConfig():
            from proxy.providers.gemini import AIStudioGeminiProvider

            return AIStudioGeminiProvider(config.model_name, config.api_base)
        case VertexGeminiConfig():
            from proxy.providers.gemini import VertexGeminiProvider

            return VertexGeminiProvider(
                project_id=config.project_id,
                location=config.location,
                model_id=config.model_id,
                endpoint_id=config.endpoint_id,
                api_base=config.api_base,
            )
        case BedrockConfig():
            from proxy.providers.bedrock import BedrockProvider

            return BedrockProvider(config.model_id, *_aws_address(config))
        case SagemakerConfig():
            from proxy.providers.sagemaker import SagemakerProvider

            return SagemakerProvider(
                config.endpoint_name,
                config.model_name,
                config.hosted_provider,
                *_aws_address(config),
            )
    return _build_compatible(config)


def _build_compatible(config: Any) -> Provider:
    """One of OpenAI's protocol; they share their keys' names."""
    if isinstance(config, OpenAIKeys) and config.api_type == "responses":
        from proxy.providers.openai_responses import OpenAIResponsesProvider

        return OpenAIResponsesProvider(
            config.model_name,
            config.api_base,
            include_encrypted_reasoning=config.include_encrypted_reasoning,
            provider_tools=_raw(config.provider_tools),
        )
    row = ROWS[config.type]
    if isinstance(config, AzureKeys):
        address = NO_ADDRESS if config.endpoint_key else config.endpoint
        return CompatibleProvider(row, config.deployment_id, address)
    return CompatibleProvider(
        row,
        getattr(config, "model_name", ONLY_MODEL),
        getattr(config, "api_base", None),
        _body_defaults(config),
        think_tags=getattr(config, "parse_think_blocks", None),
        content_types=getattr(config, "content_type_overrides", NO_RENAMES),
    )


def build_default_provider(config: DefaultProvider, model_name: str) -> Provider:
    """The live form of the default provider, for a model's name as the caller wrote it."""
    provider = CompatibleProvider(ROWS[config.type], model_name, config.api_base)
    return _sent_by(config.transport, provider)


def _aws_address(config: AwsKeys) -> tuple[str | None, str | None]:
    """Region and address, where the entry says them and not only where they are found."""
    region, url = config.region, config.endpoint_url
    return region if isinstance(region, str) else None, url if isinstance(url, str) else None


def _raw(tools: Iterable[object]) -> tuple[bytes, ...]:
    return tuple(orjson.dumps(tool) for tool in tools)


def _body_defaults(config: ProviderConfig | EmbeddingProviderConfig) -> dict[str, bytes]:
    values = {key: getattr(config, key, None) for key in BODY_KEYS}
    return {key: orjson.dumps(value) for key, value in values.items() if value is not None}

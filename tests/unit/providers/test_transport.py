"""Each provider's requests name the transport that its entry asks for."""

from __future__ import annotations

from typing import Any

import pytest

from proxy.config.schema import DefaultProvider
from proxy.errors import ConfigError
from proxy.providers import build_default_provider, build_provider
from proxy.providers.base import Attempt, HttpProvider, answers_neutrally, relays
from proxy.providers.dummy import FlakyCounters
from proxy.types.content import Text
from proxy.types.ports import Limits
from proxy.types.request import Input, Message, ModelRequest
from tests.providers.building import load_embedding_entry, load_entry, secret_of
from tests.providers.vendors import VENDORS, Vendor

NO_LIMITS = Limits(None, None, None, None)
ASKED: list[tuple[dict[str, Any], str]] = [
    ({}, "fast"),
    ({"transport": "fast"}, "fast"),
    ({"transport": "aiohttp"}, "aiohttp"),
]
asked = pytest.mark.parametrize(("key", "transport"), ASKED)


def built(entry: Any) -> HttpProvider:
    provider = build_provider(entry, FlakyCounters())
    assert not answers_neutrally(provider)
    return provider


def transport_of_relay(provider: HttpProvider) -> str:
    assert relays(provider)
    request = provider.encode_relay("x", b"{}", (), "k", NO_LIMITS, lambda: True)
    return request.sealed().transport


@asked
@pytest.mark.parametrize("vendor", VENDORS, ids=lambda vendor: vendor.name)
def test_a_chat_goes_by_it(vendor: Vendor, key: dict[str, Any], transport: str) -> None:
    provider = built(load_entry({**vendor.entry, **key}))
    request = ModelRequest(provider.model_name, Input((Message("user", (Text("Hi"),)),)))
    attempt = Attempt(secret_of(vendor), NO_LIMITS, lambda: True)
    assert provider.encode_chat(request, attempt).request.sealed().transport == transport
    if relays(provider):
        assert transport_of_relay(provider) == transport


@asked
def test_so_do_vectors(key: dict[str, Any], transport: str) -> None:
    entry = load_embedding_entry({"type": "mistral", "model_name": "m", **key})
    assert transport_of_relay(built(entry)) == transport


@asked
def test_so_does_what_is_passed_on_to_the_default_provider(
    key: dict[str, Any], transport: str
) -> None:
    provider = build_default_provider(DefaultProvider.model_validate(key), "m")
    assert not answers_neutrally(provider)
    assert transport_of_relay(provider) == transport


def test_there_are_no_others() -> None:
    with pytest.raises(ConfigError, match="transport"):
        load_entry({"type": "mistral", "model_name": "m", "transport": "slow"})

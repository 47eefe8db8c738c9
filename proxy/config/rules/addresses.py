"""Addresses and regions that stand in variables and files, or come with calls."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from proxy.config.findings import Finding, Path, Tree
from proxy.config.rules.clouds import REGION
from proxy.config.rules.credentials import AWS, KEY, found_value, literal, parsed
from proxy.config.schema.addresses import DYNAMIC_PREFIX, is_http_url
from proxy.config.schema.credentials import DynamicLocation, leaves, render_location
from proxy.config.tree import provider_tables

_ADDRESSES = ("endpoint", "endpoint_url")
_TRUST = (
    "calls say where they are sent, with a credential of yours: whoever may call can take it; "
    "write a `dynamic::` credential, too, unless you trust all callers"
)


def check_addresses(
    tree: Tree, environ: Mapping[str, str], warn: Callable[[Path, str], None]
) -> Iterator[Finding]:
    """What is found there fits; `warn` hears of credentials that callers could send anywhere."""
    for path, provider in provider_tables(tree):
        if provider.get("type") in AWS:
            yield from _check_found(path, provider, environ)
        for key in _ADDRESSES:
            address = provider.get(key)
            dynamic = isinstance(address, str) and address.startswith(DYNAMIC_PREFIX)
            if dynamic and not _is_callers(provider):
                warn((*path, key), _TRUST)


def _check_found(path: Path, provider: Tree, environ: Mapping[str, str]) -> Iterator[Finding]:
    for key, fits, what, example in (
        ("region", _is_region, "the name of a region", "us-east-1"),
        ("endpoint_url", is_http_url, "an http or https URL", "https://vpce.example.com"),
    ):
        location = literal(provider.get(key))
        value = None if location is None else found_value(location, environ)
        if location is not None and value and not fits(value):
            message = f"`{render_location(location)}` does not hold {what}"
            yield Finding((*path, key), message, f"put it there, such as `{example}`")


def _is_region(value: str) -> bool:
    return REGION.match(value) is not None


def _is_callers(provider: Tree) -> bool:
    """Whether nothing but what callers bring lets the calls in."""
    for key in ("api_key", "secret_access_key"):
        if provider.get(key) is not None:
            return isinstance(literal(provider[key]), DynamicLocation)
    location = parsed(provider.get(KEY))
    return location is not None and all(
        isinstance(leaf, DynamicLocation) for leaf in leaves(location)
    )

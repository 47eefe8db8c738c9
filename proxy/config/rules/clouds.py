"""Which kinds of location fit which provider, and what AWS's keys need of each other."""

from __future__ import annotations

import re
from collections.abc import Iterator

from proxy.config.findings import Finding, Path, Tree
from proxy.config.rules.credentials import AWS, CLOUD_KEY, GOOGLE, KEY, literal, parsed
from proxy.config.schema.addresses import is_http_url
from proxy.config.schema.credentials import (
    CallerCredential,
    CredentialLocation,
    DynamicLocation,
    EnvLocation,
    NoCredential,
    SdkLocation,
    leaves,
)
from proxy.config.tree import provider_tables, table

_KEYED = (
    "deepseek",
    "fireworks",
    "google_ai_studio_gemini",
    "hyperbolic",
    "mistral",
    "together",
    *GOOGLE,
)
"""Their one address lets nobody in without a key."""
_WITH_SDK = (*GOOGLE, "azure")
_PAIR = ("access_key_id", "secret_access_key")
REGION = re.compile(r"[a-z0-9-]+\Z")


def check_locations(tree: Tree) -> Iterator[Finding]:
    """`sdk` is a location for clouds only, `none` is none for vendors who want a key."""
    for path, provider in provider_tables(tree):
        kind = str(provider.get("type"))
        key = CLOUD_KEY if kind in GOOGLE else KEY
        found = parsed(provider.get(key))
        if kind not in _WITH_SDK and _holds(found, SdkLocation):
            yield _misplaced((*path, key), f"a provider of type `{kind}`", "`sdk` is for clouds")
        if path[0] == "models" and kind in _KEYED and isinstance(found, NoCredential):
            yield _misplaced((*path, key), f"a provider of type `{kind}`", "it wants a key")
    relay = table(table(tree, "gateway"), "relay")
    if _holds(parsed(relay.get(KEY)), SdkLocation):
        yield _misplaced(("gateway", "relay", KEY), "another gateway", "`sdk` is for clouds")


def _holds(location: CredentialLocation | None, kind: type[CredentialLocation]) -> bool:
    return location is not None and any(isinstance(leaf, kind) for leaf in leaves(location))


def _misplaced(path: Path, whose: str, reason: str) -> Finding:
    remedy = f"say where the key is, such as `env::VAR_NAME`; {reason}"
    return Finding(path, f"invalid `{path[-1]}` for {whose}", remedy)


def check_aws(tree: Tree) -> Iterator[Finding]:
    """A provider of AWS has a region, and its keys come in pairs."""
    for path, provider in provider_tables(tree):
        if path[0] == "models" and provider.get("type") in AWS:
            yield from _check_region(path, provider)
            yield from _check_address(path, provider)
            yield from _check_pair(path, provider)
            yield from _check_bearer(path, provider)


def _check_region(path: Path, provider: Tree) -> Iterator[Finding]:
    region = provider.get("region")
    detected = region is None and provider.get("allow_auto_detect_region") is True
    if not detected and region in (None, "none"):
        message = f"a provider of type `{provider.get('type')}` needs a region"
        remedy = "write `region: sdk` to have it detected, or its name, such as `us-east-1`"
        yield Finding((*path, "region"), message, remedy)
    elif isinstance(region, str) and literal(region) is None and not REGION.match(region):
        remedy = "write its name, such as `us-east-1`, a location, or `sdk`"
        yield Finding((*path, "region"), "not the name of a region", remedy)


def _check_address(path: Path, provider: Tree) -> Iterator[Finding]:
    address = provider.get("endpoint_url")
    if not isinstance(address, str) or not address:
        return
    if address == "sdk" or ("::" not in address and address != "none" and not is_http_url(address)):
        message = "not an http or https URL"
        remedy = "write it like `https://vpce.example.com`, or `env::VAR_NAME`"
        yield Finding((*path, "endpoint_url"), message, remedy)


def _check_pair(path: Path, provider: Tree) -> Iterator[Finding]:
    given = [key for key in _PAIR if provider.get(key) is not None]
    if len(given) == 1:
        (missing,) = set(_PAIR) - set(given)
        yield Finding(path, f"`{given[0]}` needs `{missing}`", f"add `{missing}`")
    if provider.get("session_token") is not None and not given:
        message = "`session_token` needs `access_key_id` and `secret_access_key`"
        yield Finding((*path, "session_token"), message, "add both, or remove it")
    kinds = [type(found) for key in _PAIR if (found := literal(provider.get(key))) is not None]
    if len(kinds) == 2 and kinds[0] is not kinds[1]:
        message = "`access_key_id` and `secret_access_key` must have locations of one kind"
        yield Finding(path, message, "write both as `env::`, both as `dynamic::`, or both as `sdk`")
    token = literal(provider.get("session_token"))
    if len(kinds) == 2 and token is not None and type(token) not in (kinds[0], SdkLocation):
        message = "`session_token` must have a location of the same kind as the keys"
        yield Finding((*path, "session_token"), message, "write it as the keys, or remove it")
    for key in (*_PAIR, "session_token"):
        if isinstance(literal(provider.get(key)), NoCredential | CallerCredential):
            message = f"no location for `{key}`"
            remedy = "write `env::VAR_NAME`, `path::FILE_PATH`, `dynamic::KEY_NAME` or `sdk`"
            yield Finding((*path, key), message, remedy)


def _check_bearer(path: Path, provider: Tree) -> Iterator[Finding]:
    if provider.get("type") != "aws_bedrock" or provider.get("api_key") is None:
        return
    place = (*path, "api_key")
    location = literal(provider["api_key"])
    if location is not None and not isinstance(location, EnvLocation | DynamicLocation):
        message = "no location for `api_key`"
        yield Finding(place, message, "write `env::VAR_NAME` or `dynamic::KEY_NAME`")
    if any(provider.get(key) is not None for key in (*_PAIR, "session_token")):
        message = "cannot specify both `api_key` and `access_key_id` or `secret_access_key`"
        yield Finding(place, message, "keep one way")

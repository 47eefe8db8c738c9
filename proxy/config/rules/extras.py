"""Whether what a cloud's credentials need is there: a library, and a service account's JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from importlib.util import find_spec

from proxy.config.findings import Finding, Path, Tree
from proxy.config.rules.credentials import AWS, CLOUD_KEY, GOOGLE, KEY, found_value, literal, parsed
from proxy.config.schema.cloud_providers import BEARER_VARIABLE, REGION_VARIABLES
from proxy.config.schema.credentials import (
    CredentialLocation,
    EnvLocation,
    PathFromEnvLocation,
    PathLocation,
    SdkLocation,
    leaves,
)
from proxy.config.schema.providers import DEFAULT_LOCATIONS
from proxy.config.tree import provider_tables

LIBRARIES = {
    "aws": ("botocore",),
    "gcp": ("google.auth", "requests"),
    "azure": ("azure.identity",),
}
"""What each extra brings."""

_NEEDED = ("client_email", "private_key")
_FETCHED = (EnvLocation, PathLocation, PathFromEnvLocation, SdkLocation)


def check_extras(tree: Tree, environ: Mapping[str, str]) -> Iterator[Finding]:
    """The libraries of the clouds are installed where a provider needs them."""
    for path, provider in provider_tables(tree):
        extra = _extra(provider, environ)
        if extra is not None and not all(map(_is_installed, LIBRARIES[extra])):
            message = f"a provider of type `{provider.get('type')}` needs a library here"
            remedy = f"install it: `pip install 'zeroproxy[{extra}]'`"
            yield Finding(path, message, remedy)


def _extra(provider: Tree, environ: Mapping[str, str]) -> str | None:
    kind = str(provider.get("type"))
    if kind in AWS:
        return "aws" if _asks_aws(provider, environ) else None
    if kind in GOOGLE:
        return "gcp" if any(isinstance(leaf, _FETCHED) for leaf in _leaves(provider)) else None
    found = leaves(location) if (location := parsed(provider.get(KEY))) else ()
    identity = kind == "azure" and any(isinstance(leaf, SdkLocation) for leaf in found)
    return "azure" if identity else None


def _asks_aws(provider: Tree, environ: Mapping[str, str]) -> bool:
    """Whether the library is to find the region or the keys."""
    if _is_sdk(provider.get("region")) and not any(map(environ.get, REGION_VARIABLES)):
        return True
    if provider.get("api_key") is not None:
        return False
    written = provider.get("access_key_id")
    bearer = provider.get("type") == "aws_bedrock" and environ.get(BEARER_VARIABLE)
    return _is_sdk(written) and (written is not None or not bearer)


def _is_sdk(written: object) -> bool:
    return written is None or isinstance(literal(written), SdkLocation)


def _leaves(provider: Tree) -> tuple[CredentialLocation, ...]:
    written = provider.get(CLOUD_KEY)
    location = DEFAULT_LOCATIONS[provider["type"]] if written is None else parsed(written)
    return () if location is None else leaves(location)


def _is_installed(library: str) -> bool:
    try:
        return find_spec(library) is not None
    except ModuleNotFoundError:
        return False


def check_service_accounts(tree: Tree, environ: Mapping[str, str]) -> Iterator[Finding]:
    """A file for Google's cloud holds a service account. Nothing of it is repeated."""
    for path, provider in provider_tables(tree):
        if provider.get("type") in GOOGLE:
            for leaf in _leaves(provider):
                text = found_value(leaf, environ)
                fault = None if not text else _fault(text)
                if fault is not None:
                    yield _no_account((*path, CLOUD_KEY), fault)


def _no_account(path: Path, fault: str) -> Finding:
    remedy = (
        "create a key of a service account in JSON; for any other kind of credentials write "
        "`sdk`, and name the file in GOOGLE_APPLICATION_CREDENTIALS"
    )
    return Finding(path, f"not the key of a service account: {fault}", remedy)


def _fault(text: str) -> str | None:
    try:
        account = json.loads(text)
    except ValueError:
        return "it is not JSON"
    if not isinstance(account, dict):
        return "it is not a JSON object"
    if account.get("type") not in (None, "service_account"):
        return "its `type` is another"
    for key in _NEEDED:
        if not isinstance(account.get(key), str) or not account[key]:
            return f"`{key}` is missing"
    return None if "-----BEGIN " in account["private_key"] else "`private_key` is not in PEM form"

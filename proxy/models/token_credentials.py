"""Credentials for which tokens are fetched: service accounts, and the machine's own identity.

A token that is good is given at once; otherwise a `Kept` stands for it, which waits for the one
fetch that all calls share (`net.tokens`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from proxy.config.schema import (
    CredentialLocation,
    EnvLocation,
    PathFromEnvLocation,
    PathLocation,
    SdkLocation,
)
from proxy.config.schema.credentials import Identities, ServiceAccounts, render_location
from proxy.errors import CredentialMissing
from proxy.models.credentials import (
    CallCredentials,
    Credential,
    fixed,
    load_key,
    missing,
    read_value,
    with_fallbacks,
)
from proxy.net.azure_tokens import EntraTokens
from proxy.net.google_tokens import DefaultGoogleTokens, ServiceAccountTokens
from proxy.net.tokens import TokenKeeper, Tokens
from proxy.types.secrets import BearerToken, PendingSecret, Secret

Value = TypeVar("Value")


def build_token_credential(
    location: CredentialLocation,
    kind: ServiceAccounts | Identities,
    environ: Mapping[str, str],
    tokens: Tokens,
) -> Credential:
    """The live form of a location where `sdk`, or also a file, stands for more than a key."""
    if isinstance(kind, ServiceAccounts):
        return with_fallbacks(location, lambda leaf: _google(leaf, kind.scope, environ, tokens))
    return with_fallbacks(location, lambda leaf: _entra(leaf, kind.scope, environ, tokens))


@dataclass(frozen=True, slots=True)
class Kept(Generic[Value]):
    """What a keeper will give one call; see `PendingSecret`."""

    keeper: TokenKeeper[Value]
    provider: str

    async def fetch(self) -> Value:
        try:
            return await self.keeper.fetch()
        except CredentialMissing as error:
            raise missing(self.provider, str(error)) from error


def _kept(keeper: TokenKeeper[BearerToken]) -> Credential:
    def resolve(call: CallCredentials, provider: str) -> Secret | PendingSecret:
        return keeper.current() or Kept(keeper, provider)

    return resolve


def _google(
    location: CredentialLocation, scope: str, environ: Mapping[str, str], tokens: Tokens
) -> Credential:
    """A file holds a service account; what callers bring is a token already."""
    if isinstance(location, SdkLocation):
        what = "the default identity of Google's library (`sdk`)"
        return _kept(tokens.keeper(("google", scope), what, DefaultGoogleTokens(scope)))
    if not isinstance(location, EnvLocation | PathLocation | PathFromEnvLocation):
        return load_key(location, environ)
    text, problem = read_value(location, environ)
    if text is None:
        return fixed(None, problem)
    what = f"the service account in `{render_location(location)}`"
    info = _json_object(text)
    if info is None:
        return fixed(None, f"{what} is no JSON object")
    key = ("google", scope, what, hashlib.sha256(text.encode()).hexdigest())
    return _kept(tokens.keeper(key, what, ServiceAccountTokens(info, scope)))


def _entra(
    location: CredentialLocation, scope: str, environ: Mapping[str, str], tokens: Tokens
) -> Credential:
    """`sdk` is the machine's identity; all else is a key."""
    if not isinstance(location, SdkLocation):
        return load_key(location, environ)
    what = "the default identity of Microsoft's library (`sdk`)"
    return _kept(tokens.keeper(("entra", scope), what, EntraTokens(scope)))


def _json_object(text: str) -> dict[str, Any] | None:
    try:
        found = json.loads(text)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None

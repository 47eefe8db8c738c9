"""Where a key comes from: fixed at start-up, or carried by each call.

What has to be fetched is the business of `token_credentials`; `provider_credentials` makes the live
form of what a provider's entry says.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from proxy.config.schema import (
    CallerCredential,
    CredentialLocation,
    DynamicLocation,
    EnvLocation,
    FallbackLocation,
    NoCredential,
    PathFromEnvLocation,
    PathLocation,
    SdkLocation,
)
from proxy.config.schema.credentials import leaves, render_location
from proxy.errors import CredentialMissing
from proxy.types.immutable import immutable
from proxy.types.secrets import PendingSecret, Secret, is_pending


@immutable
class CallCredentials:
    """What one call brings along. The values never leave this object but towards their provider."""

    bearer: str | None
    """The token of the caller's own Authorization header, for `client::`."""
    dynamic: Mapping[str, str]
    """The `tensorzero::credentials` of the request, for `dynamic::`."""

    def __repr__(self) -> str:
        return f"CallCredentials(dynamic={sorted(self.dynamic)})"


Credential = Callable[[CallCredentials, str], Secret | PendingSecret]
"""(what the call brings, the provider's name for people) → the value, None where none is wanted.

Raises CredentialMissing, naming the key that is not there.
"""
Leaf = Callable[[CredentialLocation], Credential]
"""The live form of a simple location."""


def no_credential(call: CallCredentials, provider: str) -> Secret | PendingSecret:
    return None


def load_credential(location: CredentialLocation, environ: Mapping[str, str]) -> Credential:
    """The live form of a key's location; files and variables are read now."""
    return with_fallbacks(location, lambda leaf: load_key(leaf, environ))


def with_fallbacks(location: CredentialLocation, load: Leaf) -> Credential:
    """The location's live form, when `load` makes that of a simple one."""
    if isinstance(location, FallbackLocation):
        first, second = location.default, location.fallback
        return _either(with_fallbacks(first, load), with_fallbacks(second, load))
    return load(location)


def load_key(location: CredentialLocation, environ: Mapping[str, str]) -> Credential:
    """A simple location whose value is a key."""
    match location:
        case NoCredential():
            return no_credential
        case CallerCredential():
            return lambda call, provider: call.bearer
        case DynamicLocation(key):
            return _dynamic(key)
        case SdkLocation():
            return fixed(None, "`sdk` stands for nothing here")
    value, problem = read_value(location, environ)
    return fixed(value, problem)


def read_value(location: CredentialLocation, environ: Mapping[str, str]) -> tuple[str | None, str]:
    """What a variable or a file holds, and what to say when that is nothing."""
    match location:
        case EnvLocation(variable):
            return environ.get(variable) or None, f"Environment variable `{variable}` is missing"
        case PathLocation(path):
            return _read(path), "Failed to read credentials file"
        case PathFromEnvLocation(variable):
            value = None if variable not in environ else _read(environ[variable])
            return value, f"The file named by `{variable}` cannot be read"
    return None, f"`{render_location(location)}` has no fixed value"


def is_operators(location: CredentialLocation, environ: Mapping[str, str]) -> bool:
    """Whether calls could be made with a secret of the operator's, and not only the caller's."""
    return any(
        isinstance(leaf, PathLocation | SdkLocation)
        or (isinstance(leaf, EnvLocation | PathFromEnvLocation) and leaf.variable in environ)
        for leaf in leaves(location)
    )


def missing(provider: str, problem: str) -> CredentialMissing:
    """The error that says so."""
    return CredentialMissing(f"API key missing for provider {provider}: {problem}")


def fixed(value: Secret, problem: str) -> Credential:
    """Always this; where that is None, always the error with this problem."""

    def resolve(call: CallCredentials, provider: str) -> Secret | PendingSecret:
        if value is None:
            raise missing(provider, problem)
        return value

    return resolve


def _dynamic(key: str) -> Credential:
    def resolve(call: CallCredentials, provider: str) -> Secret | PendingSecret:
        if key not in call.dynamic:
            raise missing(provider, f"Dynamic api key `{key}` is missing")
        return call.dynamic[key]

    return resolve


def _either(default: Credential, fallback: Credential) -> Credential:
    def resolve(call: CallCredentials, provider: str) -> Secret | PendingSecret:
        try:
            value = default(call, provider)
        except CredentialMissing:
            value = None
        if value is None:
            return fallback(call, provider)
        if is_pending(value):
            return _PendingEither(value, lambda: fallback(call, provider))
        return value

    return resolve


@immutable
class _PendingEither:
    """A secret that has to be fetched, and what stands in when it cannot be had."""

    first: PendingSecret
    second: Callable[[], Secret | PendingSecret]

    async def fetch(self) -> Secret:
        try:
            return await self.first.fetch()
        except CredentialMissing:
            found = self.second()
            return await found.fetch() if is_pending(found) else found


def _read(path: str) -> str | None:
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, ValueError):
        return None

"""Where a credential's value comes from: fixed at start-up, or carried by each call."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
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
from proxy.errors import CredentialMissing


@dataclass(frozen=True, slots=True)
class CallCredentials:
    """What one call brings along. The values never leave this object but towards their provider."""

    bearer: str | None
    """The token of the caller's own Authorization header, for `client::`."""
    dynamic: Mapping[str, str]
    """The `tensorzero::credentials` of the request, for `dynamic::`."""

    def __repr__(self) -> str:
        return f"CallCredentials(dynamic={sorted(self.dynamic)})"


Credential = Callable[[CallCredentials, str], str | None]
"""(what the call brings, the provider's type) → the value, None where none is wanted.

Raises CredentialMissing, naming the key that is not there.
"""


def no_credential(call: CallCredentials, provider: str) -> str | None:
    return None


def load_credential(location: CredentialLocation, environ: Mapping[str, str]) -> Credential:
    """The live form of a configured location; files and variables are read now."""
    match location:
        case NoCredential():
            return no_credential
        case CallerCredential():
            return lambda call, provider: call.bearer
        case DynamicLocation(key):
            return _dynamic(key)
        case EnvLocation(variable):
            return _fixed(
                environ.get(variable) or None, f"Environment variable `{variable}` is missing"
            )
        case PathLocation(path):
            return _fixed(_read(path), "Failed to read credentials file")
        case PathFromEnvLocation(variable):
            named = environ.get(variable)
            value = None if named is None else _read(named)
            return _fixed(value, f"The file named by `{variable}` cannot be read")
        case SdkLocation():
            return _fixed(None, "the credentials of a cloud's own library are not built yet")
        case FallbackLocation(default, fallback):
            return _either(load_credential(default, environ), load_credential(fallback, environ))


def _fixed(value: str | None, problem: str) -> Credential:
    def resolve(call: CallCredentials, provider: str) -> str | None:
        if value is None:
            raise CredentialMissing(f"API key missing for provider {provider}: {problem}")
        return value

    return resolve


def _dynamic(key: str) -> Credential:
    def resolve(call: CallCredentials, provider: str) -> str | None:
        if key not in call.dynamic:
            raise CredentialMissing(
                f"API key missing for provider {provider}: Dynamic api key `{key}` is missing"
            )
        return call.dynamic[key]

    return resolve


def _either(default: Credential, fallback: Credential) -> Credential:
    def resolve(call: CallCredentials, provider: str) -> str | None:
        try:
            value = default(call, provider)
        except CredentialMissing:
            value = None
        return fallback(call, provider) if value is None else value

    return resolve


def _read(path: str) -> str | None:
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except OSError:
        return None

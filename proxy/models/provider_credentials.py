"""The live form of what a provider's entry says about its credential."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from proxy.config.schema import (
    CredentialLocation,
    DefaultProvider,
    EmbeddingProviderConfig,
    ProviderConfig,
)
from proxy.config.schema.addresses import is_http_url
from proxy.config.schema.cloud_providers import AwsKeys
from proxy.models.aws_access import build_aws_access
from proxy.models.credentials import CallCredentials, Credential, load_credential, missing
from proxy.models.token_credentials import build_token_credential
from proxy.net.tokens import Tokens
from proxy.types.secrets import AddressedSecret, PendingSecret, Secret, is_pending

AnyEntry = ProviderConfig | EmbeddingProviderConfig | DefaultProvider


def build_credential(entry: AnyEntry, environ: Mapping[str, str], tokens: Tokens) -> Credential:
    """What gives each call its secret; files and variables are read now, nothing is fetched.

    A file that is missing or unfit is told when it is needed: a `CredentialMissing` of the call.
    """
    if isinstance(entry, AwsKeys):
        return build_aws_access(entry, environ, tokens)
    credential = _by_location(entry, entry.api_key_location, environ, tokens)
    key = getattr(entry, "endpoint_key", None)
    return credential if key is None else _addressed(credential, key)


def _by_location(
    entry: AnyEntry, location: CredentialLocation, environ: Mapping[str, str], tokens: Tokens
) -> Credential:
    kind = getattr(entry, "tokens", None)
    if kind is None:
        return load_credential(location, environ)
    return build_token_credential(location, kind, environ, tokens)


def _addressed(credential: Credential, key: str) -> Credential:
    """The same, for the address that the call brings along."""

    def resolve(call: CallCredentials, provider: str) -> Secret | PendingSecret:
        base = call.dynamic.get(key)
        if base is None:
            raise missing(provider, f"Dynamic endpoint `{key}` is missing")
        if not is_http_url(base):
            raise missing(provider, f"Dynamic endpoint `{key}` is not an http or https URL")
        base = base if base.endswith("/") else base + "/"
        found = credential(call, provider)
        return _PendingAddressed(base, found) if is_pending(found) else _joined(base, found)

    return resolve


@dataclass(frozen=True, slots=True)
class _PendingAddressed:
    """A secret that has to be fetched, for an address."""

    base: str = field(repr=False)
    secret: PendingSecret

    async def fetch(self) -> Secret:
        return _joined(self.base, await self.secret.fetch())


def _joined(base: str, secret: Secret) -> AddressedSecret:
    return AddressedSecret(base, secret if isinstance(secret, str) else None)

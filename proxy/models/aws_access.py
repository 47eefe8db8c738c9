"""What a provider of AWS is asked with: a region, an address, keys to sign with or a bearer key.

Each part is fixed, comes with the call, or is what the AWS library finds by default.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from proxy.config.schema import CredentialLocation, NoCredential, SdkLocation
from proxy.config.schema.addresses import is_http_url
from proxy.config.schema.cloud_providers import REGION_VARIABLES, AwsKeys
from proxy.models.credentials import CallCredentials, Credential, fixed, load_key, missing
from proxy.models.token_credentials import Kept
from proxy.net.aws_credentials import DefaultAwsKeys, DefaultAwsRegion
from proxy.net.tokens import Tokens
from proxy.types.secrets import AwsAccess, PendingSecret, Secret

_REGION = re.compile(r"[a-z0-9-]{1,64}\Z")

_Region = Callable[[CallCredentials, str], str | Kept[str]]
_Address = Callable[[CallCredentials, str], str | None]
_Access = Callable[[CallCredentials, str], AwsAccess | Kept[AwsAccess]]


def build_aws_access(keys: AwsKeys, environ: Mapping[str, str], tokens: Tokens) -> Credential:
    """The live form of an entry's keys; variables and files are read now."""
    region = _region(keys, environ, tokens)
    address = _address(keys.endpoint_url, environ)
    access = _access(keys, environ, tokens)

    def resolve(call: CallCredentials, provider: str) -> Secret | PendingSecret:
        where, url, who = region(call, provider), address(call, provider), access(call, provider)
        if isinstance(where, str) and isinstance(who, AwsAccess):
            return replace(who, region=where, endpoint_url=url)
        return _PendingAccess(where, url, who)

    return resolve


@dataclass(frozen=True, slots=True)
class _PendingAccess:
    """Parts of which some have to be fetched."""

    region: str | Kept[str]
    address: str | None
    access: AwsAccess | Kept[AwsAccess]

    async def fetch(self) -> Secret:
        access = self.access if isinstance(self.access, AwsAccess) else await self.access.fetch()
        region = self.region if isinstance(self.region, str) else await self.region.fetch()
        return replace(access, region=region, endpoint_url=self.address)


def _region(keys: AwsKeys, environ: Mapping[str, str], tokens: Tokens) -> _Region:
    location = keys.region_location
    if not isinstance(location, SdkLocation):
        return _checked_region(_text(location, environ))
    for variable in REGION_VARIABLES:
        if environ.get(variable):
            return _checked_region(fixed(environ[variable], ""))
    what = "the default region of the AWS library (`sdk`)"
    keeper = tokens.keeper(("aws", "region"), what, DefaultAwsRegion())
    return lambda call, provider: keeper.current() or Kept(keeper, provider)


def _checked_region(text: Credential) -> _Region:
    """It becomes a part of a host's name, so that nothing else may be in it."""

    def resolve(call: CallCredentials, provider: str) -> str:
        value = text(call, provider)
        if not isinstance(value, str) or not _REGION.match(value):
            raise missing(provider, "what stands for the region is not the name of one")
        return value

    return resolve


def _address(location: CredentialLocation | str | None, environ: Mapping[str, str]) -> _Address:
    if location is None or isinstance(location, NoCredential):
        return lambda call, provider: None
    text = _text(location, environ)

    def resolve(call: CallCredentials, provider: str) -> str | None:
        value = text(call, provider)
        if not isinstance(value, str) or not is_http_url(value):
            raise missing(provider, "what stands for `endpoint_url` is not an http or https URL")
        return value

    return resolve


def _text(location: CredentialLocation | str, environ: Mapping[str, str]) -> Credential:
    if isinstance(location, str):
        return fixed(location, "")
    return load_key(location, environ)


def _access(keys: AwsKeys, environ: Mapping[str, str], tokens: Tokens) -> _Access:
    bearer = keys.bearer_location(environ)
    if bearer is not None:
        return _bearer(load_key(bearer, environ))
    first = _key(keys.access_key_id, environ)
    second = _key(keys.secret_access_key, environ)
    if first is None or second is None:
        what = "the default credentials of the AWS library (`sdk`)"
        keeper = tokens.keeper(("aws", "keys"), what, DefaultAwsKeys())
        return lambda call, provider: keeper.current() or Kept(keeper, provider)
    return _signed(first, second, _key(keys.session_token, environ))


def _key(location: CredentialLocation | None, environ: Mapping[str, str]) -> Credential | None:
    """None where the AWS library finds it."""
    if location is None or isinstance(location, SdkLocation):
        return None
    return load_key(location, environ)


def _bearer(key: Credential) -> _Access:
    return lambda call, provider: AwsAccess(region="", api_key=_value(key, call, provider))


def _signed(first: Credential, second: Credential, token: Credential | None) -> _Access:
    def resolve(call: CallCredentials, provider: str) -> AwsAccess:
        return AwsAccess(
            region="",
            access_key_id=_value(first, call, provider),
            secret_access_key=_value(second, call, provider),
            session_token=None if token is None else _value(token, call, provider),
        )

    return resolve


def _value(key: Credential, call: CallCredentials, provider: str) -> str:
    value = key(call, provider)
    if not isinstance(value, str):
        raise missing(provider, "no value was sent")
    return value

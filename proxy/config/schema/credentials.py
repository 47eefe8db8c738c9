"""Credential locations: where a key is found, never the key itself."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, TypeAlias

from proxy.config.schema.base import Shown, problem
from proxy.config.schema.form import PlainValidator


@dataclass(frozen=True, slots=True)
class EnvLocation:
    """`env::VAR`: the value of an environment variable."""

    variable: str


@dataclass(frozen=True, slots=True)
class PathLocation:
    """`path::FILE`: the trimmed content of a file; absolute once loaded."""

    path: str


@dataclass(frozen=True, slots=True)
class PathFromEnvLocation:
    """`path_from_env::VAR`: the trimmed content of the file whose path the variable holds."""

    variable: str


@dataclass(frozen=True, slots=True)
class DynamicLocation:
    """`dynamic::KEY`: the request brings it, as `credentials[KEY]`."""

    key: str


@dataclass(frozen=True, slots=True)
class NoCredential:
    """`none`: the upstream wants no key."""


@dataclass(frozen=True, slots=True)
class CallerCredential:
    """`client::`: the caller's own `Authorization` goes on, to this entry's origin and no other."""


@dataclass(frozen=True, slots=True)
class SdkLocation:
    """`sdk`: the default chain of the cloud's own library."""


@dataclass(frozen=True, slots=True)
class FallbackLocation:
    """`{default, fallback}`: `fallback` serves when `default` has no value."""

    default: CredentialLocation
    fallback: CredentialLocation


CredentialLocation: TypeAlias = (
    EnvLocation
    | PathLocation
    | PathFromEnvLocation
    | DynamicLocation
    | NoCredential
    | CallerCredential
    | SdkLocation
    | FallbackLocation
)

REMEDY = (
    "say where the key is: `env::VAR_NAME`, `path::FILE_PATH`, `path_from_env::VAR_NAME`, "
    "`dynamic::KEY_NAME`, `sdk` (of a cloud), `none`, or `client::` (the caller's own key)"
)
_PREFIXES: dict[str, Callable[[str], CredentialLocation]] = {
    "env": EnvLocation,
    "path": PathLocation,
    "path_from_env": PathFromEnvLocation,
    "dynamic": DynamicLocation,
}
_VARIABLE = re.compile(r"[^\s=\0]+\Z")


def parse_location(value: object) -> CredentialLocation:
    """The location written as text or as `{default, fallback}`.

    Its errors never quote the value: a key pasted in place of its location must not reach a log.
    """
    if isinstance(value, dict):
        return _parse_fallback(value)
    if not isinstance(value, str):
        raise problem("expected a credential location", REMEDY)
    if value == "none":
        return NoCredential()
    if value == "client::":
        return CallerCredential()
    if value == "sdk":
        return SdkLocation()
    return _parse_named(value)


def _parse_named(value: str) -> CredentialLocation:
    prefix, separator, name = value.partition("::")
    kind = _PREFIXES.get(prefix)
    if not separator or kind is None:
        raise problem(
            "invalid credential location format (not shown here, since it may be a key)",
            f"{REMEDY}; a key itself never belongs in the configuration",
        )
    if not name or (kind in (EnvLocation, PathFromEnvLocation) and not _VARIABLE.match(name)):
        raise problem(f"no usable name follows `{prefix}::`", REMEDY)
    return kind(name)


def _parse_fallback(value: dict[str, object]) -> FallbackLocation:
    missing = sorted({"default", "fallback"} - value.keys())
    if missing:
        raise problem(f"missing field `{missing[0]}`", "write both `default` and `fallback`")
    extra = sorted(value.keys() - {"default", "fallback"})
    if extra:
        raise problem(
            f"unknown field `{extra[0]}`", "only `default` and `fallback` are allowed here"
        )
    return FallbackLocation(parse_location(value["default"]), parse_location(value["fallback"]))


Location = Annotated[
    CredentialLocation, PlainValidator(parse_location), Shown("credential location")
]
"""The type of a key that holds a credential location."""


def _parse_simple(value: object) -> CredentialLocation:
    if isinstance(value, dict):
        raise problem("a fallback is not possible here", REMEDY)
    return parse_location(value)


SimpleLocation = Annotated[
    CredentialLocation, PlainValidator(_parse_simple), Shown("credential location")
]
"""The same without `{default, fallback}`."""


def parse_literal(value: object) -> CredentialLocation | str:
    """Text that is a location where it begins like one, and stands for itself otherwise."""
    if isinstance(value, str) and value not in ("sdk", "none") and "::" not in value:
        if not value:
            raise problem("must not be empty", "write it, or remove the key")
        return value
    return _parse_simple(value)


LiteralOrLocation = Annotated[
    CredentialLocation | str, PlainValidator(parse_literal), Shown("text or credential location")
]


@dataclass(frozen=True, slots=True)
class ServiceAccounts:
    """Of a provider's type: files and variables hold a service account's JSON, for which tokens of
    this scope are fetched, `sdk` is the default identity, and what a call brings is a token."""

    scope: str


@dataclass(frozen=True, slots=True)
class Identities:
    """Of a provider's type: `sdk` is the machine's identity, for which tokens of this scope are
    fetched; all other locations hold keys."""

    scope: str


def leaves(location: CredentialLocation) -> tuple[CredentialLocation, ...]:
    """The simple locations in it, in the order in which they are tried."""
    if isinstance(location, FallbackLocation):
        return (*leaves(location.default), *leaves(location.fallback))
    return (location,)


def render_location(location: CredentialLocation) -> str:
    """The location as it is written in a file."""
    if isinstance(location, FallbackLocation):
        default, fallback = render_location(location.default), render_location(location.fallback)
        return f"{{default: {default}, fallback: {fallback}}}"
    if isinstance(location, EnvLocation):
        return f"env::{location.variable}"
    if isinstance(location, PathLocation):
        return f"path::{location.path}"
    if isinstance(location, PathFromEnvLocation):
        return f"path_from_env::{location.variable}"
    if isinstance(location, DynamicLocation):
        return f"dynamic::{location.key}"
    if isinstance(location, SdkLocation):
        return "sdk"
    return "none" if isinstance(location, NoCredential) else "client::"

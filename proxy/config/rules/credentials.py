"""Whether credentials that must be there at the start are there. Their values go nowhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path as FilePath
from typing import Any

from pydantic_core import PydanticCustomError

from proxy.config.findings import Finding, Path, Tree
from proxy.config.schema.cloud_providers import AWS_KEYS
from proxy.config.schema.credentials import (
    CredentialLocation,
    EnvLocation,
    FallbackLocation,
    PathFromEnvLocation,
    PathLocation,
    leaves,
    parse_literal,
    parse_location,
)
from proxy.config.schema.embedding_models import EMBEDDING_TYPES
from proxy.config.schema.providers import DEFAULT_LOCATIONS
from proxy.config.tree import provider_tables, table, tables

KEY = "api_key_location"
CLOUD_KEY = "credential_location"
AWS = ("aws_bedrock", "aws_sagemaker")
GOOGLE = ("gcp_vertex_anthropic", "gcp_vertex_gemini")


def parsed(written: object) -> CredentialLocation | None:
    """The location as written; None when there is none, or the shape refuses it."""
    if written is None:
        return None
    try:
        return parse_location(written)
    except PydanticCustomError:
        return None


def check_credentials(
    tree: Tree, environ: Mapping[str, str], warn: Callable[[Path, str], None]
) -> Iterator[Finding]:
    """Findings for locations without a value; `warn` hears of fallbacks that will be used."""
    for path, location, is_written in _locations(tree):
        absent = absence(location, environ)
        if absent is not None:
            message, remedy = absent
            yield Finding(path, f"API key missing: {message}", remedy)
        elif is_written and isinstance(location, FallbackLocation):
            absent = absence(location.default, environ)
            if absent is not None:
                warn((*path, "default"), f"{absent[0]}; the fallback is used")


def _locations(tree: Tree) -> Iterator[tuple[Path, CredentialLocation, bool]]:
    """The key's place, the location, and whether it is written there or the type's default."""
    for path, provider in provider_tables(tree):
        kind = str(provider.get("type"))
        if path[0] != "models" and kind not in EMBEDDING_TYPES:
            continue
        if kind in AWS:
            yield from _aws_locations(path, provider)
            continue
        key = CLOUD_KEY if kind in GOOGLE else KEY
        written = provider.get(key)
        location = DEFAULT_LOCATIONS.get(kind) if written is None else parsed(written)
        if location is not None:
            yield (*path, key), location, written is not None
    for path, provider in tables(tree, "zeroproxy", "default_provider"):
        if (location := parsed(provider.get(KEY))) is not None:
            yield (*path, KEY), location, True
    relay = parsed(table(table(tree, "gateway"), "relay").get(KEY))
    if relay is not None:
        yield ("gateway", "relay", KEY), relay, True


def _aws_locations(path: Path, provider: Tree) -> Iterator[tuple[Path, CredentialLocation, bool]]:
    for key in AWS_KEYS:
        location = literal(provider.get(key))
        if location is not None:
            yield (*path, key), location, True


def literal(written: Any) -> CredentialLocation | None:
    """The location where text stands that may be one; None when it stands for itself."""
    if not isinstance(written, str):
        return None
    try:
        found = parse_literal(written)
    except PydanticCustomError:
        return None
    return None if isinstance(found, str) else found


def absence(location: CredentialLocation, environ: Mapping[str, str]) -> tuple[str, str] | None:
    """Why there is no value, and what to do; None when there is one or only a request can tell."""
    if isinstance(location, FallbackLocation):
        found = [absence(leaf, environ) for leaf in leaves(location)]
        return None if None in found else found[0]
    if isinstance(location, EnvLocation):
        return _variable_absence(location.variable, environ, "…")
    if isinstance(location, PathLocation):
        return _file_absence(location.path)
    if isinstance(location, PathFromEnvLocation):
        absent = _variable_absence(location.variable, environ, "/path/of/the/key")
        return absent or _file_absence(environ[location.variable])
    return None


def found_value(location: CredentialLocation, environ: Mapping[str, str]) -> str | None:
    """What a variable or a file holds; None where nothing is, and of all other locations."""
    if isinstance(location, EnvLocation):
        return environ.get(location.variable)
    if isinstance(location, PathFromEnvLocation):
        file = environ.get(location.variable)
    else:
        file = location.path if isinstance(location, PathLocation) else None
    try:
        return None if file is None else FilePath(file).read_text(encoding="utf-8").strip()
    except (OSError, ValueError):
        return None


def _variable_absence(
    variable: str, environ: Mapping[str, str], example: str
) -> tuple[str, str] | None:
    if environ.get(variable, "").strip():
        return None
    state = "empty" if variable in environ else "missing"
    remedy = f"export {variable}={example}; or set `{KEY}: none` if the server needs no key"
    return f"environment variable `{variable}` is {state}", remedy


def _file_absence(path: str) -> tuple[str, str] | None:
    remedy = f"put the key into the file `{path}`, readable for this program"
    try:
        content = FilePath(path).read_bytes()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not a path"
        return f"failed to read credentials file `{path}`: {reason}", remedy
    return None if content.strip() else (f"credentials file `{path}` is empty", remedy)

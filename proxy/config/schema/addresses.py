"""Addresses of providers: URLs as the configuration writes them."""

from __future__ import annotations

import re
from ipaddress import IPv4Address
from typing import Annotated, Any
from urllib.parse import urlsplit

from proxy.config.schema.base import Shown, problem
from proxy.config.schema.form import BeforeValidator

OPENAI_API_BASE = "https://api.openai.com/v1/"
OLLAMA_API_BASE = "http://localhost:11434/v1/"
ENV_PREFIX = "env::"
DYNAMIC_PREFIX = "dynamic::"
_FORBIDDEN = re.compile(r"[\x00-\x20\x7f#/<>?@\[\\\]^|%]")
"""What no host may hold (WHATWG URL, 3.5), but for the colons of IPv6."""
_PLACE = re.compile(r"[a-z0-9-]+\Z")
_NAMED = re.compile(r"(env|dynamic)::[^\s=\0]+\Z")


def is_http_url(value: str) -> bool:
    """Whether this is the URL of a server."""
    try:
        url = urlsplit(value)
        return url.scheme in ("http", "https") and _is_host(url.hostname) and url.port != 0
    except ValueError:
        return False


def _is_host(host: str | None) -> bool:
    """Whether it can be a name or an address. What ends in a number must be an IPv4 address.

    Raises ValueError if that is not so, too.
    """
    if not host or _FORBIDDEN.search(host):
        return False
    last = host.rstrip(".").rpartition(".")[2]
    return not last.isdigit() or bool(IPv4Address(host.rstrip(".")))


def _checked(value: str, key: str, example: str) -> str:
    """The URL with a slash at its end. It is not repeated in errors: it may hold a password."""
    if not is_http_url(value):
        raise problem("not an http or https URL", f"write it like `{example}`")
    url = urlsplit(value)
    if url.username or url.password or url.query or url.fragment:
        raise problem(
            f"`{key}` must not hold a user name, a password, a query or a fragment",
            "leave only scheme, host, port and path; name the key in `api_key_location`",
        )
    return value if value.endswith("/") else value + "/"


def _check_api_base(value: Any) -> Any:
    example = "http://127.0.0.1:11434/v1"
    return _checked(value, "api_base", example) if isinstance(value, str) else value


def _check_endpoint(value: Any) -> Any:
    if not isinstance(value, str) or _NAMED.match(value):
        return value
    return _checked(value, "endpoint", "https://my-resource.openai.azure.com")


ApiBase = Annotated[str, BeforeValidator(_check_api_base), Shown("URL")]
Endpoint = Annotated[
    str, BeforeValidator(_check_endpoint), Shown("URL, `env::VAR` or `dynamic::KEY`")
]
"""Loading puts the variable's value in the place of `env::VAR`."""


def _check_place(value: Any) -> Any:
    if isinstance(value, str) and not _PLACE.match(value):
        raise problem("not the name of a location", "write it like `us-central1` or `global`")
    return value


Place = Annotated[str, BeforeValidator(_check_place), Shown("location")]
"""It becomes a part of a host's name, so that nothing else may be in it."""

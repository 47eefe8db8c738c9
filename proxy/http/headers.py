"""Which headers concern only one hop, and which go on to the provider or back to the client."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from proxy.types.ports import Headers

HOP_BY_HOP = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
"""RFC 9110, 7.6.1."""

NOT_UPSTREAM = HOP_BY_HOP | frozenset(
    {
        "accept-encoding",
        "api-key",
        "authorization",
        "content-encoding",
        "content-length",
        "cookie",
        "expect",
        "forwarded",
        "host",
        "via",
        "x-api-key",
        "x-real-ip",
    }
)
"""Ours, this hop's, or the caller's secrets and whereabouts."""

NOT_UPSTREAM_PREFIXES = ("x-tensorzero-", "tensorzero-", "x-forwarded-", "cf-")

NOT_CLIENT = HOP_BY_HOP | frozenset(
    {"alt-svc", "content-length", "date", "set-cookie", "strict-transport-security"}
)
"""Said of the provider's own connection or site, or told anew by us."""

OURS_PREFIX = "x-tensorzero-"

_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")

ANTI_BUFFERING = (("Cache-Control", "no-cache"), ("X-Accel-Buffering", "no"))
"""What keeps intermediaries from holding a stream back."""


def request_headers(raw: Iterable[tuple[bytes, bytes]]) -> list[tuple[str, str]]:
    """The client's headers that go on to a provider."""
    named = ((_name_upstream(name), value) for name, value in raw)
    return [(name, value.decode("utf-8", "surrogateescape")) for name, value in named if name]


def answer_headers(theirs: Headers) -> list[tuple[str, str]]:
    """The provider's headers as the client gets them."""
    named = ((_name_client(name), value) for name, value in theirs)
    kept = [(name, one_line(value)) for name, value in named if name]
    if any("event-stream" in value for name, value in kept if name.lower() == "content-type"):
        present = {name.lower() for name, _ in kept}
        kept += [item for item in ANTI_BUFFERING if item[0].lower() not in present]
    return kept


@lru_cache(maxsize=1024)
def _name_upstream(name: bytes) -> str:
    """The name under which a client's header goes on; empty when it does not."""
    text = name.decode("latin-1")
    lower = text.lower()
    stays = lower in NOT_UPSTREAM or lower.startswith(NOT_UPSTREAM_PREFIXES)
    return "" if stays else text


@lru_cache(maxsize=1024)
def _name_client(name: str) -> str:
    """The name under which a provider's header goes on; its request id makes room for ours."""
    lower = name.lower()
    if lower == "x-request-id":
        return "x-upstream-request-id"
    return "" if lower in NOT_CLIENT or lower.startswith(OURS_PREFIX) else name


def one_line(value: str) -> str:
    """A value that ends no header, whoever chose it: control characters become spaces."""
    return value if value.isprintable() else _CONTROL.sub(" ", value)

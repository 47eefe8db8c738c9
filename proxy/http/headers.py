"""Which headers concern only one hop, and which go on to the provider or back to the client."""

from __future__ import annotations

from collections.abc import Iterable

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

ANTI_BUFFERING = (("Cache-Control", "no-cache"), ("X-Accel-Buffering", "no"))
"""What keeps intermediaries from holding a stream back."""


def request_headers(raw: Iterable[tuple[bytes, bytes]]) -> list[tuple[str, str]]:
    """The client's headers that go on to a provider."""
    kept = []
    for name, value in raw:
        lower = name.decode("latin-1").lower()
        if lower not in NOT_UPSTREAM and not lower.startswith(NOT_UPSTREAM_PREFIXES):
            kept.append((name.decode("latin-1"), value.decode("utf-8", "surrogateescape")))
    return kept


def answer_headers(headers: Headers) -> list[tuple[str, str]]:
    """The headers of an answer as the client gets them."""
    kept: list[tuple[str, str]] = []
    stream = False
    for name, value in headers:
        lower = name.lower()
        if lower in NOT_CLIENT:
            continue
        if lower == "content-type" and "event-stream" in value:
            stream = True
        kept.append((name, _one_line(value)))
    if stream:
        present = {name.lower() for name, _ in kept}
        kept += [item for item in ANTI_BUFFERING if item[0].lower() not in present]
    return kept


def _one_line(value: str) -> str:
    return value.replace("\r", " ").replace("\n", " ")

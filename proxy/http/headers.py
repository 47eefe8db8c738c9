"""Which headers concern only one hop, and which go on to the provider or back to the client."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from itertools import compress
from operator import add

from proxy.types.ports import FixedHeaders, Headers

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

CONTROLS = bytes((*range(0x09), *range(0x0A, 0x20), 0x7F))
"""What no header's value may have (RFC 9110, 5.5)."""

_CONTROL = re.compile("[" + re.escape(CONTROLS.decode()) + "]")

ANTI_BUFFERING = (("Cache-Control", "no-cache"), ("X-Accel-Buffering", "no"))
"""What keeps intermediaries from holding a stream back."""


def request_headers(raw: Sequence[tuple[bytes, bytes]]) -> list[tuple[str, str]]:
    """The client's headers that go on to a provider."""
    try:
        return [(name, value.decode()) for key, value in raw if (name := _name_upstream(key))]
    except UnicodeDecodeError:
        named = ((_name_upstream(key), value) for key, value in raw)
        return [(name, value.decode("utf-8", "surrogateescape")) for name, value in named if name]


def answer_lines(theirs: Headers, ours: Headers) -> list[str]:
    """The provider's headers as the client gets them and then our own, a line each; to be given to
    `encode_head`."""
    lines: list[str] = []
    if theirs:
        names, values = zip(*theirs, strict=True)
        starts, kept = _line_starts(names)
        lines += map(add, starts, compress(values, kept))
    lines += map(": ".join, ours)
    return lines


def stream_lines(theirs: Headers) -> list[str]:
    """What an answer of events has besides, where its provider does not say it."""
    if not any("event-stream" in val for name, val in theirs if name.lower() == "content-type"):
        return []
    present = {name.lower() for name, _ in theirs}
    absent = (pair for pair in ANTI_BUFFERING if pair[0].lower() not in present)
    return [f"{name}: {value}" for name, value in absent]


def encode_head(status_line: str, lines: Sequence[str]) -> bytes:
    """The head of an answer, with the empty line at its end.

    Providers choose values, and of our own some name models, which callers may invent: none of them
    ends a line before its time.
    """
    head = "\r\n".join((status_line, *lines, "\r\n")).encode("utf-8", "surrogateescape")
    if len(head) - len(head.translate(None, CONTROLS)) != 2 * (len(lines) + 2):
        return encode_head(status_line, [one_line(line) for line in lines])
    return head


@lru_cache(maxsize=1024)
def fixed_lines(headers: FixedHeaders) -> tuple[str, ...]:
    """The same for headers that many answers share."""
    return tuple(one_line(f"{name}: {value}") for name, value in headers)


@lru_cache(maxsize=1024)
def _name_upstream(name: bytes) -> str:
    """The name under which a client's header goes on; empty when it does not."""
    text = name.decode("latin-1")
    lower = text.lower()
    stays = lower in NOT_UPSTREAM or lower.startswith(NOT_UPSTREAM_PREFIXES)
    return "" if stays else text


@lru_cache(maxsize=1024)
def _line_starts(names: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[bool, ...]]:
    """What stands before the values of the headers that go on, and which those are. A provider's
    answers mostly have the same headers in the same order."""
    starts = [_line_start(name) for name in names]
    return tuple(filter(None, starts)), tuple(map(bool, starts))


def _line_start(name: str) -> str:
    """What stands before the value where a provider's header goes on; nothing where it does not.
    Its request id makes room for ours."""
    lower = name.lower()
    if lower == "x-request-id":
        return "x-upstream-request-id: "
    return "" if lower in NOT_CLIENT or lower.startswith(OURS_PREFIX) else f"{name}: "


def one_line(value: str) -> str:
    """A value that ends no header, whoever chose it: control characters become spaces."""
    return value if value.isprintable() else _CONTROL.sub(" ", value)

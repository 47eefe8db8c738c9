"""What errors mean, as far as statuses and the words that vendors share tell it."""

from __future__ import annotations

import re
from collections.abc import Mapping

from proxy.types.fault import FaultKind
from proxy.types.ports import Headers

_BY_STATUS: Mapping[int, FaultKind] = {
    401: "authentication",
    402: "quota",
    403: "permission",
    404: "not_found",
    408: "timeout",
    413: "too_large",
    429: "rate_limit",
    503: "overloaded",
    504: "timeout",
    529: "overloaded",
}
_BY_WORD: tuple[tuple[str, FaultKind], ...] = (
    ("context_length", "context_length"),
    ("context length", "context_length"),
    ("prompt is too long", "context_length"),
    ("input is too long", "context_length"),
    ("maximum context", "context_length"),
    ("max context", "context_length"),
    ("context window", "context_length"),
    ("prompt too long", "context_length"),
    ("too_many_prompt_tokens", "context_length"),
    ("content_filter", "content_filter"),
    ("content management policy", "content_filter"),
    ("content violates", "content_filter"),
    ("insufficient_quota", "quota"),
    ("credit balance", "quota"),
    ("billing", "quota"),
    ("rate_limit", "rate_limit"),
    ("throttling", "rate_limit"),
    ("resource_exhausted", "rate_limit"),
    ("overloaded", "overloaded"),
    ("unavailable", "overloaded"),
    ("invalid_api_key", "authentication"),
    ("authentication", "authentication"),
    ("api key not valid", "authentication"),
    ("incorrect api key", "authentication"),
    ("permission", "permission"),
    ("not_found", "not_found"),
    ("model_decommissioned", "not_found"),
    ("deadline_exceeded", "timeout"),
)

_NUMBER = r"\d{1,9}(?:\.\d{1,9})?"
_UNIT = r"milliseconds?|ms|hours?|h|minutes?|min|m|seconds?|sec|s"
_SPAN = re.compile(rf"({_NUMBER}) ?({_UNIT})", re.IGNORECASE)
_WAITING = re.compile(
    rf"(?:try again|retry|retrying) (?:in|after) ((?:{_NUMBER} ?(?:{_UNIT}) ?)+)", re.IGNORECASE
)


def kind_of(status: int, code: str, message: str) -> FaultKind:
    """The kind of an error by its words, or else by its status."""
    said = f"{code} {message}".lower()
    for word, kind in _BY_WORD:
        if word in said:
            return kind
    known = _BY_STATUS.get(status)
    if known is not None:
        return known
    if 400 <= status < 500:
        return "invalid_request"
    return "server" if status >= 500 else "unknown"


def waiting_time(headers: Headers) -> float | None:
    """Seconds that the headers ask to wait, where they are a number (a date needs a clock)."""
    named = {name.lower(): value.strip() for name, value in headers}
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        if named.get(name, "").replace(".", "", 1).isdecimal():
            return float(named[name]) * unit
    return None


def told_waiting(message: str) -> float | None:
    """Seconds after which a message says to try again, as in `try again in 1m2.5s`."""
    match = _WAITING.search(message)
    if match is None:
        return None
    return sum(float(count) * _seconds(unit.lower()) for count, unit in _SPAN.findall(match[1]))


def _seconds(unit: str) -> float:
    if unit == "ms" or unit.startswith("mil"):
        return 0.001
    return {"h": 3600.0, "m": 60.0, "s": 1.0}[unit[0]]

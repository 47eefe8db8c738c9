"""Errors: what they say (google.aip.dev/193), and those inside answers of status 200."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from proxy.errors import UpstreamGarbage
from proxy.types.fault import Fault, FaultKind
from proxy.types.ports import Headers
from proxy.wire.faults import kind_of, waiting_time
from proxy.wire.lenient import lenient_loads
from proxy.wire.values import object_of, objects_of, text_of

DEFAULT_STATUS = 500
_STATUS_OF_WORD: Mapping[str, int] = MappingProxyType(
    {
        "INVALID_ARGUMENT": 400,
        "FAILED_PRECONDITION": 400,
        "OUT_OF_RANGE": 400,
        "UNAUTHENTICATED": 401,
        "PERMISSION_DENIED": 403,
        "NOT_FOUND": 404,
        "ALREADY_EXISTS": 409,
        "ABORTED": 409,
        "RESOURCE_EXHAUSTED": 429,
        "CANCELLED": 499,
        "UNIMPLEMENTED": 501,
        "UNAVAILABLE": 503,
        "DEADLINE_EXCEEDED": 504,
    }
)
_TOO_LONG = re.compile(r"token count.{0,80}exceeds", re.IGNORECASE | re.DOTALL)
_DELAY = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)s\Z")
_ENDED_THERE = ("CANCELLED", "ABORTED")


def find_error(data: bytes, event: bytes = b"") -> int | None:
    """The HTTP status that the error in a 200 stands for; None if there is no error.

    `data` is one object of a stream, or a whole body; errors also come in a list.
    """
    if b'"error"' not in data:
        return None
    try:
        value = _object_in(lenient_loads(data))
    except UpstreamGarbage:
        return None
    error = value.get("error")
    if not error or value.get("candidates"):
        return None
    return _status_of(object_of(error))


def _status_of(error: Mapping[str, object]) -> int:
    code = error.get("code")
    if isinstance(code, int) and 400 <= code <= 599:
        return code
    return _STATUS_OF_WORD.get(text_of(error.get("status")).upper(), DEFAULT_STATUS)


def _object_in(value: object) -> Mapping[str, object]:
    """The value, or the first object of a list."""
    listed = objects_of(value)
    return listed[0] if listed else object_of(value)


def read_error(status: int, headers: Headers, body: bytes) -> Fault:
    """What an error's body says. Raises nothing."""
    try:
        value = _object_in(lenient_loads(body))
    except UpstreamGarbage:
        value = {}
    error = value.get("error")
    source = error if isinstance(error, dict) else value
    said = text_of(error) or text_of(source.get("message"))
    message = said or body[:500].decode("utf-8", "replace").strip()
    code = text_of(source.get("status"))
    details = objects_of(source.get("details"))
    delay = next((found for each in details if (found := _delay(each)) is not None), None)
    reasons = " ".join(text_of(each.get("reason")) for each in details)
    wait = waiting_time(headers) if delay is None else delay
    return Fault(_kind(status, code, reasons, message, delay), status, code, message, wait)


def _kind(status: int, code: str, reasons: str, message: str, delay: float | None) -> FaultKind:
    if _TOO_LONG.search(message):
        return "context_length"
    if "API_KEY_" in reasons:
        return "authentication"
    if code in _ENDED_THERE:
        return "server"
    if delay is not None and status == 429:
        return "rate_limit"
    return kind_of(status, f"{code} {reasons}", message)


def _delay(detail: Mapping[str, object]) -> float | None:
    """Seconds of a `RetryInfo`, whose duration is spelled `1.5s`."""
    match = _DELAY.match(text_of(detail.get("retryDelay")))
    return None if match is None else float(match[1])

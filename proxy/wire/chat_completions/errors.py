"""Errors inside answers of status 200: as the only member of a body, or as a stream's event."""

from __future__ import annotations

from collections.abc import Mapping

from proxy.errors import UpstreamGarbage
from proxy.wire.lenient import lenient_loads

DEFAULT_STATUS = 500

_STATUS_KEYS = ("status_code", "http_status", "code", "status")
_STATUS_OF_WORD: tuple[tuple[str, int], ...] = (
    ("invalid_request", 400),
    ("authentication", 401),
    ("insufficient_quota", 429),
    ("rate_limit", 429),
    ("permission", 403),
    ("not_found", 404),
    ("overloaded", 503),
    ("unavailable", 503),
    ("timeout", 504),
)


def find_error(data: bytes, event: bytes = b"") -> int | None:
    """The HTTP status that the error in a 200 stands for; None if there is no error.

    `data` is the data of a stream's event, whose name is `event`, or a whole body. A null or empty
    `error` is none, nor is one beside a complete message. An error that gives no hint of a status
    counts as 500.
    """
    named = event == b"error"
    if not named and b'"error"' not in data:
        return None
    try:
        value = lenient_loads(data)
    except UpstreamGarbage:
        value = None
    if not isinstance(value, dict):
        return DEFAULT_STATUS if named else None
    error = value.get("error")
    if named or value.get("object") == "error" or (error and not _has_message(value)):
        return status_of(error, value)
    return None


def _has_message(body: Mapping[str, object]) -> bool:
    choices = body.get("choices")
    if not isinstance(choices, list):
        return False
    return any(isinstance(choice, dict) and choice.get("message") for choice in choices)


def status_of(error: object, body: Mapping[str, object]) -> int:
    """The status that an `error` member, or the body around it, states or hints at; else 500."""
    for source in (error, body):
        if not isinstance(source, dict):
            continue
        for key in _STATUS_KEYS:
            status = _as_status(source.get(key))
            if status is not None:
                return status
    return _status_of_words(error if isinstance(error, dict) else body)


def _as_status(value: object) -> int | None:
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) == 3:
        value = int(value)
    if isinstance(value, int) and 400 <= value <= 599:
        return value
    return None


def _status_of_words(source: Mapping[str, object]) -> int:
    words = " ".join(str(source.get(key, "")).lower() for key in ("code", "type", "status"))
    for word, status in _STATUS_OF_WORD:
        if word in words:
            return status
    return DEFAULT_STATUS

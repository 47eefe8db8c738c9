"""Errors: what they say, and those inside answers of status 200 (a body's, or a stream's event)."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from proxy.errors import UpstreamGarbage
from proxy.types.fault import Fault, FaultKind
from proxy.types.ports import Headers
from proxy.wire.faults import kind_of, waiting_time
from proxy.wire.lenient import lenient_loads
from proxy.wire.values import object_of, text_of

DEFAULT_STATUS = 500
LONGEST_MESSAGE = 500
"""Characters of a body that is shown as it is, because it has no message."""

STATUSES: Mapping[str, int] = MappingProxyType(
    {
        "invalid_request_error": 400,
        "authentication_error": 401,
        "billing_error": 402,
        "permission_error": 403,
        "not_found_error": 404,
        "request_too_large": 413,
        "rate_limit_error": 429,
        "api_error": 500,
        "timeout_error": 504,
        "overloaded_error": 529,
    }
)
"""The protocol's list of errors, with the status that each has outside of a stream."""

_KINDS: Mapping[str, FaultKind] = MappingProxyType(
    {
        "authentication_error": "authentication",
        "billing_error": "quota",
        "permission_error": "permission",
        "not_found_error": "not_found",
        "request_too_large": "too_large",
        "rate_limit_error": "rate_limit",
        "timeout_error": "timeout",
        "overloaded_error": "overloaded",
    }
)
"""What the error's type settles; the message tells kinds of invalid requests apart."""


def find_error(data: bytes, event: bytes = b"") -> int | None:
    """The HTTP status that the error in a 200 stands for; None if there is no error.

    `data` is the data of a stream's event, whose name is `event`, or a whole body. An error of a
    type that nobody knows counts as 500.
    """
    named = event == b"error"
    if not named and b'"error"' not in data:
        return None
    value = _object(data)
    error = value.get("error")
    if not named and value.get("type") != "error" and (not error or "content" in value):
        return None
    return STATUSES.get(text_of(object_of(error).get("type")), _stated(error, value))


def read_error(status: int, headers: Headers, body: bytes) -> Fault:
    """What an error's body says, in this protocol's form or in that of a server in front of the
    vendor's. Raises nothing."""
    value = _object(body)
    error = value.get("error")
    source = object_of(error) or value
    said = (error if isinstance(error, str) else "") or next(
        (text_of(source[key]) for key in ("message", "detail") if source.get(key)), ""
    )
    code = next(
        (text_of(source.get(key)) for key in ("type", "status", "code") if _word(source, key)), ""
    )
    message = said or body[:LONGEST_MESSAGE].decode("utf-8", "replace").strip()
    kind = _KINDS.get(code) or kind_of(status, code, message)
    return Fault(kind, status, code, message, waiting_time(headers))


def _word(source: Mapping[str, object], key: str) -> bool:
    return isinstance(source.get(key), str) and source[key] != "error"


def _object(data: bytes) -> Mapping[str, object]:
    """The object; of a list of errors, which some servers send, the first."""
    try:
        value = lenient_loads(data)
    except UpstreamGarbage:
        return {}
    return object_of(value[0] if isinstance(value, list) and value else value)


def _stated(error: object, value: Mapping[str, object]) -> int:
    for source in (object_of(error), value):
        for key in ("code", "status", "status_code"):
            status = source.get(key)
            if isinstance(status, int) and 400 <= status <= 599:
                return status
    return DEFAULT_STATUS

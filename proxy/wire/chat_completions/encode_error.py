"""An error of a provider that speaks another protocol, as OpenAI's clients know errors."""

from __future__ import annotations

from collections.abc import Mapping

import orjson

from proxy.types.fault import Fault, FaultKind

_TYPES: Mapping[FaultKind, str] = {
    "invalid_request": "invalid_request_error",
    "context_length": "invalid_request_error",
    "content_filter": "invalid_request_error",
    "not_found": "invalid_request_error",
    "too_large": "invalid_request_error",
    "authentication": "authentication_error",
    "permission": "permission_error",
    "quota": "insufficient_quota",
    "rate_limit": "rate_limit_error",
}
_CODES: Mapping[FaultKind, str] = {
    "context_length": "context_length_exceeded",
    "content_filter": "content_filter",
    "quota": "insufficient_quota",
}
"""Words on which clients act; otherwise the code is the provider's own."""


def encode_error(fault: Fault) -> bytes:
    """The body `{"error": {"message", "type", "param", "code"}}`."""
    error = {
        "message": fault.message or f"the provider answered {fault.status}",
        "type": _TYPES.get(fault.kind, "server_error"),
        "param": None,
        "code": _CODES.get(fault.kind, fault.code or None),
    }
    return orjson.dumps({"error": error})

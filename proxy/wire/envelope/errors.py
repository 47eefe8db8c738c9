"""Errors in the endpoint's own form."""

from __future__ import annotations

from collections.abc import Sequence

from proxy.errors import InvalidRequest
from proxy.wire.dumps import dumps


def refuse(message: str) -> InvalidRequest:
    """An error about the request as a whole, in the endpoint's own voice."""
    return InvalidRequest(f"Invalid request to OpenAI-compatible endpoint: {message}")


def encode_error(
    message: str,
    *,
    param: str | None = None,
    error_json: bytes | None = None,
    raw_response: Sequence[bytes] | None = None,
) -> bytes:
    """`{"error": {"message": …}}`.

    `param` is the place of the fault in the request, which is ours to say; `error_json` is the
    structured error (raw JSON), shown under two names where the configuration asks for it;
    `raw_response` has raw entries, for a caller that asked for them.
    """
    error: dict[str, object] = {"message": message}
    if param is not None:
        error["param"] = param
    if error_json is not None:
        error |= {"error_json": error_json, "tensorzero_error_json": error_json}
    body: dict[str, object] = {"error": error}
    if raw_response:
        body["tensorzero_raw_response"] = list(raw_response)
    return dumps(body)

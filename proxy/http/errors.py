"""Every error of the tree as an HTTP answer, in the dialect of the route that raised it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import orjson

from proxy import __version__
from proxy.errors import (
    AllVariantsFailed,
    CredentialMissing,
    Forbidden,
    InvalidRequest,
    MethodNotAllowed,
    NotFound,
    NotSupported,
    PayloadTooLarge,
    RecordingError,
    RequestError,
    StoreUnavailable,
    Unauthorized,
    UpstreamTimeout,
    ZeroProxyError,
)
from proxy.http import web
from proxy.wire.envelope.errors import encode_error

RETRY_AFTER_S = 1
NO_RETRY = ("x-should-retry", "false")
"""OpenAI's SDKs obey it; they would send again what cannot succeed."""


@dataclass(frozen=True, slots=True)
class Wording:
    """An error as HTTP says it."""

    status: int
    message: str
    type: str
    param: str | None = None
    code: str | None = None
    headers: tuple[tuple[str, str], ...] = ()


Dialect = Callable[[Wording], bytes]


def openai_dialect(wording: Wording) -> bytes:
    """`{"error": {"message", "type", "param", "code"}}`, all four always there."""
    error = {
        "message": wording.message,
        "type": wording.type,
        "param": wording.param,
        "code": wording.code,
    }
    return orjson.dumps({"error": error})


def native_dialect(wording: Wording) -> bytes:
    """TensorZero's `{"error": "…"}`, and `param`, ours, where the fault has a place; nothing for a
    method that is not possible."""
    if wording.status == 405:
        return b""
    place = {} if wording.param is None else {"param": wording.param}
    return orjson.dumps({"error": wording.message, **place})


def envelope_dialect(wording: Wording) -> bytes:
    """TensorZero's `{"error": {"message": "…"}}`, and `param`, ours, where the fault has a place;
    nothing for a method that is not possible."""
    return b"" if wording.status == 405 else encode_error(wording.message, param=wording.param)


_STATUS: tuple[tuple[type[RequestError], int, str], ...] = (
    (Unauthorized, 401, "unauthorized"),
    (Forbidden, 403, "unauthorized"),
    (NotFound, 404, "not_found"),
    (MethodNotAllowed, 405, "not_found"),
    (PayloadTooLarge, 413, "too_large"),
    (NotSupported, 501, "malformed"),
    (InvalidRequest, 400, "malformed"),
)


def rejection_reason(error: RequestError) -> str:
    """The word under which a call that never got in is counted."""
    return next((reason for kind, _, reason in _STATUS if isinstance(error, kind)), "malformed")


def word(error: ZeroProxyError) -> Wording:
    """Status and text of an error."""
    if isinstance(error, RequestError):
        return _word_request(error)
    if isinstance(error, AllVariantsFailed):
        status = 504 if isinstance(error.last, UpstreamTimeout) else 502
        headers: tuple[tuple[str, str], ...] = (
            ("x-request-id", error.inference_id),
            ("x-tensorzero-inference-id", error.inference_id),
        )
        if error.exhausted or isinstance(error.last, CredentialMissing):
            headers = (*headers, NO_RETRY)
        code = error.last.kind if error.last is not None else None
        return Wording(status, str(error), "upstream_error", None, code, headers)
    if isinstance(error, RecordingError | StoreUnavailable):
        headers = (("Retry-After", str(RETRY_AFTER_S)),)
        return Wording(503, str(error), "unavailable_error", None, "recording_refused", headers)
    return Wording(500, str(error), "internal_error")


def _word_request(error: RequestError) -> Wording:
    status = next(status for kind, status, _ in _STATUS if isinstance(error, kind))
    headers: tuple[tuple[str, str], ...] = ()
    if isinstance(error, NotSupported):
        headers = (NO_RETRY,)
    if isinstance(error, MethodNotAllowed):
        headers = (("Allow", ", ".join(error.allowed)),)
    return Wording(status, str(error), "invalid_request_error", error.param, error.code, headers)


VERSION_HEADER = ("x-tensorzero-gateway-version", __version__)
"""Of every answer in TensorZero's own dialects."""


def respond(wording: Wording, dialect: Dialect) -> web.Response:
    """The answer that carries an error."""
    headers = dict(wording.headers)
    if dialect is not openai_dialect:
        headers |= dict([VERSION_HEADER])
    return web.Response(
        status=wording.status,
        body=dialect(wording),
        content_type="application/json",
        headers=headers,
    )

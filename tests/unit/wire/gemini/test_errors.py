from __future__ import annotations

import orjson
import pytest

from proxy.wire.gemini.errors import find_error, read_error


def error(
    code: object = 400, message: str = "m", status: str = "INVALID_ARGUMENT", **more: object
) -> bytes:
    return orjson.dumps({"error": {"code": code, "message": message, "status": status, **more}})


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (error(429), 429),
        (b"[" + error(503) + b"]", 503),
        (error(0, status="UNAVAILABLE"), 503),
        (error("x", status="?"), 500),
        (b'{"error": "down"}', 500),
        (b'{"error": null, "candidates": []}', None),
        (b'{"candidates": [{"content": {}}], "error": {"code": 500}}', None),
        (b'{"candidates": []}', None),
        (b'{"error"', None),
        (b'"error"', None),
    ],
)
def test_an_error_inside_an_answer_is_found(body: bytes, status: int | None) -> None:
    assert find_error(body) == status


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, error(message="bad field"), "invalid_request"),
        (
            400,
            error(message="The input token count (9) exceeds the maximum (8)."),
            "context_length",
        ),
        (400, error(message="x", details=[{"reason": "API_KEY_INVALID"}]), "authentication"),
        (401, error(401, status="UNAUTHENTICATED"), "authentication"),
        (403, error(403, status="PERMISSION_DENIED"), "permission"),
        (404, error(404, status="NOT_FOUND"), "not_found"),
        (429, error(429, status="RESOURCE_EXHAUSTED"), "rate_limit"),
        (429, error(429, "see your billing details", "RESOURCE_EXHAUSTED"), "quota"),
        (499, error(499, status="CANCELLED"), "server"),
        (500, error(500, status="INTERNAL"), "server"),
        (503, error(503, status="UNAVAILABLE"), "overloaded"),
        (504, error(504, status="DEADLINE_EXCEEDED"), "timeout"),
    ],
)
def test_errors_are_of_a_known_kind(status: int, body: bytes, kind: str) -> None:
    assert read_error(status, (), body).kind == kind


def test_code_message_and_delay_are_the_providers_own() -> None:
    details = [{"@type": "x"}, {"retryDelay": "soon"}, {"retryDelay": "36.5s"}]
    body = error(429, "see your billing details", "RESOURCE_EXHAUSTED", details=details)
    fault = read_error(429, (("Retry-After", "9"),), b"[" + body + b"]")
    assert (fault.kind, fault.code, fault.message) == (
        "rate_limit",
        "RESOURCE_EXHAUSTED",
        "see your billing details",
    )
    assert fault.retry_after == 36.5
    assert read_error(429, (("Retry-After", "9"),), error(429)).retry_after == 9.0


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"<html>not found</html>", "<html>not found</html>"),
        (b'{"error": "down"}', "down"),
        (b'{"message": "flat"}', "flat"),
        (b"", ""),
    ],
)
def test_other_bodies_are_shown_as_they_are(body: bytes, message: str) -> None:
    fault = read_error(404, (), body)
    assert (fault.kind, fault.message) == ("not_found", message)

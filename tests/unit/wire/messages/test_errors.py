"""Errors, in bodies and inside answers of status 200."""

from __future__ import annotations

import json
from typing import Any

import pytest

from proxy.types.fault import Fault
from proxy.wire.messages.errors import find_error, read_error


def body(kind: str, message: str = "what happened") -> bytes:
    return json.dumps({"type": "error", "error": {"type": kind, "message": message}}).encode()


@pytest.mark.parametrize(
    ("kind", "status", "fault"),
    [
        ("invalid_request_error", 400, "invalid_request"),
        ("authentication_error", 401, "authentication"),
        ("billing_error", 402, "quota"),
        ("permission_error", 403, "permission"),
        ("not_found_error", 404, "not_found"),
        ("request_too_large", 413, "too_large"),
        ("rate_limit_error", 429, "rate_limit"),
        ("api_error", 500, "server"),
        ("timeout_error", 504, "timeout"),
        ("overloaded_error", 529, "overloaded"),
    ],
)
def test_every_kind_of_error_has_its_status_and_word(kind: str, status: int, fault: str) -> None:
    assert find_error(body(kind), b"error") == find_error(body(kind)) == status
    read = read_error(status, (("Retry-After", "3"),), body(kind))
    assert read == Fault(fault, status, kind, "what happened", 3.0)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("message", "fault"),
    [
        ("prompt is too long: 3 tokens > 2 maximum", "context_length"),
        ("Your credit balance is too low", "quota"),
    ],
)
def test_invalid_requests_are_told_apart_by_their_message(message: str, fault: str) -> None:
    assert read_error(400, (), body("invalid_request_error", message)).kind == fault


@pytest.mark.parametrize(
    ("status", "given", "expected"),
    [
        (
            403,
            [{"error": {"code": 403, "message": "m", "status": "PERMISSION_DENIED"}}],
            Fault("permission", 403, "PERMISSION_DENIED", "m"),
        ),
        (404, {"error": "m"}, Fault("not_found", 404, "", "m")),
        (401, {"message": "m", "code": "x"}, Fault("authentication", 401, "x", "m")),
        (400, {"detail": "m"}, Fault("invalid_request", 400, "", "m")),
        (500, [], Fault("server", 500, "", "[]")),
        (503, {"type": "error"}, Fault("overloaded", 503, "", '{"type": "error"}')),
    ],
)
def test_errors_of_servers_in_front_are_read_too(status: int, given: Any, expected: Fault) -> None:
    assert read_error(status, (), json.dumps(given).encode()) == expected


def test_a_body_that_is_no_json_is_its_own_message() -> None:
    assert read_error(502, (), b" Bad Gateway\n") == Fault("server", 502, "", "Bad Gateway")


@pytest.mark.parametrize(
    ("data", "event", "status"),
    [
        (b'{"type":"message","content":[],"error":null}', b"", None),
        (b'{"type":"message","content":[],"error":{"a":1}}', b"", None),
        (b'{"content":[{"text":"\\"error\\""}]}', b"", None),
        (b'{"error":{"type":"new_error"}}', b"", 500),
        (b'{"error":{"code":429}}', b"", 429),
        (b'{"error":"no","status":503}', b"", 503),
        (b"nonsense", b"error", 500),
        (b'{"type":"error","error":null}', b"", 500),
    ],
)
def test_an_error_is_told_from_an_answer(data: bytes, event: bytes, status: int | None) -> None:
    assert find_error(data, event) == status

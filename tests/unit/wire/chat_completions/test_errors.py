"""An error inside a 200 is seen; what only looks like one is not."""

from __future__ import annotations

import json

import pytest

from proxy.types.fault import Fault
from proxy.wire.chat_completions.errors import find_error, read_error

CHUNK = {"id": "x", "choices": [{"index": 0, "delta": {"content": '"error"'}}]}


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"error": {"message": "x", "code": 429}}, 429),
        ({"error": {"message": "x", "code": "503"}}, 503),
        ({"error": {"message": "x", "status_code": 400, "code": "tool_use_failed"}}, 400),
        ({"error": {"message": "x", "type": "rate_limit_error"}}, 429),
        ({"error": {"message": "x", "code": "insufficient_quota"}}, 429),
        ({"error": {"message": "x", "type": "invalid_request_error"}}, 400),
        ({"error": {"message": "x", "status": "UNAVAILABLE"}}, 503),
        ({"error": {"message": "x"}, "code": 502}, 502),
        ({"error": {"message": "x", "code": 200}}, 500),
        ({"error": "overloaded"}, 500),
        ({"object": "error", "message": "x", "code": 404}, 404),
        ({**CHUNK, "error": {"message": "x", "code": 502}}, 502),
        ({"choices": [], "error": {"message": "x"}}, 500),
        ({"choices": None, "error": {"message": "x"}}, 500),
        ({**CHUNK, "error": None}, None),
        ({**CHUNK, "error": {}}, None),
        ({"error": None}, None),
        ({"choices": [{"message": {"content": "x"}}], "error": {"message": "late"}}, None),
        (CHUNK, None),
        ({"choices": [{"delta": {"error": "x"}}]}, None),
        ([{"error": {"message": "x"}}], None),
    ],
)
def test_the_status_of_an_error_in_a_200(body: object, status: int | None) -> None:
    assert find_error(json.dumps(body).encode()) == status


def test_an_event_named_error_is_one_whatever_it_holds() -> None:
    assert find_error(b"boom", b"error") == 500
    assert find_error(b'{"message":"x","code":429}', b"error") == 429
    assert find_error(b"", b"error") == 500
    assert find_error(b'{"message":"x"}', b"message") is None


@pytest.mark.parametrize("data", [b"", b"[DONE]", b'{"error": ', b'"error"', b"\xff"])
def test_what_cannot_be_read_is_no_error(data: bytes) -> None:
    assert find_error(data) is None


@pytest.mark.parametrize(
    ("status", "body", "fault"),
    [
        (
            429,
            {"error": {"message": "Please try again in 1m2.5s.", "code": "rate_limit_exceeded"}},
            Fault("rate_limit", 429, "rate_limit_exceeded", "Please try again in 1m2.5s.", 62.5),
        ),
        (
            400,
            {"error": {"message": "too long", "type": "x", "code": "context_length_exceeded"}},
            Fault("context_length", 400, "context_length_exceeded", "too long"),
        ),
        (
            400,
            {"error": "Incorrect API key provided.", "code": "invalid-argument"},
            Fault("authentication", 400, "invalid-argument", "Incorrect API key provided."),
        ),
        (401, {"detail": "Unauthorized"}, Fault("authentication", 401, "", "Unauthorized")),
        (
            422,
            {"detail": [{"loc": ["body"], "msg": "Field required"}]},
            Fault("invalid_request", 422, "", "Field required"),
        ),
        (
            422,
            {"object": "error", "message": {"detail": [{"msg": "extra"}]}, "type": "t"},
            Fault("invalid_request", 422, "t", "extra"),
        ),
        (
            403,
            {
                "error": {
                    "message": "Provider returned error",
                    "code": 403,
                    "metadata": {"raw": "x"},
                }
            },
            Fault("permission", 403, "403", "x"),
        ),
        (
            400,
            {"error": {"message": "m", "metadata": {"raw": '{"error":{"message":"inner"}}'}}},
            Fault("invalid_request", 400, "", "inner"),
        ),
        (
            400,
            {"error": {"message": "m", "metadata": {"raw": '{"error":"in \\"words\\""}'}}},
            Fault("invalid_request", 400, "", '{"error":"in \\"words\\""}'),
        ),
    ],
)
def test_an_errors_body_is_told_in_neutral_words(status: int, body: object, fault: Fault) -> None:
    assert read_error(status, (), json.dumps(body).encode()) == fault


def test_what_is_no_json_is_its_own_message() -> None:
    fault = read_error(502, (("Retry-After", "3"),), b"<html>Bad gateway</html>")
    assert fault == Fault("server", 502, "", "<html>Bad gateway</html>", 3.0)
    assert read_error(500, (), b"") == Fault("server", 500)

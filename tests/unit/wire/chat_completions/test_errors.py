"""An error inside a 200 is seen; what only looks like one is not."""

from __future__ import annotations

import json

import pytest

from proxy.wire.chat_completions.errors import find_error

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

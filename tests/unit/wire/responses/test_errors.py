"""Errors inside answers of status 200 are found, and nothing else is taken for one."""

from __future__ import annotations

import pytest

from proxy.wire.responses.errors import FINAL_EVENTS, find_error, read_error


@pytest.mark.parametrize(
    ("data", "event", "status"),
    [
        (b'{"type":"error","code":"rate_limit_exceeded","message":"x"}', b"error", 429),
        (b'{"type":"error","code":null,"message":"x"}', b"", 500),
        (b"not even JSON", b"error", 500),
        (b'{"error":{"type":"authentication_error"}}', b"", 401),
        (b'{"status":"failed","error":{"code":"server_error"}}', b"", 500),
        (b'{"status":"failed","error":null}', b"", 500),
        (
            b'{"type":"response.failed","response":{"status":"failed",'
            b'"error":{"code":"invalid_prompt","message":"x"}}}',
            b"response.failed",
            400,
        ),
        (b'{"type":"response.failed","response":{}}', b"", 500),
        (b'{"type":"response.failed","response":{"error":{"code":"image_too_large"}}}', b"", 400),
    ],
)
def test_an_error_is_found_with_the_status_that_it_stands_for(
    data: bytes, event: bytes, status: int
) -> None:
    assert find_error(data, event) == status


@pytest.mark.parametrize(
    ("data", "event"),
    [
        (b'{"status":"completed","error":null}', b""),
        (b'{"status":"completed","error":{"note":"x"},"output":[]}', b""),
        (b'{"status":"incomplete","error":null}', b""),
        (b'{"type":"response.created","response":{"error":null}}', b"response.created"),
        (b'{"delta":"\\"error\\" and \\"failed\\""}', b"response.output_text.delta"),
        (b'{"item":{"type":"mcp_call","status":"failed","error":"x"}}', b""),
        (b'broken "error"', b""),
        (b"[DONE]", b""),
    ],
)
def test_what_is_no_error_is_none(data: bytes, event: bytes) -> None:
    assert find_error(data, event) is None


def test_a_stream_ends_with_one_of_four_events() -> None:
    assert (
        frozenset({"response.completed", "response.incomplete", "response.failed", "error"})
        == FINAL_EVENTS
    )


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        (b'{"error":{"code":"a","message":"b"}}', "a", "b"),
        (b'{"response":{"error":{"code":"a","message":"b"}},"type":"response.failed"}', "a", "b"),
        (b'{"type":"error","code":"a","message":"b"}', "a", "b"),
        (b"no JSON", "", "no JSON"),
    ],
)
def test_an_error_is_read_in_its_own_words(body: bytes, code: str, message: str) -> None:
    fault = read_error(500, (), body)
    assert (fault.code, fault.message, fault.kind) == (code, message, "server")

"""What errors of the protocol say."""

from __future__ import annotations

from typing import Any

import pytest

from proxy.wire.converse.errors import find_error, read_error
from tests.unit.wire.converse.bodies import answer, raw, text

SPACE = "http://internal.amazon.com/coral/com.amazon.coral.service/"


@pytest.mark.parametrize(
    ("status", "name", "message", "kind"),
    [
        (403, "AccessDeniedException", "You don't have access to the model.", "permission"),
        (403, "UnrecognizedClientException", "The security token is invalid.", "authentication"),
        (403, "InvalidSignatureException", "Signature expired.", "authentication"),
        (403, "ExpiredTokenException", "The token has expired.", "authentication"),
        (429, "ThrottlingException", "Too many tokens, please wait.", "rate_limit"),
        (429, "ModelNotReadyException", "The model is not ready.", "overloaded"),
        (408, "ModelTimeoutException", "Too slow.", "timeout"),
        (424, "ModelErrorException", "The model failed.", "server"),
        (400, "ConflictException", "Not now.", "invalid_request"),
        (404, "ResourceNotFoundException", "No such model.", "not_found"),
        (500, "InternalServerException", "Sorry.", "server"),
        (503, "ServiceUnavailableException", "Later.", "overloaded"),
        (400, "ServiceQuotaExceededException", "Enough.", "quota"),
        (
            400,
            "ValidationException",
            "The provided model identifier is invalid.",
            "invalid_request",
        ),
        (400, "ValidationException", "Input is too long for requested model.", "context_length"),
        (400, "ValidationException", "prompt is too long: 9 tokens > 8", "context_length"),
        (
            400,
            "ValidationException",
            "The model returned the following errors: Input Tokens Exceeded: too many.",
            "context_length",
        ),
        (400, "ValidationException", "Blocked: content_filter", "content_filter"),
        (418, "BrandNewException", "Teapot.", "invalid_request"),
    ],
)
def test_names_and_words_tell_the_kind(status: int, name: str, message: str, kind: str) -> None:
    headers = [("X-Amzn-ErrorType", f"{name}:{SPACE}"), ("Retry-After", "3")]
    fault = read_error(status, headers, raw({"message": message}))
    assert (fault.kind, fault.status, fault.code) == (kind, status, name)
    assert fault.message == message
    assert fault.retry_after == 3


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        ({"__type": "com.amazon.coral#ThrottlingException", "Message": "m"}, None, "m"),
        ({"code": "ThrottlingException", "OriginalMessage": "m"}, None, "m"),
        ({"__type": "throttlingException", "originalMessage": "m"}, "throttlingException", "m"),
    ],
)
def test_names_may_stand_in_the_body(body: Any, code: str | None, message: str) -> None:
    fault = read_error(429, [], raw(body))
    assert fault.code == (code or "ThrottlingException")
    assert (fault.kind, fault.message) == ("rate_limit", message)


def test_what_a_container_answered_tells_more_than_who_called_it() -> None:
    body = {"ErrorCode": "X", "Message": "Received 429 from primary", "OriginalStatusCode": 429}
    fault = read_error(424, [("x-amzn-errortype", "ModelError")], raw(body))
    assert (fault.kind, fault.status, fault.code) == ("rate_limit", 424, "ModelError")


@pytest.mark.parametrize("body", [b"", b"<html>Bad gateway</html>", b"[]", b'"text"'])
def test_errors_without_json_keep_their_words(body: bytes) -> None:
    fault = read_error(502, [], body)
    assert fault.kind == "server"
    assert fault.message == body.decode()


def test_an_error_inside_a_200_is_found() -> None:
    assert find_error(raw({"__type": "x#ThrottlingException", "message": "m"})) == 429
    assert find_error(raw({"message": "m"})) == 500
    unknown = {"Output": {"__type": "com.amazon.coral.service#UnknownOperationException"}}
    assert find_error(raw({**unknown, "Version": "1.0"})) == 404
    assert find_error(b"", b"validationException") == 400


def test_an_answer_is_no_error() -> None:
    assert find_error(answer(text("a"))) is None
    assert find_error(answer(text('{"__type": "ThrottlingException"}'))) is None
    assert find_error(b'{"message": 5}') is None
    assert find_error(b'{"message": ') is None
    assert find_error(b"{}") is None

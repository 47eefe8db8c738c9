"""Members that neither a function nor a lane understands, beside what they made of a call."""

from __future__ import annotations

import orjson
import pytest

from proxy.types.fault import Fault, FaultKind
from proxy.types.request import Input, ModelRequest
from proxy.wire.chat_completions.encode_error import encode_error
from proxy.wire.chat_completions.rest import with_rest

ASKED = ModelRequest("m", Input(()))


def test_members_with_a_field_go_there_and_all_others_along() -> None:
    members = {"n": b"2", "logprobs": b"true", "top_logprobs": b"3", "user": b'"u"'}
    request = with_rest(ASKED, members)
    assert (request.choices, request.logprobs, request.top_logprobs) == (2, True, 3)
    assert (request.rest, request.wire) == ({"user": b'"u"'}, "chat_completions")
    assert with_rest(ASKED, {"n": b'"x"'}).rest == {"n": b'"x"'}
    assert with_rest(ASKED, {}) is ASKED


@pytest.mark.parametrize(
    ("kind", "type_", "code"),
    [
        ("rate_limit", "rate_limit_error", "theirs"),
        ("context_length", "invalid_request_error", "context_length_exceeded"),
        ("overloaded", "server_error", "theirs"),
    ],
)
def test_an_error_of_another_protocol_is_one_of_openais(
    kind: FaultKind, type_: str, code: str
) -> None:
    error = orjson.loads(encode_error(Fault(kind, 429, "theirs", "no")))["error"]
    assert error == {"message": "no", "type": type_, "param": None, "code": code}
    bare = orjson.loads(encode_error(Fault("server", 500)))["error"]
    assert (bare["message"], bare["code"]) == ("the provider answered 500", None)

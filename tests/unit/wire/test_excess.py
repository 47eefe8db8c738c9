"""What JSON's grammar allows in a body, and TensorZero's parser does not."""

from __future__ import annotations

import pytest

from proxy.errors import InvalidRequest
from proxy.wire.serde import read_body
from proxy.wire.syntax import LONGEST, find_excess


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        (rb'{"a":"\ud800"}', "a: unexpected end of hex escape at line 1 column 13"),
        (rb'{"a":["x\ud83d\ud83d\ude00"]}', "a[0]: unexpected end of hex escape"),
        (rb'{"a":"\udc00"}', "a: lone leading surrogate in hex escape"),
        (rb'{"\ud800":1}', "unexpected end of hex escape"),
        (b'{"a":' + b"[" * 127 + b"]" * 127 + b"}", "recursion limit exceeded"),
    ],
)
def test_it_is_refused_with_its_place(body: bytes, fault: str) -> None:
    assert fault in str(find_excess(body))
    with pytest.raises(InvalidRequest, match="Failed to parse the request body as JSON: "):
        read_body(body, "Params")


@pytest.mark.parametrize(
    "body",
    [
        rb'{"a":"\ud83d\ude00\ud83d\ude00"}',
        rb'{"a":"\\ud800"}',
        b'{"a":' + b"[" * 126 + b"]" * 126 + b"}",
        b'{"a":[' + b"{}," * 500 + b"1]}",
        b'{"a":"' + b"[" * 500 + b'"}',
        rb'{"a":1e999999,"b":"\ud83d\ude00"}',
    ],
)
def test_all_else_is_read(body: bytes) -> None:
    assert find_excess(body) is None
    assert "a" in read_body(body, "Params")


def test_a_body_too_long_to_be_walked_is_refused_all_the_same() -> None:
    filling = b"x" * LONGEST
    assert find_excess(rb'{"a":"\ud800' + filling + b'"}') == "invalid JSON or unicode"
    assert find_excess(b'{"a":"' + filling + b'"}') is None
    deep = b'{"b":"' + filling + b'","a":' + b"[" * 500 + b"]" * 500 + b"}"
    assert find_excess(deep) == "recursion limit exceeded"

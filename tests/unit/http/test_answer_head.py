"""The head of an answer: whoever chose a value, it ends no line and begins none."""

from __future__ import annotations

import pytest

from proxy.http.headers import answer_lines, encode_head, fixed_lines, stream_lines

STATUS = "HTTP/1.1 200 OK"


@pytest.mark.parametrize("control", ["\r\n", "\n", "\r", "\0", "\x0b", "\x7f"])
def test_no_value_ends_its_line(control: str) -> None:
    value = f"a{control}Set-Cookie: stolen=1"
    blank = " " * len(control)
    lines = answer_lines([("X-Theirs", value)], [("x-ours", value)])
    lines += fixed_lines((("x-tensorzero-model-name", value),))
    cleaned = f"a{blank}Set-Cookie: stolen=1"
    assert encode_head(STATUS, lines).decode() == (
        f"{STATUS}\r\nX-Theirs: {cleaned}\r\nx-ours: {cleaned}\r\n"
        f"x-tensorzero-model-name: {cleaned}\r\n\r\n"
    )


def test_tabs_and_all_other_letters_pass_as_they_came() -> None:
    bytes_that_are_no_text = b"\xff\xfe".decode("utf-8", "surrogateescape")
    values = ["a\tb", "größe", "\u2028", bytes_that_are_no_text]
    lines = answer_lines([("X-Any", value) for value in values], [])
    expected = [b"X-Any: " + value.encode("utf-8", "surrogateescape") for value in values]
    assert encode_head(STATUS, lines) == b"\r\n".join([STATUS.encode(), *expected, b"", b""])


def test_a_head_without_lines_ends_at_once() -> None:
    assert encode_head(STATUS, []) == b"HTTP/1.1 200 OK\r\n\r\n"


def test_events_are_held_back_by_nobody_on_the_way() -> None:
    kind = ("Content-Type", "text/event-stream; charset=utf-8")
    assert stream_lines([kind]) == ["Cache-Control: no-cache", "X-Accel-Buffering: no"]
    assert stream_lines([kind, ("cache-control", "private")]) == ["X-Accel-Buffering: no"]
    assert stream_lines([("Content-Type", "audio/mpeg")]) == []

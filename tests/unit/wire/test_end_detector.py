"""The end is held back at every cut, and only the end."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.wire.sse import EndDetector

ENDS = {
    "ordinary": b"data: [DONE]\n\n",
    "no space": b"data:[DONE]\n\n",
    "crlf": b"data: [DONE]\r\n\r\n",
    "cr": b"data: [DONE]\r\r",
    "one line end": b"data: [DONE]\n",
    "no line end": b"data: [DONE]",
}
BEFORE = {
    "an event": b'data: {"a":"[DONE]"}\n\n',
    "an event with crlf": b'data: {"a":1}\r\n\r\n',
    "a comment": b": x\n",
    "nothing": b"",
}
FOOLS = {
    "in a string": b'data: {"content":"[DONE]"}\n\n',
    "quoted line in a string": b'data: {"content":"\\ndata: [DONE]"}\n\n',
    "in the middle of a line": b"data: x data: [DONE]\n\n",
    "in a comment": b": data: [DONE]\n\n",
    "two spaces": b"data:  [DONE]\n\n",
    "another field": b"event: [DONE]\n\n",
    "without a field": b"[DONE]\n\n",
    "cut short": b"data: [DONE",
}


def relay(blocks: list[bytes]) -> tuple[bytes, bytes | None]:
    """What was sent before the end was seen, and what was held (None: the end was not seen)."""
    detector = EndDetector()
    sent = b""
    for number, block in enumerate(blocks):
        cut = detector.feed(block)
        if cut is not None:
            return sent + block[:cut], block[cut:] + b"".join(blocks[number + 1 :])
        sent += block
    return sent, None


def two_blocks(body: bytes) -> list[list[bytes]]:
    return [[body[:at], body[at:]] for at in range(len(body) + 1)]


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS.keys())
@pytest.mark.parametrize("before", BEFORE.values(), ids=BEFORE.keys())
def test_no_cut_lets_the_whole_end_out(before: bytes, end: bytes) -> None:
    body = before + end
    for blocks in [*two_blocks(body), [bytes([byte]) for byte in body]]:
        sent, held = relay(blocks)
        assert held is not None, blocks
        assert sent + held == body
        assert len(sent) <= body.rindex(b"]")
        assert len(sent) >= min(len(before), len(body))


def test_all_but_the_end_goes_out_when_they_come_together() -> None:
    body = b'data: {"a":1}\n\ndata: [DONE]\n\n'
    assert relay([body]) == (b'data: {"a":1}\n\n', b"data: [DONE]\n\n")


@pytest.mark.parametrize("body", FOOLS.values(), ids=FOOLS.keys())
def test_the_word_elsewhere_ends_nothing(body: bytes) -> None:
    for blocks in [*two_blocks(body), [bytes([byte]) for byte in body]]:
        assert relay(blocks) == (body, None)


@given(
    st.lists(st.sampled_from([*ENDS.values(), *FOOLS.values(), b"\n", b"d"]), max_size=6), st.data()
)
def test_cuts_make_no_difference(pieces: list[bytes], data: st.DataObject) -> None:
    body = b"".join(pieces)
    at = sorted(data.draw(st.lists(st.integers(0, len(body)), max_size=6)))
    ends = [*at, len(body)]
    blocks = [body[begin:end] for begin, end in zip([0, *at], ends, strict=True)]
    whole, cut = relay([body]), relay(blocks)
    assert (whole[1] is None) == (cut[1] is None)
    assert len(cut[0]) >= len(whole[0])
    assert cut[0] + (cut[1] or b"") == body

from __future__ import annotations

import pytest

from proxy.wire.chat_completions.usage_filter import UsageFilter
from tests.fake_upstream import events

STREAM = b"".join(events(["a", "b"], usage=True))
WITHOUT = b"".join(block for block in events(["a", "b"], usage=True) if b'"usage"' not in block)


@pytest.mark.parametrize("cut", range(len(STREAM)))
def test_only_the_usage_chunk_is_taken_out_however_the_stream_is_cut(cut: int) -> None:
    taken = UsageFilter()
    passed = taken.feed(STREAM[:cut]) + taken.feed(STREAM[cut:]) + taken.close()
    assert passed == WITHOUT


@pytest.mark.parametrize(
    "kept",
    [
        b'data: {"choices":[{"index":0,"delta":{}}],"usage":{"prompt_tokens":1}}\n\n',
        b'data: {"choices":[],"usage":null}\n\n',
        b'data: {"choices":[],"prompt_filter_results":[]}\n\n',
        b': "usage" in a comment\n\n',
        b'data: "usage" that is no object\n\n',
        b'data: {"choices":[],"usage":{"prompt_tokens":1}',
    ],
)
def test_everything_else_stays(kept: bytes) -> None:
    taken = UsageFilter()
    assert taken.feed(kept) + taken.close() == kept


def test_spaces_do_not_hide_it() -> None:
    assert UsageFilter().feed(b'data: {"choices": [ ], "usage": {"x": 1}}\r\n\r\n') == b""

"""Recorded answers in OpenAI's protocol are read alike, step by step and in one step."""

from __future__ import annotations

from unittest.mock import patch

from proxy.wire.chat_completions.common import decode_common_answer, decode_common_chunk
from proxy.wire.chat_completions.response import decode_response
from proxy.wire.chat_completions.stream import StreamDecoder
from proxy.wire.sse import SSEParser
from tests.recorded.exchanges import PROVE, named, rows_to_play
from tests.recorded.judges.base import response_body

EACH = 100_000 if PROVE else 30


def test_recorded_answers_and_chunks_are_read_alike_both_ways() -> None:
    answers = chunks = common = 0
    for row in rows_to_play(("chat_completions",), EACH):
        body = response_body(row)
        if row["response"]["status"] != 200:
            continue
        if row["stream"]:
            for event in SSEParser().feed(body):
                fast = decode_common_chunk(event.data)
                with patch(
                    "proxy.wire.chat_completions.stream.decode_common_chunk", return_value=None
                ):
                    full = StreamDecoder().decode_event(event)
                chunks += 1
                common += fast is not None
                assert fast is None or fast == full, named(row)
            continue
        answer = decode_common_answer(body)
        with patch("proxy.wire.chat_completions.response.decode_common_answer", return_value=None):
            assert answer is None or answer == decode_response(body), named(row)
        answers += 1
        common += answer is not None
    print(f"{answers} answers and {chunks} chunks, {common} of them common")
    assert common

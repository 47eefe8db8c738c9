"""What a provider of another protocol answers, on its way to the relay's sink."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Sequence

import pytest

from proxy.errors import UpstreamGarbage, UpstreamStatus
from proxy.providers.anthropic import AnthropicProvider
from proxy.services.endpoints import CHAT_COMPLETIONS
from proxy.services.recording_tap import RecordingTap
from proxy.services.relay_sink import RelaySink
from proxy.services.translation import TranslatingSink, Wording
from proxy.types.ports import Headers
from proxy.wire.chat_completions.encode_stream import NOBODY
from tests.fake_vendors import CLAUDE, CLAUDE_STREAM

JSON = (("Content-Type", "application/json"),)
SSE = (("Content-Type", "text/event-stream"),)
EVENTS = [b"data: " + json.dumps(each).encode() + b"\n\n" for each in CLAUDE_STREAM]


class Taker:
    """A client that keeps what it is sent, and has no room for more."""

    def __init__(self) -> None:
        self.got: list[bytes] = []

    def start(self, status: int, theirs: Headers, ours: Headers, *, length: int | None) -> None: ...

    def write(self, block: bytes) -> Awaitable[None] | None:
        self.got.append(block)
        return None

    def write_chunk(self, block: bytes, chunk: bytes) -> Awaitable[None] | None:
        return self.write(block)

    def finish(self, held: bytes) -> None:
        self.got.append(held)

    def abort(self) -> None: ...


def play(
    blocks: Sequence[bytes],
    headers: Headers,
    *,
    status: int = 200,
    stream: bool = False,
    limit: int = 2**18,
    answer_limit: int = 2**20,
) -> tuple[RelaySink, Taker]:
    taker, ticks = Taker(), iter(range(100))
    inner = RelaySink(
        taker,
        endpoint=CHAT_COMPLETIONS,
        stream=stream,
        peek_limit=limit,
        tap=RecordingTap(2**20),
        now=lambda: float(next(ticks)),
        on_start=lambda sink, length: taker.start(sink.status, sink.headers, (), length=length),
        on_gaps=lambda times: None,
    )
    inner.secret = "sk-a-long-key"
    sink = TranslatingSink(
        inner,
        AnthropicProvider("claude-x"),
        Wording("id", "m", 1, False, NOBODY),
        RecordingTap(2**20),
        stream=stream,
        error_limit=limit,
        answer_limit=answer_limit,
    )
    try:
        sink.on_head(status, headers)
        for block in blocks:
            sink.on_block(block)
    except UpstreamStatus as error:
        sink.on_end(error)
    except UpstreamGarbage as error:
        sink.on_end(error)
    else:
        sink.on_end(None)
    return inner, taker


def test_a_stream_of_garbage_leaves_no_empty_answer_behind() -> None:
    sink, taker = play([b"data: {nonsense\n\n"], SSE, stream=True)
    assert isinstance(sink.error, UpstreamGarbage)
    assert not sink.started and not sink.answered
    assert taker.got == []


def test_a_stream_begins_with_its_first_event() -> None:
    sink, taker = play(EVENTS, SSE, stream=True)
    assert sink.error is None and sink.started and sink.status == 200
    assert ("Content-Type", "text/event-stream; charset=utf-8") in sink.headers
    assert b"Let me " in b"".join(taker.got)


def test_a_large_answer_is_held_until_it_is_safe() -> None:
    sink, taker = play([json.dumps(CLAUDE).encode()], JSON, limit=16)
    assert sink.error is None and not sink.started and taker.got == []
    assert json.loads(sink.body())["choices"][0]["message"]["content"] == "Let me look."
    assert sink.tap.total == len(sink.body())


def test_an_answer_beyond_all_measure_is_given_up() -> None:
    sink, taker = play([b" " * 100] * 20, JSON, answer_limit=1000)
    assert isinstance(sink.error, UpstreamGarbage) and "1000 bytes" in str(sink.error)
    assert not sink.answered and taker.got == []


def test_an_errors_record_has_what_the_client_is_told_and_no_secret() -> None:
    error = {"type": "error", "error": {"type": "x", "message": "bad key sk-a-long-key"}}
    sink, _ = play([json.dumps(error).encode()], JSON, status=401)
    assert isinstance(sink.error, UpstreamStatus)
    assert json.loads(sink.body())["error"]["message"] == "bad key ***"
    assert b"".join(sink.tap.blocks) == sink.body() == sink.error.body


def test_a_whole_answer_is_as_late_as_its_end() -> None:
    sink, _ = play([json.dumps(CLAUDE).encode()], JSON)
    assert sink.last_at > 0


@pytest.mark.parametrize("status", [400, 500])
def test_a_large_error_is_cut_to_the_limit(status: int) -> None:
    sink, _ = play([b"A" * 100] * 100, JSON, status=status, limit=1000)
    assert sink.answered and sink.status == status and len(sink.body()) < 2000

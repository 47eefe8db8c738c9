"""The peek and the holding back, at every cut of a stream."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Awaitable, Iterator, Sequence

import pytest

from proxy.errors import UpstreamErrorInBody, UpstreamGarbage, UpstreamReset, UpstreamStatus
from proxy.services.endpoints import CHAT_COMPLETIONS, OTHER, RESPONSES, Endpoint
from proxy.services.recording_tap import RecordingTap
from proxy.services.relay_sink import RelaySink
from proxy.types.ports import Headers
from tests.fake_openai import response_events
from tests.fake_upstream import completion, events
from tests.harness import ROOT

RECORDINGS = ROOT.parent / "shared" / "recordings"
STAND_INS = ROOT / "tests" / "data" / "chat_completions"
PROVE = bool(os.environ.get("PROVE"))
LONGEST = 4096 if PROVE else 1024
SAMPLE = 10_000 if PROVE else 25
SSE = (("Content-Type", "text/event-stream"),)
JSON = (("Content-Type", "application/json"),)


class Taker:
    """A client that keeps what it is sent."""

    def __init__(self) -> None:
        self.status = 0
        self.got = b""

    def start(self, status: int, theirs: Headers, ours: Headers, *, length: int | None) -> None:
        self.status = status

    def write(self, block: bytes) -> Awaitable[None] | None:
        self.got += block
        return None

    def write_chunk(self, block: bytes, chunk: bytes) -> Awaitable[None] | None:
        return self.write(block)

    def finish(self, held: bytes) -> None:
        self.got += held

    def abort(self) -> None: ...


def play(
    blocks: Sequence[bytes],
    *,
    endpoint: Endpoint = CHAT_COMPLETIONS,
    stream: bool = True,
    headers: Headers = SSE,
    status: int = 200,
    limit: int = 2**18,
) -> tuple[RelaySink, Taker]:
    taker = Taker()
    sink = RelaySink(
        taker,
        endpoint=endpoint,
        stream=stream,
        peek_limit=limit,
        tap=RecordingTap(2**20),
        now=lambda: 0.0,
        on_start=lambda sink, length: taker.start(sink.status, sink.headers, (), length=length),
        on_gaps=lambda times: None,
    )
    sink.on_head(status, headers)
    for block in blocks:
        sink.on_block(block)
    return sink, taker


def streams() -> Iterator[bytes]:
    yield b"".join(events(["a", "b"], usage=True))
    yield b": hi\r\n\r\n" + b"".join(events(["\u00e9", "[DONE]"])).replace(b"\n", b"\r\n")
    yield b"".join(events(["a"], done=False))
    for path in sorted(STAND_INS.glob("*.json")):
        yield json.loads(path.read_text())["body"].encode()
    found = 0
    for path in sorted(RECORDINGS.glob("*.jsonl.gz")):
        with gzip.open(path, "rt") as lines:
            for line in lines:
                row = json.loads(line) if found < SAMPLE else {"fidelity": ""}
                if row["fidelity"] != "bytes" or row["api"] != "chat_completions":
                    continue
                body = row["response"].get("body") or ""
                if row["stream"] and row["response"]["status"] == 200 and len(body) < LONGEST:
                    found += 1
                    yield body.encode()


def test_every_cut_of_every_stream_passes_all_bytes_and_holds_the_end() -> None:
    count = 0
    for body in streams():
        for cut in range(len(body) + 1):
            sink, taker = play([piece for piece in (body[:cut], body[cut:]) if piece])
            assert b"\ndata: [DONE]" not in taker.got, "the end is held until it is recorded"
            sink.on_end(None)
            taker.finish(sink.body())
            assert taker.got == body
            count += 1
    print(f"\n{count} cuts through the sink: all bytes out as in, the end held")


def test_byte_by_byte_is_the_same() -> None:
    body = b"".join(events(["a", "b"]))
    sink, taker = play([body[place : place + 1] for place in range(len(body))])
    sink.on_end(None)
    assert taker.got + sink.body() == body


def test_nothing_reaches_the_client_before_the_first_complete_event() -> None:
    first = events(["a"])[0]
    sink, taker = play([b": comment\n\n", first[:-1]])
    assert not sink.started and taker.status == 0
    sink.on_block(first[-1:])
    assert sink.started and taker.status == 200


def test_a_secret_that_an_error_repeats_is_passed_on_to_nobody() -> None:
    sink, _ = play([], headers=JSON, status=401)
    sink.secret = "sk-a-long-key"
    sink.on_block(b'{"error": {"message": "bad key: sk-a-')
    sink.on_block(b'long-key"}}')
    sink.on_end(None)
    assert isinstance(sink.error, UpstreamStatus)
    told = b'{"error": {"message": "bad key: ***"}}'
    assert sink.body() == sink.error.body == b"".join(sink.tap.blocks) == told


@pytest.mark.parametrize("cut", [3, 20, 40])
def test_an_error_in_the_first_event_fails_the_attempt(cut: int) -> None:
    body = b'event: error\ndata: {"error": {"message": "no", "code": 429}}\n\n'
    sink, taker = play([body[:cut], body[cut:]])
    sink.on_end(None)
    assert isinstance(sink.error, UpstreamErrorInBody)
    assert sink.error.status == 429
    assert taker.status == 0 and sink.answered and sink.body() == body


def test_an_error_later_in_the_stream_passes() -> None:
    body = [events(["a"])[0], b'data: {"error": {"message": "late"}}\n\n']
    sink, taker = play(body)
    sink.on_end(None)
    assert sink.error is None
    assert taker.got == b"".join(body)


def test_an_error_inside_a_whole_answer_fails_the_attempt() -> None:
    sink, taker = play([b'{"error": {"message": "x"}}'], stream=False, headers=JSON)
    sink.on_end(None)
    assert isinstance(sink.error, UpstreamErrorInBody) and taker.status == 0


def test_a_whole_answer_is_held_until_it_is_whole() -> None:
    body = json.dumps(completion("x" * 1000)).encode()
    sink, taker = play([body[:500], body[500:]], stream=False, headers=JSON)
    assert taker.got == b"" and not sink.started
    sink.on_end(None)
    assert sink.error is None and sink.body() == body


def test_a_whole_answer_beyond_the_limit_streams() -> None:
    body = json.dumps(completion("x" * 5000)).encode()
    sink, taker = play([body[:3000], body[3000:]], stream=False, headers=JSON, limit=1024)
    assert sink.started
    sink.on_end(None)
    assert taker.got + sink.body() == body


def test_an_http_error_is_held_whole() -> None:
    sink, taker = play([b'{"error":', b' "x"}'], headers=JSON, status=500)
    sink.on_end(None)
    assert isinstance(sink.error, UpstreamStatus) and sink.error.body == b'{"error": "x"}'
    assert taker.status == 0


def test_a_break_before_the_first_event_is_an_attempt_that_failed() -> None:
    sink, _ = play([b"data: {"])
    sink.on_end(UpstreamReset("x"))
    assert not sink.started and not sink.answered


@pytest.mark.parametrize("body", [b"<html>", b"", b"data: \n\n", b": only a comment\n\n"])
def test_what_is_no_answer_is_garbage(body: bytes) -> None:
    sink, _ = play([body] if body else [])
    sink.on_end(None)
    assert isinstance(sink.error, UpstreamGarbage)


def test_a_plain_error_under_a_streams_type_is_found() -> None:
    sink, _ = play([b'{"error": {"message": "x", "code": 400}}'])
    sink.on_end(None)
    assert isinstance(sink.error, UpstreamErrorInBody) and sink.error.status == 400


def test_the_tap_keeps_the_beginning_and_digests_the_whole() -> None:
    import hashlib

    tap = RecordingTap(10)
    for block in (b"12345", b"678901234", b"5"):
        tap.add(block)
    assert b"".join(tap.blocks) == b"1234567890"
    assert tap.total == 15
    assert tap.sha256() == hashlib.sha256(b"123456789012345").digest()


def test_a_named_last_event_is_held_back_however_it_is_cut() -> None:
    body = b"".join(block for _, block in response_events())
    last = body.rindex(b"event: ")
    for cut in range(1, len(body)):
        sink, taker = play([body[:cut], body[cut:]], endpoint=RESPONSES)
        sink.on_end(None)
        assert sink.finished
        assert taker.got + sink.body() == body
        held = len(sink.body())
        assert held == len(body) - max(last, cut if cut > last and held < len(body) - last else 0)


def test_what_is_neither_json_nor_a_stream_is_passed_on_at_once() -> None:
    speech = (("Content-Type", "audio/mpeg"),)
    sink, taker = play([b"\x00\x01"], endpoint=OTHER, stream=False, headers=speech)
    assert taker.got == b"\x00\x01"
    sink.on_end(None)
    assert sink.tap.blocks == [] and sink.tap.total == 2 and sink.tap.sha256() != b""

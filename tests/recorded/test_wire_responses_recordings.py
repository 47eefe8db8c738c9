"""The decoders of responses and text completions over real recorded answers, against `openai`.

By default a seeded sample runs; `PROVE=1` runs all positions of all recordings.
"""

from __future__ import annotations

import gzip
import json
import os
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from openai.types import Completion
from openai.types.responses import Response

from proxy.types.content import Block, Text, Thought, ToolCall
from proxy.types.response import Answer
from proxy.wire.accumulate import ChunkAccumulator
from proxy.wire.completions import decode as completions
from proxy.wire.completions.decode import CompletionsDecoder
from proxy.wire.completions.stream import StreamDecoder as CompletionsStream
from proxy.wire.events import EventDecoder
from proxy.wire.recorded import ReadAnswer
from proxy.wire.responses import decode as responses
from proxy.wire.responses.decode import ResponsesDecoder
from proxy.wire.responses.errors import FINAL_EVENTS, find_error
from proxy.wire.responses.stream import StreamDecoder as ResponsesStream
from proxy.wire.sse import EndDetector, final_events

REPOSITORY = Path(__file__).resolve().parents[2]
RECORDINGS = REPOSITORY.parent / "shared" / "recordings"
STAND_INS = REPOSITORY / "tests" / "data"
APIS = ("responses", "completions")
BLANK = re.compile(rb"\r\n\r\n|\n\n")
PROVE = os.environ.get("PROVE") == "1"
SEED = 20261121
EVERY_POSITION_UP_TO = 2048
SAMPLE = 60
CUTS = 4
ERRORS = ("whole_failed", "stream_failed", "stream_error_event", "whole_error")
"""The stand-ins that are errors; no recording of status below 400 is one."""
REDACTED = ("rb86c3ef232284c4f",)
"""An address was taken out of the whole text, not out of the deltas, where it stands in pieces."""

pytestmark = pytest.mark.skipif(
    not RECORDINGS.is_dir() and not STAND_INS.is_dir(), reason="there are no recordings here"
)


@dataclass(frozen=True)
class Recorded:
    """An answer of status below 400, as its bytes were recorded."""

    id: str
    api: str
    stream: bool
    body: bytes
    request: bytes


def recorded() -> Iterator[Recorded]:
    """All calls of the two kinds whose bytes are as they came, and the stand-ins."""
    for path in sorted(RECORDINGS.glob("*.jsonl.gz")):
        with gzip.open(path) as lines:
            for line in lines:
                row = json.loads(line)
                answer, request = row["response"], row["request"] or {}
                wanted = row["api"] in APIS and row["fidelity"] == "bytes"
                counted = request.get("path", "").endswith("/input_tokens")
                if wanted and answer["status"] < 400 and not counted:
                    body, sent = answer["body"].encode(), (request.get("body") or "").encode()
                    yield Recorded(row["id"], row["api"], row["stream"], body, sent)
    for api in APIS:
        for path in sorted((STAND_INS / api).glob("*.json")):
            row = json.loads(path.read_text(encoding="utf-8"))
            yield Recorded(path.stem, api, row["stream"], row["body"].encode(), b"")


@pytest.fixture(scope="module")
def answers() -> list[Recorded]:
    return list(recorded())


@pytest.fixture(scope="module")
def streams(answers: list[Recorded]) -> list[Recorded]:
    """All streams in the long run, otherwise some."""
    found = [answer for answer in answers if answer.stream]
    chosen = random.Random(SEED).sample(found, min(SAMPLE, len(found)))
    return found if PROVE else chosen


def decode(answer: Recorded, blocks: list[bytes]) -> ReadAnswer:
    if answer.api == "responses":
        return responses.decode_call(answer.stream, blocks)
    return completions.decode_call(answer.stream, blocks)


def decode_in_pieces(answer: Recorded, blocks: list[bytes]) -> tuple[Answer, bool]:
    """The answer by the incremental decoder, and whether it was complete."""
    decoder: EventDecoder = ResponsesStream() if answer.api == "responses" else CompletionsStream()
    accumulator = ChunkAccumulator()
    for block in blocks:
        for chunk in decoder.feed(block):
            accumulator.add(chunk)
    for chunk in decoder.close():
        accumulator.add(chunk)
    return accumulator.answer(), decoder.complete


def cuts(body: bytes, chance: random.Random) -> Iterator[list[bytes]]:
    """In two, at each position of a short body, at some positions of a long one; and in many."""
    every = range(len(body) + 1)
    short = len(body) <= EVERY_POSITION_UP_TO
    for at in every if short else chance.sample(every, 40 if PROVE else CUTS):
        yield [body[:at], body[at:]]
    places = sorted(chance.sample(every, min(20, len(every))))
    yield [body[a:b] for a, b in zip([0, *places], [*places, len(body)], strict=True)]


def windows(answer: Recorded) -> Iterator[Recorded]:
    """Stretches so short that every cut can be tried: of the beginning, and from the middle on."""
    starts = [match.end() for match in BLANK.finditer(answer.body)] or [0]
    for begin in {0, starts[len(starts) // 2]}:
        window = answer.body[begin : begin + EVERY_POSITION_UP_TO]
        yield Recorded(answer.id, answer.api, True, window, b"")


def test_what_is_decoded_does_not_depend_on_the_cuts(streams: list[Recorded]) -> None:
    chance = random.Random(SEED)
    for answer in streams:
        whole = decode(answer, [answer.body])
        for blocks in cuts(answer.body, chance):
            pieces, complete = decode_in_pieces(answer, blocks)
            assert (pieces, complete) == (whole.answer, whole.complete), answer.id


def test_a_stretch_of_a_stream_is_read_alike_at_every_cut(streams: list[Recorded]) -> None:
    for answer in streams if PROVE else streams[: SAMPLE // 4]:
        for window in windows(answer):
            whole = decode(window, [window.body])
            for at in range(len(window.body) + 1):
                pieces, _ = decode_in_pieces(window, [window.body[:at], window.body[at:]])
                assert pieces == whole.answer, (answer.id, at)


def test_a_truncated_answer_keeps_what_came_before_the_cut(answers: list[Recorded]) -> None:
    chance = random.Random(SEED)
    chosen = answers if PROVE else chance.sample(answers, min(5 * SAMPLE, len(answers)))
    for answer in chosen:
        whole = decode(answer, [answer.body])
        cut = decode(answer, [answer.body[: chance.randrange(len(answer.body))]])
        if answer.stream:
            assert spoken(whole.answer).startswith(spoken(cut.answer)), answer.id
            assert not cut.unread, answer.id
        else:
            assert not cut.complete or answer.body.rstrip() != answer.body, answer.id


@pytest.mark.parametrize("api", APIS)
def test_the_decoded_answer_is_what_the_openai_package_reads(
    api: str, answers: list[Recorded]
) -> None:
    agreed = 0
    mine = [answer for answer in answers if answer.api == api]
    for answer in mine:
        decoded = decode(answer, [answer.body])
        if decoded.error_status is not None:
            assert answer.id in ERRORS, answer.id
            continue
        expected = read_responses(answer) if api == "responses" else read_completions(answer)
        if answer.id in REDACTED:
            expected = (spoken(decoded.answer), *expected[1:])
        assert shown(decoded.answer) == expected, answer.id
        assert decoded.complete, answer.id
        assert not decoded.unread, answer.id
        agreed += 1
    assert agreed == len([answer for answer in mine if answer.id not in ERRORS])


def test_a_streamed_answer_is_the_same_as_the_whole_one_that_it_ends_with(
    answers: list[Recorded],
) -> None:
    for answer in answers:
        if answer.api != "responses" or not answer.stream or answer.id in ERRORS:
            continue
        body = json.dumps(last_event(answer)["response"]).encode()
        whole = responses.decode_call(False, [body]).answer
        streamed = decode(answer, [answer.body]).answer
        if answer.id not in REDACTED:
            assert unsealed(streamed) == unsealed(whole), answer.id
        assert (streamed.id, streamed.created) == (whole.id, whole.created), answer.id


def unsealed(answer: Answer) -> list[Block]:
    """The blocks without what is sealed, which is sealed anew in each event."""
    return [
        replace(block, signature="sealed" if block.signature else None)
        if isinstance(block, Thought)
        else block
        for block in answer.blocks
    ]


def test_the_end_of_a_stream_of_named_events_is_found_where_it_begins(
    streams: list[Recorded],
) -> None:
    for answer in streams:
        if answer.api != "responses" or b"event:" not in answer.body:
            continue
        detector = EndDetector(final_events(FINAL_EVENTS))
        blocks = [answer.body[at : at + 997] for at in range(0, len(answer.body), 997)]
        assert any(detector.feed(block) is not None for block in blocks), answer.id


def test_no_recorded_answer_is_taken_for_an_error_but_those_that_are(
    answers: list[Recorded],
) -> None:
    for answer in answers:
        if answer.api != "responses":
            continue
        found = [find_error(data, name) for name, data in events(answer)]
        assert any(found) == (answer.id in ERRORS), answer.id


def test_every_recorded_request_is_understood(answers: list[Recorded]) -> None:
    for answer in answers:
        if not answer.request:
            continue
        body = json.loads(answer.request)
        decoder = ResponsesDecoder() if answer.api == "responses" else CompletionsDecoder()
        decoded = decoder.decode_input(answer.api, answer.request)
        said = body.get("input" if answer.api == "responses" else "prompt")
        assert bool(json.loads(decoded.messages) or decoded.system) == bool(said), answer.id
        understood = "\n".join(texts_of(json.loads(decoded.input)))
        assert all(text in understood for text in texts_of(said)), answer.id


def texts_of(value: Any) -> list[str]:
    """All texts in a prompt, in items or in messages, in order."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        value = [value.get(key) for key in ("system", "messages", "content", "text")]
    members = value if isinstance(value, list) else []
    return [text for member in members for text in texts_of(member)]


def events(answer: Recorded) -> list[tuple[bytes, bytes]]:
    """(event, data) by the book; of a whole answer its body."""
    if not answer.stream:
        return [(b"", answer.body)]
    found: list[tuple[bytes, bytes]] = []
    name, data = b"", list[bytes]()
    for line in [*re.split(rb"\r\n|\n|\r", answer.body), b""]:
        if not line and data:
            found.append((name, b"\n".join(data)))
        if not line:
            name, data = b"", []
        elif line.startswith(b"data:"):
            data.append(line[5:].removeprefix(b" "))
        elif line.startswith(b"event:"):
            name = line[6:].removeprefix(b" ")
    return [(name, data) for name, data in found if data != b"[DONE]"]


def last_event(answer: Recorded) -> Any:
    return json.loads(events(answer)[-1][1])


def spoken(answer: Answer) -> str:
    return "".join(block.text for block in answer.blocks if isinstance(block, Text))


Counts = tuple[int | None, int | None, int | None, int | None]
Shown = tuple[str, list[tuple[str, str, str]], str | None, Counts]


def shown(answer: Answer) -> Shown:
    """Text, tool calls, finish reason and tokens: read, written, cached, thought."""
    calls = [each for each in answer.blocks if isinstance(each, ToolCall)]
    usage = answer.usage
    return (
        spoken(answer),
        [(call.id, call.name, call.arguments) for call in calls],
        answer.finish_reason,
        (usage.input_tokens, usage.output_tokens, usage.cache_read, usage.reasoning),
    )


def read_responses(answer: Recorded) -> Shown:
    """The same by the `openai` package, of a stream from the object in its last event."""
    body = last_event(answer)["response"] if answer.stream else json.loads(answer.body)
    response = Response.construct(**body)
    calls = [
        (item.call_id, item.name, item.arguments if item.type == "function_call" else item.input)
        for item in response.output
        if item.type in ("function_call", "custom_tool_call")
    ]
    ended = "tool_call" if calls else "stop"
    details = getattr(response, "incomplete_details", None)
    if details:
        ended = {"max_output_tokens": "length"}.get(details.reason or "", "unknown")
    return response.output_text, calls, ended, response_counts(response.usage)


def response_counts(usage: Any) -> Counts:
    if usage is None:
        return (None, None, None, None)
    taken = getattr(usage, "input_tokens_details", None)
    given = getattr(usage, "output_tokens_details", None)
    return (
        usage.input_tokens,
        usage.output_tokens,
        taken.cached_tokens if taken else None,
        given.reasoning_tokens if given else None,
    )


FINISH = {"stop": "stop", "eos": "stop", "length": "length", None: None}


def read_completions(answer: Recorded) -> Shown:
    """The same by the `openai` package, of the choice of index 0."""
    texts: list[str] = []
    ended, counts = None, (None, None, None, None)
    for _, data in events(answer):
        completion: Any = Completion.construct(**json.loads(data))
        usage = getattr(completion, "usage", None)
        if usage is not None:
            details = getattr(usage, "prompt_tokens_details", None)
            cached = details.cached_tokens if details else None
            counts = (usage.prompt_tokens, usage.completion_tokens, cached, None)
        for choice in completion.choices:
            if not getattr(choice, "index", 0):
                texts.append(getattr(choice, "text", None) or "")
                ended = choice.finish_reason or ended
    return "".join(texts), [], FINISH[ended], counts

"""Parser and decoder over real recorded answers, at every cut, against the `openai` package.

By default a seeded sample runs; `PROVE=1` runs all positions of all recordings.
"""

from __future__ import annotations

import gzip
import json
import os
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from proxy.types.content import Text, ToolCall
from proxy.types.response import Answer
from proxy.wire.chat_completions.decode import decode_call
from proxy.wire.chat_completions.errors import find_error
from proxy.wire.chat_completions.response import decode_finish_reason
from proxy.wire.chat_completions.stream import ChunkAccumulator, StreamDecoder
from proxy.wire.sse import EndDetector, SSEParser

REPOSITORY = Path(__file__).resolve().parents[2]
RECORDINGS = REPOSITORY.parent / "shared" / "recordings"
STAND_INS = REPOSITORY / "tests" / "data" / "chat_completions"
PROVE = os.environ.get("PROVE") == "1"
SEED = 20261121
EVERY_POSITION_UP_TO = 2048
SAMPLE = 1000
CUTS = 40

pytestmark = pytest.mark.skipif(
    not RECORDINGS.is_dir() and not STAND_INS.is_dir(), reason="there are no recordings here"
)


@dataclass(frozen=True)
class Recorded:
    """An answer of status below 400, as its bytes were recorded."""

    id: str
    stream: bool
    body: bytes


def recorded() -> Iterator[Recorded]:
    """All chat completions whose bytes are as they came; the stand-ins where there are none."""
    for path in sorted(RECORDINGS.glob("*.jsonl.gz")):
        with gzip.open(path) as lines:
            for line in lines:
                row = json.loads(line)
                wanted = row["api"] == "chat_completions" and row["fidelity"] == "bytes"
                if wanted and row["response"]["status"] < 400:
                    yield Recorded(row["id"], row["stream"], row["response"]["body"].encode())
    for path in sorted(STAND_INS.glob("*.json")):
        row = json.loads(path.read_text(encoding="utf-8"))
        yield Recorded(path.stem, row["stream"], row["body"].encode())


@pytest.fixture(scope="module")
def answers() -> list[Recorded]:
    return list(recorded())


@pytest.fixture(scope="module")
def chance() -> random.Random:
    return random.Random(SEED)


def sample(answers: list[Recorded], chance: random.Random) -> list[Recorded]:
    return answers if PROVE else chance.sample(answers, min(SAMPLE, len(answers)))


def reference(body: bytes) -> list[tuple[bytes, bytes]]:
    """(event, data) by the book, read in one go; the last event need not be complete."""
    events: list[tuple[bytes, bytes]] = []
    name, data = b"", list[bytes]()
    for line in [*re.split(rb"\r\n|\n|\r", body), b""]:
        if not line and data:
            events.append((name, b"\n".join(data)))
        if not line:
            name, data = b"", []
        elif line.startswith(b"data:"):
            data.append(line[5:].removeprefix(b" "))
        elif line.startswith(b"event:"):
            name = line[6:].removeprefix(b" ")
    return events


def parse(blocks: list[bytes]) -> list[tuple[bytes, bytes]]:
    parser = SSEParser()
    events = [event for block in blocks for event in parser.feed(block)]
    return [(event.event, event.data) for event in events + parser.close()]


def splits(body: bytes, chance: random.Random) -> Iterator[list[bytes]]:
    """Cuts in two: at each position of a short body, at some positions of a long one."""
    every = range(len(body) + 1)
    for at in every if len(body) <= EVERY_POSITION_UP_TO else chance.sample(every, CUTS):
        yield [body[:at], body[at:]]
    places = sorted(chance.sample(every, min(20, len(every))))
    yield [body[a:b] for a, b in zip([0, *places], [*places, len(body)], strict=True)]


def windows(body: bytes) -> Iterator[bytes]:
    """The body; in the long run, also stretches of whole events, so short that all cuts are tried.

    Each begins with the last event of the one before, so that no position is without its context.
    """
    yield body
    if not PROVE or len(body) <= EVERY_POSITION_UP_TO:
        return
    ends = [match.end() for match in re.finditer(rb"(?:\r\n){2,}|\n{2,}", body)]
    begin = previous = last = 0
    for end in [*ends, len(body)]:
        if end - begin > EVERY_POSITION_UP_TO and last > begin:
            yield body[begin:last]
            begin = previous
        previous, last = last, end
    yield body[begin:]


def test_every_recorded_stream_is_read_alike_at_every_cut(
    answers: list[Recorded], chance: random.Random
) -> None:
    for answer in sample([each for each in answers if each.stream], chance):
        for window in windows(answer.body):
            expected = reference(window)
            for blocks in splits(window, chance):
                assert parse(blocks) == expected, (answer.id, len(blocks[0]))


def test_the_end_of_every_recorded_stream_is_held_at_every_cut(
    answers: list[Recorded], chance: random.Random
) -> None:
    for answer in sample([each for each in answers if each.stream], chance):
        for window in windows(answer.body):
            ends = any(data == b"[DONE]" for _, data in reference(window))
            for blocks in splits(window, chance):
                detector = EndDetector()
                found = [cut for cut in map(detector.feed, blocks) if cut is not None]
                assert bool(found) == ends, answer.id


def test_what_is_decoded_does_not_depend_on_the_cuts(
    answers: list[Recorded], chance: random.Random
) -> None:
    for answer in sample([each for each in answers if each.stream], chance):
        whole = decode_call(True, [answer.body]).answer
        blocks = [answer.body[at : at + 37] for at in range(0, len(answer.body), 37)]
        decoder, accumulator = StreamDecoder(), ChunkAccumulator()
        for chunk in [chunk for block in blocks for chunk in decoder.feed(block)]:
            accumulator.add(chunk)
        for chunk in decoder.close():
            accumulator.add(chunk)
        assert accumulator.answer() == whole, answer.id


def test_no_recorded_answer_is_taken_for_an_error_but_those_that_are(
    answers: list[Recorded],
) -> None:
    for answer in answers:
        if not answer.stream:
            assert find_error(answer.body) is None, answer.id
            continue
        for name, data in reference(answer.body):
            is_error = name == b"error" or b'data":{"error":' in b'data":' + data
            assert (find_error(data, name) is not None) == is_error, (answer.id, data[:200])


def test_a_truncated_answer_keeps_what_came_before_the_cut(
    answers: list[Recorded], chance: random.Random
) -> None:
    for answer in answers:
        whole = decode_call(answer.stream, [answer.body])
        for _ in range(3):
            cut = decode_call(answer.stream, [answer.body[: chance.randrange(len(answer.body))]])
            if answer.stream:
                assert spoken(whole.answer).startswith(spoken(cut.answer)), answer.id
            else:
                assert not cut.complete or answer.body.rstrip() != answer.body, answer.id


def test_the_decoded_answer_is_what_the_openai_package_reads(answers: list[Recorded]) -> None:
    compared = errors = 0
    for answer in answers:
        decoded = decode_call(answer.stream, [answer.body])
        if decoded.error_status is not None:
            errors += 1
            continue
        bodies = [json.loads(data) for data in json_events(answer)]
        if answer.stream:
            expected = read_stream([ChatCompletionChunk.model_construct(**body) for body in bodies])
        else:
            expected = read_whole(ChatCompletion.model_construct(**bodies[0]))
        if expected is None:
            continue
        assert shown(decoded.answer) == expected, answer.id
        compared += 1
    assert compared >= (len(answers) - errors) * 0.95


def json_events(answer: Recorded) -> list[bytes]:
    if not answer.stream:
        return [answer.body]
    data = [data for _, data in reference(answer.body) if data != b"[DONE]"]
    return [each for each in data if each.startswith(b"{") and each.endswith(b"}")]


def spoken(answer: Answer) -> str:
    return "".join(block.text for block in answer.blocks if isinstance(block, Text))


Shown = tuple[str, list[tuple[str, str]], str | None, int | None, int | None]


def shown(answer: Answer) -> Shown:
    """Text, tool calls, finish reason and tokens."""
    calls = [each for each in answer.blocks if isinstance(each, ToolCall)]
    return (
        spoken(answer),
        [(call.name, call.arguments) for call in calls],
        answer.finish_reason,
        answer.usage.input_tokens,
        answer.usage.output_tokens,
    )


def read_whole(completion: Any) -> Shown | None:
    """The same by the `openai` package; None where it can't read it itself."""
    (choice, *_) = completion.choices
    message = getattr(choice, "message", None)
    if message is None or not isinstance(message.content, str | None):
        return None
    calls = [call.function for call in getattr(message, "tool_calls", None) or []]
    legacy = getattr(message, "function_call", None)
    calls += [legacy] if legacy else []
    usage = getattr(completion, "usage", None)
    if not all(isinstance(call.arguments, str) for call in calls):
        return None
    return (
        message.content or "",
        [(call.name, call.arguments) for call in calls],
        decode_finish_reason(choice.finish_reason),
        usage.prompt_tokens if usage else None,
        output_tokens(usage) if usage else None,
    )


def output_tokens(usage: Any) -> int | None:
    """With thoughts where the total shows that they were counted beside the output."""
    details = getattr(usage, "completion_tokens_details", None)
    thoughts = getattr(details, "reasoning_tokens", None) or 0
    prompt, output = usage.prompt_tokens, usage.completion_tokens
    if thoughts and usage.total_tokens == prompt + output + thoughts:
        return int(output + thoughts)
    return output  # type: ignore[no-any-return]


def read_stream(chunks: list[Any]) -> Shown | None:
    texts: list[str] = []
    calls: dict[int, list[str]] = {}
    reason, counts = None, (None, None)
    for chunk in chunks:
        extra = getattr(chunk, "x_groq", None) or {}
        usage = getattr(chunk, "usage", None) or None
        if usage is None and isinstance(extra, dict) and extra.get("usage"):
            counts = (extra["usage"]["prompt_tokens"], extra["usage"]["completion_tokens"])
        if usage is not None:
            counts = (usage.prompt_tokens, output_tokens(usage))
        for choice in chunk.choices or []:
            if getattr(choice, "index", 0) or choice.delta is None:
                continue
            if not isinstance(getattr(choice.delta, "content", None), str | None):
                return None
            texts.append(getattr(choice.delta, "content", None) or "")
            reason = getattr(choice, "finish_reason", None) or reason
            fragments = getattr(choice.delta, "tool_calls", None) or []
            if not isinstance(fragments, list) or getattr(choice.delta, "function_call", None):
                return None
            for call in fragments:
                known = calls.setdefault(call.index, ["", ""])
                known[0] += call.function.name or "" if known[0] != call.function.name else ""
                known[1] += call.function.arguments or ""
    return (
        "".join(texts),
        [(name, arguments) for name, arguments in calls.values()],
        decode_finish_reason(reason),
        *counts,
    )

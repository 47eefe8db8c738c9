"""Chat completions: all that the types of four vendors' packages know survives the neutral form.

Requests, answers and streams are invented (`invented_chats`). A request must come out of the
neutral form saying what it said, to the vendor of its package; an answer must be read as that
package reads it. A sample by default, more with PROVE=1.
"""

from __future__ import annotations

import json
import random
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import ValidationError

from proxy.providers.base import Attempt
from proxy.types.response import Answer
from tests.recorded.exchanges import PROVE, SEED
from tests.recorded.invented import Inventor
from tests.recorded.invented_chats import (
    TEXTS,
    VENDORS,
    ChatInventor,
    Json,
    answer_of,
    dialect_of,
    events,
    request_type,
    stream_of,
)
from tests.recorded.judges.base import Judge, Row, unlike
from tests.recorded.judges.chat_completions import ChatCompletionsJudge
from tests.recorded.playing import LIMITS
from tests.recorded.streams import answer_of as put_together
from tests.recorded.streams import chunks_of, provider_of

REQUESTS = 10_000 if PROVE else 200
ANSWERS = 5_000 if PROVE else 120
STREAMS = 5_000 if PROVE else 100
JUDGE: Judge = ChatCompletionsJudge()
SHOWN = 5


def invented(what: str, number: int) -> Inventor:
    return ChatInventor(random.Random(f"{SEED} chats {what} {number}"), TEXTS)


def row(vendor: str, request: Json, body: bytes = b"{}", *, stream: bool = False) -> Row:
    asked = {"path": "/v1/chat/completions", "body": json.dumps(request)}
    answered = {"status": 200, "headers": {}, "body": body.decode()}
    return {"provider": vendor, "request": asked, "response": answered, "stream": stream}


def same(vendor: str, what: str, count: int, lines: Any) -> None:
    """No disagreement among so many; `lines` tells those of one."""
    pytest.importorskip("mistralai" if vendor == "mistral" else vendor)
    broken: list[str] = []
    for number in range(count):
        found = lines(invented(f"{what} {vendor}", number), vendor)
        broken += [f"{number}: {line}" for line in found]
    assert not broken, f"{len(broken)}: " + "\n".join(broken[:SHOWN])


def request_lines(invent: Inventor, vendor: str) -> list[str]:
    made = invent.members(request_type(vendor))
    made["messages"] = [message for message in made.get("messages") or () if message] or [
        {"role": "user", "content": "Hello"}
    ]
    if invent.chance(0.3):
        made["stream"] = True
    asked = row(vendor, made)
    provider = provider_of(JUDGE, asked)
    attempt = Attempt("sk-made-up", LIMITS, lambda: False)
    body = provider.encode_chat(JUDGE.read_request(asked), attempt).request.sealed().body
    assert isinstance(body, bytes)
    return JUDGE.request_differences(asked, body, "/v1/chat/completions")


def spoken(invent: Inventor, vendor: str, made: Json) -> Json:
    """In some dialect; Mistral's package refuses all but its own."""
    return made if vendor == "mistral" else dialect_of(invent, made)


def answer_lines(invent: Inventor, vendor: str) -> list[str]:
    made = spoken(invent, vendor, answer_of(invent, vendor))
    body = json.dumps(made).encode()
    whole = row(vendor, {}, body)
    if not made.get("choices"):
        return []
    return list(compared(whole, body, lambda: provider_of(JUDGE, whole).decode_chat(body)))


def stream_lines(invent: Inventor, vendor: str) -> list[str]:
    chunks = [spoken(invent, vendor, chunk) for chunk in stream_of(invent, vendor)]
    body = events(invent, chunks)
    whole = row(vendor, {}, body, stream=True)
    half = invent.source.randrange(len(body))
    pieces = [body[:half], body[half:]]
    provider = provider_of(JUDGE, whole)
    return list(compared(whole, body, lambda: put_together(chunks_of(provider, pieces))))


def compared(whole: Row, body: bytes, read: Any) -> Iterator[str]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what a package thinks of odd bytes is its own business
        try:
            reference = JUDGE.reference(whole, body)
        except ValidationError:
            return  # Mistral's package refuses what its own types do not know
    answer: Answer = read()
    assert reference is not None
    yield from unlike(reference, JUDGE.reading(answer))


@pytest.mark.parametrize("vendor", VENDORS)
def test_requests_come_out_as_they_went_in(vendor: str) -> None:
    same(vendor, "requests", REQUESTS, request_lines)


@pytest.mark.parametrize("vendor", VENDORS)
def test_answers_are_read_as_the_package_reads_them(vendor: str) -> None:
    same(vendor, "answers", ANSWERS, answer_lines)


@pytest.mark.parametrize("vendor", VENDORS)
def test_streams_are_read_as_the_package_reads_them(vendor: str) -> None:
    same(vendor, "streams", STREAMS, stream_lines)

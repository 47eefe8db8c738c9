"""The judges themselves: they notice what is missing or otherwise, on either side."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

import pytest

from proxy.types.content import Text, Unknown
from proxy.types.response import Answer, FinishReason
from tests.exchanges.written import Written, written_exchanges
from tests.recorded.judges import WIRES, load_judge
from tests.recorded.judges.base import (
    Allowance,
    Judge,
    alike,
    request_json,
    request_path,
    response_body,
    unlike,
)
from tests.recorded.streams import answer_of, chunks_of, provider_of

SAYS_NOTHING = ("stream", "stream_options")
"""Members of requests that each judge has its reasons to pass over."""


def answered(judge: Judge) -> list[Written]:
    """Our exchanges in the judge's protocol that have an answer."""
    rows = [each for each in written_exchanges() if each.row["api"] in judge.apis]
    return [each for each in rows if "fault" not in each.values]


def read(judge: Judge, exchange: Written) -> Answer:
    provider, body = provider_of(judge, exchange.row), response_body(exchange.row)
    return answer_of(chunks_of(provider, [body])) if exchange.stream else provider.decode_chat(body)


def otherwise(answer: Answer) -> Iterator[tuple[str, Answer]]:
    """The answer, wrong in one thing each time."""
    yield "a text more", replace(answer, blocks=(*answer.blocks, Text("more")))
    if answer.blocks and not isinstance(answer.blocks[-1], Unknown):
        yield "a block less", replace(answer, blocks=answer.blocks[:-1])
    usage = answer.usage
    if usage.input_tokens is not None:
        more = replace(usage, input_tokens=usage.input_tokens + 1)
        yield "a token more", replace(answer, usage=more)
    if usage.output_tokens is not None:
        more = replace(usage, output_tokens=usage.output_tokens + 1)
        yield "a token more of output", replace(answer, usage=more)
    reason: FinishReason = "length" if answer.finish_reason != "length" else "stop"
    yield "another end", replace(answer, finish_reason=reason)


@pytest.mark.parametrize("wire", WIRES)
def test_a_judge_notices_an_answer_that_was_read_otherwise(wire: str) -> None:
    judge = load_judge(wire)
    missed = []
    for exchange in answered(judge):
        reference = judge.reference(exchange.row, response_body(exchange.row))
        if reference is None:
            pytest.skip("its SDK is not installed")
        answer = read(judge, exchange)
        assert not unlike(reference, judge.reading(answer)), exchange.name
        missed += [
            (exchange.name, what)
            for what, wrong in otherwise(answer)
            if not unlike(reference, judge.reading(wrong))
        ]
    assert not missed


@pytest.mark.parametrize("wire", WIRES)
def test_a_judge_notices_a_request_that_lacks_something(wire: str) -> None:
    judge = load_judge(wire)
    missed = []
    for exchange in answered(judge):
        recorded, path = request_json(exchange.row), request_path(exchange.row)
        assert not judge.request_differences(exchange.row, json.dumps(recorded).encode(), path)
        for name in recorded:
            less = {key: value for key, value in recorded.items() if key != name}
            lines = judge.request_differences(exchange.row, json.dumps(less).encode(), path)
            if not lines and name not in SAYS_NOTHING:
                missed.append((exchange.name, name))
    assert not missed


def test_values_are_compared_by_meaning() -> None:
    assert alike({"a": [1, 2.0]}, {"a": [1.0, 2]})
    assert not alike({"a": True}, {"a": 1})
    assert unlike({"a": [1, {"b/c": "x"}]}, {"a": [1, {"b/c": "y"}]}) == [
        '/a/1/b~1c: recorded "x", sent "y"'
    ]
    assert unlike({"a": 1}, {}) == ["/a: recorded 1, sent nothing"]
    everything = Allowance("Whatever it is.", lambda pointer, recorded, sent: pointer == "/a")
    assert not unlike({"a": 1}, {}, [everything])

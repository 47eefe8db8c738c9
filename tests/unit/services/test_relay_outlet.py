"""Neutral answers in OpenAI's own words."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from proxy.errors import UpstreamReset
from proxy.inference.json_mode import JsonOutput
from proxy.services.infer_call import Result, Served
from proxy.services.relay_outlet import RelayOutlet
from proxy.types.content import Block, Thought, ToolCall
from proxy.types.response import Answer, Chunk, Delta, TextDelta, ThoughtDelta, ToolCallDelta
from proxy.types.usage import Usage

ID = UUID(int=7)
CALL = ToolCall("c", "respond", '{"a":1}')


def served(kind: str = "chat", *, tool_as_text: bool = False) -> Served:
    return Served(ID, ID, "f", kind, "v", "m", "p", "t", ID, tool_as_text=tool_as_text)


def result(blocks: Sequence[Block], output: JsonOutput | None = None) -> Result:
    answer = Answer("theirs", tuple(blocks), Usage(3, 4), "tool_call", "raw", 1)
    return Result(answer, (), output, None, list)


def whole(said: Result, by: Served) -> dict[str, Any]:
    outlet = RelayOutlet("asked", stream=False, include_usage=False, clock=lambda: 99.5)
    outlet.begin(by)
    told: dict[str, Any] = json.loads(outlet.whole(said))
    return told


def streamed(by: Served, deltas: Sequence[Sequence[Delta]], *, usage: bool = False) -> list[Any]:
    outlet = RelayOutlet("asked", stream=True, include_usage=usage, clock=lambda: 99.5)
    outlet.begin(by)
    told = b"".join(outlet.chunk(Chunk(tuple(each), usage=Usage(1, 1))) for each in deltas)
    told += outlet.chunk(Chunk(finish_reason="tool_call")) + outlet.last(result(()))
    lines = [line.removeprefix(b"data: ") for line in told.split(b"\n\n") if line]
    assert lines.pop() == b"[DONE]"
    return [json.loads(line) for line in lines]


def test_calls_of_tools_are_calls() -> None:
    told = whole(result([CALL]), served())
    assert (told["id"], told["model"], told["created"]) == (str(ID), "asked", 99)
    [choice] = told["choices"]
    assert choice["finish_reason"] == "tool_calls"
    assert choice["message"]["tool_calls"][0]["function"]["name"] == "respond"
    assert told["usage"]["total_tokens"] == 7


def test_of_a_json_function_only_the_json_is_told() -> None:
    output = JsonOutput(' {"a": 1.0}', None)
    told = whole(result([Thought("hm"), CALL], output), served("json"))
    message = told["choices"][0]["message"]
    assert message == {"role": "assistant", "content": ' {"a": 1.0}', "refusal": None}
    assert told["choices"][0]["finish_reason"] == "stop"
    assert (
        whole(result([], JsonOutput(None, None)), served("json"))["choices"][0]["message"][
            "content"
        ]
        is None
    )


def test_a_stream_of_json_has_no_thoughts_and_no_calls() -> None:
    deltas = [[ThoughtDelta("0", "hm")], [ToolCallDelta("c", "respond", '{"a"')], []]
    told = streamed(served("json"), deltas)
    assert [each["choices"][0]["delta"].get("content") for each in told] == ['{"a"', None]
    assert told[-1]["choices"][0]["finish_reason"] == "stop"
    assert not any("usage" in each for each in told)


def test_calls_that_stand_for_texts_are_texts() -> None:
    deltas = [[ToolCallDelta("c", "respond", "a")], [TextDelta("0", "b")]]
    told = streamed(served(tool_as_text=True), deltas)
    assert [each["choices"][0]["delta"].get("content") for each in told[:2]] == ["a", "b"]


def test_the_usage_of_all_calls_comes_last() -> None:
    told = streamed(served(), [[TextDelta("0", "a")]], usage=True)
    assert [each["usage"] and each["usage"]["total_tokens"] for each in told] == [None, None, 7]
    assert told[-1]["choices"] == []
    assert {each["id"] for each in told} == {str(ID)}


def test_a_break_is_told_as_an_error() -> None:
    outlet = RelayOutlet("asked", stream=True, include_usage=False)
    outlet.begin(served())
    told = outlet.failure(UpstreamReset("it broke"))
    assert json.loads(told.removeprefix(b"data: ")) == {"error": {"message": "it broke"}}

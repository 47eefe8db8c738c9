"""Whole answers: which blocks and which raw text a model's name stands for."""

from __future__ import annotations

from collections.abc import Mapping

import orjson

from proxy.providers.dummy.counts import client_error
from proxy.providers.dummy.echoes import ECHOES
from proxy.types.content import Block, Text, Thought, ToolCall
from proxy.types.request import ModelRequest

TEXT = (
    "Megumin gleefully chanted her spell, unleashing a thunderous explosion that lit up the sky "
    "and left a massive crater in its wake."
)
ALTERNATE = "Megumin chanted her spell, but instead of an explosion, a gentle rain began to fall."
JSON = '{"answer":"Hello"}'
TOOL_ARGUMENTS = '{"location":"Brooklyn","units":"celsius"}'
BAD_TOOL_ARGUMENTS = '{"location":"Brooklyn","units":"Celsius"}'
GOOD_TOOL_ARGUMENTS = '{"sentiment":"positive","confidence":0.95}'

_COUNTS = '"usage":{"prompt_tokens":10,"completion_tokens":10,"total_tokens":20}}'
_RAW_DEFAULT = orjson.dumps(
    {
        "id": "id",
        "object": "text.completion",
        "created": 1618870400,
        "model": "text-davinci-002",
        "choices": [{"text": TEXT, "index": 0, "logprobs": None, "finish_reason": None}],
        "usage": {"prompt_tokens": 10, "completion_tokens": 10, "total_tokens": 20},
    },
    option=orjson.OPT_INDENT_2,
).decode()

Content = tuple[tuple[Block, ...], str]
"""Blocks, and the raw response that goes with them."""


def _text(text: str, raw: str = _RAW_DEFAULT) -> Content:
    return (Text(text),), raw


def _same(text: str) -> Content:
    return _text(text, text)


def _tool(name: str, arguments: str, raw: str = _RAW_DEFAULT) -> Content:
    return (ToolCall("0", name, arguments),), raw


def _judge(choice: int) -> Content:
    return _same(f'{{"thinking": "hmmm", "answer_choice": {choice}}}')


_CONTENTS: Mapping[str, Content] = {
    "null": ((), _RAW_DEFAULT),
    "tool": _tool("get_temperature", TOOL_ARGUMENTS, f"{TOOL_ARGUMENTS[:-1]},{_COUNTS}"),
    "good_tool": _tool("output_schema_tool", GOOD_TOOL_ARGUMENTS, GOOD_TOOL_ARGUMENTS),
    "invalid_tool_arguments": _tool("get_temperature", "Not valid 'JSON'"),
    "bad_tool": _tool("get_temperature", BAD_TOOL_ARGUMENTS, BAD_TOOL_ARGUMENTS),
    "reasoner": ((Thought("hmmm"), Text(TEXT)), _RAW_DEFAULT),
    "reasoner_with_signature": ((Thought("hmmm", "my_signature"), Text(TEXT)), _RAW_DEFAULT),
    "json_reasoner": ((Thought("hmmm"), Text(JSON)), _RAW_DEFAULT),
    "json": _text(JSON, f"{JSON[:-1]},{_COUNTS}"),
    "json_goodbye": _same('{"answer":"Goodbye"}'),
    "json_cot": _same('{"thinking":"hmmm", "response": {"answer":"tokyo!"}}'),
    "json_diff_schema": _text('{"response":"Hello"}'),
    "json_beatles_1": _text('{"names":["John", "George"]}'),
    "json_beatles_2": _text('{"names":["Paul", "Ringo"]}'),
    "best_of_n_0": _judge(0),
    "best_of_n_1": _judge(1),
    "best_of_n_big": _judge(100),
    "flaky_best_of_n_judge": _text('{"thinking": "hmmm", "answer_choice": 0}'),
    "alternate": _text(ALTERNATE),
    "empty": _text(""),
    "llm_judge::true": _text('{"score": true}'),
    "llm_judge::false": _text('{"score": false}'),
    "llm_judge::zero": _text('{"score": 0}'),
    "llm_judge::one": _text('{"score": 1}'),
}


def whole_content(name: str, request: ModelRequest) -> Content:
    """What the model answers; TEXT unless its name says otherwise.

    Raises:
        UpstreamClientError: that is what its name says.
    """
    if name == "llm_judge::error":
        raise client_error("Dummy error in inference")
    told = ECHOES.get(name)
    if told is not None:
        return _text(told(request))
    return _CONTENTS.get(name) or _text(TEXT)


def check_two_texts(request: ModelRequest) -> None:
    """Raise UpstreamClientError unless the first message is of two text blocks."""
    first = request.input.messages[0].content if request.input.messages else ()
    if len(first) != 2 or not all(isinstance(block, Text) for block in first):
        raise client_error("First message must have exactly two text blocks")

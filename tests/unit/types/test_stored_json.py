"""The JSON that is stored of neutral values, in TensorZero's shapes."""

from __future__ import annotations

import json

import pytest

from proxy.types.content import (
    Base64File,
    Block,
    RawText,
    Template,
    Text,
    Thought,
    ToolCall,
    ToolResult,
    Unknown,
    UrlFile,
    blocks_to_json,
    output_to_json,
)
from proxy.types.request import (
    Input,
    Message,
    Params,
    input_to_json,
    messages_to_json,
    params_to_json,
)
from proxy.types.usage import Usage


@pytest.mark.parametrize(
    ("block", "stored"),
    [
        (Text("a\u00e9"), '{"type":"text","text":"a\u00e9"}'),
        (RawText("a"), '{"type":"raw_text","value":"a"}'),
        (
            Template("t", b'{"z": 1.0, "a":1e2}'),
            '{"type":"template","name":"t","arguments":{"z": 1.0, "a":1e2}}',
        ),
        (
            ToolCall("i", "n", '{"b": 1}'),
            '{"type":"tool_call","id":"i","name":"n","arguments":"{\\"b\\": 1}"}',
        ),
        (ToolResult("i", "n", "r"), '{"type":"tool_result","name":"n","result":"r","id":"i"}'),
        (Thought("t"), '{"type":"thought","text":"t"}'),
        (
            Thought(None, "s", b"[1.0]", "p", b'{"x":1}'),
            '{"type":"thought","text":null,"signature":"s","summary":[1.0],"provider_type":"p",'
            '"extra_data":{"x":1}}',
        ),
        (
            UrlFile("u", None, "low"),
            '{"type":"file","file_type":"url","url":"u","detail":"low"}',
        ),
        (
            Base64File("d", "image/png", None, "f"),
            '{"type":"file","file_type":"base64","mime_type":"image/png","data":"d","filename":"f"}',
        ),
        (
            Unknown(b'{"z":1.50}', "m"),
            '{"type":"unknown","data":{"z":1.50},"model_name":"m","provider_name":null}',
        ),
    ],
)
def test_each_block_has_its_shape(block: Block, stored: str) -> None:
    assert blocks_to_json([block]).decode() == f"[{stored}]"


@pytest.mark.parametrize(
    ("arguments", "parsed"),
    [
        ('{"z":1.0, "a":2}', b'{"z":1.0, "a":2}'),
        ("not json", b"null"),
        ("", b"null"),
        ("[" * 5000, b"null"),
    ],
)
def test_an_outputs_tool_call_has_raw_and_parsed_arguments(arguments: str, parsed: bytes) -> None:
    stored = output_to_json([Text("a"), ToolCall("i", "n", arguments)])
    _, call = json.loads(stored)
    assert (call["id"], call["name"], call["raw_name"]) == ("i", "n", "n")
    assert call["raw_arguments"] == arguments
    assert stored.endswith(b'"arguments":' + parsed + b"}]")


def test_an_input_has_a_system_of_text_of_arguments_or_none() -> None:
    turns = (Message("user", (Text("a"), Text("b"))),)
    listed = b'[{"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]}]'
    assert messages_to_json(turns) == listed
    assert input_to_json(Input(turns)) == b'{"messages":' + listed + b"}"
    assert input_to_json(Input((), "s")) == b'{"system":"s","messages":[]}'
    assert input_to_json(Input((), b'{"z": 1.0}')) == b'{"system":{"z": 1.0},"messages":[]}'


def test_only_given_parameters_are_stored() -> None:
    assert params_to_json(Params()) == b'{"chat_completion":{}}'
    params = Params(temperature=0.0, max_tokens=5, stop_sequences=("x",))
    assert json.loads(params_to_json(params)) == {
        "chat_completion": {"temperature": 0.0, "max_tokens": 5, "stop_sequences": ["x"]}
    }


def test_of_the_counts_of_a_stream_the_largest_hold_and_unknown_ones_do_not_count() -> None:
    assert Usage(1, 1, reasoning=3).updated(Usage(None, 2, 0)) == Usage(1, 2, 0, reasoning=3)
    assert Usage(11, 5).updated(Usage(10, 2)) == Usage(11, 5)
    assert not Usage().known
    assert Usage(0).known

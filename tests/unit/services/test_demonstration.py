"""Demonstrations are checked as if a model had said them, with what the inference had then."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from proxy.errors import InvalidRequest, NotFound
from proxy.inference.prepare import FunctionSpec
from proxy.inference.schemas import Schema
from proxy.inference.tools import FunctionTools, load_tool
from proxy.services.demonstration import FunctionDemonstrations
from proxy.types.feedback import StoredInference
from proxy.types.ids import new_id

PLACE = '{"type":"object","properties":{"place":{"type":"string"}},"required":["place"]}'
SCORE = b'{"type":"object","properties":{"score":{"type":"number"}},"required":["score"]}'


def case(sentence: str, *values: object) -> Any:
    return pytest.param(*values, id=sentence)


def tool(key: str, name: str | None = None) -> Any:
    return load_tool(key, name=name, description="", label="t", parameters=PLACE, strict=False)


TOOLS = {"weather": tool("weather"), "shown": tool("shown", "seen"), "other": tool("other")}
READER = FunctionDemonstrations(
    {
        "chat": FunctionSpec(tools=FunctionTools(names=("weather", "shown"), configured=TOOLS)),
        "json": FunctionSpec(kind="json", output_schema=Schema(SCORE)),
    },
    FunctionSpec(tools=FunctionTools(configured=TOOLS)),
)


def stored(function: str = "chat", **more: Any) -> StoredInference:
    kind = "json" if function == "json" else "chat"
    return StoredInference(new_id(), function, "v", new_id(), kind, **more)


def call(name: str = "weather", **more: object) -> bytes:
    block = {"type": "tool_call", "id": "1", "name": name, "arguments": {"place": "Rome"}} | more
    return orjson.dumps([block])


def refusal(value: bytes, inference: StoredInference) -> str:
    with pytest.raises(InvalidRequest) as raised:
        READER.read(value, inference)
    return str(raised.value)


def test_a_text_is_one_block() -> None:
    assert READER.read(b'"hi \\u00e9"', stored()) == ('[{"type":"text","text":"hi é"}]'.encode())


def test_texts_and_tool_calls_are_stored_as_a_models_would_be() -> None:
    value = (
        b'[{"type":"text","text":"a"},{"type":"tool_call","id":"1","name":"weather",'
        b'"arguments":{ "z": 1.50, "place":"Rome" }}]'
    )
    assert READER.read(value, stored()) == (
        b'[{"type":"text","text":"a"},{"type":"tool_call","id":"1","raw_name":"weather",'
        b'"raw_arguments":"{\\"z\\":1.50,\\"place\\":\\"Rome\\"}","name":"weather",'
        b'"arguments":{"z":1.50,"place":"Rome"}}]'
    )


def test_arguments_may_come_as_their_text() -> None:
    assert READER.read(call(arguments='{"place":"Rome"}'), stored()) == READER.read(
        call(), stored()
    )


def test_a_tool_has_the_name_that_models_see() -> None:
    assert orjson.loads(READER.read(call("seen"), stored()))[0]["name"] == "seen"
    assert refusal(call("shown"), stored()) == "Demonstration contains invalid tool name"


def test_the_tools_that_came_with_the_call_count() -> None:
    mine = orjson.dumps(
        [{"type": "function", "name": "mine", "description": "", "parameters": orjson.loads(PLACE)}]
    )
    assert refusal(call("mine"), stored()) == "Demonstration contains invalid tool name"
    assert READER.read(call("mine"), stored(dynamic_tools=mine))
    assert READER.read(call("mine"), stored("tensorzero::default", dynamic_tools=mine))


def test_tools_that_the_call_allowed_beyond_the_functions_own_count() -> None:
    allowed = b'{"tools":["other"],"choice":"explicit"}'
    assert READER.read(call("other"), stored(allowed_tools=allowed))
    of_function = b'{"tools":["weather"],"choice":"function_default"}'
    assert refusal(call("other"), stored(allowed_tools=of_function))


@pytest.mark.parametrize(
    ("value", "message"),
    [
        case("an object", b"{}", "Demonstration must be a string or an array of content blocks"),
        case("a number", b"1", "Demonstration must be a string or an array of content blocks"),
        case(
            "a list of texts",
            b'["a"]',
            'Invalid demonstration content block: invalid type: string "a", expected object',
        ),
        case(
            "a block without a type",
            b'[{"text":"a"}]',
            "Invalid demonstration content block: TensorZeroDerive: missing tag field `type`",
        ),
        case(
            "a thought",
            b'[{"type":"thought","text":"a"}]',
            "Invalid demonstration content block: unknown variant `thought`, expected `text` or "
            "`tool_call`",
        ),
        case(
            "a call without an id",
            b'[{"type":"tool_call","name":"weather","arguments":{}}]',
            "Invalid demonstration content block: missing field `id`",
        ),
        case("a call of nobody's tool", call("none"), "Demonstration contains invalid tool name"),
        case(
            "arguments of another shape",
            call(arguments={"place": 1}),
            "Demonstration contains invalid tool call arguments",
        ),
        case(
            "arguments that are no JSON",
            call(arguments="{"),
            "Demonstration contains invalid tool call arguments",
        ),
    ],
)
def test_what_is_no_answer_of_a_chat_is_refused(value: bytes, message: str) -> None:
    assert refusal(value, stored()) == message


def test_json_keeps_its_order_and_its_numbers() -> None:
    stored_form = READER.read(b'{"b": 1.0, "score": 1e2}', stored("json"))
    assert stored_form == (
        b'{"raw":"{\\"b\\":1.0,\\"score\\":1e2}","parsed":{"b":1.0,"score":1e2}}'
    )


def test_json_has_to_meet_the_schema_of_its_inference() -> None:
    message = refusal(b'{"score":"high"}', stored("json"))
    assert message.startswith(
        "Demonstration does not fit function output schema: JSON Schema validation failed:\n"
        '"high" is not of type "number"'
    )
    mine = b'{"type":"string"}'
    assert READER.read(b'"high"', stored("json", output_schema=mine))
    assert "is not of type" in refusal(b'{"score":1}', stored("json", output_schema=mine))


def test_a_function_that_is_no_longer_configured_is_unknown() -> None:
    with pytest.raises(NotFound, match="Unknown function: gone"):
        READER.read(b'"a"', stored("gone"))


def test_whether_a_function_is_a_chat_is_for_the_configuration_to_say() -> None:
    """The inference may be older than the configuration."""
    older = StoredInference(new_id(), "json", "v", new_id(), "chat")
    assert READER.read(b'{"score":1}', older) == (b'{"raw":"{\\"score\\":1}","parsed":{"score":1}}')

from __future__ import annotations

from dataclasses import replace

import orjson
import pytest

from proxy.errors import InvalidRequest
from proxy.inference.schemas import SchemaCache
from proxy.inference.tools import (
    FunctionTools,
    Tool,
    ToolRequest,
    decode_tools,
    load_tool,
    read_tool_call,
    refuse_tools,
    resolve_tools,
)
from proxy.types.content import ToolCall
from proxy.wire.envelope.tools import ToolChoice

PARAMETERS = '{"type": "object", "properties": {"n": {"type": "number"}}, "required": ["n"]}'


def configured(key: str, name: str | None = None, *, strict: bool = False) -> Tool:
    return load_tool(
        key, name=name, description="D", label=f"{key}.json", parameters=PARAMETERS, strict=strict
    )


TEMPERATURE = configured("temperature", "get_temperature", strict=True)
HUMIDITY = configured("humidity")
FUNCTION = FunctionTools(
    names=("temperature",), configured={"temperature": TEMPERATURE, "humidity": HUMIDITY}
)


def brought(*names: str) -> tuple[Tool, ...]:
    tools = [
        {"name": name, "description": "D", "parameters": {}, "strict": False} for name in names
    ]
    return decode_tools(orjson.dumps(tools), SchemaCache())


def names(tools: tuple[Tool, ...]) -> list[str]:
    return [tool.name for tool in tools]


def test_a_function_offers_its_tools_and_those_that_come_along() -> None:
    tools = resolve_tools(FUNCTION, ToolRequest(additional=brought("a")))
    assert names(tools.tools) == ["get_temperature", "a"]
    assert orjson.loads(tools.tools_json() or b"")[0] == {
        "type": "function",
        "function": {
            "name": "get_temperature",
            "description": "D",
            "parameters": orjson.loads(PARAMETERS),
            "strict": True,
        },
    }
    assert tools.choice_json() is None
    assert orjson.loads(tools.allowed_json()) == {
        "tools": ["temperature", "a"],
        "choice": "function_default",
    }


def test_a_configured_schema_is_sent_as_it_was_written() -> None:
    tools = resolve_tools(FUNCTION, ToolRequest())
    assert PARAMETERS.encode() in (tools.tools_json() or b"")


def test_a_list_of_allowed_tools_adds_configured_ones_and_is_told_by_their_names() -> None:
    request = ToolRequest(allowed=("humidity", "temperature"), choice=ToolChoice("required"))
    tools = resolve_tools(FUNCTION, request)
    assert names(tools.tools) == ["get_temperature", "humidity"]
    assert orjson.loads(tools.choice_json() or b"") == {
        "type": "allowed_tools",
        "allowed_tools": {
            "mode": "required",
            "tools": [
                {"type": "function", "function": {"name": "humidity"}},
                {"type": "function", "function": {"name": "get_temperature"}},
            ],
        },
    }


def test_for_others_the_list_is_a_filter() -> None:
    tools = resolve_tools(FUNCTION, ToolRequest(allowed=("a",), additional=brought("a", "b")))
    assert names(tools.tools) == ["get_temperature", "a", "b"]
    assert names(tools.strict) == ["a"]


def test_none_of_the_allowed_tools_is_still_none() -> None:
    request = ToolRequest(allowed=("temperature",), choice=ToolChoice("none"))
    assert resolve_tools(FUNCTION, request).choice_json() == b'"none"'


def test_the_requests_choice_and_parallel_calls_win_over_the_functions() -> None:
    function = replace(FUNCTION, choice=ToolChoice("required"), parallel=True)
    assert resolve_tools(function, ToolRequest()).choice_json() == b'"required"'
    assert resolve_tools(function, ToolRequest()).parallel is True
    tools = resolve_tools(function, ToolRequest(choice=ToolChoice("auto"), parallel=False))
    assert tools.choice_json() == b'"auto"'
    assert tools.parallel is False


def test_a_tool_can_be_demanded_by_the_name_that_the_model_knows() -> None:
    choice = ToolChoice("specific", name="get_temperature")
    tools = resolve_tools(FUNCTION, ToolRequest(choice=choice))
    assert orjson.loads(tools.choice_json() or b"") == {
        "type": "function",
        "function": {"name": "get_temperature"},
    }


@pytest.mark.parametrize(
    "request_",
    [
        ToolRequest(allowed=("nope",)),
        ToolRequest(choice=ToolChoice("specific", name="nope")),
    ],
)
def test_a_name_that_stands_for_no_tool_is_refused(request_: ToolRequest) -> None:
    with pytest.raises(InvalidRequest, match=r"^Tool not found: nope$"):
        resolve_tools(FUNCTION, request_)


def test_two_tools_of_one_name_are_refused() -> None:
    with pytest.raises(InvalidRequest) as caught:
        resolve_tools(FUNCTION, ToolRequest(additional=brought("get_temperature")))
    assert str(caught.value) == ("Duplicate tool name: get_temperature. Tool names must be unique.")


def test_without_tools_there_is_no_tool_section() -> None:
    tools = resolve_tools(FunctionTools(), ToolRequest(choice=ToolChoice("required")))
    assert not tools
    assert tools.tools_json() is None
    assert tools.choice_json() is None


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (ToolRequest(allowed=()), "Cannot pass `allowed_tools` to a JSON function."),
        (ToolRequest(additional=()), "Cannot pass `additional_tools` to a JSON function."),
        (ToolRequest(choice=ToolChoice("auto")), "Cannot pass `tool_choice` to a JSON function"),
        (ToolRequest(parallel=False), "Cannot pass `parallel_tool_calls` to a JSON function"),
    ],
)
def test_a_json_function_takes_no_tools(request_: ToolRequest, message: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        refuse_tools(request_)
    assert str(caught.value) == message


def test_tools_in_openais_form_are_sent_on_unchanged() -> None:
    raw = b'{ "type":"function", "function":{"parameters":{"z":1.0,"a":1e2},"name":"t"} }'
    grammar = b'{"type": "custom", "custom": {"name": "g", "format": {"type": "text"}}}'
    tools = resolve_tools(
        FunctionTools(),
        ToolRequest(additional=decode_tools(b"[" + grammar + b"," + raw + b"]", SchemaCache())),
    )
    assert tools.tools_json() == b"[" + raw + b"," + grammar + b"]"
    assert orjson.loads(tools.additional_json()) == [
        {"type": "openai_custom", "name": "g", "format": {"type": "text"}},
        {
            "type": "function",
            "name": "t",
            "description": "",
            "parameters": {"z": 1.0, "a": 100.0},
            "strict": False,
        },
    ]


def test_a_free_text_tool_in_native_form_is_told_in_openais() -> None:
    raw = b'[{"type": "openai_custom", "name": "g", "description": "D"}]'
    tools = resolve_tools(
        FunctionTools(),
        ToolRequest(
            additional=decode_tools(raw, SchemaCache()),
            choice=ToolChoice("specific", name="g"),
        ),
    )
    assert orjson.loads(tools.tools_json() or b"") == [
        {"type": "custom", "custom": {"name": "g", "description": "D"}}
    ]
    assert tools.choice_json() == b'{"type":"custom","custom":{"name":"g"}}'
    assert orjson.loads(tools.additional_json()) == orjson.loads(raw)


@pytest.mark.parametrize(
    ("name", "arguments", "known", "read"),
    [
        ("get_temperature", '{ "n": 1.0, "a": 1e2 }', "get_temperature", b'{"n":1.0,"a":1e2}'),
        ("get_temperature", '{"n": "x"}', "get_temperature", None),
        ("get_temperature", "Not valid 'JSON'", "get_temperature", None),
        ("get_temperature", '{"n": NaN}', "get_temperature", None),
        ("temperature", '{"n": 1}', None, None),
    ],
)
def test_a_call_is_read_only_as_far_as_it_fits_the_tool(
    name: str, arguments: str, known: str | None, read: bytes | None
) -> None:
    call = read_tool_call(ToolCall("1", name, arguments), resolve_tools(FUNCTION, ToolRequest()))
    assert (call.raw_name, call.raw_arguments) == (name, arguments)
    assert (call.name, call.arguments) == (known, read)
    shown = orjson.loads(orjson.dumps(call.as_json()))
    assert shown["arguments"] == (None if read is None else orjson.loads(read))


def test_each_of_thousands_of_allowed_tools_is_named_once() -> None:
    names = [f"t{n}" for n in range(10_000)]
    brought = decode_tools(
        orjson.dumps(
            [{"name": name, "description": "", "parameters": {"type": "object"}} for name in names]
        ),
        SchemaCache(),
    )
    tools = resolve_tools(FunctionTools(), ToolRequest(allowed=tuple(names), additional=brought))
    choice = orjson.loads(tools.choice_json() or b"")
    assert [each["function"]["name"] for each in choice["allowed_tools"]["tools"]] == names

"""Bodies of `/inference`. Each id is one line of the compatibility tables."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.errors import InvalidRequest
from proxy.types.content import Text
from proxy.types.request import Input, Message, Params
from proxy.wire.envelope.extensions import CacheOptions
from proxy.wire.envelope.tools import ToolChoice
from proxy.wire.native.decode import decode_input
from proxy.wire.native.request import (
    _READERS,
    _TOOL_READERS,
    NativeRequest,
    decode_inference_request,
)

EPISODE = "0199a000-0000-7000-8000-000000000000"
TOOL = {"name": "get", "description": "d", "parameters": {"type": "object"}}
NO_TOOL = "additional_tools[0]: Failed to parse as `Tool` (tagged) or `FunctionTool` (untagged): "


def body(**members: object) -> bytes:
    whole = {"function_name": "f", "input": {"messages": []}, **members}
    return orjson.dumps({name: value for name, value in whole.items() if value is not ...})


def decode(**members: object) -> NativeRequest:
    return decode_inference_request(body(**members))


def refusal(raw: bytes) -> str:
    with pytest.raises(InvalidRequest) as raised:
        decode_inference_request(raw)
    return str(raised.value)


def case(sentence: str, *values: object) -> Any:
    return pytest.param(*values, id=sentence)


# The target.


def test_a_function_or_a_model_is_the_target() -> None:
    assert decode().function_name == "f"
    request = decode(function_name=None, model_name="openai::a/b::c")
    assert (request.function_name, request.model_name) == (None, "openai::a/b::c")


@pytest.mark.parametrize(
    ("members", "message"),
    [
        case(
            "neither",
            {"function_name": ...},
            "Invalid inference target: Either `function_name` or `model_name` must be provided",
        ),
        case(
            "both",
            {"model_name": "m"},
            "Invalid inference target: Only one of `function_name` or `model_name` can be provided",
        ),
        case(
            "model_name with variant_name",
            {"function_name": None, "model_name": "m", "variant_name": "v"},
            "Invalid inference target: `variant_name` cannot be provided when using `model_name`",
        ),
        case(
            "model_name with a dynamic variant",
            {
                "function_name": None,
                "model_name": "m",
                "internal_dynamic_variant_config": {},
                "dryrun": True,
            },
            "Invalid inference target: If a dynamic variant config is passed, `function_name` "
            "must be specified.",
        ),
        case(
            "a dynamic variant without dryrun",
            {"internal_dynamic_variant_config": {}},
            "If `internal_dynamic_variant_config` is used, `dryrun` must also be set to true",
        ),
        case(
            "a dynamic variant with variant_name",
            {"internal_dynamic_variant_config": {}, "dryrun": True, "variant_name": "v"},
            "`variant_name` and `internal_dynamic_variant_config` cannot both be set.",
        ),
        case(
            "include_aggregated_response without a stream",
            {"include_aggregated_response": True},
            "`include_aggregated_response` is only supported in streaming mode",
        ),
    ],
)
def test_members_that_exclude_each_other_are_refused(
    members: dict[str, object], message: str
) -> None:
    assert refusal(body(**members)) == message


# Members.


@pytest.mark.parametrize(
    ("name", "value", "field", "meaning"),
    [
        case("episode_id", "episode_id", EPISODE, "episode_id", UUID(EPISODE)),
        case("namespace", "namespace", "n", "namespace", "n"),
        case(
            "input",
            "input",
            {"messages": [{"role": "user", "content": "hi"}]},
            "input",
            Input((Message("user", (Text("hi"),)),)),
        ),
        case("stream", "stream", True, "stream", True),
        case("params without a table", "params", {}, "params", Params()),
        case(
            "params of a chat completion",
            "params",
            {
                "chat_completion": {
                    "temperature": 0.5,
                    "top_p": 1,
                    "max_tokens": 9,
                    "seed": 1,
                    "presence_penalty": -1.5,
                    "frequency_penalty": 0.1,
                    "stop_sequences": ["a"],
                    "json_mode": "strict",
                    "reasoning_effort": "low",
                    "service_tier": "flex",
                    "thinking_budget_tokens": -1,
                    "verbosity": None,
                }
            },
            "params",
            Params(
                temperature=0.5,
                top_p=1,
                max_tokens=9,
                seed=1,
                presence_penalty=-1.5,
                frequency_penalty=0.1,
                stop_sequences=("a",),
                json_mode="strict",
                reasoning_effort="low",
                service_tier="flex",
                thinking_budget_tokens=-1,
            ),
        ),
        case(
            "params with the old name of a JSON mode",
            "params",
            {"chat_completion": {"json_mode": "implicit_tool"}},
            "params",
            Params(json_mode="tool"),
        ),
        case("variant_name", "variant_name", "v", "variant_name", "v"),
        case("dryrun", "dryrun", True, "dryrun", True),
        case("internal", "internal", True, "internal", True),
        case("tags", "tags", {"a": "b"}, "tags", {"a": "b"}),
        case("allowed_tools", "allowed_tools", ["a", "b"], "allowed_tools", ("a", "b")),
        case("no allowed tools", "allowed_tools", [], "allowed_tools", ()),
        case(
            "additional_tools",
            "additional_tools",
            [TOOL],
            "additional_tools",
            orjson.dumps([TOOL]),
        ),
        case("tool_choice none", "tool_choice", "none", "choice", ToolChoice("none")),
        case("tool_choice auto", "tool_choice", "auto", "choice", ToolChoice("auto")),
        case("tool_choice required", "tool_choice", "required", "choice", ToolChoice("required")),
        case(
            "tool_choice of one tool",
            "tool_choice",
            {"specific": "a"},
            "choice",
            ToolChoice("specific", "a"),
        ),
        case("parallel_tool_calls", "parallel_tool_calls", False, "parallel_tool_calls", False),
        case(
            "provider_tools",
            "provider_tools",
            [{"scope": None, "tool": {"type": "web"}}],
            "provider_tools",
            (b'{"scope":null,"tool":{"type":"web"}}',),
        ),
        case(
            "output_schema",
            "output_schema",
            {"b": 1, "a": 2},
            "output_schema",
            b'{"b":1,"a":2}',
        ),
        case(
            "cache_options",
            "cache_options",
            {"enabled": "write_only", "max_age_s": 5},
            "cache_options",
            CacheOptions("write_only", 5),
        ),
        case("credentials", "credentials", {"k": "s"}, "credentials", {"k": "s"}),
        case("include_raw_response", "include_raw_response", True, "include_raw_response", True),
        case("include_raw_usage", "include_raw_usage", True, "include_raw_usage", True),
        case(
            "include_original_response",
            "include_original_response",
            True,
            "include_original_response",
            True,
        ),
        case(
            "extra_body",
            "extra_body",
            [{"pointer": "/a", "value": 1}, {"variant_name": "v", "pointer": "/b", "delete": True}],
            "extra_body",
            (
                b'{"pointer":"/a","value":1}',
                b'{"variant_name":"v","pointer":"/b","delete":true}',
            ),
        ),
        case(
            "extra_headers",
            "extra_headers",
            [{"model_name": "m", "name": "x-a", "value": "1"}],
            "extra_headers",
            (b'{"model_name":"m","name":"x-a","value":"1"}',),
        ),
    ],
)
def test_a_member_is_read(name: str, value: object, field: str, meaning: object) -> None:
    request = decode(**{name: value})
    read = getattr(request, field)
    if name == "tags":
        read = dict(read)
    assert read == meaning


def test_a_dynamic_variant_travels_as_raw_json() -> None:
    config = {"type": "chat_completion", "model": "m"}
    request = decode(internal_dynamic_variant_config=config, dryrun=True)
    assert request.internal_dynamic_variant_config == orjson.dumps(config)


def test_a_stream_may_ask_for_the_whole_answer_at_its_end() -> None:
    assert decode(stream=True, include_aggregated_response=True).include_aggregated_response


def test_the_old_name_of_raw_responses_is_worth_a_line_in_the_log() -> None:
    assert "deprecated" in decode(include_original_response=True).warnings[0]


@pytest.mark.parametrize("name", [*_READERS, *_TOOL_READERS])
def test_null_counts_as_absent(name: str) -> None:
    if name in ("input", "function_name"):
        return
    assert decode(**{name: None}) == decode()


def test_the_body_of_the_official_client_is_understood() -> None:
    request = decode(
        model_name=None,
        episode_id=None,
        namespace=None,
        input={"messages": [{"role": "user", "content": [{"type": "text", "text": "hi"}]}]},
        stream=None,
        params={"chat_completion": {}},
        variant_name=None,
        dryrun=None,
        internal=False,
        tags={},
        provider_tools=[],
        output_schema=None,
        credentials={},
        cache_options={"max_age_s": None, "enabled": "off"},
        include_original_response=False,
        include_raw_response=False,
        include_raw_usage=False,
        include_aggregated_response=False,
        extra_body=[],
        extra_headers=[],
        internal_dynamic_variant_config=None,
    )
    assert request == NativeRequest("f", None, Input((Message("user", (Text("hi"),)),)))


@pytest.mark.parametrize(
    "tool",
    [
        case("without a type", TOOL),
        case("strict", {**TOOL, "strict": True}),
        case("of type function", {"type": "function", **TOOL}),
        case("of its old type", {"type": "client_side_function", **TOOL}),
        case("a custom one", {"type": "openai_custom", "name": "c"}),
        case(
            "a custom one with a grammar",
            {
                "type": "openai_custom",
                "name": "c",
                "description": "d",
                "format": {"type": "grammar", "grammar": {"syntax": "lark", "definition": "x"}},
            },
        ),
        case(
            "a custom one of text",
            {"type": "openai_custom", "name": "c", "format": {"type": "text"}},
        ),
    ],
)
def test_a_tool_is_taken_as_it_came(tool: dict[str, object]) -> None:
    assert decode(additional_tools=[tool]).additional_tools == orjson.dumps([tool])


# Refusals.


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        case("a list", b"[1]", "invalid type: sequence, expected struct Params"),
        case("a text", b'"x"', 'invalid type: string "x", expected struct Params'),
        case(
            "no JSON",
            b'{"input": x}',
            "Failed to parse the request body as JSON: input: expected value at line 1 column 11 "
            "(400 Bad Request)",
        ),
        case(
            "nothing",
            b"",
            "Failed to parse the request body as JSON: EOF while parsing a value at line 1 "
            "column 0 (400 Bad Request)",
        ),
        case("without an input", b'{"function_name":"f"}', "missing field `input`"),
        case(
            "with an unknown field",
            b'{"function_name":"f","x":1,"input":{}}',
            "unknown field `x`",
        ),
        case(
            "with a null input",
            b'{"function_name":"f","input":null}',
            "input: invalid type: null, expected struct Input",
        ),
        case("with a fault before an unknown field", b'{"x":1}', "missing field `input`"),
    ],
)
def test_a_body_of_another_shape_is_refused(raw: bytes, message: str) -> None:
    assert refusal(raw) == message


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        case("function_name", "function_name", 1, "invalid type: integer `1`, expected a string"),
        case("stream", "stream", "x", 'invalid type: string "x", expected a boolean'),
        case("namespace", "namespace", "", "Namespace identifier cannot be empty"),
        case(
            "params with an unknown table",
            "params",
            {"x": {}},
            "params.x: unknown field `x`, expected `chat_completion`",
        ),
        case("tags", "tags", {"a": 1}, "tags.a: invalid type: integer `1`, expected a string"),
        case(
            "tags of TensorZero's own",
            "tags",
            {"a": "b", "tensorzero::x": "y"},
            "Tag name cannot start with 'tensorzero::': tensorzero::x",
        ),
        case("episode_id", "episode_id", "x", "UUID parsing failed"),
        case(
            "allowed_tools",
            "allowed_tools",
            [1],
            "allowed_tools[0]: invalid type: integer `1`, expected a string",
        ),
        case(
            "additional_tools",
            "additional_tools",
            {},
            "additional_tools: invalid type: map, expected a sequence",
        ),
        case(
            "a tool without a description",
            "additional_tools",
            [{"name": "a", "parameters": {}}],
            NO_TOOL + "missing field `description`",
        ),
        case(
            "a tool with another member",
            "additional_tools",
            [{**TOOL, "x": 1}],
            NO_TOOL + "x: unknown field `x`, expected one of `description`, `parameters`, "
            "`name`, `strict`",
        ),
        case("a tool of another type", "additional_tools", [{"type": "web"}], NO_TOOL),
        case("a tool that is none", "additional_tools", [3], NO_TOOL),
        case(
            "tool_choice",
            "tool_choice",
            "x",
            "tool_choice: unknown variant `x`, expected one of `none`, `auto`, `required`, "
            "`specific`",
        ),
        case(
            "tool_choice of no tool",
            "tool_choice",
            "specific",
            "tool_choice: invalid type: unit variant, expected newtype variant",
        ),
        case(
            "tool_choice that is empty",
            "tool_choice",
            {},
            "tool_choice: invalid value: map, expected map with a single key",
        ),
        case(
            "tool_choice of something else",
            "tool_choice",
            {"x": 1},
            "tool_choice: unknown variant `x`",
        ),
        case(
            "provider_tools",
            "provider_tools",
            [{"scope": None}],
            "provider_tools[0]: missing field `tool`",
        ),
        case(
            "cache_options",
            "cache_options",
            {"enabled": "x"},
            "cache_options.enabled: unknown variant `x`, expected one of `on`, `off`, "
            "`read_only`, `write_only`",
        ),
        case(
            "extra_body",
            "extra_body",
            [{"pointer": "/a"}],
            "extra_body[0]: data did not match any variant of untagged enum ExtraBody",
        ),
        case(
            "extra_headers",
            "extra_headers",
            [{"name": "x"}],
            "extra_headers[0]: data did not match any variant of untagged enum ExtraHeader",
        ),
        case(
            "internal_dynamic_variant_config",
            "internal_dynamic_variant_config",
            3,
            "internal_dynamic_variant_config: invalid type: integer `3`, expected a map",
        ),
    ],
)
def test_a_member_of_another_shape_is_refused(name: str, value: object, message: str) -> None:
    with pytest.raises(InvalidRequest) as raised:
        decode(**{name: value})
    assert message in str(raised.value)
    place = raised.value.param or ""
    assert place == name or (place.startswith(name) and message.startswith(place))


def test_a_secret_is_not_repeated() -> None:
    assert "sk-1" not in refusal(body(credentials={"k": ["sk-1"]}))
    assert "sk-1" not in repr(decode(credentials={"k": "sk-1"}))


def test_an_internal_call_bears_a_tag_and_may_have_more_of_them() -> None:
    request = decode(internal=True, tags={"tensorzero::x": "y"})
    assert request.tags == {"tensorzero::x": "y", "tensorzero::internal": "true"}


# For the record.


def test_a_request_is_decoded_again_for_the_record() -> None:
    decoded = decode_input(
        body(
            input={"system": {"b": 1, "a": 2}, "messages": [{"role": "user", "content": "hi"}]},
            params={"chat_completion": {"seed": 1}},
            additional_tools=[TOOL, {"type": "openai_custom", "name": "c"}],
            tool_choice={"specific": "get"},
            parallel_tool_calls=True,
        )
    )
    messages = b'[{"role":"user","content":[{"type":"text","text":"hi"}]}]'
    assert decoded.input == b'{"system":{"b":1,"a":2},"messages":' + messages + b"}"
    assert decoded.system == '{"b":1,"a":2}'
    assert decoded.messages == messages
    assert decoded.params == b'{"chat_completion":{"seed":1}}'
    assert decoded.dynamic_tools == (
        b'[{"type":"function","name":"get","description":"d","parameters":{"type":"object"},'
        b'"strict":false},{"type":"openai_custom","name":"c"}]'
    )
    assert decoded.tool_choice == b'{"specific":"get"}'
    assert decoded.parallel_tool_calls is True


# Anything at all.

words = st.sampled_from(["type", "text", "role", "user", "name", "content", "file", "data", "url"])
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | words | st.text()
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(words | st.text(), inner, max_size=4)
    ),
    max_leaves=8,
)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from([*_READERS, *_TOOL_READERS]), values)
def test_a_member_of_any_value_is_read_or_refused(name: str, value: object) -> None:
    try:
        raw = body(**{name: value})
    except TypeError:
        return
    try:
        decode_inference_request(raw)
    except InvalidRequest as error:
        assert str(error)


kinds = st.sampled_from(["text", "template", "tool_call", "thought", "file", "unknown"])


@settings(max_examples=200, deadline=None)
@given(kinds, st.dictionaries(words | st.sampled_from(["arguments", "id"]), values, max_size=4))
def test_a_block_of_any_value_is_read_or_refused(kind: str, block: dict[str, object]) -> None:
    messages = [{"role": "user", "content": [{**block, "type": kind}]}]
    try:
        raw = body(input={"messages": messages})
    except TypeError:
        return
    try:
        decode_inference_request(raw)
    except InvalidRequest as error:
        assert str(error).startswith("input.messages[0].content[0]: ")

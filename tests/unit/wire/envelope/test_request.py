"""Bodies of `/openai/v1/chat/completions`. Each id is one line of the compatibility tables."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import orjson
import pytest

from proxy.errors import InvalidRequest
from proxy.types.request import Params
from proxy.wire.envelope.extensions import CacheOptions
from proxy.wire.envelope.request import (
    EnvelopeRequest,
    decode_envelope_request,
    decode_model_string,
)
from proxy.wire.envelope.tools import ToolChoice

EPISODE = "0199a000-0000-7000-8000-000000000000"
OURS = "Invalid request to OpenAI-compatible endpoint: "


def body(**members: object) -> bytes:
    members = {name.replace("tz_", "tensorzero::"): value for name, value in members.items()}
    whole = {"model": "tensorzero::function_name::f", "messages": [], **members}
    return orjson.dumps({name: value for name, value in whole.items() if value is not ...})


def decode(**members: object) -> EnvelopeRequest:
    return decode_envelope_request(body(**members))


def refusal(raw: bytes) -> str:
    with pytest.raises(InvalidRequest) as raised:
        decode_envelope_request(raw)
    return str(raised.value)


def case(sentence: str, *values: object) -> Any:
    return pytest.param(*values, id=sentence)


# Model strings.


@pytest.mark.parametrize(
    ("model", "meaning"),
    [
        case(
            "`tensorzero::function_name::F` is a function",
            "tensorzero::function_name::f",
            ("function", "f"),
        ),
        case(
            "the default function can be named",
            "tensorzero::function_name::tensorzero::default",
            ("function", "tensorzero::default"),
        ),
        case(
            "`tensorzero::model_name::M` is a model",
            "tensorzero::model_name::m",
            ("model", "m"),
        ),
        case(
            "a shorthand keeps its colons and slashes",
            "tensorzero::model_name::openai::responses::a/b::c",
            ("model", "openai::responses::a/b::c"),
        ),
    ],
)
def test_a_model_string_names_a_function_or_a_model(model: str, meaning: tuple[str, str]) -> None:
    assert decode_model_string(model) == meaning
    request = decode(model=model)
    assert meaning[1] in (request.function_name, request.model_name)
    assert (request.function_name is None) == (meaning[0] == "model")


NO_PREFIX = (
    OURS + "`model` field must start with `tensorzero::function_name::` or "
    "`tensorzero::model_name::`. For example, `tensorzero::function_name::my_function` for a "
    "function `my_function` defined in your config, `tensorzero::model_name::my_model` for a model "
    "`my_model` defined in your config, or default functions like "
    "`tensorzero::model_name::openai::gpt-4o-mini`."
)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        case("a bare model name is refused", "gpt-4o", NO_PREFIX),
        case("the relay's shorthand is refused", "openai::gpt-4o", NO_PREFIX),
        case(
            "an empty function name is refused",
            "tensorzero::function_name::",
            OURS + 'function_name (passed in model field after "tensorzero::function_name::") '
            "cannot be empty",
        ),
        case(
            "an empty model name is refused",
            "tensorzero::model_name::",
            OURS + 'model_name (passed in model field after "tensorzero::model_name::") '
            "cannot be empty",
        ),
    ],
)
def test_a_model_string_that_names_nothing_is_refused(model: str, message: str) -> None:
    assert refusal(body(model=model)) == message


# OpenAI's members.


@pytest.mark.parametrize(
    ("members", "params"),
    [
        case(
            "sampling parameters are passed on as they were given",
            {
                "temperature": 0.7,
                "top_p": 1,
                "presence_penalty": -0.5,
                "frequency_penalty": 0.1,
                "seed": 7,
            },
            Params(temperature=0.7, top_p=1, presence_penalty=-0.5, frequency_penalty=0.1, seed=7),
        ),
        case("`max_tokens` is the limit", {"max_tokens": 9}, Params(max_tokens=9)),
        case(
            "`max_completion_tokens` is the limit",
            {"max_completion_tokens": 8},
            Params(max_tokens=8),
        ),
        case(
            "of two limits the smaller one is used",
            {"max_tokens": 9, "max_completion_tokens": 8},
            Params(max_tokens=8),
        ),
        case(
            "`stop` may be a list of strings",
            {"stop": ["a", "b"]},
            Params(stop_sequences=("a", "b")),
        ),
        case("`stop` may be one string", {"stop": "a"}, Params(stop_sequences=("a",))),
        case(
            "`reasoning_effort`, `verbosity` and `service_tier` are passed on",
            {"reasoning_effort": "low", "verbosity": "high", "service_tier": "flex"},
            Params(reasoning_effort="low", verbosity="high", service_tier="flex"),
        ),
        case(
            "`response_format` text switches the JSON mode off",
            {"response_format": {"type": "text"}},
            Params(json_mode="off"),
        ),
        case(
            "`response_format` json_object is the JSON mode `on`",
            {"response_format": {"type": "json_object"}},
            Params(json_mode="on"),
        ),
        case(
            "`response_format` json_schema is the JSON mode `strict`",
            {"response_format": {"type": "json_schema", "json_schema": {"name": "x"}}},
            Params(json_mode="strict"),
        ),
        case(
            "`tensorzero::params` win over OpenAI's members, one by one",
            {
                "temperature": 0.1,
                "seed": 1,
                "stop": "x",
                "max_tokens": 1,
                "tz_params": {
                    "chat_completion": {
                        "temperature": 0.9,
                        "stop_sequences": ["y"],
                        "max_tokens": 5,
                        "top_p": None,
                    }
                },
            },
            Params(temperature=0.9, seed=1, stop_sequences=("y",), max_tokens=5),
        ),
        case(
            "the JSON mode `tool` is reached with `tensorzero::params`",
            {
                "response_format": {"type": "json_object"},
                "tz_params": {"chat_completion": {"json_mode": "tool"}},
            },
            Params(json_mode="tool"),
        ),
        case(
            "`thinking_budget_tokens` is reached with `tensorzero::params`",
            {"tz_params": {"chat_completion": {"thinking_budget_tokens": 100}}},
            Params(thinking_budget_tokens=100),
        ),
        case("empty `tensorzero::params` change nothing", {"tz_params": {}}, Params()),
        case(
            "null counts as not given",
            {"temperature": None, "stop": None, "max_tokens": None, "response_format": None},
            Params(),
        ),
        case("nothing is invented", {}, Params()),
    ],
)
def test_parameters_are_mapped(members: dict[str, object], params: Params) -> None:
    assert decode(**members).params == params


SCHEMA = b'{"type": "object", "x": 1.0}'


@pytest.mark.parametrize(
    ("json_schema", "schema"),
    [
        case(
            "the schema of json_schema is the output schema, as it was spelled",
            b'{"name":"n","schema":%b,"strict":true}' % SCHEMA,
            SCHEMA,
        ),
        case("json_schema may come without a schema", b'{"name":"n"}', None),
        case("a null schema is none", b'{"name":"n","schema":null}', None),
    ],
)
def test_a_json_schema_is_kept(json_schema: bytes, schema: bytes | None) -> None:
    raw = b'{"type":"json_schema","json_schema":%b}' % json_schema
    request = decode_envelope_request(
        b'{"model":"tensorzero::model_name::m","messages":[],"response_format":%b}' % raw
    )
    assert request.output_schema == schema
    assert request.response_format == raw


def test_a_format_gives_way_to_a_json_mode_of_the_native_params() -> None:
    native = {"chat_completion": {"json_mode": "off"}}
    request = decode(response_format={"type": "json_object"}, tz_params=native)
    assert request.response_format is None


@pytest.mark.parametrize(
    ("members", "stream", "include_usage"),
    [
        case("`stream` is off by default", {}, False, False),
        case("`stream` can be asked for", {"stream": True}, True, False),
        case(
            "`stream_options.include_usage` asks for the usage",
            {"stream": True, "stream_options": {"include_usage": True}},
            True,
            True,
        ),
        case(
            "other `stream_options` are ignored",
            {"stream": True, "stream_options": {"x": 1}},
            True,
            False,
        ),
        case("null `stream_options` are none", {"stream_options": None}, False, False),
        case(
            "`tensorzero::include_raw_usage` implies the usage",
            {"stream": True, "tz_include_raw_usage": True},
            True,
            True,
        ),
    ],
)
def test_streaming_is_read(members: dict[str, object], stream: bool, include_usage: bool) -> None:
    request = decode(**members)
    assert (request.stream, request.include_usage) == (stream, include_usage)


def test_raw_usage_of_a_stream_excludes_an_explicit_no_to_the_usage() -> None:
    asked = {"tz_include_raw_usage": True, "stream_options": {"include_usage": False}}
    assert refusal(body(stream=True, **asked)) == OURS + (
        "`tensorzero::include_raw_usage` requires `stream_options.include_usage` to be true "
        "(or omitted) for streaming requests"
    )
    assert decode(**asked).include_raw_usage


@pytest.mark.parametrize("n", [1, None])
def test_one_choice_may_be_asked_for(n: object) -> None:
    assert decode(n=n) == decode()


# Tools.


@pytest.mark.parametrize(
    "tool",
    [
        case(
            "a function with name and parameters",
            b'{"type":"function","function":{"name":"a","parameters":{"z":1.0,"a":2}}}',
        ),
        case(
            "a function with description and strict",
            b'{"type":"function","function":{"name":"a","description":"d","parameters":{},'
            b'"strict":true}}',
        ),
        case("a custom tool", b'{"type":"custom","custom":{"name":"a","format":{"type":"text"}}}'),
    ],
)
def test_tools_are_kept_as_they_came(tool: bytes) -> None:
    request = decode_envelope_request(
        b'{"model":"tensorzero::model_name::m","messages":[],"tools":[%b]}' % tool
    )
    assert request.additional_tools == b"[%b]" % tool


def named(name: str) -> dict[str, object]:
    return {"type": "function", "function": {"name": name}}


@pytest.mark.parametrize(
    ("given", "choice", "native"),
    [
        case("`none`", "none", ToolChoice("none"), b'"none"'),
        case("`auto`", "auto", ToolChoice("auto"), b'"auto"'),
        case("`required`", "required", ToolChoice("required"), b'"required"'),
        case(
            "a named function is `specific`",
            named("a"),
            ToolChoice("specific", "a"),
            b'{"specific":"a"}',
        ),
        case(
            "allowed tools give names and mode",
            {
                "type": "allowed_tools",
                "allowed_tools": {"mode": "required", "tools": [named("a"), named("b")]},
            },
            ToolChoice("required", allowed=("a", "b")),
            b'"required"',
        ),
    ],
)
def test_a_tool_choice_is_understood(given: object, choice: ToolChoice, native: bytes) -> None:
    request = decode(tool_choice=given)
    assert request.choice == choice
    assert request.choice.as_native() == native
    assert request.allowed_tools == choice.allowed
    assert request.tool_choice == orjson.dumps(given)


def test_parallel_tool_calls_are_passed_on() -> None:
    assert decode(parallel_tool_calls=False).parallel_tool_calls is False
    assert decode().parallel_tool_calls is None


# Extensions.


@pytest.mark.parametrize(
    ("members", "field", "value"),
    [
        case("`variant_name` pins", {"tz_variant_name": "v"}, "variant_name", "v"),
        case("`dryrun` is off by default", {}, "dryrun", False),
        case("`dryrun` can be asked for", {"tz_dryrun": True}, "dryrun", True),
        case("`episode_id` is a UUID", {"tz_episode_id": EPISODE}, "episode_id", UUID(EPISODE)),
        case("there is no episode id by default", {"tz_episode_id": None}, "episode_id", None),
        case("`namespace` is a string", {"tz_namespace": "n"}, "namespace", "n"),
        case("the cache is off by default", {}, "cache_options", CacheOptions("off", None)),
        case(
            "`cache_options` have a mode and an age",
            {"tz_cache_options": {"enabled": "read_only", "max_age_s": 60}},
            "cache_options",
            CacheOptions("read_only", 60),
        ),
        case(
            "`cache_options` of null and nothing are off",
            {"tz_cache_options": {"max_age_s": None}},
            "cache_options",
            CacheOptions("off", None),
        ),
        case(
            "`extra_body` entries come with and without a scope",
            {
                "tz_extra_body": [
                    {"pointer": "/a", "value": None},
                    {"pointer": "/b", "delete": True},
                    {"variant_name": "v", "pointer": "/a", "value": 1},
                    {"model_name": "m", "pointer": "/a", "value": 1},
                    {"model_name": "m", "provider_name": "p", "pointer": "/a", "delete": True},
                ]
            },
            "extra_body",
            (
                b'{"pointer":"/a","value":null}',
                b'{"pointer":"/b","delete":true}',
                b'{"variant_name":"v","pointer":"/a","value":1}',
                b'{"model_name":"m","pointer":"/a","value":1}',
                b'{"model_name":"m","provider_name":"p","pointer":"/a","delete":true}',
            ),
        ),
        case("`extra_body` is empty by default", {"tz_extra_body": None}, "extra_body", ()),
        case(
            "`extra_headers` have a name instead of a pointer",
            {"tz_extra_headers": [{"name": "x-a", "value": "1"}, {"name": "x", "delete": True}]},
            "extra_headers",
            (b'{"name":"x-a","value":"1"}', b'{"name":"x","delete":true}'),
        ),
        case("`tags` are strings by string", {"tz_tags": {"a": "b"}}, "tags", {"a": "b"}),
        case("there are no tags by default", {"tz_tags": None}, "tags", {}),
        case("`credentials`", {"tz_credentials": {"k": "s"}}, "credentials", {"k": "s"}),
        case(
            "`provider_tools` with and without a scope",
            {
                "tz_provider_tools": [
                    {"tool": {"a": 1}},
                    {"scope": None, "tool": {}},
                    {"scope": {"model_name": "m", "provider_name": None}, "tool": {}},
                ]
            },
            "provider_tools",
            (
                b'{"tool":{"a":1}}',
                b'{"scope":null,"tool":{}}',
                b'{"scope":{"model_name":"m","provider_name":null},"tool":{}}',
            ),
        ),
        case(
            "`internal_dynamic_variant_config` with `dryrun` and a function",
            {"tz_internal_dynamic_variant_config": {"type": "x"}, "tz_dryrun": True},
            "internal_dynamic_variant_config",
            b'{"type":"x"}',
        ),
        case("`include_raw_usage`", {"tz_include_raw_usage": True}, "include_raw_usage", True),
        case(
            "`include_raw_response`",
            {"tz_include_raw_response": True},
            "include_raw_response",
            True,
        ),
        case(
            "`include_original_response`",
            {"tz_include_original_response": True},
            "include_original_response",
            True,
        ),
    ],
)
def test_extensions_are_read(members: dict[str, object], field: str, value: object) -> None:
    assert getattr(decode(**members), field) == value


def test_secrets_stay_out_of_what_is_printed() -> None:
    assert "hunter2" not in repr(decode(tz_credentials={"k": "hunter2"}))


# Unknown members.


def test_unknown_members_are_ignored_with_one_warning() -> None:
    request = decode(user="u", logprobs=True, metadata={}, tz_internal=True)
    assert request.unknown_fields == ("logprobs", "metadata", "tensorzero::internal", "user")
    (warning,) = request.warnings
    assert "`user`" in warning


def test_unknown_members_can_be_forbidden() -> None:
    assert refusal(body(foo=1, tz_deny_unknown_fields=True, bar=2)) == OURS + (
        "`tensorzero::deny_unknown_fields` is set to true, "
        "but found unknown fields in the request: [bar, foo]"
    )
    assert decode(tz_deny_unknown_fields=True).unknown_fields == ()
    assert decode(foo=1, tz_deny_unknown_fields=False).unknown_fields == ("foo",)


def test_the_deprecated_original_response_is_warned_of() -> None:
    (warning,) = decode(tz_include_original_response=True).warnings
    assert "deprecated" in warning


# What is refused.


@pytest.mark.parametrize(
    ("members", "message"),
    [
        case("messages are required", {"messages": ...}, "missing field `messages`"),
        case("a model is required", {"model": ...}, "missing field `model`"),
        case(
            "null messages are refused",
            {"messages": None},
            "messages: invalid type: null, expected a sequence",
        ),
        case(
            "a model that is no string",
            {"model": 1},
            "model: invalid type: integer `1`, expected a string",
        ),
        case(
            "a number that is a string",
            {"temperature": "x"},
            'temperature: invalid type: string "x", expected f32',
        ),
        case(
            "a number that is a boolean",
            {"top_p": True},
            "top_p: invalid type: boolean `true`, expected f32",
        ),
        case(
            "a number that is a list",
            {"presence_penalty": []},
            "presence_penalty: invalid type: sequence, expected f32",
        ),
        case(
            "a number that is an object",
            {"frequency_penalty": {}},
            "frequency_penalty: invalid type: map, expected f32",
        ),
        case(
            "a negative limit",
            {"max_tokens": -1},
            "max_tokens: invalid value: integer `-1`, expected u32",
        ),
        case(
            "a limit with a fraction",
            {"max_completion_tokens": 1.5},
            "max_completion_tokens: invalid type: floating point `1.5`, expected u32",
        ),
        case(
            "a whole number spelled as a fraction",
            {"seed": 1.0},
            "seed: invalid type: floating point `1.0`, expected u32",
        ),
        case(
            "a seed beyond 32 bits",
            {"seed": 2**32},
            "seed: invalid value: integer `4294967296`, expected u32",
        ),
        case(
            "`stop` that is a number",
            {"stop": 1},
            "stop: invalid type: integer `1`, expected a sequence",
        ),
        case(
            "`stop` that holds a number",
            {"stop": ["a", 1]},
            "stop[1]: invalid type: integer `1`, expected a string",
        ),
        case(
            "`stream` that is a string",
            {"stream": "yes"},
            'stream: invalid type: string "yes", expected a boolean',
        ),
        case(
            "`stream_options` that are a string",
            {"stream_options": "x"},
            'stream_options: invalid type: string "x", '
            "expected struct OpenAICompatibleStreamOptions",
        ),
        case(
            "`include_usage` that is a number",
            {"stream_options": {"include_usage": 1}},
            "stream_options.include_usage: invalid type: integer `1`, expected a boolean",
        ),
        case(
            "more than one choice",
            {"n": 2},
            OURS + "TensorZero does not support `n` other than 1. "
            "Please omit this parameter or set it to 1.",
        ),
        case(
            "no choice",
            {"n": 0},
            OURS + "TensorZero does not support `n` other than 1. "
            "Please omit this parameter or set it to 1.",
        ),
        case(
            "an unknown service tier",
            {"service_tier": "x"},
            "service_tier: unknown variant `x`, "
            "expected one of `auto`, `default`, `priority`, `flex`",
        ),
        case(
            "a response format without a type",
            {"response_format": {}},
            "response_format: missing field `type`",
        ),
        case(
            "an unknown response format",
            {"response_format": {"type": "x"}},
            "response_format: unknown variant `x`, "
            "expected one of `text`, `json_schema`, `json_object`",
        ),
        case(
            "a json_schema that is missing",
            {"response_format": {"type": "json_schema"}},
            "response_format: missing field `json_schema`",
        ),
        case(
            "a json_schema without a name",
            {"response_format": {"type": "json_schema", "json_schema": {}}},
            "response_format: missing field `name`",
        ),
        case(
            "a tool without a type",
            {"tools": [{"function": {}}]},
            "tools[0]: missing field `type`",
        ),
        case(
            "a tool of an unknown type",
            {"tools": [{"type": "x"}]},
            "tools[0]: unknown variant `x`, expected `function` or `custom`",
        ),
        case(
            "a tool without its function",
            {"tools": [{"type": "function"}]},
            "tools[0]: missing field `function`",
        ),
        case(
            "a function without a name",
            {"tools": [{"type": "function", "function": {"parameters": {}}}]},
            "tools[0]: missing field `name`",
        ),
        case(
            "a function without parameters",
            {"tools": [{"type": "function", "function": {"name": "a"}}]},
            "tools[0]: missing field `parameters`",
        ),
        case(
            "an unknown tool choice",
            {"tool_choice": "any"},
            "tool_choice: Invalid tool choice string: any",
        ),
        case(
            "a tool choice of an unknown type",
            {"tool_choice": {"type": "x"}},
            "tool_choice: Invalid tool choice type: x",
        ),
        case(
            "a tool choice without a type",
            {"tool_choice": {}},
            "tool_choice: Tool choice field must have a 'type' field if it is an object",
        ),
        case(
            "a tool choice that is a number",
            {"tool_choice": 1},
            "tool_choice: Tool choice must be a string or object",
        ),
        case(
            "allowed tools without their list",
            {"tool_choice": {"type": "allowed_tools"}},
            "tool_choice: Missing 'allowed_tools' field in allowed_tools type",
        ),
        case(
            "allowed tools of an unknown mode",
            {"tool_choice": {"type": "allowed_tools", "allowed_tools": {"tools": [], "mode": "x"}}},
            "tool_choice: unknown variant `x`, expected `auto` or `required`",
        ),
        case(
            "an episode id that is no UUID",
            {"tz_episode_id": "x"},
            "tensorzero::episode_id: UUID parsing failed: invalid character: found `x` at 1",
        ),
        case(
            "an episode id that is too short",
            {"tz_episode_id": "0199"},
            "tensorzero::episode_id: UUID parsing failed: "
            "invalid length: expected length 32 for simple format, found 4",
        ),
        case(
            "an episode id with a group too few",
            {"tz_episode_id": "0199a000-0000-7000-8000"},
            "tensorzero::episode_id: UUID parsing failed: invalid group count: expected 5, found 4",
        ),
        case(
            "an episode id with a short group",
            {"tz_episode_id": EPISODE[:-1]},
            "tensorzero::episode_id: UUID parsing failed: "
            "invalid group length in group 4: expected 12, found 11",
        ),
        case(
            "an episode id that is a number",
            {"tz_episode_id": 1},
            "tensorzero::episode_id: invalid type: integer `1`, expected a formatted UUID string",
        ),
        case(
            "an empty namespace",
            {"tz_namespace": ""},
            "tensorzero::namespace: Namespace identifier cannot be empty",
        ),
        case(
            "a namespace of ours",
            {"tz_namespace": "tensorzero::x"},
            "tensorzero::namespace: Namespace cannot start with `tensorzero::`: tensorzero::x",
        ),
        case(
            "an unknown cache mode",
            {"tz_cache_options": {"enabled": "x"}},
            "tensorzero::cache_options.enabled: unknown variant `x`, "
            "expected one of `on`, `off`, `read_only`, `write_only`",
        ),
        case(
            "a tag that is no string",
            {"tz_tags": {"a": 1}},
            "tensorzero::tags.a: invalid type: integer `1`, expected a string",
        ),
        case(
            "a tag with the reserved prefix",
            {"tz_tags": {"tensorzero::x": "1"}},
            "Tag name cannot start with 'tensorzero::': tensorzero::x",
        ),
        case(
            "a secret in the wrong place is not repeated",
            {"tz_credentials": "hunter2"},
            "tensorzero::credentials: invalid type, expected a map",
        ),
        case(
            "an `extra_body` entry without value and delete",
            {"tz_extra_body": [{"pointer": "/a"}]},
            "tensorzero::extra_body[0]: data did not match any variant of untagged enum ExtraBody",
        ),
        case(
            "an `extra_body` entry with value and delete",
            {"tz_extra_body": [{"pointer": "/a", "value": 1, "delete": True}]},
            "tensorzero::extra_body[0]: data did not match any variant of untagged enum ExtraBody",
        ),
        case(
            "an `extra_body` entry whose delete is false",
            {"tz_extra_body": [{"pointer": "/a", "delete": False}]},
            "tensorzero::extra_body[0]: data did not match any variant of untagged enum ExtraBody",
        ),
        case(
            "an `extra_body` entry for a provider without a model",
            {"tz_extra_body": [{"provider_name": "p", "pointer": "/a", "value": 1}]},
            "tensorzero::extra_body[0]: data did not match any variant of untagged enum ExtraBody",
        ),
        case(
            "an `extra_headers` entry without a name",
            {"tz_extra_headers": [{"pointer": "/a", "value": "x"}]},
            "tensorzero::extra_headers[0]: "
            "data did not match any variant of untagged enum ExtraHeader",
        ),
        case(
            "an `extra_headers` value with a line break",
            {"tz_extra_headers": [{"name": "x", "value": "a\r\nb: c"}]},
            "tensorzero::extra_headers[0]: invalid HTTP header value",
        ),
        case(
            "an `extra_headers` name with a colon",
            {"tz_extra_headers": [{"name": "x:", "value": "a"}]},
            "tensorzero::extra_headers[0]: invalid HTTP header name",
        ),
        *(
            case(
                f"an `extra_headers` entry for `{name}`",
                {"tz_extra_headers": [{"name": name, "value": "1"}]},
                f"tensorzero::extra_headers[0]: `{name}` belongs to the connection to the provider "
                "and cannot be set",
            )
            for name in ("Content-Length", "transfer-encoding", "Connection", "Host")
        ),
        case(
            "a provider tool without a tool",
            {"tz_provider_tools": [{}]},
            "tensorzero::provider_tools[0]: missing field `tool`",
        ),
        case(
            "an unknown native parameter",
            {"tz_params": {"chat_completion": {"x": 1}}},
            "tensorzero::params.chat_completion.x: unknown field `x`, expected one of "
            "`temperature`, `max_tokens`, `seed`, `top_p`, `presence_penalty`, "
            "`frequency_penalty`, `json_mode`, `stop_sequences`, `reasoning_effort`, "
            "`service_tier`, `thinking_budget_tokens`, `verbosity`",
        ),
        case(
            "a native parameter of another type",
            {"tz_params": {"chat_completion": {"max_tokens": "x"}}},
            'tensorzero::params.chat_completion.max_tokens: invalid type: string "x", expected u32',
        ),
        case(
            "a pinned variant of a model",
            {"model": "tensorzero::model_name::m", "tz_variant_name": "v"},
            "Invalid inference target: `variant_name` cannot be provided when using `model_name`",
        ),
        case(
            "a dynamic variant without `dryrun`",
            {"tz_internal_dynamic_variant_config": {}},
            "If `internal_dynamic_variant_config` is used, `dryrun` must also be set to true",
        ),
        case(
            "a dynamic variant beside a pinned one",
            {"tz_internal_dynamic_variant_config": {}, "tz_variant_name": "v", "tz_dryrun": True},
            "`variant_name` and `internal_dynamic_variant_config` cannot both be set.",
        ),
    ],
)
def test_a_request_is_refused(members: dict[str, object], message: str) -> None:
    assert refusal(body(**members)) == message


@pytest.mark.parametrize(
    ("form", "uuid"),
    [
        case("without hyphens", EPISODE.replace("-", ""), EPISODE),
        case("in braces", "{" + EPISODE + "}", EPISODE),
        case("as a URN", "urn:uuid:" + EPISODE, EPISODE),
        case("in capitals", EPISODE.upper(), EPISODE),
    ],
)
def test_a_uuid_may_be_spelled_in_several_ways(form: str, uuid: str) -> None:
    assert decode(tz_episode_id=form).episode_id == UUID(uuid)


def test_of_two_faults_the_first_in_the_body_is_named() -> None:
    assert refusal(b'{"top_p":"a","temperature":"b"}').startswith("top_p:")
    assert refusal(b'{"temperature":"b","top_p":"a"}').startswith("temperature:")


def test_a_fault_of_shape_comes_before_a_fault_of_meaning() -> None:
    unread = {"model": "gpt", "messages": [{"role": "user", "content": 1}]}
    assert refusal(body(**unread)) == NO_PREFIX
    assert refusal(body(**unread, seed="x")).startswith("seed:")


def test_of_a_member_given_twice_the_last_counts() -> None:
    request = decode_envelope_request(
        b'{"model":"x","model":"tensorzero::model_name::m","messages":[],"seed":1,"seed":2}'
    )
    assert request.model_name == "m"
    assert request.params.seed == 2


def test_an_error_names_its_place_as_its_param() -> None:
    with pytest.raises(InvalidRequest) as raised:
        decode(stop=["a", 1])
    assert raised.value.param == "stop[1]"


# Bodies that are no JSON, or no object.


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        case(
            "a body that ends where a value should begin",
            b'{"model":',
            "model: EOF while parsing a value at line 1 column 9",
        ),
        case("an empty body", b"", "EOF while parsing a value at line 1 column 0"),
        case(
            "an object that does not end",
            b'{"model":"m"',
            "EOF while parsing an object at line 1 column 12",
        ),
        case(
            "a string that does not end",
            b'{"model":"m',
            "model: EOF while parsing a string at line 1 column 11",
        ),
        case(
            "a list that does not end",
            b'{"messages":[{"role":"user"}',
            "messages: EOF while parsing a list at line 1 column 28",
        ),
        case(
            "a fault in the depth names its place",
            b'{"messages":[{"role":"user",\n "content":}]}',
            "messages[0].content: expected value at line 2 column 12",
        ),
        case("a comma too many", b'{"a":1,}', "trailing comma at line 1 column 8"),
        case("a comma too few", b'{"a":1 "b":2}', "expected `,` or `}` at line 1 column 8"),
        case("a colon too few", b'{"a" 1}', "a: expected `:` at line 1 column 6"),
        case("a key without quotes", b"{a:1}", "key must be a string at line 1 column 2"),
        case("a word that is none", b'{"a":nope}', "a: expected ident at line 1 column 7"),
        case("a number that is none", b'{"a":1.}', "a: invalid number at line 1 column 7"),
        case("more than one value", b"{} x", "trailing characters at line 1 column 4"),
        case(
            "a control character in a string",
            b'{"a":"\n"}',
            "a: control character (\\u0000-\\u001F) found while parsing a string "
            "at line 2 column 0",
        ),
        case("an unknown escape", b'{"a":"\\x"}', "a: invalid escape at line 1 column 8"),
        case(
            "bytes that are no UTF-8",
            b'{"a":"\xff"}',
            "invalid unicode code point at line 1 column 7",
        ),
    ],
)
def test_a_body_that_is_no_json_is_refused(raw: bytes, message: str) -> None:
    assert refusal(raw) == f"Failed to parse the request body as JSON: {message} (400 Bad Request)"


@pytest.mark.parametrize(
    ("raw", "kind"),
    [
        case("a list", b"[]", "sequence"),
        case("a string", b' "x" ', 'string "x"'),
        case("a number", b"1", "integer `1`"),
        case("null", b"null", "null"),
    ],
)
def test_a_body_that_is_no_object_is_refused(raw: bytes, kind: str) -> None:
    assert refusal(raw) == f"invalid type: {kind}, expected struct OpenAICompatibleParams"


def test_a_broken_body_too_long_to_be_walked_is_still_refused() -> None:
    assert "valid JSON" in refusal(b'{"a":"' + b"x" * (1 << 20))

"""What is said to a function. Each id is one line of the compatibility tables."""

from __future__ import annotations

import base64
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.errors import InvalidRequest
from proxy.types.content import (
    Base64File,
    Block,
    RawText,
    StoredFile,
    Template,
    Text,
    Thought,
    ToolCall,
    ToolResult,
    Unknown,
    UrlFile,
)
from proxy.types.request import Input, Message, input_to_json
from proxy.wire.native.input import read_input

PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n").decode()
PLACE = {"kind": {"type": "filesystem", "path": "/f"}, "path": "observability/a.png"}
AT = "input.messages[0].content[0]: "
NO_TOOL_CALL = "data did not match any variant of untagged enum ToolCallWrapper"
NO_FILE = "data did not match any variant of untagged enum FileTaggedOrUntagged"


def case(sentence: str, *values: object) -> Any:
    return pytest.param(*values, id=sentence)


def read(value: object) -> Input:
    return read_input(orjson.dumps(value), "input")[0]


def said(content: object, role: str = "user") -> tuple[Block, ...]:
    return read({"messages": [{"role": role, "content": content}]}).messages[0].content


def refusal(value: object) -> str:
    with pytest.raises(InvalidRequest) as raised:
        read(value)
    place, message = raised.value.param or "", str(raised.value)
    assert place.startswith("input") and message.startswith((f"{place}: ", "Invalid"))
    return message


# The input as a whole.


def test_an_input_may_be_empty() -> None:
    assert read({}) == Input(())
    assert read({"system": None, "messages": None}) == Input(())


def test_a_system_is_a_text_or_the_arguments_of_a_template() -> None:
    assert read({"system": "be kind"}).system == "be kind"
    raw = b'{"system": {"b": 1.50, "a": [1e3]}}'
    assert read_input(raw, "input")[0].system == b'{"b": 1.50, "a": [1e3]}'


@pytest.mark.parametrize(
    ("value", "message"),
    [
        case("it is an object", 3, "input: invalid type: integer `3`, expected struct Input"),
        case(
            "it has no other members",
            {"foo": 1},
            "input.foo: unknown field `foo`, expected `system` or `messages`",
        ),
        case(
            "a system is no number",
            {"system": 3},
            "input.system: data did not match any variant of untagged enum System",
        ),
        case(
            "messages are a list",
            {"messages": "x"},
            'input.messages: invalid type: string "x", expected a sequence',
        ),
        case(
            "a message is an object",
            {"messages": [3]},
            "input.messages[0]: invalid type: integer `3`, expected struct Helper",
        ),
        case(
            "a message has no other members",
            {"messages": [{"role": "user", "content": "a", "x": 1}]},
            "input.messages[0].x: unknown field `x`, expected `role` or `content`",
        ),
        case(
            "a message has a role",
            {"messages": [{"content": "a"}]},
            "input.messages[0]: missing field `role`",
        ),
        case(
            "a message has a content",
            {"messages": [{"role": "user"}]},
            "input.messages[0]: missing field `content`",
        ),
        case(
            "there are two roles",
            {"messages": [{"role": "system", "content": "a"}]},
            "input.messages[0].role: unknown variant `system`, expected `user` or `assistant`",
        ),
        case(
            "a content is no number",
            {"messages": [{"role": "user", "content": "a"}, {"role": "user", "content": 3}]},
            "input.messages[1].content: invalid type: integer `3`, "
            "expected a string, object, or array",
        ),
    ],
)
def test_an_input_of_another_shape_is_refused(value: object, message: str) -> None:
    assert refusal(value) == message


# Blocks.


@pytest.mark.parametrize(
    ("content", "blocks"),
    [
        case("a bare string is one text block", "hi", (Text("hi"),)),
        case("an empty list is no block", [], ()),
        case("text", [{"type": "text", "text": "hi"}], (Text("hi"),)),
        case(
            "arguments in a text block are for the template of the role",
            [{"type": "text", "arguments": {"a": 1}}],
            (Template("user", b'{"a":1}'),),
        ),
        case(
            "a bare object is arguments for the template of the role",
            {"a": 1},
            (Template("user", b'{"a":1}'),),
        ),
        case(
            "template",
            [{"type": "template", "name": "greet", "arguments": {"b": 2, "a": 1}}],
            (Template("greet", b'{"b":2,"a":1}'),),
        ),
        case(
            "tool_call with the text of its arguments",
            [{"type": "tool_call", "id": "1", "name": "get", "arguments": '{"a": 1}'}],
            (ToolCall("1", "get", '{"a": 1}'),),
        ),
        case(
            "tool_call with its arguments as an object",
            [{"type": "tool_call", "id": "1", "name": "get", "arguments": {"b": 1, "a": 2.50}}],
            (ToolCall("1", "get", '{"b":1,"a":2.5}'),),
        ),
        case(
            "tool_call as an answer has it",
            [
                {
                    "type": "tool_call",
                    "id": "1",
                    "raw_name": "raw",
                    "raw_arguments": "{ }",
                    "name": "get",
                    "arguments": {},
                }
            ],
            (ToolCall("1", "get", "{}"),),
        ),
        case(
            "tool_call as an answer has it of an unknown tool",
            [
                {
                    "type": "tool_call",
                    "id": "1",
                    "raw_name": "raw",
                    "raw_arguments": "{ not json",
                    "name": None,
                    "arguments": None,
                }
            ],
            (ToolCall("1", "raw", "{ not json"),),
        ),
        case(
            "tool_call as an answer has it whose arguments are no object",
            [
                {
                    "type": "tool_call",
                    "id": "1",
                    "raw_name": "raw",
                    "raw_arguments": "[1]",
                    "name": "get",
                    "arguments": [1],
                }
            ],
            (ToolCall("1", "raw", "[1]"),),
        ),
        case(
            "tool_result",
            [{"type": "tool_result", "id": "1", "name": "get", "result": "7"}],
            (ToolResult("1", "get", "7"),),
        ),
        case("raw_text", [{"type": "raw_text", "value": "{{x}}"}], (RawText("{{x}}"),)),
        case("thought without a text", [{"type": "thought"}], (Thought(None),)),
        case(
            "thought with all members",
            [
                {
                    "type": "thought",
                    "text": "hm",
                    "signature": "s",
                    "summary": [{"type": "summary_text", "text": "t"}],
                    "provider_type": "p",
                    "extra_data": {"x": 1},
                }
            ],
            (Thought("hm", "s", b'[{"type":"summary_text","text":"t"}]', "p", b'{"x":1}'),),
        ),
        case(
            "thought with the old name of the provider's type",
            [{"type": "thought", "text": "hm", "_internal_provider_type": "p"}],
            (Thought("hm", provider_type="p"),),
        ),
        case(
            "unknown",
            [{"type": "unknown", "data": {"x": 1}, "model_name": "m", "provider_name": None}],
            (Unknown(b'{"x":1}', "m"),),
        ),
        case("unknown may be null", [{"type": "unknown", "data": None}], (Unknown(b"null"),)),
        case(
            "unknown with the old name of its addressee",
            [
                {
                    "type": "unknown",
                    "data": 1,
                    "model_provider_name": "tensorzero::model_name::a::b::provider_name::p",
                }
            ],
            (Unknown(b"1", "a::b", "p"),),
        ),
    ],
)
def test_content_is_read_as_blocks(content: object, blocks: tuple[Block, ...]) -> None:
    assert said(content) == blocks


def test_arguments_without_a_name_are_for_the_assistants_template_too() -> None:
    assert said({"a": 1}, "assistant") == (Template("assistant", b'{"a":1}'),)


def test_arguments_keep_the_order_of_keys_and_the_spelling_of_numbers() -> None:
    raw = b"""{"messages":[{"role":"user","content":[
        {"arguments":{ "z": 1.50, "a": 1E+2 },"type":"template","name":"t"},
        {"type":"tool_call","id":"1","name":"f","arguments":{ "z": 1.50, "a": 1E+2 }}]}]}"""
    template, call = read_input(raw, "input")[0].messages[0].content
    assert template == Template("t", b'{ "z": 1.50, "a": 1E+2 }')
    assert call == ToolCall("1", "f", '{"z":1.50,"a":1E+2}')


def test_deprecated_forms_are_named_once() -> None:
    old = {"role": "user", "content": {"a": 1}}
    older = {"role": "user", "content": [{"type": "text", "arguments": {}}]}
    _, warnings = read_input(orjson.dumps({"messages": [old, old, older]}), "input")
    assert len(warnings) == 2
    assert all("deprecated" in warning for warning in warnings)


@pytest.mark.parametrize(
    ("block", "message"),
    [
        case("a number", 3, "invalid type: number, expected object"),
        case("a string", "x", 'invalid type: string "x", expected object'),
        case("no type", {}, "TensorZeroDerive: missing tag field `type`"),
        case("a type that is no string", {"type": 3}, "TensorZeroDerive: missing tag field `type`"),
        case(
            "a type that does not exist",
            {"type": "zzz"},
            "unknown variant `zzz`, expected one of `text`, `template`, `tool_call`, "
            "`tool_result`, `raw_text`, `thought`, `file`, `image`, `unknown`",
        ),
        case(
            "text without a text",
            {"type": "text"},
            "Expected exactly one other key in text content, found 0 other keys",
        ),
        case(
            "text with more than a text",
            {"type": "text", "text": "a", "b": 1},
            "Expected exactly one other key in text content, found 2 other keys",
        ),
        case(
            "text with another member",
            {"type": "text", "x": 1},
            "Unknown key `x` in text content",
        ),
        case(
            "text that is a number",
            {"type": "text", "text": 1},
            "Error deserializing `text`: invalid type: integer `1`, expected a string",
        ),
        case(
            "arguments that are a number",
            {"type": "text", "arguments": 1},
            "Error deserializing `arguments`: invalid type: integer `1`, expected a map",
        ),
        case(
            "template whose name is a number",
            {"type": "template", "name": 1, "arguments": {}},
            "name: invalid type: integer `1`, expected a string",
        ),
        case(
            "template without arguments",
            {"type": "template", "name": "a"},
            "missing field `arguments`",
        ),
        case(
            "template whose arguments are a number",
            {"type": "template", "name": "a", "arguments": 3},
            "arguments: invalid type: integer `3`, expected a map",
        ),
        case(
            "template with another member",
            {"type": "template", "name": "a", "arguments": {}, "z": 1},
            "z: unknown field `z`, expected `name` or `arguments`",
        ),
        case("tool_call of nothing", {"type": "tool_call"}, NO_TOOL_CALL),
        case(
            "tool_call whose arguments are a list",
            {"type": "tool_call", "id": "1", "name": "a", "arguments": [1]},
            NO_TOOL_CALL,
        ),
        case(
            "tool_call of nulls",
            {"type": "tool_call", "id": "1", "name": None, "arguments": None},
            NO_TOOL_CALL,
        ),
        case(
            "tool_result without a name", {"type": "tool_result", "id": "1"}, "missing field `name`"
        ),
        case(
            "tool_result that is a number",
            {"type": "tool_result", "id": "1", "name": "a", "result": 3},
            "result: invalid type: integer `3`, expected a string",
        ),
        case(
            "tool_result with another member",
            {"type": "tool_result", "id": "1", "name": "a", "result": "", "x": 1},
            "x: unknown field `x`, expected one of `name`, `result`, `id`",
        ),
        case(
            "raw_text with a text",
            {"type": "raw_text", "text": "a"},
            "text: unknown field `text`, expected `value`",
        ),
        case(
            "raw_text that is a number",
            {"type": "raw_text", "value": 1},
            "value: invalid type: integer `1`, expected a string",
        ),
        case(
            "thought that is a number",
            {"type": "thought", "text": 1},
            "text: invalid type: integer `1`, expected a string",
        ),
        case(
            "thought whose summary is a number",
            {"type": "thought", "summary": 3},
            "summary: invalid type: integer `3`, expected a sequence",
        ),
        case(
            "thought whose summary has a number",
            {"type": "thought", "summary": [3]},
            "summary.[0]: invalid type: number, expected object",
        ),
        case(
            "thought whose summary has something else",
            {"type": "thought", "summary": [{"type": "x"}]},
            "summary.[0]: unknown variant `x`, expected `summary_text`",
        ),
        case("unknown without data", {"type": "unknown"}, "missing field `data`"),
        case(
            "unknown whose model is a number",
            {"type": "unknown", "data": 1, "model_name": 3},
            "model_name: invalid type: integer `3`, expected a string",
        ),
        case(
            "unknown whose old name lacks its beginning",
            {"type": "unknown", "data": 1, "model_provider_name": "x"},
            "Invalid legacy `model_provider_name` format (missing prefix): x",
        ),
        case(
            "unknown whose old name lacks its end",
            {"type": "unknown", "data": 1, "model_provider_name": "tensorzero::model_name::x"},
            "Invalid legacy `model_provider_name` format (missing provider_name): "
            "tensorzero::model_name::x",
        ),
        case(
            "unknown with both names",
            {"type": "unknown", "data": 1, "model_provider_name": "x", "model_name": "y"},
            "Cannot specify both `model_provider_name` and `model_name`/`provider_name`",
        ),
    ],
)
def test_a_block_of_another_shape_is_refused(block: object, message: str) -> None:
    assert refusal({"messages": [{"role": "user", "content": [block]}]}) == AT + message


# Files.


@pytest.mark.parametrize("kind", ["file", "image"])
@pytest.mark.parametrize(
    ("file", "block"),
    [
        case(
            "url",
            {
                "file_type": "url",
                "url": "https://a/b.png",
                "mime_type": "image/png",
                "detail": "low",
                "filename": "b",
            },
            UrlFile("https://a/b.png", "image/png", "low", "b"),
        ),
        case("url without a type", {"url": "https://a/b"}, UrlFile("https://a/b")),
        case(
            "base64",
            {"file_type": "base64", "data": "AAAA", "mime_type": "image/x", "filename": "f"},
            Base64File("AAAA", "image/x", None, "f"),
        ),
        case(
            "base64 without a mime type gets it from its bytes",
            {"file_type": "base64", "mime_type": None, "data": PNG},
            Base64File(PNG, "image/png"),
        ),
        case("base64 without a type", {"data": PNG}, Base64File(PNG, "image/png")),
        case("a url wins over data", {"url": "http://a", "data": "AA"}, UrlFile("http://a")),
        case(
            "object_storage_pointer",
            {
                "file_type": "object_storage_pointer",
                "source_url": None,
                "mime_type": "image/png",
                "storage_path": PLACE,
            },
            StoredFile("image/png", orjson.dumps(PLACE)),
        ),
        case(
            "object_storage has its data with it",
            {
                "file_type": "object_storage",
                "source_url": "https://a/b",
                "mime_type": "image/png",
                "storage_path": PLACE,
                "data": PNG,
            },
            Base64File(PNG, "image/png"),
        ),
        case(
            "object_storage_error is asked for again",
            {
                "file_type": "object_storage_error",
                "source_url": "https://a/b",
                "mime_type": "image/png",
                "storage_path": PLACE,
                "error": "gone",
            },
            StoredFile("image/png", orjson.dumps(PLACE), "https://a/b"),
        ),
    ],
)
def test_a_file_is_read_in_each_of_its_forms(
    kind: str, file: dict[str, object], block: Block
) -> None:
    assert said([{"type": kind, **file}]) == (block,)


@pytest.mark.parametrize(
    ("file", "message"),
    [
        case("nothing", {}, NO_FILE),
        case("a url that is relative", {"url": "abc"}, NO_FILE),
        case("a url that is a number", {"url": 3}, NO_FILE),
        case("a type that does not exist", {"file_type": "zzz"}, NO_FILE),
        case("a detail that does not exist", {"url": "http://a", "detail": "zz"}, NO_FILE),
        case("a mime type that is none", {"data": PNG, "mime_type": "x"}, NO_FILE),
        case(
            "a storage that does not exist",
            {"mime_type": "a/b", "storage_path": {"kind": {"type": "zz"}, "path": "a"}},
            NO_FILE,
        ),
        case(
            "data of no known type",
            {"data": "AAAA"},
            "Invalid mime type: No mime type provided and unable to infer from data",
        ),
        case(
            "data that are no base64",
            {"data": "A*"},
            "Invalid base64 data: Failed to decode base64 data: failed to decode base64",
        ),
        case(
            "data that are a URL",
            {"data": "data:x", "mime_type": "image/png"},
            "Invalid base64 data prefix: The `data` field must not contain `data:` prefix. "
            "Data should be pure base64-encoded content only.",
        ),
    ],
)
def test_a_file_of_another_shape_is_refused(file: dict[str, object], message: str) -> None:
    block = {"type": "file", **file}
    assert refusal({"messages": [{"role": "user", "content": [block]}]}) == AT + message


# What went in comes back.

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
perhaps = st.none() | texts
raws = st.sampled_from([b"1", b"null", b'{"b":1.50,"a":[1E+2,-0]}', b'"\\u00e9"', b"[]"])
objects = st.sampled_from([b"{}", b'{"b":1.50,"a":1}', b'{"a":{"z":1e5,"y":0.10}}'])
details = st.sampled_from([None, "low", "high", "auto"])
summaries = st.sampled_from([None, b"[]", b'[{"type":"summary_text","text":"x"}]'])
given_raws = raws.filter(lambda raw: raw != b"null")
blocks = st.one_of(
    st.builds(Text, texts),
    st.builds(RawText, texts),
    st.builds(Template, texts, objects),
    st.builds(ToolCall, texts, texts, texts),
    st.builds(ToolResult, texts, texts, texts),
    st.builds(Thought, perhaps, perhaps, summaries, perhaps, st.none() | given_raws),
    st.builds(Unknown, raws, perhaps, perhaps),
    st.builds(UrlFile, st.just("https://a/é?b"), st.sampled_from([None, "a/b"]), details, perhaps),
    st.builds(Base64File, st.just(PNG), st.just("image/png"), details, perhaps),
    st.builds(
        StoredFile,
        st.just("image/png"),
        st.just(orjson.dumps(PLACE)),
        st.sampled_from([None, "https://a"]),
        details,
        perhaps,
    ),
)
messages = st.builds(
    Message, st.sampled_from(["user", "assistant"]), st.lists(blocks, max_size=4).map(tuple)
)
inputs = st.builds(Input, st.lists(messages, max_size=3).map(tuple), st.none() | texts | objects)


@settings(max_examples=200, deadline=None)
@given(inputs)
def test_a_stored_input_is_read_as_the_input_that_was_stored(value: Input) -> None:
    stored = input_to_json(value)
    again, warnings = read_input(stored, "input")
    assert again == value
    assert input_to_json(again) == stored
    assert warnings == ()

"""Bodies of the protocol in neutral form, and back again."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from proxy.errors import InvalidRequest
from proxy.types.content import (
    Base64File,
    Block,
    Text,
    Thought,
    ToolCall,
    ToolResult,
    Unknown,
    UrlFile,
)
from proxy.types.request import ModelRequest
from proxy.wire.converse.encode import encode_request
from proxy.wire.converse.request import decode_request
from tests.unit.wire.converse.bodies import (
    CACHE,
    CITATION,
    FULL,
    HIDDEN,
    HOUR,
    PIXEL,
    TOOL,
    assistant,
    body,
    document,
    image,
    raw,
    reasoning,
    text,
    tool_result,
    tool_use,
    turn,
    user,
)


def decode(value: Any) -> ModelRequest:
    return decode_request(raw(value), model_name="m", stream=False)


def round_trip(value: Any) -> Any:
    return json.loads(encode_request(decode(value)).body)


def blocks(*content: Any) -> tuple[Block, ...]:
    return decode(body(user(*content))).input.messages[0].content


def test_a_request_that_uses_everything_comes_back_as_it_was() -> None:
    assert round_trip(FULL) == FULL


def test_the_parameters_have_their_neutral_fields() -> None:
    request = decode(FULL)
    assert request.params.max_tokens == 9
    assert request.params.temperature == 0.5
    assert request.params.top_p == 0.9
    assert request.params.stop_sequences == ("X",)
    assert request.params.service_tier == "priority"
    assert request.params.thinking_budget_tokens == 1024
    assert request.params.json_mode == "strict"
    assert json.loads(request.response_format or b"") == {
        "type": "json_schema",
        "json_schema": {"name": "n", "schema": {"type": "object"}},
    }


def test_tools_are_in_openais_form_and_marked_where_to_cache() -> None:
    request = decode(FULL)
    [tool] = json.loads(request.tools or b"")
    assert tool["function"]["name"] == "weather"
    assert tool["function"]["strict"] is True
    assert tool["function"]["parameters"]["type"] == "object"
    assert tool["cache_control"] == {"type": "ephemeral"}
    assert request.tool_choice == b'"required"'
    assert [json.loads(each) for each in request.provider_tools] == [
        {"systemTool": {"name": "code"}}
    ]


@pytest.mark.parametrize(
    ("choice", "neutral"),
    [
        ({"auto": {}}, "auto"),
        ({"any": {}}, "required"),
        ({"tool": {"name": "weather"}}, {"type": "function", "function": {"name": "weather"}}),
    ],
)
def test_choices_of_tools_are_translated_both_ways(choice: Any, neutral: Any) -> None:
    value = body(user(text("a")), toolConfig={"tools": [TOOL], "toolChoice": choice})
    assert json.loads(decode(value).tool_choice or b"") == neutral
    assert round_trip(value) == value


@pytest.mark.parametrize(
    "config",
    [
        {"tools": [TOOL], "toolChoice": {"maybe": {}}},
        {"tools": [TOOL], "other": 1},
        {"tools": [{"systemTool": {"name": "code"}}, CACHE]},
        {"tools": [CACHE, TOOL, HOUR, CACHE]},
        {"tools": [TOOL, CACHE, {"systemTool": {"name": "code"}}, TOOL, CACHE]},
        {"tools": []},
        {"tools": [], "toolChoice": {"auto": {}}},
        {"tools": [{"toolSpec": {"name": "x", "description": "", "inputSchema": {"json": {}}}}]},
        {"tools": [{"toolSpec": {"name": "x", "inputSchema": {"xml": 1}}}]},
        {"tools": [{"toolSpec": {"name": "x", "inputSchema": {"json": {}}, "new": 1}}]},
        {"tools": [{"toolSpec": {"inputSchema": {"json": {}}}}]},
        {"toolChoice": {"maybe": {}}},
    ],
)
def test_tool_configurations_that_nobody_knows_yet_are_sent_back_whole(config: Any) -> None:
    sent = round_trip(body(user(text("a")), toolConfig=config))["toolConfig"]
    assert sent == {"tools": [], **config}


def test_tools_that_were_changed_since_stand_in_the_usual_order() -> None:
    config = {"tools": [{"systemTool": {"name": "code"}}, TOOL, CACHE]}
    asked = decode(body(user(text("a")), toolConfig=config))
    sent = json.loads(encode_request(replace(asked, provider_tools=())).body)
    assert sent["toolConfig"] == {"tools": [TOOL]}


@pytest.mark.parametrize(
    "block",
    [
        text("hi"),
        text(""),
        image(),
        image("jpeg"),
        image("heic"),
        image(s3Location={"uri": "s3://b/k", "bucketOwner": "123456789012"}),
        document(),
        document(None),
        document("md", context="c", citations={"enabled": True}),
        document("xyz"),
        document(source={"text": "plain"}),
        document(source={"content": [{"text": "a"}]}),
        document(source={"s3Location": {"uri": "s3://b/k.pdf"}}),
        {"video": {"format": "mpg", "source": {"bytes": PIXEL}}},
        {"video": {"format": "three_gp", "source": {"s3Location": {"uri": "s3://b/k"}}}},
        {"audio": {"format": "mp3", "source": {"bytes": PIXEL}}},
        {"audio": {"format": "x-aac", "source": {"bytes": PIXEL}}},
        {"image": {"format": "png", "source": {}}},
        {"image": {"format": "png", "source": {"bytes": PIXEL}, "error": {"message": "m"}}},
        tool_use(),
        tool_use(type="server_tool_use"),
        {"toolUse": {"name": "x"}},
        tool_result(text("a")),
        tool_result(text("a"), status="error"),
        tool_result(text("a"), text("b"), image(), {"json": {"a": [1, 2.50]}}),
        tool_result({"json": {"a": 1}}),
        tool_result(
            {"searchResult": {"source": "u", "title": "t", "content": [{"text": "c"}]}},
            document(),
        ),
        tool_result(text("a"), type="code_result"),
        tool_result(),
        {"toolResult": {"content": []}},
        reasoning("why"),
        reasoning("why", "sig"),
        HIDDEN,
        {"reasoningContent": {}},
        {"reasoningContent": {"reasoningText": {"text": "a", "more": 1}}},
        {"citationsContent": {"content": [{"text": "a"}], "citations": [CITATION]}},
        {"citationsContent": {"content": [{"text": "a"}, {"text": "b"}], "citations": [CITATION]}},
        {"citationsContent": {"content": [{"image": 1}], "citations": []}},
        {"guardContent": {"text": {"text": "a", "qualifiers": ["query"]}}},
        {"searchResult": {"source": "u", "title": "t", "content": [{"text": "c"}]}},
        {"toolAddition": {"tool": {"name": "x"}}},
        {"brandNew": {"a": 1}},
        {"text": "a", "beside": 1},
        {"text": 5},
        {"cachePoint": {"type": "other"}},
        {"cachePoint": {"type": "default", "more": 1}},
    ],
)
def test_every_block_comes_back_as_it_was(block: Any) -> None:
    value = body(user(block))
    assert round_trip(value) == value


def test_blocks_have_their_neutral_kinds() -> None:
    cited = {"citationsContent": {"content": [{"text": "a"}], "citations": [CITATION]}}
    said = blocks(text("a"), image("jpeg"), document(), tool_use(), reasoning("r", "s"), HIDDEN)
    assert said[:3] == (
        Text("a"),
        Base64File(PIXEL, "image/jpeg"),
        Base64File(PIXEL, "application/pdf", filename="report"),
    )
    assert said[3:] == (
        ToolCall("t1", "weather", '{"town":"Lima"}'),
        Thought("r", "s"),
        Thought(None, "c2VjcmV0"),
    )
    assert blocks(cited) == (Text("a", raw({"citations": [CITATION]})),)
    assert blocks(image(s3Location={"uri": "s3://b/k"})) == (UrlFile("s3://b/k", "image/png"),)


def test_what_a_tool_says_is_a_text_and_its_parts() -> None:
    [result] = blocks(tool_result(text("a"), {"json": {"b": 1}}, image(), status="error"))
    assert isinstance(result, ToolResult)
    assert result.result == 'a\n{"b":1}'
    assert result.is_error
    assert [type(part) for part in result.parts] == [Text, Unknown, Base64File]


def test_a_result_has_the_name_of_the_tool_that_was_called() -> None:
    request = decode(body(assistant(tool_use()), user(tool_result(text("a")))))
    [result] = request.input.messages[1].content
    assert isinstance(result, ToolResult)
    assert result.name == "weather"
    assert result.parts == ()


def test_a_cache_point_marks_what_stands_before_it() -> None:
    [marked] = blocks(text("a"), HOUR)
    assert marked == Text("a", raw({"cache_control": {"type": "ephemeral", "ttl": "1h"}}))
    assert [type(block) for block in blocks(CACHE, text("a"))] == [Unknown, Text]
    assert [type(block) for block in blocks(reasoning("a"), CACHE)] == [Thought, Unknown]
    assert [type(block) for block in blocks(text("a"), CACHE, CACHE)] == [Text, Unknown]


def test_the_system_text_has_parts_only_where_they_say_more() -> None:
    plain = decode(body(system=[text("a")])).input
    assert (plain.system, plain.system_parts) == ("a", ())
    several = decode(body(system=[text("a"), text("b")])).input
    assert (several.system, len(several.system_parts)) == ("a\nb", 2)
    guarded = decode(body(system=[{"guardContent": {"text": {"text": "a"}}}])).input
    assert (guarded.system, len(guarded.system_parts)) == (None, 1)
    assert decode(body()).input.system is None


@pytest.mark.parametrize(
    "members",
    [
        {"inferenceConfig": {"maxTokens": 5, "topK": 3}},
        {"inferenceConfig": {"maxTokens": "five"}},
        {"serviceTier": {"type": "flex", "more": 1}},
        {"serviceTier": {"type": "brand-new"}},
        {"additionalModelRequestFields": {"thinking": {"type": "adaptive"}}},
        {
            "additionalModelRequestFields": {
                "thinking": {"type": "enabled", "budget_tokens": 9, "display": "full"}
            }
        },
        {"additionalModelRequestFields": {"thinking": {"type": "enabled", "budget_tokens": 9}}},
        {"outputConfig": {"effort": "high"}},
        {
            "outputConfig": {
                "textFormat": {"type": "json_schema", "structure": {"jsonSchema": {"schema": "{"}}}
            }
        },
        {"outputConfig": {"textFormat": {"type": "xml"}}},
        {"brandNew": {"a": 1.50}},
    ],
)
def test_members_that_have_no_field_are_sent_back(members: Any) -> None:
    value = body(user(text("a")), **members)
    assert round_trip(value) == value


def test_members_of_a_message_that_nobody_knows_are_sent_back() -> None:
    value = body(turn("user", text("a"), brandNew=1), turn("system", text("b")))
    assert round_trip(value) == value


def test_what_is_empty_in_it_is_sent_back() -> None:
    value = body(turn("user"), user(text("a")), system=[text("")])
    assert round_trip(value) == value
    assert "messages" not in round_trip({"promptVariables": {}})


def test_turns_of_one_speaker_stay_apart_when_they_came_apart() -> None:
    value = body(user(text("a")), user(text("b")))
    assert round_trip(value) == value


def test_numbers_keep_their_spelling() -> None:
    given = (
        b'{"messages":[{"role":"assistant","content":[{"toolUse":{"toolUseId":"a","name":"b",'
        b'"input":{"n":1.50,"big":123456789012345678901234567890}}}]}]}'
    )
    request = decode_request(given, model_name="m", stream=False)
    assert b'{"n":1.50,"big":123456789012345678901234567890}' in encode_request(request).body


@pytest.mark.parametrize("given", [b"", b"[]", b'{"messages":1}', b'{"messages":[1]}'])
def test_what_is_no_request_is_refused(given: bytes) -> None:
    with pytest.raises(InvalidRequest):
        decode_request(given, model_name="m", stream=False)

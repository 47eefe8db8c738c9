"""Bodies in the protocol: what they say in neutral form, and that they are sent as they came."""

from __future__ import annotations

import base64
import json
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
from proxy.wire.messages.encode import Dialect, encode_request
from proxy.wire.messages.request import decode_request

CACHE = {"type": "ephemeral", "ttl": "1h"}


def decode(**members: Any) -> ModelRequest:
    body = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}
    return decode_request(json.dumps({**body, **members}).encode())


def said(*blocks: dict[str, Any], role: str = "user") -> tuple[Block, ...]:
    request = decode(messages=[{"role": role, "content": list(blocks)}])
    return request.input.messages[0].content


def again(body: dict[str, Any]) -> Any:
    """The body after it went through the neutral form."""
    request = decode_request(json.dumps(body).encode())
    return json.loads(encode_request(request, Dialect()).body)


def rounded(*blocks: dict[str, Any], role: str = "user") -> list[Any]:
    message = {"role": role, "content": list(blocks)}
    body = {"model": "m", "max_tokens": 1, "messages": [message], "stream": False}
    content: list[Any] = again(body)["messages"][0]["content"]
    return content


def image(**source: str) -> dict[str, Any]:
    return {"type": "image", "source": source}


def document(source: dict[str, Any], **members: Any) -> dict[str, Any]:
    return {"type": "document", "source": source, **members}


PNG = {"type": "base64", "media_type": "image/png", "data": "QUJD"}
PDF = {"type": "base64", "media_type": "application/pdf", "data": "QUJD"}
PLAIN = {"type": "text", "media_type": "text/plain", "data": "grün"}
RESULT = {"type": "tool_result", "tool_use_id": "t1"}

BLOCKS: list[tuple[str, dict[str, Any]]] = [
    ("user", {"type": "text", "text": "hi", "cache_control": CACHE}),
    ("user", image(**PNG)),
    ("user", {**image(**PNG), "cache_control": CACHE}),
    ("user", image(type="url", url="https://x.test/a")),
    ("user", image(type="file", file_id="f1")),
    ("user", document(PDF, title="a", context="b", citations={"enabled": True})),
    ("user", document({"type": "url", "url": "https://x.test/a"})),
    ("user", document(PLAIN, title="a", cache_control=CACHE)),
    ("user", document({"type": "content", "content": [{"type": "text", "text": "x"}]})),
    ("user", document({"type": "file", "file_id": "f1"})),
    ("user", document({**PLAIN, "media_type": "text/html"})),
    ("user", document({**PDF, "media_type": "application/x-other"})),
    ("user", document({**PDF, "more": 1})),
    ("user", image(**{**PNG, "media_type": "application/pdf"})),
    ("user", image(**PLAIN)),
    ("user", {"type": "container_upload", "file_id": "f1"}),
    ("user", {**RESULT, "content": [{"type": "text", "text": "4"}], "cache_control": CACHE}),
    ("user", {**RESULT, "content": [{"type": "text", "text": "4"}, image(**PNG)]}),
    ("user", {**RESULT, "content": [{"type": "text", "text": "4", "cache_control": CACHE}]}),
    ("user", {**RESULT, "content": [{"type": "tool_reference", "tool_name": "f"}]}),
    ("user", {**RESULT, "is_error": True}),
    ("user", {**RESULT, "content": [{"type": "text", "text": ""}]}),
    ("user", {**RESULT, "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}),
    ("assistant", {"type": "tool_use", "id": "t1", "name": "f", "input": "words"}),
    ("assistant", {"type": "tool_use", "id": "t1", "name": "f"}),
    ("user", {"type": "tool_result", "content": "without an id"}),
    ("assistant", {"type": "tool_use", "id": "t1", "name": "f", "input": {"b": 1.50, "a": [2]}}),
    ("assistant", {"type": "tool_use", "id": "t1", "name": "f", "input": {}, "caller": {"a": 1}}),
    ("assistant", {"type": "tool_use", "id": 1, "name": "f", "input": {}}),
    ("assistant", {"type": "thinking", "thinking": "hm", "signature": "s"}),
    ("assistant", {"type": "thinking", "thinking": "", "signature": "s"}),
    ("assistant", {"type": "thinking", "thinking": 1}),
    ("assistant", {"type": "redacted_thinking", "data": "d"}),
    ("assistant", {"type": "redacted_thinking", "data": 1}),
    ("assistant", {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"q": 1}}),
    ("assistant", {"type": "web_search_tool_result", "tool_use_id": "s", "content": [{"a": "b"}]}),
    ("assistant", {"type": "compaction", "content": "short"}),
    ("assistant", {"type": "text", "text": "x", "citations": [{"type": "char_location"}]}),
    ("assistant", {"type": "text", "text": 5}),
]


@pytest.mark.parametrize(("role", "block"), BLOCKS)
def test_every_block_is_sent_as_it_came(role: str, block: dict[str, Any]) -> None:
    assert rounded(block, role=role) == [block]


def test_items_that_are_no_objects_are_kept_too() -> None:
    request = decode(messages=[{"role": "user", "content": ["words", 5]}])
    assert request.input.messages[0].content == (Unknown(b'"words"'), Unknown(b"5"))


def test_the_system_text_is_its_parts_joined() -> None:
    parts = [{"type": "text", "text": "a", "cache_control": CACHE}, {"type": "text", "text": "b"}]
    given = decode(system=parts).input
    assert given.system == "a\nb"
    assert [block.text for block in given.system_parts if isinstance(block, Text)] == ["a", "b"]
    assert json.loads(getattr(given.system_parts[0], "extra", b"")) == {"cache_control": CACHE}


def test_a_plain_system_text_has_no_parts() -> None:
    given = decode(system="be kind").input
    assert (given.system, given.system_parts) == ("be kind", ())
    assert decode().input.system is None


def test_a_result_bears_the_name_of_the_tool_that_was_called() -> None:
    call = {"type": "tool_use", "id": "t1", "name": "add", "input": {"a": 1}}
    messages = [
        {"role": "assistant", "content": [call]},
        {"role": "user", "content": [{**RESULT, "content": "4", "is_error": True}]},
    ]
    request = decode(messages=messages)
    assert request.input.messages[0].content == (ToolCall("t1", "add", '{"a":1}'),)
    assert request.input.messages[1].content == (ToolResult("t1", "add", "4", is_error=True),)


def test_a_result_of_several_parts_keeps_them_beside_its_text() -> None:
    (result,) = said({**RESULT, "content": [{"type": "text", "text": "a"}, image(**PNG)]})
    assert isinstance(result, ToolResult)
    assert result.result == "a"
    assert result.parts == (Text("a"), Base64File("QUJD", "image/png"))


def test_thoughts_are_signed_or_hidden() -> None:
    blocks = said(
        {"type": "thinking", "thinking": "hm", "signature": "s", "more": 1},
        {"type": "redacted_thinking", "data": "d"},
        role="assistant",
    )
    assert blocks == (Thought("hm", "s", extra_data=b'{"more":1}'), Thought(None, "d"))


def test_files_are_neutral_where_they_can_be() -> None:
    blocks = said(
        image(**PNG),
        image(type="url", url="https://x.test/a.png"),
        document(PDF, title="name.pdf"),
        document({"type": "url", "url": "https://x.test/a"}),
        document(PLAIN),
    )
    assert blocks == (
        Base64File("QUJD", "image/png"),
        UrlFile("https://x.test/a.png"),
        Base64File("QUJD", "application/pdf", filename="name.pdf"),
        UrlFile("https://x.test/a", "application/pdf"),
        Base64File(base64.b64encode("grün".encode()).decode(), "text/plain"),
    )


def test_own_tools_take_openais_form_and_the_vendors_stay_as_they_are() -> None:
    schema = {"type": "object", "properties": {}}
    own = {"name": "f", "description": "d", "input_schema": schema, "strict": True}
    search = {"type": "web_search_20250305", "name": "web_search"}
    request = decode(tools=[search, {**own, "type": "custom", "cache_control": CACHE}])
    assert json.loads(request.tools or b"") == [
        {
            "type": "function",
            "function": {"name": "f", "description": "d", "parameters": schema, "strict": True},
            "cache_control": CACHE,
        }
    ]
    assert [json.loads(raw) for raw in request.provider_tools] == [search]
    assert decode(tools=[search]).tools is None


@pytest.mark.parametrize(
    ("choice", "expected", "parallel"),
    [
        ({"type": "auto"}, "auto", None),
        ({"type": "any", "disable_parallel_tool_use": True}, "required", False),
        ({"type": "none"}, "none", None),
        (
            {"type": "tool", "name": "f", "disable_parallel_tool_use": False},
            {"type": "function", "function": {"name": "f"}},
            True,
        ),
        ({"type": "tool"}, None, None),
        ({"type": "none", "disable_parallel_tool_use": True}, None, None),
    ],
)
def test_a_choice_of_tools_has_a_neutral_form(choice: Any, expected: Any, parallel: Any) -> None:
    request = decode(tool_choice=choice)
    assert json.loads(request.tool_choice or b"null") == expected
    assert request.parallel_tool_calls is parallel


def test_parameters_are_neutral() -> None:
    request = decode(
        temperature=0.5,
        top_p=1,
        stop_sequences=["x"],
        service_tier="standard_only",
        stream=True,
        thinking={"type": "enabled", "budget_tokens": 1024},
    )
    params = request.params
    assert (params.temperature, params.top_p, params.max_tokens) == (0.5, 1, 9)
    assert (params.stop_sequences, params.service_tier) == (("x",), "default")
    assert (params.thinking_budget_tokens, params.reasoning_effort) == (1024, None)
    assert request.stream
    assert request.rest == {}


def test_an_effort_is_neutral_where_thinking_is_adaptive() -> None:
    adaptive = {"type": "adaptive"}
    request = decode(thinking=adaptive, output_config={"effort": "low", "task_budget": {"a": 1}})
    assert request.params.reasoning_effort == "low"
    assert json.loads(request.rest["output_config"]) == {"task_budget": {"a": 1}}
    assert decode(output_config={"effort": "low"}).params.reasoning_effort is None


@pytest.mark.parametrize("member", ["output_config", "output_format"])
def test_a_schema_for_the_answer_is_neutral_under_both_its_names(member: str) -> None:
    form = {"type": "json_schema", "schema": {"type": "object"}}
    request = decode(**{member: {"format": form} if member == "output_config" else form})
    assert request.params.json_mode == "strict"
    given = json.loads(request.response_format or b"")
    assert given["json_schema"]["schema"] == {"type": "object"}
    assert request.rest == {}


@pytest.mark.parametrize(
    "members",
    [
        {"top_k": 5, "metadata": {"user_id": "u"}, "container": "c"},
        {"thinking": {"type": "enabled", "budget_tokens": 1, "display": "omitted"}},
        {"thinking": {"type": "disabled"}, "output_config": {"effort": "low"}},
        {"thinking": {"type": "adaptive"}},
        {"thinking": {"type": "adaptive"}, "output_config": {"effort": "max", "a": 1}},
        {"output_config": {"format": {"type": "json_schema", "schema": {}}, "effort": "high"}},
        {"output_config": {"format": {"type": "grammar", "grammar": "g"}}},
        {"context_management": {"edits": []}, "mcp_servers": [{"name": "a"}]},
        {"cache_control": CACHE, "system": [{"type": "text", "text": "a", "cache_control": CACHE}]},
        {"service_tier": "auto", "stop_sequences": ["a"], "temperature": 0.25, "top_p": 0.5},
        {"service_tier": "new"},
        {"temperature": "0.2"},
        {"max_tokens": "many"},
        {"stop_sequences": []},
        {"tool_choice": {"type": "auto", "disable_parallel_tool_use": True}},
        {"tool_choice": {"type": "tool", "name": "f", "more": 1}},
        {"tool_choice": {"type": "any", "disable_parallel_tool_use": "no"}},
        {"tools": [{"name": "f", "input_schema": {}}, {"type": "web_search", "name": "w"}]},
        {"tools": [{"name": "f", "input_schema": {"type": "object"}, "defer_loading": True}]},
    ],
)
def test_every_member_is_sent_as_it_came(members: dict[str, Any]) -> None:
    body = {
        "model": "m",
        "max_tokens": 9,
        "stream": True,
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": "hi"}]},
            {"role": "system", "content": [{"type": "tool_addition"}], "id": "m1"},
        ],
        **members,
    }
    assert again(body) == body


def test_whoever_calls_may_name_another_model_and_streaming() -> None:
    body = b'{"model":"a","messages":[]}'
    request = decode_request(body, model_name="b", stream=True)
    assert (request.model_name, request.stream) == ("b", True)
    assert decode_request(body).model_name == "a"


@pytest.mark.parametrize("body", [b"[]", b"{", b"{}", b'{"messages":5}', b'{"messages":["a"]}'])
def test_a_body_of_another_kind_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidRequest):
        decode_request(body)


def test_turns_that_the_vendor_may_refuse_are_sent_as_they_came() -> None:
    call = {"type": "tool_use", "id": "c", "name": "f", "input": {}}
    thinking = {"type": "thinking", "thinking": "hm", "signature": "s"}
    hidden = {"type": "redacted_thinking", "data": ""}
    assert rounded(call, thinking, hidden) == [call, thinking, hidden]
    result = {"type": "tool_result", "tool_use_id": "c"}
    assert rounded(result, role="assistant") == [result]
    assert again({"model": "m", "messages": [], "stream": False}) == {
        "model": "m",
        "messages": [],
        "stream": False,
    }


def test_a_turn_may_have_no_content() -> None:
    turns = [
        {"role": "system", "output_config": {"effort": "low"}},
        {"role": "user", "content": []},
        {"role": "user", "content": [{"type": "text", "text": ""}]},
    ]
    assert again({"model": "m", "messages": turns})["messages"] == turns


def test_the_choice_of_a_tool_without_a_name_is_left_as_it_is() -> None:
    choice = {"type": "tool", "name": "", "disable_parallel_tool_use": True}
    request = decode(tool_choice=choice)
    assert request.tool_choice is None
    body = {"model": "m", "messages": [], "tool_choice": choice}
    assert again(body)["tool_choice"] == choice

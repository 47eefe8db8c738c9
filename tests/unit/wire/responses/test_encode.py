"""Neutral requests become bodies of this protocol, whichever protocol they came in."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from proxy.errors import InvalidRequest, UpstreamUnsupported
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
from proxy.types.request import Input, Message, ModelRequest, Params
from proxy.wire.addressee import Addressee
from proxy.wire.chat_completions.request import decode_request as decode_chat
from proxy.wire.responses.encode import encode_request, ignored_params


def encoded(request: ModelRequest, **options: Any) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(encode_request(request, **options))
    return body


def of_chat(**body: object) -> dict[str, Any]:
    """The body that a chat completion becomes."""
    said = {"messages": [{"role": "user", "content": "u"}], **body}
    raw = json.dumps(said).encode()
    return encoded(decode_chat(raw, model_name="m", stream=False))


def request(*blocks: Block, role: str = "user", **members: Any) -> ModelRequest:
    return ModelRequest("m", Input((Message(role, blocks),)), **members)


def items(*blocks: Block, role: str = "user", **options: Any) -> list[Any]:
    listed: list[Any] = encoded(request(*blocks, role=role), **options)["input"]
    return listed


def message(role: str, *parts: object) -> dict[str, object]:
    return {"type": "message", "role": role, "content": list(parts)}


def said(text: str) -> dict[str, str]:
    return {"type": "input_text", "text": text}


def test_the_system_text_is_the_first_item_and_turns_follow() -> None:
    turns = (
        Message("user", (Text("a"), RawText("b"))),
        Message("assistant", (Text("c"), Text("d"))),
    )
    body = encoded(ModelRequest("m", Input(turns, "be brief"), stream=True))
    assert body == {
        "model": "m",
        "input": [
            message("system", said("be brief")),
            message("user", said("a"), said("b")),
            message("assistant", {"type": "output_text", "text": "c"}),
            message("assistant", {"type": "output_text", "text": "d"}),
        ],
        "stream": True,
    }


def test_system_messages_of_a_chat_keep_role_and_place() -> None:
    body = of_chat(
        messages=[
            {"role": "developer", "content": "x"},
            {"role": "user", "content": "u"},
            {"role": "system", "content": "y"},
        ]
    )
    assert body["input"] == [
        message("developer", said("x")),
        message("user", said("u")),
        message("system", said("y")),
    ]


def test_calls_and_results_are_items_of_their_own() -> None:
    call = ToolCall("c1", "f", '{"a": 1}')
    assert items(Text("x"), call, role="assistant")[1] == {
        "type": "function_call",
        "call_id": "c1",
        "name": "f",
        "arguments": '{"a": 1}',
    }
    result = ToolResult("c1", "f", "40 C")
    assert items(Text("u"), result, Text("v")) == [
        message("user", said("u")),
        {"type": "function_call_output", "call_id": "c1", "output": "40 C"},
        message("user", said("v")),
    ]


def test_a_result_may_have_texts_files_and_what_nobody_knows() -> None:
    parts = (Text("x"), UrlFile("https://x/y.png"), Unknown(b'{"type":"input_file"}'))
    (result,) = items(ToolResult("c", "f", "x", parts=parts))
    assert result["output"] == [
        said("x"),
        {"type": "input_image", "image_url": "https://x/y.png"},
        {"type": "input_file"},
    ]
    with pytest.raises(UpstreamUnsupported):
        items(ToolResult("c", "f", "x", parts=(Thought("t"),)))


def test_calls_of_custom_tools_are_told_by_their_tool_or_by_what_they_were() -> None:
    tools = [{"type": "custom", "custom": {"name": "g"}}, {"type": "function", "function": {}}]
    blocks = (
        Message(
            "assistant", (ToolCall("c", "g", "z"), ToolCall("d", "h", "z", b'{"type":"custom"}'))
        ),
        Message("user", (ToolResult("c", "g", "r"), ToolResult("e", "g", "r"))),
    )
    asked = ModelRequest("m", Input(blocks), tools=json.dumps(tools).encode())
    kinds = [item["type"] for item in encoded(asked)["input"]]
    assert kinds == [
        "custom_tool_call",
        "custom_tool_call",
        "custom_tool_call_output",
        "function_call_output",
    ]


@pytest.mark.parametrize(
    ("file", "part"),
    [
        (
            UrlFile("https://x/y", detail="low"),
            {"type": "input_image", "image_url": "https://x/y", "detail": "low"},
        ),
        (
            UrlFile("https://x/y", "application/pdf", filename="y.pdf"),
            {"type": "input_file", "file_url": "https://x/y", "filename": "y.pdf"},
        ),
        (
            Base64File("AA", "image/png"),
            {"type": "input_image", "image_url": "data:image/png;base64,AA"},
        ),
        (
            Base64File("AA", "audio/mpeg"),
            {"type": "input_audio", "input_audio": {"data": "AA", "format": "mp3"}},
        ),
        (
            Base64File("AA", "application/pdf"),
            {
                "type": "input_file",
                "file_data": "data:application/pdf;base64,AA",
                "filename": "input.pdf",
            },
        ),
        (
            Base64File("AA", "x/unheard-of", filename="a.b"),
            {"type": "input_file", "file_data": "data:x/unheard-of;base64,AA", "filename": "a.b"},
        ),
        (
            Base64File("AA", "image/png", extra=b'{"part":{"type":"input_file"}}'),
            {"type": "input_image", "image_url": "data:image/png;base64,AA"},
        ),
    ],
)
def test_a_file_becomes_the_part_of_its_kind(file: Block, part: object) -> None:
    assert items(file) == [message("user", part)]


def test_a_file_that_was_uploaded_before_is_named_flat() -> None:
    part = {"type": "file", "file": {"file_id": "file-1"}}
    body = of_chat(messages=[{"role": "user", "content": [part]}])
    assert body["input"] == [message("user", {"type": "input_file", "file_id": "file-1"})]


def test_reasoning_goes_back_sealed_to_the_one_who_gave_it() -> None:
    summary = b'[{"type":"summary_text","text":"s"}]'
    sealed = Thought(None, "x", summary, "openai", b'{"id":"rs_1"}')
    item = {
        "type": "reasoning",
        "id": "rs_1",
        "summary": [{"type": "summary_text", "text": "s"}],
        "encrypted_content": "x",
    }
    mine = Addressee(provider_type="openai")
    assert items(sealed, role="assistant", addressee=mine) == [item]
    assert items(sealed, role="assistant", addressee=Addressee(provider_type="other")) == []
    assert items(Thought("aloud", provider_type="openai"), role="assistant", addressee=mine) == []
    known = Thought(None, provider_type="openai", extra_data=b'{"id":"rs_2"}')
    assert items(known, role="assistant", addressee=mine) == [
        {"type": "reasoning", "summary": [], "id": "rs_2"}
    ]


def test_reasoning_of_another_protocols_client_is_not_taken_for_our_own() -> None:
    thought = request(Thought("t", "theirs"), role="assistant", wire="messages")
    assert encoded(thought)["input"] == []


def test_what_nobody_knows_goes_to_its_provider_as_an_item_or_as_a_part() -> None:
    search = Unknown(b'{"type":"web_search_call","id":"ws_1"}', "model", "here")
    refusal = Unknown(b'{"type":"refusal","refusal":"no"}')
    here = Addressee("model", "here")
    assert items(search, refusal, role="assistant", addressee=here) == [
        {"type": "web_search_call", "id": "ws_1"},
        message("assistant", {"type": "refusal", "refusal": "no"}),
    ]
    assert items(search, addressee=Addressee("model", "there")) == []


def test_an_answer_is_sent_back_with_its_ids_and_sources() -> None:
    first = Text("a", b'{"citations":[{"url":"u"}],"item":{"id":"msg_1","phase":"final_answer"}}')
    second = Text("b", b'{"more":true}')
    refused = Unknown(b'{"type":"refusal","refusal":"no"}')
    call = ToolCall("c", "f", "{}", b'{"item":{"id":"fc_1","status":"completed"}}')
    assert items(first, second, refused, call, second, role="assistant") == [
        {
            "type": "message",
            "role": "assistant",
            "id": "msg_1",
            "phase": "final_answer",
            "content": [
                {"type": "output_text", "text": "a", "annotations": [{"url": "u"}]},
                {"type": "output_text", "text": "b", "annotations": []},
                {"type": "refusal", "refusal": "no"},
            ],
        },
        {
            "type": "function_call",
            "call_id": "c",
            "name": "f",
            "arguments": "{}",
            "id": "fc_1",
            "status": "completed",
        },
        message("assistant", {"type": "output_text", "text": "b", "annotations": []}),
    ]


def test_extras_of_other_protocols_are_left_out() -> None:
    foreign = Text("a", b'{"citations":[{"type":"char_location"}],"cache_control":{"type":"x"}}')
    assert items(foreign, role="assistant") == [
        message("assistant", {"type": "output_text", "text": "a"})
    ]


@pytest.mark.parametrize(
    ("role", "block", "error"),
    [
        ("user", ToolCall("c", "f", "{}"), InvalidRequest),
        ("assistant", ToolResult("c", "f", "r"), InvalidRequest),
        ("assistant", UrlFile("https://x/y"), InvalidRequest),
        ("user", Template("t", b"{}"), InvalidRequest),
        ("user", StoredFile("image/png", b"{}"), UpstreamUnsupported),
    ],
)
def test_a_block_where_it_cannot_stand_is_refused(
    role: str, block: Block, error: type[Exception]
) -> None:
    with pytest.raises(error):
        items(block, role=role)


def test_parameters_get_this_protocols_names() -> None:
    params = Params(
        temperature=0.5,
        top_p=1,
        max_tokens=9,
        seed=3,
        presence_penalty=0.1,
        frequency_penalty=0.2,
        stop_sequences=("x",),
        reasoning_effort="low",
        service_tier="flex",
        verbosity="high",
        thinking_budget_tokens=5,
    )
    body = encoded(request(Text("u"), params=params))
    del body["input"], body["model"]
    assert body == {
        "temperature": 0.5,
        "top_p": 1,
        "max_output_tokens": 9,
        "seed": 3,
        "presence_penalty": 0.1,
        "frequency_penalty": 0.2,
        "service_tier": "flex",
        "text": {"verbosity": "high"},
        "reasoning": {"effort": "low"},
        "stream": False,
    }
    assert ignored_params(params) == ("stop_sequences", "thinking_budget_tokens")


def test_tools_stand_flat_and_are_not_strict_unless_asked_for() -> None:
    tools = [
        {"type": "function", "function": {"name": "f", "description": None}},
        {
            "type": "function",
            "function": {"name": "g", "parameters": {"type": "object"}, "strict": True},
        },
        {
            "type": "custom",
            "custom": {
                "name": "h",
                "format": {"type": "grammar", "grammar": {"syntax": "lark", "definition": "d"}},
            },
        },
        {"type": "custom", "custom": {"name": "i", "format": {"type": "text"}}},
    ]
    body = of_chat(tools=tools, parallel_tool_calls=False, tool_choice="required")
    no_parameters = {"type": "object", "properties": {}}
    assert body["tools"] == [
        {"type": "function", "name": "f", "parameters": no_parameters, "strict": False},
        {"type": "function", "name": "g", "parameters": {"type": "object"}, "strict": True},
        {
            "type": "custom",
            "name": "h",
            "format": {"type": "grammar", "syntax": "lark", "definition": "d"},
        },
        {"type": "custom", "name": "i", "format": {"type": "text"}},
    ]
    assert (body["tool_choice"], body["parallel_tool_calls"]) == ("required", False)


@pytest.mark.parametrize(
    ("choice", "flat"),
    [
        ({"type": "function", "function": {"name": "f"}}, {"type": "function", "name": "f"}),
        ({"type": "custom", "custom": {"name": "g"}}, {"type": "custom", "name": "g"}),
        (
            {
                "type": "allowed_tools",
                "allowed_tools": {
                    "mode": "auto",
                    "tools": [{"type": "function", "function": {"name": "f"}}],
                },
            },
            {
                "type": "allowed_tools",
                "mode": "auto",
                "tools": [{"type": "function", "name": "f"}],
            },
        ),
        ({"type": "web_search"}, {"type": "web_search"}),
        ("none", "none"),
    ],
)
def test_a_choice_of_tools_stands_flat(choice: object, flat: object) -> None:
    tool = {"type": "function", "function": {"name": "f", "parameters": {}}}
    assert of_chat(tools=[tool], tool_choice=choice)["tool_choice"] == flat


def test_a_choice_without_tools_is_left_out() -> None:
    assert "tool_choice" not in of_chat(tool_choice="auto")


def test_tools_of_the_provider_stand_behind_the_clients() -> None:
    tool = {"type": "function", "function": {"name": "f", "parameters": {}}}
    asked = request(
        Text("u"), tools=json.dumps([tool]).encode(), provider_tools=(b'{"type":"mcp"}',)
    )
    body = encoded(asked, provider_tools=[b'{"type":"web_search"}'])
    assert [each["type"] for each in body["tools"]] == ["function", "web_search", "mcp"]


def test_a_search_that_a_chat_asks_for_becomes_a_tool() -> None:
    place = {"type": "approximate", "approximate": {"city": "Bergen"}}
    body = of_chat(web_search_options={"search_context_size": "low", "user_location": place})
    assert body["tools"] == [
        {
            "type": "web_search",
            "search_context_size": "low",
            "user_location": {"type": "approximate", "city": "Bergen"},
        }
    ]
    assert of_chat(web_search_options={})["tools"] == [{"type": "web_search"}]


def test_structured_output_stands_flat() -> None:
    schema = {"name": "n", "schema": {"type": "object"}, "strict": True}
    body = of_chat(response_format={"type": "json_schema", "json_schema": schema})
    assert body["text"] == {"format": {"type": "json_schema", **schema}}


@pytest.mark.parametrize("mode", ["on", "strict"])
def test_json_without_a_schema_is_any_object(mode: str) -> None:
    body = encoded(request(Text("u"), params=Params(json_mode=mode)))
    assert body["text"] == {"format": {"type": "json_object"}}


@pytest.mark.parametrize(
    ("system", "text", "first"),
    [
        (None, "u", "Respond using JSON."),
        ("be brief", "u", "Respond using JSON.\n\nbe brief"),
        ("as Json", "u", "as Json"),
        (None, "as JSON", "as JSON"),
    ],
)
def test_json_mode_asks_for_json_where_nobody_speaks_of_it(
    system: str | None, text: str, first: str
) -> None:
    said_so = Input((Message("user", (Text(text), ToolResult("c", "f", "json"))),), system)
    body = encoded(ModelRequest("m", said_so, params=Params(json_mode="on")))
    assert body["input"][0]["content"][0]["text"] == first


def test_what_both_protocols_have_keeps_its_name() -> None:
    body = of_chat(
        user="me",
        metadata={"a": "b"},
        store=False,
        safety_identifier="s",
        prompt_cache_key="k",
        truncation="auto",
        modalities=["text"],
        logit_bias={},
        stream_options={"include_usage": True, "include_obfuscation": False},
        reasoning={"summary": "auto"},
        reasoning_effort="low",
        include=["file_search_call.results"],
        logprobs=True,
        top_logprobs=2,
        n=1,
    )
    del body["input"], body["model"], body["stream"]
    assert body == {
        "user": "me",
        "metadata": {"a": "b"},
        "store": False,
        "safety_identifier": "s",
        "prompt_cache_key": "k",
        "truncation": "auto",
        "stream_options": {"include_obfuscation": False},
        "reasoning": {"summary": "auto", "effort": "low"},
        "include": ["file_search_call.results", "message.output_text.logprobs"],
        "top_logprobs": 2,
    }
    assert "stream_options" not in of_chat(stream_options={"include_usage": True})


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("n", 2),
        ("logit_bias", {"1": 2}),
        ("audio", {"voice": "v"}),
        ("modalities", ["text", "audio"]),
        ("prediction", {"type": "content"}),
        ("thinking", {"type": "enabled"}),
        ("functions", [{"name": "f"}]),
    ],
)
def test_what_only_chat_completions_have_is_refused_by_its_name(member: str, value: object) -> None:
    with pytest.raises(UpstreamUnsupported, match=f"`{member}`"):
        of_chat(**{member: value})


def test_members_of_another_protocol_are_refused_by_their_names() -> None:
    with pytest.raises(UpstreamUnsupported, match="`metadata`"):
        encoded(request(Text("u"), rest={"metadata": b'{"user_id":"x"}'}, wire="messages"))


def test_the_name_of_a_speaker_is_refused() -> None:
    with pytest.raises(UpstreamUnsupported, match="`name`"):
        of_chat(messages=[{"role": "user", "content": "u", "name": "bob"}])


@pytest.mark.parametrize(
    ("given", "include"),
    [
        (None, ["reasoning.encrypted_content"]),
        (["reasoning.encrypted_content"], ["reasoning.encrypted_content"]),
        (["x"], ["x", "reasoning.encrypted_content"]),
    ],
)
def test_what_the_configuration_includes_is_included_once(
    given: Sequence[str] | None, include: Sequence[str]
) -> None:
    rest = {} if given is None else {"include": json.dumps(given).encode()}
    body = encoded(request(Text("u"), rest=rest), include=["reasoning.encrypted_content"])
    assert body["include"] == include

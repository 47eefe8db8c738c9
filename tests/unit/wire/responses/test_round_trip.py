"""A client's body, put into neutral form and back, says the same."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from proxy.errors import InvalidRequest
from proxy.types.content import Text, ToolResult, Unknown
from proxy.types.request import Message, ModelRequest
from proxy.wire.responses.encode import encode_request
from proxy.wire.responses.request import decode_request
from proxy.wire.responses.response import decode_response


def decoded(**body: object) -> ModelRequest:
    raw = json.dumps({"model": "m", **body}).encode()
    return decode_request(raw, model_name="m", stream=body.get("stream") is True)


def back(**body: object) -> Any:
    return json.loads(encode_request(decoded(**body)))


def message(role: str, *parts: object, **members: object) -> dict[str, object]:
    return {"type": "message", "role": role, **members, "content": list(parts)}


TEXT = {"type": "input_text", "text": "d"}
USER = message("user", {"type": "input_text", "text": "u"})
CALL = {"type": "function_call", "id": "fc_1", "call_id": "c1", "name": "f", "arguments": "{}"}
RESULT = {"type": "function_call_output", "call_id": "c1", "output": "r", "status": "completed"}
REASONING = {
    "type": "reasoning",
    "id": "rs_1",
    "summary": [{"type": "summary_text", "text": ""}],
    "content": [{"type": "reasoning_text", "text": "a"}, {"type": "reasoning_text", "text": "b"}],
    "encrypted_content": None,
    "status": None,
}

CONVERSATIONS: dict[str, list[object]] = {
    "reasoning, a message, a call and its result": [
        USER,
        REASONING,
        message(
            "assistant",
            {"type": "output_text", "text": "a", "annotations": [], "logprobs": []},
            {"type": "output_text", "text": "b", "annotations": [{"type": "url_citation"}]},
            {"type": "refusal", "refusal": "no"},
            id="msg_1",
            status="completed",
            phase="commentary",
        ),
        CALL,
        RESULT,
    ],
    "two messages of the model in a row": [
        message("assistant", {"type": "output_text", "text": "a"}),
        message("assistant", {"type": "output_text", "text": "b"}, id="msg_2"),
    ],
    "calls and results that take turns": [CALL, RESULT, CALL, RESULT],
    "a custom tool": [
        {"type": "custom_tool_call", "id": "ct", "call_id": "c2", "name": "g", "input": "i"},
        {"type": "custom_tool_call_output", "call_id": "c2", "output": "o"},
        {"type": "custom_tool_call_output", "call_id": "c3", "output": "o"},
    ],
    "system texts in between": [
        message(
            "developer", {"type": "input_text", "text": "d"}, {"type": "input_text", "text": "e"}
        ),
        USER,
        message("assistant", {"type": "output_text", "text": "a"}),
        message("system", {"type": "input_text", "text": "s"}, id="msg_3"),
        CALL,
        message("developer", {"type": "input_text", "text": "x"}),
        message("developer", {"type": "input_text", "text": "y"}),
        RESULT,
        message("system", {"type": "input_text", "text": "z"}),
    ],
    "a developer's file": [
        message("developer", {"type": "input_file", "file_id": "file-1"}),
    ],
    "files of every kind": [
        message(
            "user",
            {"type": "input_image", "image_url": "https://x/y.png", "detail": "low"},
            {"type": "input_image", "image_url": "data:image/png;base64,AAAA"},
            {"type": "input_image", "file_id": "file-1"},
            {"type": "input_image", "image_url": "https://x/y.png", "further": 1},
            {"type": "input_image", "image_url": "data:image/png;charset=x;base64,AAAA"},
            {"type": "input_image", "image_url": "data:application/pdf;base64,AAAA"},
            {"type": "input_image", "image_url": "https://x/y.png", "detail": None},
            {"type": "input_image", "image_url": None, "file_id": "file-1", "detail": "auto"},
            {
                "type": "input_file",
                "file_url": "https://x/y.pdf",
                "file_data": "AA",
                "detail": "low",
            },
            {"type": "input_file", "filename": None, "file_data": "data:a/b;base64,AA"},
            {"type": "input_audio", "input_audio": {"data": "AA", "format": "odd"}, "further": 1},
            {"type": "input_file", "file_url": "https://x/y.pdf"},
            {"type": "input_file", "filename": "a.png", "file_data": "data:image/png;base64,AA"},
            {"type": "input_file", "file_data": "not a data URL"},
            {"type": "input_audio", "input_audio": {"data": "AA", "format": "wav"}},
            {"type": "input_text", "text": "t", "prompt_cache_breakpoint": {"mode": "explicit"}},
            {"type": "text", "text": "t"},
            {"type": "unheard_of"},
            "bare",
            7,
        ),
    ],
    "messages of the model that are not all text": [
        {"type": "reasoning", "id": "rs_1", "summary": []},
        message("assistant", {"type": "refusal", "refusal": "r"}, id="msg_1", status="completed"),
        CALL,
        message(
            "assistant",
            {"type": "input_image", "image_url": "https://x/y.png", "detail": "auto"},
            {"type": "output_text", "text": "t", "annotations": []},
            {"type": "unheard_of"},
            phase=None,
        ),
        message("system", {"type": "input_text", "text": "s"}),
        {"type": "web_search_call", "id": "ws_1"},
    ],
    "messages without parts": [
        message("developer", id="msg_1"),
        message("developer", {"type": "input_text", "text": "d"}),
        message("user", status="incomplete"),
        message("assistant", id="msg_2"),
        CALL,
    ],
    "results that say little": [
        {"type": "function_call_output", "call_id": None, "output": []},
        {"type": "function_call_output", "id": "fo", "output": "o"},
    ],
    "a result in parts": [
        CALL,
        {
            **RESULT,
            "output": [
                {"type": "input_text", "text": "t"},
                {"type": "input_image", "image_url": "https://x/y.png"},
                {"type": "input_file", "file_id": "file-1"},
            ],
        },
    ],
    "items that nobody knows": [
        {"type": "web_search_call", "id": "ws_1", "action": {"type": "search"}},
        {"type": "item_reference", "id": "msg_9"},
        {"type": "computer_call_output", "call_id": "c", "output": {"type": "x"}},
        {"type": "additional_tools", "role": "developer", "tools": []},
        {"id": "msg_4"},
        message("assistant", id="msg_5"),
        message("user"),
        message("critic", {"type": "input_text", "text": "c"}),
    ],
}


@pytest.mark.parametrize("name", CONVERSATIONS)
def test_a_conversation_comes_back(name: str) -> None:
    given = CONVERSATIONS[name]
    returned = back(input=given)["input"]
    expected = json.loads(
        json.dumps(given).replace('"bare"', '{"type":"input_text","text":"bare"}')
    )
    assert returned == expected


def test_members_of_a_body_come_back() -> None:
    body = {
        "model": "m",
        "instructions": "be brief",
        "input": [USER],
        "temperature": 0.5,
        "top_p": 1.0,
        "max_output_tokens": 9,
        "seed": 1,
        "service_tier": "flex",
        "text": {"format": {"type": "json_object"}, "verbosity": "low", "more": 1},
        "reasoning": {"effort": "low", "summary": None},
        "include": ["message.output_text.logprobs"],
        "top_logprobs": 2,
        "store": False,
        "metadata": {"a": "b"},
        "previous_response_id": "resp_1",
        "truncation": "auto",
        "background": True,
        "unheard_of": [1],
        "parallel_tool_calls": False,
        "tool_choice": "auto",
        "stream": True,
    }
    assert back(**body) == body
    assert decoded(**body).logprobs is True


def test_tools_come_back_with_all_that_they_say() -> None:
    tools = [
        {"type": "function", "name": "f", "parameters": None, "defer_loading": True},
        {"type": "function", "name": "g", "function": {"name": "g"}},
        {
            "type": "custom",
            "name": "h",
            "format": {"type": "grammar", "syntax": "lark", "definition": "d"},
        },
        {"type": "custom", "name": "i", "format": {"type": "text"}},
        {"type": "web_search", "filters": {"allowed_domains": []}},
        {"type": "mcp", "server_label": "s"},
    ]
    choice = {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "custom", "name": "h"}]}
    body = back(input="u", tools=tools, tool_choice=choice)
    assert (body["tools"], body["tool_choice"]) == (tools, choice)
    hosted = {"type": "mcp", "server_label": "s"}
    assert back(input="u", tool_choice=hosted)["tool_choice"] == hosted


def test_a_call_comes_back_as_what_it_was_called() -> None:
    """Also where a tool of that name is of another type by now."""
    tools = [{"type": "custom", "name": "f"}]
    assert back(input=[CALL, RESULT], tools=tools)["input"] == [CALL, RESULT]


def test_nulls_inside_come_back() -> None:
    body = {"text": {"verbosity": None, "format": None}, "reasoning": {"effort": None}}
    assert back(input="u", **body).items() >= body.items()


def test_a_schema_comes_back() -> None:
    schema = {"type": "json_schema", "name": "n", "schema": {}, "description": "d"}
    assert back(input="u", text={"format": schema})["text"] == {"format": schema}


@pytest.mark.parametrize("text", [{}, {"more": 1}, None])
def test_what_says_nothing_of_an_answers_format_comes_back(text: object) -> None:
    assert back(input="u", text=text).get("text") == text


def test_oddities_of_json_come_back_or_are_left_out() -> None:
    odd = b'{"input":"u","max_output_tokens":1e300,"text":{"\\ud800":1},"n":1.50,"\\udfff":[]}'
    body = encode_request(decode_request(odd, model_name="m", stream=False))
    assert b'"n":1.50' in body
    assert "max_output_tokens" not in json.loads(body)
    deep = b'{"input":[{"role":"assistant","id":' + b"[" * 300 + b"]" * 300 + b"}]}"
    sent = encode_request(decode_request(deep, model_name="m", stream=False))
    assert b"[" * 300 in sent


def test_a_body_without_input_has_none() -> None:
    body = {"model": "m", "prompt": {"id": "pmpt_1"}, "stream": False}
    assert back(**body) == body


def test_texts_stand_for_lists_of_one_text() -> None:
    body = back(instructions="i", input="u")
    assert (body["instructions"], body["input"]) == ("i", [USER])
    result = {**RESULT, "output": [{"type": "input_text", "text": "r"}]}
    assert back(input=[result])["input"] == [RESULT]
    odd = {**RESULT, "output": {"a": 1}}
    assert back(input=[odd])["input"] == [{**RESULT, "output": '{"a":1}'}]


def test_instructions_and_system_texts_are_kept_apart() -> None:
    developer = message("developer", {"type": "input_text", "text": "d"})
    request = decoded(instructions="i", input=[developer, USER])
    assert request.input.system == "i\nd"
    body = json.loads(encode_request(request))
    assert (body["instructions"], body["input"]) == ("i", [developer, USER])


def test_a_system_text_that_was_changed_since_replaces_the_old_ones() -> None:
    developer = message("developer", {"type": "input_text", "text": "d"})
    request = decoded(input=[developer, USER])
    changed = replace(request, input=replace(request.input, system="another"))
    body = json.loads(encode_request(changed))
    assert (body["instructions"], body["input"]) == ("another", [USER])


def test_places_that_no_longer_exist_are_the_beginning() -> None:
    request = decoded(input=[USER])
    parts = (Text("d", b'{"item":{"role":"developer"},"at":"?"}'), Unknown(b"{}"))
    changed = replace(request, input=replace(request.input, system="d", system_parts=parts))
    assert [item["role"] for item in json.loads(encode_request(changed))["input"]] == [
        "developer",
        "user",
    ]


def test_json_mode_of_a_client_of_this_protocol_adds_no_words() -> None:
    body = back(input="u", text={"format": {"type": "json_object"}})
    assert body["input"] == [USER]


def test_the_result_of_a_tool_has_the_tools_name_and_its_texts() -> None:
    parts = [{"type": "input_text", "text": "a"}, {"type": "input_text", "text": "b"}]
    request = decoded(input=[CALL, {**RESULT, "output": parts}])
    result = request.input.messages[1].content[0]
    assert isinstance(result, ToolResult)
    assert (result.name, result.result, len(result.parts)) == ("f", "ab", 2)


def test_an_answer_comes_back_as_it_came() -> None:
    output = [
        {**REASONING, "summary": [{"type": "summary_text", "text": "s"}]},
        {"type": "web_search_call", "id": "ws_1", "status": "completed"},
        message(
            "assistant",
            {"type": "output_text", "text": "a", "annotations": [{"type": "url_citation"}]},
            {"type": "output_text", "text": "b", "annotations": []},
            id="msg_1",
            status="completed",
        ),
        {**CALL, "status": "completed", "namespace": "n"},
        {"type": "custom_tool_call", "id": "ct", "call_id": "c2", "name": "g", "input": "i"},
    ]
    answer = decode_response(json.dumps({"output": output}).encode())
    request = decoded(input=[])
    turn = replace(request, input=replace(request.input, messages=_turn(answer.blocks)), wire="")
    assert json.loads(encode_request(turn))["input"] == output


def _turn(blocks: Any) -> Any:
    return (Message("assistant", blocks),)


@pytest.mark.parametrize("body", [b"[]", b'{"input":7}', b'{"input":["x"]}', b"{"])
def test_what_is_no_request_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidRequest):
        decode_request(body, model_name="m", stream=False)

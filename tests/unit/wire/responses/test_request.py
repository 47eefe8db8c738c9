"""A client's body becomes instructions, turns, parameters and tools."""

from __future__ import annotations

import json
from typing import Any

import pytest

from proxy.errors import InvalidRequest
from proxy.types.decoded import DecodedInput
from proxy.wire.responses.decode import ResponsesDecoder


def decoded(**body: object) -> DecodedInput:
    return ResponsesDecoder().decode_input("responses", json.dumps(body).encode())


def messages(*items: object) -> list[Any]:
    read: list[Any] = json.loads(decoded(input=list(items)).messages)
    return read


CALL = {"type": "function_call", "call_id": "c1", "name": "f", "arguments": '{"a": 1}'}
RESULT = {"type": "function_call_output", "call_id": "c1", "output": "40 C"}
REASONING = {
    "type": "reasoning",
    "id": "rs_1",
    "summary": [{"type": "summary_text", "text": "s"}],
    "encrypted_content": "x",
}


def test_a_text_is_one_message_of_the_user_under_the_instructions() -> None:
    read = decoded(input="hello", instructions="be brief")
    turns = [{"role": "user", "content": [{"type": "text", "text": "hello"}]}]
    assert json.loads(read.input) == {"system": "be brief", "messages": turns}
    assert (read.system, json.loads(read.messages)) == ("be brief", turns)


def test_system_and_developer_messages_join_the_instructions() -> None:
    read = decoded(
        instructions="a",
        input=[
            {"role": "system", "content": "b"},
            {"role": "user", "content": "u"},
            {"role": "developer", "content": [{"type": "input_text", "text": "c"}]},
        ],
    )
    assert read.system == "a\nb\nc"
    assert [message["role"] for message in json.loads(read.messages)] == ["user"]


def test_what_a_model_gave_in_a_row_is_one_turn_and_so_are_the_results() -> None:
    answer = {"type": "message", "role": "assistant", "content": "I look."}
    second = {**CALL, "call_id": "c2", "name": "g"}
    result = {**RESULT, "call_id": "c2", "output": [{"type": "input_text", "text": "x"}]}
    read = messages(
        {"role": "user", "content": "u"}, REASONING, answer, CALL, second, RESULT, result, answer
    )
    assert [message["role"] for message in read] == ["user", "assistant", "user", "assistant"]
    assert read[1]["content"] == [
        {
            "type": "thought",
            "text": None,
            "signature": "x",
            "summary": [{"type": "summary_text", "text": "s"}],
            "extra_data": {"id": "rs_1"},
        },
        {"type": "text", "text": "I look."},
        {"type": "tool_call", "id": "c1", "name": "f", "arguments": '{"a": 1}'},
        {"type": "tool_call", "id": "c2", "name": "g", "arguments": '{"a": 1}'},
    ]
    assert read[2]["content"] == [
        {"type": "tool_result", "name": "f", "result": "40 C", "id": "c1"},
        {
            "type": "tool_result",
            "name": "g",
            "result": "x",
            "id": "c2",
        },
    ]


def test_two_messages_of_one_side_stay_two() -> None:
    said = {"role": "user", "content": "u"}
    answered = {"role": "assistant", "content": [{"type": "output_text", "text": "a"}]}
    assert [each["role"] for each in messages(said, said, answered, answered)] == [
        "user",
        "user",
        "assistant",
        "assistant",
    ]


def test_images_and_files_are_files_and_what_was_uploaded_before_is_kept_raw() -> None:
    parts = [
        {"type": "input_image", "image_url": "https://x/y.png", "detail": "low"},
        {"type": "input_image", "image_url": "data:image/png;base64,AAAA"},
        {"type": "input_image", "file_id": "file-1"},
        {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,AA"},
        {"type": "input_file", "file_url": "https://x/z.pdf"},
        {"type": "input_file", "file_id": "file-2"},
        {"type": "refusal", "refusal": "no"},
    ]
    (message,) = messages({"role": "user", "content": parts})
    image, data, uploaded, file, elsewhere, other, refusal = message["content"]
    assert (image["url"], image["detail"]) == ("https://x/y.png", "low")
    assert (data["mime_type"], data["data"]) == ("image/png", "AAAA")
    assert uploaded["data"] == parts[2]
    assert (file["mime_type"], file["filename"]) == ("application/pdf", "a.pdf")
    assert elsewhere["url"] == "https://x/z.pdf"
    assert (other["data"], refusal["data"]) == (parts[5], parts[6])


def test_other_items_are_kept_raw_on_the_side_they_come_from() -> None:
    reference: dict[str, str] = {"type": "item_reference", "id": "msg_1"}
    bare = {"id": "msg_2"}
    shot = {"type": "computer_call_output", "call_id": "c", "output": {"type": "x"}}
    first, second = messages(reference, bare, shot)
    assert [block["data"] for block in first["content"]] == [reference, bare]
    assert (first["role"], second["role"]) == ("assistant", "user")
    assert second["content"][0]["data"] == shot


def test_parameters_get_their_stored_names() -> None:
    read = decoded(
        input="x",
        temperature=0.5,
        top_p=1,
        max_output_tokens=7,
        reasoning={"effort": "low", "summary": "auto"},
        text={"verbosity": "high", "format": {"type": "json_schema", "schema": {}}},
        service_tier="flex",
        parallel_tool_calls=False,
    )
    assert json.loads(read.params)["chat_completion"] == {
        "temperature": 0.5,
        "top_p": 1,
        "max_tokens": 7,
        "json_mode": "strict",
        "reasoning_effort": "low",
        "service_tier": "flex",
        "verbosity": "high",
    }
    assert read.parallel_tool_calls is False


def test_flat_tools_are_stored_and_those_that_the_provider_runs_are_not() -> None:
    body = (
        b'{"input":"x","tools":[{"type":"function","name":"f","parameters":{"z": 1.0},'
        b'"strict":true},{"type":"custom","name":"g","format":{"type":"text"}},'
        b'{"type":"web_search"}],"tool_choice":{"type":"function","name":"f"}}'
    )
    read = ResponsesDecoder().decode_input("responses", body)
    assert read.dynamic_tools == (
        b'[{"type":"function","name":"f","description":"","parameters":{"z": 1.0},"strict":true},'
        b'{"type":"openai_custom","name":"g","format":{"type":"text"}}]'
    )
    assert read.tool_choice == b'{"specific":"f"}'
    assert decoded(input="x", tools=[{"type": "web_search"}]).dynamic_tools == b""


@pytest.mark.parametrize(
    ("choice", "stored"),
    [
        (None, b'"auto"'),
        ("required", b'"required"'),
        ({"type": "allowed_tools", "mode": "required", "tools": []}, b'"required"'),
        ({"type": "web_search"}, b'"auto"'),
        ({"type": "custom", "name": "g"}, b'{"specific":"g"}'),
        (7, b'"auto"'),
    ],
)
def test_the_tool_choice_gets_the_stored_words(choice: object, stored: bytes) -> None:
    tools = [{"type": "function", "name": "f"}]
    assert decoded(tools=tools, tool_choice=choice).tool_choice == stored
    assert decoded(tool_choice=choice).tool_choice == b""


def test_a_call_without_input_says_nothing() -> None:
    read = decoded(prompt={"id": "pmpt_1"}, input=None, tools=None, text=None, reasoning=None)
    assert (read.input, read.system, read.dynamic_tools) == (b'{"messages":[]}', None, b"")
    assert json.loads(read.params) == {"chat_completion": {}}


@pytest.mark.parametrize("body", [b"[]", b'{"input":7}', b'{"input":["x"]}', b"{"])
def test_what_is_no_request_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidRequest):
        ResponsesDecoder().decode_input("responses", body)

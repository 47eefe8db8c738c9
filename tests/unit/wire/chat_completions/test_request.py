"""A client's body as a neutral request: TensorZero's mapping, but nothing unknown is refused."""

from __future__ import annotations

import base64
import json

import pytest

from proxy.errors import InvalidRequest
from proxy.types.content import (
    Base64File,
    RawText,
    Template,
    Text,
    Thought,
    ToolCall,
    ToolResult,
    Unknown,
    UrlFile,
)
from proxy.types.request import Message, ModelRequest, Params
from proxy.wire.chat_completions.request import decode_input, decode_request


def decode(**members: object) -> ModelRequest:
    body = json.dumps({"model": "m", "messages": [], **members}).encode()
    return decode_request(body, model_name="p", stream=False)


def messages(*given: object) -> tuple[Message, ...]:
    return decode(messages=list(given)).input.messages


def user(*parts: object) -> tuple[object, ...]:
    (message,) = messages({"role": "user", "content": list(parts)})
    return message.content


def test_strings_become_text_blocks() -> None:
    assert messages({"role": "user", "content": "hi"}, {"role": "assistant", "content": "yo"}) == (
        Message("user", (Text("hi"),)),
        Message("assistant", (Text("yo"),)),
    )


def test_all_system_texts_are_joined_in_front() -> None:
    decoded = decode(
        messages=[
            {"role": "system", "content": "a"},
            {"role": "user", "content": "u"},
            {
                "role": "developer",
                "content": [
                    {"type": "text", "text": "b"},
                    {"type": "tensorzero::raw_text", "value": "c"},
                ],
            },
        ]
    )
    assert decoded.input.system == "a\nb\nc"
    assert decoded.input.messages == (Message("user", (Text("u"),)),)
    assert decode().input.system is None


def test_template_arguments_in_a_system_message_become_a_structured_system() -> None:
    decoded = decode_input(
        b'[{"role":"system","content":[{"type":"text","tensorzero::arguments":{"z":1.0,"a":2}}]}]'
    )
    assert decoded.system == b'{"z":1.0,"a":2}'


WAV = base64.b64encode(b"RIFF\0\0\0\0WAVEfmt ").decode()


@pytest.mark.parametrize(
    ("part", "block"),
    [
        ({"type": "text", "text": "a"}, Text("a")),
        ({"type": "text", "tensorzero::arguments": {"b": 1}}, Template("user", b'{"b": 1}')),
        ({"type": "tensorzero::raw_text", "value": "a"}, RawText("a")),
        ({"type": "tensorzero::template", "name": "t", "arguments": {}}, Template("t", b"{}")),
        (
            {
                "type": "image_url",
                "image_url": {"url": "data:image/png;base64,aGk=", "detail": "low"},
            },
            Base64File("aGk=", "image/png", "low"),
        ),
        (
            {
                "type": "image_url",
                "image_url": {"url": "https://x/y", "tensorzero::mime_type": "image/gif"},
            },
            UrlFile("https://x/y", "image/gif"),
        ),
        (
            {
                "type": "file",
                "file": {"file_data": "data:application/pdf;base64,aGk=", "filename": "f"},
            },
            Base64File("aGk=", "application/pdf", None, "f"),
        ),
        (
            {"type": "input_audio", "input_audio": {"data": WAV, "format": "mp3"}},
            Base64File(WAV, "audio/x-wav", extra=b'{"input_audio":{"format":"mp3"}}'),
        ),
        (
            {"type": "input_audio", "input_audio": {"data": "aGk=", "format": "mp3"}},
            Base64File("aGk=", "audio/mp3"),
        ),
        ("bare", Text("bare")),
    ],
)
def test_known_parts_become_their_blocks(part: object, block: object) -> None:
    assert user(part) == (block,)


@pytest.mark.parametrize(
    "part",
    [
        {"type": "video_url", "video_url": {"url": "x"}},
        {"type": "text"},
        {"type": "text", "text": 7},
        {"type": "input_audio", "input_audio": "nobody knows"},
        {"type": "input_audio", "input_audio": "data:audio/wav;base64,aGk="},
        {"type": "document_url", "document_url": 7},
        {"type": "document_url", "document_url": "data:;base64,aGk="},
        {"type": "image_url", "image_url": {"url": "data:image/png,plain"}},
        {"type": "file", "file": {"file_id": "f"}},
        {"type": "input_audio"},
        {"no": "type"},
        7,
        None,
    ],
)
def test_a_part_that_is_not_known_is_kept_as_it_is(part: object) -> None:
    assert user(part) == (Unknown(json.dumps(part).encode()),)


def test_tool_results_that_follow_one_another_make_one_user_message() -> None:
    calls = [
        {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}},
        {"id": "b", "type": "custom", "custom": {"name": "g", "input": "x"}},
    ]
    assert messages(
        {"role": "assistant", "content": None, "reasoning_content": "r", "tool_calls": calls},
        {"role": "tool", "tool_call_id": "a", "content": "70F"},
        {"role": "tool", "tool_call_id": "b", "content": [{"type": "text", "text": "x"}]},
        {"role": "tool", "tool_call_id": "?"},
        {"role": "user", "content": "u"},
        {"role": "function", "name": "h", "content": "1"},
    ) == (
        Message(
            "assistant",
            (
                Thought("r"),
                ToolCall("a", "f", "{}"),
                ToolCall("b", "g", "x", b'{"type":"custom"}'),
            ),
        ),
        Message(
            "user",
            (ToolResult("a", "f", "70F"), ToolResult("b", "g", "x"), ToolResult("?", "", "")),
        ),
        Message("user", (Text("u"),)),
        Message(
            "user",
            (ToolResult("", "h", "1", extra=b'{"name":"h","role":"function"}'),),
        ),
    )


def test_odd_roles_and_contents_are_kept() -> None:
    assert messages(
        {"role": "critic", "content": "c"},
        {"content": "nobody"},
        {"role": "user", "content": {"x": 1}},
        {"role": "user"},
        {
            "role": "assistant",
            "refusal": "no",
            "tool_calls": [7, {"function": {"name": "f", "arguments": {"a": 1}}}],
        },
    ) == (
        Message("critic", (Text("c"),)),
        Message("", (Text("nobody"),)),
        Message("user", (Unknown(b'{"x": 1}'),)),
        Message("user", ()),
        Message(
            "assistant",
            (ToolCall("", "f", '{"a":1}'), Unknown(b'{"type":"refusal","refusal":"no"}')),
        ),
    )


def test_parameters_are_read_and_the_smaller_limit_counts() -> None:
    decoded = decode(
        temperature=0.5,
        top_p=1,
        max_tokens=30,
        max_completion_tokens=20,
        seed=7,
        presence_penalty=-1,
        frequency_penalty=None,
        stop="x",
        response_format={"type": "json_schema", "json_schema": {}},
        reasoning_effort="low",
    )
    assert decoded.params == Params(
        temperature=0.5,
        top_p=1,
        max_tokens=20,
        seed=7,
        presence_penalty=-1,
        stop_sequences=("x",),
        json_mode="strict",
        reasoning_effort="low",
    )
    assert decode(stop=["a", "b"]).params.stop_sequences == ("a", "b")
    assert decode(temperature="hot", seed=True, stop=7, max_tokens=1.5).params == Params()


def test_tools_stay_raw() -> None:
    body = (
        b'{"messages":[],"tools":[{"z": 1.0}],"tool_choice":"auto","response_format":null,'
        b'"parallel_tool_calls":false}'
    )
    decoded = decode_request(body, model_name="p", stream=True, credentials={"K": "v"})
    assert (decoded.tools, decoded.tool_choice) == (b'[{"z": 1.0}]', b'"auto"')
    assert (decoded.response_format, decoded.parallel_tool_calls) == (None, False)
    assert (decoded.model_name, decoded.stream) == ("p", True)
    assert "v'" not in repr(decoded)


def test_lone_surrogates_do_not_stop_it() -> None:
    parts = b'[{"type":"text","text":"a\\ud800"},{"type":"\\udc00"}]'
    body = b'{"messages":[{"role":"user","content":' + parts + b"}]}"
    (message,) = decode_request(body, model_name="p", stream=False).input.messages
    assert message.content == (Text("a\ufffd"), Unknown(b'{"type":"\\udc00"}'))


@pytest.mark.parametrize(
    "body", [b"{}", b'{"messages":{}}', b'{"messages":[7]}', b"[]", b"", b"\xff"]
)
def test_what_holds_no_messages_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidRequest):
        decode_request(body, model_name="p", stream=False)

"""What a client wrote goes out again to a provider of its protocol as it was."""

from __future__ import annotations

import json
from typing import Any

import pytest

from proxy.errors import UpstreamUnsupported
from proxy.types.content import Base64File, Text, Thought, ToolResult, UrlFile
from proxy.types.request import Input, Message, ModelRequest
from proxy.wire.chat_completions.dialect import Dialect
from proxy.wire.chat_completions.encode import encode_request
from proxy.wire.chat_completions.request import decode_request

CACHED = {"type": "ephemeral"}
CALL = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
ENTRY = {"type": "reasoning.text", "text": "r", "signature": "s", "format": "x", "index": 0}
HIDDEN = {"type": "reasoning.encrypted", "data": "d", "format": "x", "index": 1, "id": "c"}
SUMMARY = {"type": "reasoning.summary", "summary": "s", "format": "x", "index": 0}
USER = {"role": "user", "content": "u"}

ANY = Dialect(include_usage=False, reasoning_details=True)


def sent(body: dict[str, Any], dialect: Dialect = ANY) -> dict[str, Any]:
    raw = json.dumps({"model": "p", **body}).encode()
    request = decode_request(raw, model_name="p", stream=body.get("stream", False))
    said: dict[str, Any] = json.loads(encode_request(request, dialect, body_defaults={}))
    return said


CONVERSATIONS: dict[str, list[Any]] = {
    "several system messages": [
        {"role": "system", "content": "a"},
        {"role": "system", "content": "b"},
        USER,
    ],
    "system messages further behind": [
        {"role": "system", "content": "a"},
        USER,
        {"role": "developer", "content": "b", "name": "D"},
        {"role": "assistant", "content": "x"},
        {"role": "system", "content": "c"},
    ],
    "a developer": [{"role": "developer", "content": "a"}, USER],
    "a cached part of the system text": [
        {
            "role": "system",
            "content": [
                {"type": "text", "text": "a", "cache_control": CACHED},
                {"type": "text", "text": "b"},
            ],
        },
        USER,
    ],
    "a system message with an image": [
        {
            "role": "system",
            "content": [
                {"type": "image_url", "image_url": {"url": "https://x/y"}},
                {"type": "text", "text": "b"},
            ],
        },
        USER,
    ],
    "names": [{**USER, "name": "A"}, {"role": "assistant", "content": "x", "name": "B"}],
    "members that nobody knows": [
        {**USER, "x": {"z": 1.5}},
        {"role": "assistant", "audio": {"id": 1}},
    ],
    "cached parts": [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "a", "cache_control": CACHED},
                {
                    "type": "image_url",
                    "image_url": {"url": "https://x/y", "detail": "low", "z": 1},
                    "cache_control": CACHED,
                },
            ],
        }
    ],
    "a lone cached part": [
        {"role": "user", "content": [{"type": "text", "text": "a", "cache_control": CACHED}]}
    ],
    "files": [
        {
            "role": "user",
            "content": [
                {"type": "file", "file": {"file_data": "data:application/pdf;base64,aGk="}},
                {"type": "file", "file": {"file_data": "data:image/png;base64,aGk="}},
                {"type": "file", "file": {"file_data": "https://x/a.pdf", "filename": "a.pdf"}},
                {"type": "file", "file": {"file_id": "f1"}},
                {"type": "file", "file": {"file_data": "plain"}},
                {"type": "image_url", "image_url": {"url": "data:audio/wav;base64,aGk="}},
                {
                    "type": "input_audio",
                    "input_audio": {"data": "UklGRgAAAABXQVZF", "format": "mp3"},
                },
                {"type": "input_audio", "input_audio": {"data": "!", "format": "wav"}},
                {"type": "document_url", "document_url": "https://x/y"},
            ],
        }
    ],
    "results of tools in parts": [
        {"role": "assistant", "tool_calls": [CALL]},
        {
            "role": "tool",
            "tool_call_id": "c",
            "name": "other",
            "content": [
                {"type": "text", "text": "a", "cache_control": CACHED},
                {"type": "image_url", "image_url": {"url": "https://x/y"}},
            ],
        },
        {"role": "tool", "content": "no id"},
        USER,
    ],
    "calls with more": [
        {
            "role": "assistant",
            "content": "x",
            "tool_calls": [
                {**CALL, "index": 0, "extra_content": {"signature": "s"}},
                {**CALL, "id": "d", "function": {"name": "f", "arguments": "", "z": 1}},
                {"id": "e", "type": "custom", "custom": {"name": "g", "input": "free"}},
            ],
        }
    ],
    "the older form of calls": [
        {"role": "assistant", "function_call": {"name": "f", "arguments": "{}"}},
        {"role": "function", "name": "f", "content": "1"},
    ],
    "a refusal": [{"role": "assistant", "content": "x", "refusal": "no"}],
    "plain reasoning": [{"role": "assistant", "content": "x", "reasoning_content": "r"}],
    "reasoning in entries": [
        {
            "role": "assistant",
            "content": "x",
            "reasoning": "r",
            "reasoning_details": [ENTRY, SUMMARY],
            "tool_calls": [{**CALL, "id": "b"}, CALL],
        }
    ],
    "an entry of a call": [
        {"role": "assistant", "reasoning_details": [ENTRY, HIDDEN], "tool_calls": [CALL]}
    ],
    "entries without words": [
        {
            "role": "assistant",
            "content": "x",
            "reasoning_content": "r",
            "reasoning_details": [
                HIDDEN,
                {"type": "reasoning.new", "z": 1},
                {**ENTRY, "text": None},
            ],
        }
    ],
}


@pytest.mark.parametrize("messages", CONVERSATIONS.values(), ids=CONVERSATIONS.keys())
def test_messages_go_out_as_they_came(messages: list[Any]) -> None:
    assert sent({"messages": messages})["messages"] == without_nulls(messages)


def without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: without_nulls(item) for key, item in value.items() if item is not None}
    return [without_nulls(item) for item in value] if isinstance(value, list) else value


def test_members_of_the_body_go_out_as_they_came() -> None:
    body = {
        "messages": [USER],
        "n": 2,
        "logprobs": True,
        "top_logprobs": 3,
        "user": "u",
        "functions": [{"name": "f"}],
        "function_call": "auto",
        "temperature": "hot",
        "reasoning": {"effort": "low"},
        "response_format": {"type": "text"},
        "stream": True,
        "stream_options": {"include_usage": True, "include_obfuscation": False},
    }
    said = sent({**body, "null": None, "tensorzero::tags": {}})
    assert said.pop("stream_options") == {"include_obfuscation": False}
    del body["stream_options"]
    assert said == {"model": "p", **body}


def test_an_empty_system_message_says_nothing() -> None:
    said = sent({"messages": [{"role": "system", "content": []}, USER]})
    assert said["messages"] == [USER]


def test_a_system_text_that_was_changed_is_said_as_it_is_now() -> None:
    raw = json.dumps({"messages": CONVERSATIONS["several system messages"]}).encode()
    asked = decode_request(raw, model_name="p", stream=False)
    changed = ModelRequest("p", Input(asked.input.messages, "new", asked.input.system_parts))
    said = json.loads(encode_request(changed, ANY, body_defaults={}))
    assert said["messages"] == [{"role": "system", "content": "new"}, USER]


def test_parts_of_a_system_text_that_another_protocol_made_are_one_message() -> None:
    parts = (Text("a", b'{"cache_control":{"type":"ephemeral"}}'), Text("b"))
    asked = ModelRequest("p", Input((), "a\nb", parts), wire="other")
    plain = json.loads(encode_request(asked, ANY, body_defaults={}))["messages"]
    texts = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    assert plain == [{"role": "system", "content": texts}]
    marked = Dialect(cache_markers=True)
    (message,) = json.loads(encode_request(asked, marked, body_defaults={}))["messages"]
    assert message["content"][0]["cache_control"] == CACHED


def test_a_member_of_another_protocol_is_refused_by_its_name() -> None:
    asked = ModelRequest("p", Input(()), rest={"odd": b"1"}, wire="other")
    with pytest.raises(UpstreamUnsupported, match="odd"):
        encode_request(asked, ANY, body_defaults={})
    bare = ModelRequest("p", Input(()), wire="other")
    assert json.loads(encode_request(bare, ANY, body_defaults={}))["messages"] == []


def test_what_belongs_to_another_protocol_stays_behind() -> None:
    asked = ModelRequest(
        "p",
        Input(
            (
                Message("user", (Text("a", b'{"x":1}'),), b'{"y":1}'),
                Message("user", (ToolResult("c", "f", "r", extra=b'{"z":1}'),)),
                Message("user", (UrlFile("https://x/y", extra=b'{"z":1}'),)),
            )
        ),
        wire="other",
    )
    assert json.loads(encode_request(asked, ANY, body_defaults={}))["messages"] == [
        {"role": "user", "content": "a"},
        {"role": "tool", "content": "r", "tool_call_id": "c"},
        {
            "role": "user",
            "content": [{"type": "image_url", "image_url": {"url": "https://x/y"}}],
        },
    ]


def test_thoughts_among_the_content_are_thoughts_and_go_back_where_they_stood() -> None:
    thinking = [{"type": "text", "text": "r"}]
    odd = [{"type": "text", "text": "a"}, {"type": "reference", "reference_ids": [1]}]
    content = [
        {"type": "thinking", "thinking": thinking, "closed": True},
        {"type": "text", "text": "x"},
        {"type": "thinking", "thinking": odd},
        {"type": "thinking", "thinking": 7},
    ]
    messages = [{"role": "assistant", "content": content}]
    parts = Dialect(reasoning_key=None, thinking_parts=True)
    assert sent({"messages": messages}, parts)["messages"] == messages
    (message,) = sent({"messages": messages}, Dialect())["messages"]
    assert message["reasoning_content"] == "r\n\na"
    asked = {
        "messages": [{"role": "assistant", "content": [{"type": "thinking", "thinking": "r"}]}]
    }
    request = decode_request(json.dumps(asked).encode(), model_name="p", stream=False)
    assert request.input.messages[0].content == (Thought("r"),)


def test_a_file_may_be_another_part_than_its_type_says() -> None:
    asked = ModelRequest("p", Input((Message("user", (Base64File("aGk=", "application/pdf"),)),)))
    dialect = Dialect(content_types={"application/pdf": "image_url"})
    body = json.loads(encode_request(asked, dialect, body_defaults={}))
    (part,) = body["messages"][0]["content"]
    assert part == {
        "type": "image_url",
        "image_url": {"url": "data:application/pdf;base64,aGk="},
    }

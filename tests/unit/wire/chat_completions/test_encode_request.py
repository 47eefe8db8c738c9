"""A neutral request as a provider's chat completion body, and back again unchanged."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Mapping
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types.chat import ChatCompletionMessageParam
from openai.types.chat.completion_create_params import CompletionCreateParamsNonStreaming
from pydantic import TypeAdapter

from proxy.errors import InvalidRequest, UpstreamUnsupported
from proxy.types.content import (
    Base64File,
    Block,
    RawText,
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
from proxy.wire.chat_completions.dialect import Dialect
from proxy.wire.chat_completions.encode import encode_request
from proxy.wire.chat_completions.request import decode_request

TOOLS = b'[{"type":"function","function":{"name":"f","parameters":{"z": 1.0, "a":{}}}}]'


def encoded(request: ModelRequest, **options: Any) -> bytes:
    """By a dialect of which the options that are none of the encoder's are members."""
    others = {key: options.pop(key) for key in ("body_defaults", "addressee") if key in options}
    dialect = Dialect(**{"include_usage": False, "reasoning_key": None, **options})
    return encode_request(request, dialect, **{"body_defaults": {}, **others})


def body_of(request: ModelRequest, **options: Any) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(encoded(request, **options))
    return body


def request(*messages: Message, system: str | bytes | None = None, **fields: Any) -> ModelRequest:
    return ModelRequest("p", Input(messages, system), **fields)


def messages(*given: Message, system: str | bytes | None = None, **options: Any) -> list[Any]:
    found: list[Any] = body_of(request(*given, system=system), **options)["messages"]
    return found


def user(*blocks: Block) -> list[Any]:
    return messages(Message("user", blocks))


def test_the_members_stand_in_tensorzeros_order_and_under_openais_names() -> None:
    params = Params(
        temperature=0.5,
        top_p=1.0,
        max_tokens=9,
        seed=7,
        presence_penalty=0.1,
        frequency_penalty=-0.2,
        stop_sequences=("x",),
        reasoning_effort="low",
        service_tier="flex",
        verbosity="high",
    )
    asked = request(
        Message("user", (Text("hi"),)),
        stream=True,
        params=params,
        tools=TOOLS,
        tool_choice=b'"auto"',
        parallel_tool_calls=False,
        response_format=b'{"type":"grammar", "x":1.0}',
    )
    assert encoded(asked, include_usage=True) == (
        b'{"messages":[{"role":"user","content":"hi"}],"model":"p","temperature":0.5,'
        b'"max_completion_tokens":9,"seed":7,"top_p":1.0,"presence_penalty":0.1,'
        b'"frequency_penalty":-0.2,"stream":true,"stream_options":{"include_usage":true},'
        b'"response_format":{"type":"grammar", "x":1.0},"tools":' + TOOLS + b","
        b'"tool_choice":"auto","parallel_tool_calls":false,"stop":["x"],'
        b'"reasoning_effort":"low","service_tier":"flex","verbosity":"high"}'
    )


def test_what_is_not_given_is_not_sent() -> None:
    assert encoded(request(), include_usage=True) == b'{"messages":[],"model":"p","stream":false}'


def test_a_provider_gets_its_own_names_and_what_it_wants_in_every_body() -> None:
    body = body_of(
        request(params=Params(max_tokens=9, temperature=0.5)),
        renames={"max_completion_tokens": "max_tokens"},
        body_defaults={"temperature": b"1", "safe_prompt": b"true"},
    )
    assert body["max_tokens"] == 9
    assert "max_completion_tokens" not in body
    assert (body["temperature"], body["safe_prompt"]) == (0.5, True)


def test_without_tools_there_is_no_choice_among_them() -> None:
    for tools in (None, b"[ ]"):
        body = body_of(request(tools=tools, tool_choice=b'"auto"', parallel_tool_calls=True))
        assert not {"tools", "tool_choice", "parallel_tool_calls"} & body.keys()


SCHEMA = b'{"type":"json_schema","json_schema":{"name":"response","schema":{"b":1.0}}}'


@pytest.mark.parametrize(
    ("mode", "given", "sent"),
    [
        (None, None, None),
        (None, SCHEMA, SCHEMA),
        ("off", SCHEMA, None),
        ("tool", SCHEMA, None),
        ("on", SCHEMA, b'{"type":"json_object"}'),
        ("strict", SCHEMA, SCHEMA),
        ("strict", None, b'{"type":"json_object"}'),
    ],
)
def test_the_json_mode_decides_on_the_response_format(
    mode: str | None, given: bytes | None, sent: bytes | None
) -> None:
    body = encoded(request(params=Params(json_mode=mode), response_format=given))
    assert b'"response_format":' + (sent or b"") in body or sent is None
    assert (b"response_format" in body) == (sent is not None)


@pytest.mark.parametrize(
    ("system", "said", "sent"),
    [
        (None, Text("hi"), "Respond using JSON."),
        ("Be kind.", Text("hi"), "Respond using JSON.\n\nBe kind."),
        ("Give Json.", Text("hi"), "Give Json."),
        ("Be kind.", RawText("as json"), "Be kind."),
        ("Be kind.", ToolResult("1", "f", "a JSON"), "Be kind."),
        (None, Text("json!"), None),
    ],
)
def test_json_mode_makes_sure_that_json_is_spoken_of(
    system: str | None, said: Block, sent: str | None
) -> None:
    asked = request(Message("user", (said,)), system=system, params=Params(json_mode="on"))
    first = body_of(asked)["messages"][0]
    assert (first["content"] if first["role"] == "system" else None) == sent


def test_the_system_text_comes_first_and_a_lone_text_is_a_string() -> None:
    assert messages(
        Message("user", (Text("a"),)),
        Message("assistant", (RawText("b"),)),
        Message("user", (Text("c"), Text("d"))),
        Message("critic", (Text("e"),)),
        Message("user", ()),
        system="s",
    ) == [
        {"role": "system", "content": "s"},
        {"role": "user", "content": "a"},
        {"role": "assistant", "content": "b"},
        {"role": "user", "content": [{"type": "text", "text": "c"}, {"type": "text", "text": "d"}]},
        {"role": "critic", "content": "e"},
    ]
    assert messages(system=b'{"a": 1}') == [{"role": "system", "content": '{"a": 1}'}]


def test_results_of_tools_go_before_what_the_user_says() -> None:
    assert messages(
        Message("assistant", (ToolCall("1", "f", '{"a": 1'), ToolCall("2", "g", ""))),
        Message("user", (Text("so?"), ToolResult("1", "f", "70F"), ToolResult("2", "g", '"x"'))),
    ) == [
        {
            "role": "assistant",
            "tool_calls": [
                {"id": "1", "type": "function", "function": {"name": "f", "arguments": '{"a": 1'}},
                {"id": "2", "type": "function", "function": {"name": "g", "arguments": ""}},
            ],
        },
        {"role": "tool", "content": "70F", "tool_call_id": "1"},
        {"role": "tool", "content": '"x"', "tool_call_id": "2"},
        {"role": "user", "content": "so?"},
    ]


@pytest.mark.parametrize(
    ("file", "part"),
    [
        (
            UrlFile("https://x/y", None, "low"),
            {"type": "image_url", "image_url": {"url": "https://x/y", "detail": "low"}},
        ),
        (
            UrlFile("https://x/y", "image/gif"),
            {"type": "image_url", "image_url": {"url": "https://x/y"}},
        ),
        (
            Base64File("aGk=", "image/png", "high", "ignored.png"),
            {
                "type": "image_url",
                "image_url": {"url": "data:image/png;base64,aGk=", "detail": "high"},
            },
        ),
        (
            Base64File("aGk=", "audio/x-wav"),
            {"type": "input_audio", "input_audio": {"data": "aGk=", "format": "wav"}},
        ),
        (
            Base64File("aGk=", "audio/mpeg"),
            {"type": "input_audio", "input_audio": {"data": "aGk=", "format": "mp3"}},
        ),
        (
            Base64File("aGk=", "application/pdf", None, "a.pdf"),
            {
                "type": "file",
                "file": {"file_data": "data:application/pdf;base64,aGk=", "filename": "a.pdf"},
            },
        ),
    ],
)
def test_a_file_becomes_the_part_of_its_kind(file: Block, part: object) -> None:
    assert user(file) == [{"role": "user", "content": [part]}]


@pytest.mark.parametrize(
    ("mime_type", "name"),
    [("application/pdf", "input.pdf"), ("text/plain", "input.txt"), ("x/odd", "input.bin")],
)
def test_a_file_without_a_name_gets_one_that_tells_its_kind(mime_type: str, name: str) -> None:
    ((message,)) = user(Base64File("aGk=", mime_type))
    assert message["content"][0]["file"]["filename"] == name


def test_a_document_by_its_url_has_no_form_here() -> None:
    with pytest.raises(UpstreamUnsupported, match="application/pdf"):
        user(UrlFile("https://x/y", "application/pdf"))


@pytest.mark.parametrize(
    ("role", "block"),
    [
        ("user", ToolCall("1", "f", "{}")),
        ("assistant", ToolResult("1", "f", "x")),
        ("user", Template("t", b"{}")),
    ],
)
def test_a_block_where_it_cannot_stand_is_refused(role: str, block: Block) -> None:
    with pytest.raises(InvalidRequest):
        messages(Message(role, (block,)))


def test_thoughts_are_dropped_unless_the_provider_takes_them_back() -> None:
    turn = Message(
        "assistant",
        (
            Thought("a"),
            Thought("b", provider_type="mine"),
            Thought("c", provider_type="theirs"),
            Thought(None, "signature"),
            Text("t"),
        ),
    )
    mine = Addressee(provider_type="mine")
    assert messages(turn) == [{"role": "assistant", "content": "t"}]
    assert messages(turn, reasoning_key="reasoning_content", addressee=mine) == [
        {"role": "assistant", "content": "t", "reasoning_content": "a\n\nb"}
    ]
    asking = Message("user", (Thought("a"), Text("t")))
    assert messages(asking, reasoning_key="reasoning_content") == [{"role": "user", "content": "t"}]
    alone = Message("assistant", (Thought("a"),))
    assert messages(alone, reasoning_key="reasoning_content") == []


@pytest.mark.parametrize("mode", ["auto", "required"])
def test_a_provider_that_knows_no_lists_of_allowed_tools_is_offered_those_only(mode: str) -> None:
    tools = (
        b'[{"type":"function","function":{"name":"f"}}, {"type":"custom","custom":{"name":"g"}}]'
    )
    named = [{"type": "custom", "custom": {"name": "g"}}]
    choice = {"type": "allowed_tools", "allowed_tools": {"mode": mode, "tools": named}}
    request = ModelRequest("m", Input(()), False, tools=tools, tool_choice=orjson.dumps(choice))
    body = orjson.loads(encoded(request))
    assert (len(body["tools"]), body["tool_choice"]) == (2, choice)
    body = orjson.loads(encoded(request, allow_lists=False))
    assert (body["tools"], body["tool_choice"]) == (named, mode)


def test_other_choices_of_tools_stay_as_they_are_without_such_lists() -> None:
    tools = b'[{"type":"function","function":{"name":"f"}}]'
    for choice in (b'"auto"', b'{"type":"function","function":{"name":"f"}}', None):
        request = ModelRequest("m", Input(()), False, tools=tools, tool_choice=choice)
        assert encoded(request, allow_lists=False) == encoded(request)


def test_an_unknown_block_goes_to_its_addressee_as_it_is() -> None:
    data = b'{"type":"video_url", "z": 1.0}'
    blocks = (
        Unknown(data),
        Unknown(b'"model"', "m"),
        Unknown(b'"both"', "m", "p"),
        Unknown(b'"other"', "m", "q"),
    )
    asked = request(Message("user", blocks))
    addressee = Addressee("m", "p")
    assert b'"content":[' + data + b',"model","both"]' in encoded(asked, addressee=addressee)
    assert b'"content":[' + data + b"]" in encoded(asked)


def test_openais_own_types_take_what_is_sent() -> None:
    asked = request(
        Message("user", (Text("a"), UrlFile("https://x/y"), Base64File("aGk=", "audio/wav"))),
        Message("assistant", (Text("b"), ToolCall("1", "f", "{}"))),
        Message("user", (ToolResult("1", "f", "x"), Base64File("aGk=", "application/pdf"))),
        Message("assistant", (Unknown(b'{"type":"refusal","refusal":"no"}'),)),
        system="s",
        params=Params(
            temperature=0.5, max_tokens=3, seed=1, stop_sequences=("a",), reasoning_effort="low"
        ),
        tools=TOOLS,
        tool_choice=b'"required"',
        parallel_tool_calls=True,
        response_format=b'{"type":"json_object"}',
    )
    body = body_of(asked)
    TypeAdapter[Any](CompletionCreateParamsNonStreaming).validate_python(body)
    adapter = TypeAdapter[Any](ChatCompletionMessageParam)
    for message in body["messages"]:
        shown = adapter.dump_python(adapter.validate_python(message), warnings=False)
        assert shown["role"] == message["role"]


text = st.text(max_size=12)
words = st.text(min_size=1, max_size=12)
encoded_bytes = st.binary(max_size=9).map(lambda data: b64encode(data).decode())
extras = st.sampled_from([None, b'{"cache_control":{"type":"ephemeral"}}', b'{"z":1.0}'])
unknowns = st.sampled_from([b'{"type":"video_url","video_url":{"z": 1.0}}', b'{"type": 7}', b"7"])
images = st.builds(
    Base64File, encoded_bytes, st.just("image/png"), st.none() | words, st.none(), extras
)
documents = st.builds(Base64File, encoded_bytes, st.just("application/pdf"), st.none(), words)
links = st.builds(UrlFile, st.just("https://x/y"), st.none(), st.none() | words)
parts = st.lists(
    st.one_of(
        st.builds(Text, text, extras), images, documents, links, st.builds(Unknown, unknowns)
    ),
    min_size=1,
    max_size=4,
)
calls = st.lists(
    st.builds(ToolCall, st.uuids().map(str), words, text, extras),
    max_size=3,
    unique_by=lambda c: c.id,
)


@st.composite
def exchanges(draw: st.DrawFn) -> list[Message]:
    """A user's turn, the assistant's, and the results of all that it called."""
    called = draw(calls)
    thoughts = draw(st.lists(st.builds(Thought, words), max_size=1))
    answer = (*thoughts, *draw(parts), *called)
    named = draw(st.sampled_from([None, b'{"name":"A"}']))
    turns = [Message("user", tuple(draw(parts)), named), Message("assistant", answer)]
    results = tuple(
        ToolResult(call.id, call.name, draw(text), extra=draw(extras)) for call in called
    )
    return turns + ([Message("user", results)] if results else [])


formats = st.sampled_from(
    [(None, None), (b'{"type":"json_object"}', "on"), (SCHEMA, "strict"), (b'{"type":"g"}', None)]
)
floats = st.none() | st.floats(allow_nan=False, allow_infinity=False)
integers = st.none() | st.integers(0, 2**31)


rests = st.dictionaries(st.sampled_from(["user", "top_k", "x y"]), st.sampled_from([b"1", b'"a"']))


@st.composite
def requests(draw: st.DrawFn) -> ModelRequest:
    response_format, json_mode = draw(formats)
    tools = draw(st.sampled_from([None, TOOLS]))
    turns = draw(st.lists(exchanges(), max_size=3))
    return ModelRequest(
        "p",
        Input(tuple(turn for each in turns for turn in each), draw(text.map("JSON {}".format))),
        stream=draw(st.booleans()),
        params=Params(
            temperature=draw(floats),
            top_p=draw(floats),
            max_tokens=draw(integers),
            seed=draw(integers),
            presence_penalty=draw(floats),
            frequency_penalty=draw(floats),
            stop_sequences=draw(st.none() | st.lists(text, min_size=1).map(tuple)),
            json_mode=json_mode,
            reasoning_effort=draw(st.none() | text),
            service_tier=draw(st.none() | text),
            verbosity=draw(st.none() | text),
        ),
        tools=tools,
        tool_choice=draw(st.sampled_from([None, b'"auto"'])) if tools else None,
        response_format=response_format,
        parallel_tool_calls=draw(st.sampled_from([None, True, False])) if tools else None,
        choices=draw(st.none() | st.integers(1, 9)),
        logprobs=draw(st.sampled_from([None, True, False])),
        top_logprobs=draw(st.none() | st.integers(0, 20)),
        rest=draw(rests),
        wire="chat_completions",
    )


@given(requests())
def test_what_the_protocol_can_carry_comes_back_as_it_was(asked: ModelRequest) -> None:
    body = encoded(asked, include_usage=True, reasoning_key="reasoning_content")
    assert decode_request(body, model_name="p", stream=asked.stream) == asked
    renames: Mapping[str, str] = {"max_completion_tokens": "max_tokens"}
    body = encoded(asked, renames=renames, reasoning_key="reasoning")
    assert decode_request(body, model_name="p", stream=asked.stream) == asked

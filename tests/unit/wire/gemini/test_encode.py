from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import orjson
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
from proxy.wire.encoded import EncodedBody
from proxy.wire.gemini.encode import encode_request
from proxy.wire.gemini.encode_parts import UNCHECKED
from proxy.wire.gemini.names import WIRE

HI = Input((Message("user", (Text("hi"),)),))
US = Addressee("model", "provider", "type")


def request(**fields: Any) -> ModelRequest:
    return replace(ModelRequest("m", HI), **fields)


def encoded(value: ModelRequest) -> tuple[Any, tuple[str, ...]]:
    body = encode_request(value, US)
    return orjson.loads(body.body), body.ignored


def body_of(**fields: Any) -> Any:
    return encoded(request(**fields))[0]


def config_of(**fields: Any) -> Any:
    return body_of(**fields).get("generationConfig")


def parts_of(*blocks: Block, role: str = "assistant", **fields: Any) -> Any:
    said = Input((Message(role, blocks),))
    contents = body_of(input=said, **fields)["contents"]
    return contents[0]["parts"] if contents else []


def function(name: str = "f", **members: Any) -> dict[str, object]:
    return {"type": "function", "function": {"name": name, **members}}


def declared(schema: object, **members: Any) -> Any:
    tools = orjson.dumps([function(parameters=schema, **members)])
    return body_of(tools=tools)["tools"][0]["functionDeclarations"][0]


def test_a_plain_request_says_only_what_it_must() -> None:
    assert encoded(request()) == ({"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}, ())


def test_the_system_text_is_an_instruction() -> None:
    assert body_of(input=replace(HI, system="kind"))["systemInstruction"] == {
        "parts": [{"text": "kind"}]
    }
    parts = (Text("a", b'{"cache_control":{"type":"ephemeral"}}'), Text("b"))
    assert body_of(input=replace(HI, system="a\nb", system_parts=parts))["systemInstruction"] == {
        "parts": [{"text": "a"}, {"text": "b"}]
    }
    assert body_of(input=replace(HI, system=b"{}"))["systemInstruction"] == {
        "parts": [{"text": "{}"}]
    }


def test_a_request_without_messages_is_refused() -> None:
    with pytest.raises(InvalidRequest):
        encode_request(request(input=Input(())))


def test_a_message_of_which_nothing_is_left_is_not_sent() -> None:
    other = Message("assistant", (Thought("of another", provider_type="other"),))
    assert body_of(input=Input((*HI.messages, other)))["contents"] == body_of()["contents"]


def test_parameters_have_their_places() -> None:
    params = Params(
        temperature=0.5,
        top_p=0.9,
        max_tokens=10,
        seed=7,
        presence_penalty=0.1,
        frequency_penalty=0.2,
        stop_sequences=("a",),
        reasoning_effort="high",
        thinking_budget_tokens=99,
    )
    assert config_of(params=params, choices=2, logprobs=True, top_logprobs=3) == {
        "stopSequences": ["a"],
        "temperature": 0.5,
        "topP": 0.9,
        "presencePenalty": 0.1,
        "frequencyPenalty": 0.2,
        "maxOutputTokens": 10,
        "seed": 7,
        "thinkingConfig": {"thinkingBudget": 99, "thinkingLevel": "high"},
        "candidateCount": 2,
        "responseLogprobs": True,
        "logprobs": 3,
    }


def test_no_effort_is_a_budget_of_nothing() -> None:
    assert config_of(params=Params(reasoning_effort="none")) == {
        "thinkingConfig": {"thinkingBudget": 0}
    }
    params = Params(reasoning_effort="none", thinking_budget_tokens=5)
    assert config_of(params=params) == {"thinkingConfig": {"thinkingBudget": 5}}


@pytest.mark.parametrize(
    ("tier", "sent", "ignored"),
    [
        ("default", "standard", ()),
        ("flex", "flex", ()),
        ("auto", None, ()),
        ("scale", None, ("service_tier",)),
    ],
)
def test_service_tiers_that_the_protocol_has_are_asked_for(
    tier: str, sent: str | None, ignored: tuple[str, ...]
) -> None:
    body, left_out = encoded(request(params=Params(service_tier=tier)))
    assert (body.get("serviceTier"), left_out) == (sent, ignored)


def test_what_has_no_place_is_named() -> None:
    _, ignored = encoded(request(params=Params(verbosity="low"), parallel_tool_calls=False))
    assert ignored == ("verbosity", "parallel_tool_calls")
    assert encoded(request(parallel_tool_calls=True))[1] == ()


SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}, "additionalProperties": False}
STRICT = orjson.dumps(
    {"type": "json_schema", "json_schema": {"name": "n", "strict": True, "schema": SCHEMA}}
)


@pytest.mark.parametrize("mode", [None, "strict", "on"])
def test_structured_output_has_the_schema_without_what_the_protocol_refuses(
    mode: str | None,
) -> None:
    assert config_of(params=Params(json_mode=mode), response_format=STRICT) == {
        "responseMimeType": "application/json",
        "responseSchema": {"type": "object", "properties": {"a": {"type": "string"}}},
    }


def test_a_schema_with_other_words_is_sent_as_json_schema() -> None:
    schema = {"$schema": "x", "$ref": "#/$defs/a", "$defs": {"a": {"type": "string"}}}
    form = {"type": "json_schema", "json_schema": {"schema": schema}}
    assert config_of(response_format=orjson.dumps(form))["responseJsonSchema"] == {
        "$ref": "#/$defs/a",
        "$defs": {"a": {"type": "string"}},
    }


@pytest.mark.parametrize(
    ("mode", "form"),
    [
        ("on", None),
        ("strict", None),
        (None, b'{"type":"json_object"}'),
        (None, b'{"type":"json_schema"}'),
    ],
)
def test_json_without_a_schema_is_a_mime_type(mode: str | None, form: bytes | None) -> None:
    assert config_of(params=Params(json_mode=mode), response_format=form) == {
        "responseMimeType": "application/json"
    }


@pytest.mark.parametrize(
    ("mode", "form"), [("off", STRICT), ("tool", STRICT), (None, b'{"type":"text"}'), (None, None)]
)
def test_no_json_mode_asks_for_no_json(mode: str | None, form: bytes | None) -> None:
    assert config_of(params=Params(json_mode=mode), response_format=form) is None


def test_a_function_has_its_parameters_as_a_schema_of_the_protocol() -> None:
    schema = {
        "$schema": "x",
        "type": "object",
        "properties": {
            "ref": {"type": "array", "items": {"type": "string"}, "default": {"ref": 1}},
            "n": {"anyOf": [{"type": "integer"}, {"type": "number"}]},
        },
        "required": ["ref"],
        "additionalProperties": False,
    }
    fitting = {name: schema[name] for name in ("type", "properties", "required")}
    assert declared(schema, description="d", strict=True) == {
        "name": "f",
        "description": "d",
        "parameters": fitting,
    }


@pytest.mark.parametrize(
    "inner",
    [
        {"type": ["string", "null"]},
        {"const": 1},
        {"enum": [1, 2]},
        {"$ref": "#/$defs/x"},
        {"type": "array", "items": True},
        {"anyOf": [{"type": "string"}, {"oneOf": []}]},
    ],
)
def test_a_schema_that_the_protocols_own_cannot_say_goes_as_json_schema(inner: object) -> None:
    schema = {"type": "object", "properties": {"a": inner}, "additionalProperties": False}
    assert declared(schema) == {"name": "f", "parametersJsonSchema": schema}


@pytest.mark.parametrize(
    "schema",
    [
        None,
        {},
        {"type": "object"},
        {"type": "object", "properties": {}, "additionalProperties": False},
    ],
)
def test_a_function_without_parameters_declares_none(schema: object) -> None:
    assert declared(schema) == {"name": "f"}


def test_a_schema_nested_too_deeply_is_refused() -> None:
    schema: object = {"type": "string"}
    for _ in range(600):
        schema = {"type": "array", "items": schema}
    tools = [{"type": "function", "function": {"name": "f", "parameters": {"items": schema}}}]
    with pytest.raises(InvalidRequest):
        encode_request(request(tools=json.dumps(tools).encode()))


def test_tools_of_the_provider_stand_behind_the_functions() -> None:
    body = body_of(tools=orjson.dumps([function()]), provider_tools=(b'{"googleSearch":{}}',))
    assert body["tools"] == [{"functionDeclarations": [{"name": "f"}]}, {"googleSearch": {}}]
    assert "toolConfig" not in body


def test_a_tool_of_another_kind_is_refused_by_its_name() -> None:
    with pytest.raises(UpstreamUnsupported, match="custom"):
        encode_request(request(tools=b'[{"type":"custom","custom":{"name":"c"}}]'))


def allowed(mode: str, *names: str) -> dict[str, object]:
    tools = [function(name) for name in names]
    return {"type": "allowed_tools", "allowed_tools": {"mode": mode, "tools": tools}}


@pytest.mark.parametrize(
    ("choice", "calling", "offered"),
    [
        ("auto", {"mode": "AUTO"}, ["f", "g"]),
        ("required", {"mode": "ANY"}, ["f", "g"]),
        ("none", {"mode": "NONE"}, ["f", "g"]),
        (function("g"), {"mode": "ANY", "allowedFunctionNames": ["g"]}, ["f", "g"]),
        (allowed("required", "g"), {"mode": "ANY", "allowedFunctionNames": ["g"]}, ["f", "g"]),
        (allowed("auto", "g"), {"mode": "AUTO"}, ["g"]),
        (7, {"mode": "AUTO"}, ["f", "g"]),
    ],
)
def test_the_choice_of_tools_is_a_mode(choice: object, calling: object, offered: list[str]) -> None:
    tools = orjson.dumps([function("f"), function("g")])
    body = body_of(tools=tools, tool_choice=orjson.dumps(choice))
    assert body["toolConfig"] == {"functionCallingConfig": calling}
    names = [each["name"] for each in body["tools"][0]["functionDeclarations"]]
    assert names == offered


def test_without_tools_there_is_no_choice_to_send() -> None:
    assert "toolConfig" not in body_of(tool_choice=b'"auto"')


def test_blocks_become_parts() -> None:
    assert parts_of(
        Text("a", b'{"citations":[1]}'),
        RawText("b"),
        Base64File("AA==", "application/pdf", filename="x.pdf"),
        UrlFile("https://h/i.png?x=1"),
        UrlFile("https://h/i", "image/gif"),
        UrlFile("gs://b/unknown"),
        role="user",
    ) == [
        {"text": "a"},
        {"text": "b"},
        {"inlineData": {"mimeType": "application/pdf", "data": "AA=="}},
        {"fileData": {"mimeType": "image/png", "fileUri": "https://h/i.png?x=1"}},
        {"fileData": {"mimeType": "image/gif", "fileUri": "https://h/i"}},
        {"fileData": {"fileUri": "gs://b/unknown"}},
    ]


def test_a_call_and_its_result_go_with_their_ids_and_the_tools_name() -> None:
    said = Input(
        (
            Message("assistant", (ToolCall("c1", "f", ""), ToolCall("made_x_0", "g", '{"a":1}'))),
            Message("user", (ToolResult("c1", "", "one"), ToolResult("made_x_0", "g", "two"))),
            Message("user", (ToolResult("gone", "", "three", is_error=True),)),
        )
    )
    contents = body_of(input=said)["contents"]
    assert contents[0]["parts"] == [
        {"functionCall": {"id": "c1", "name": "f", "args": {}}, "thoughtSignature": UNCHECKED},
        {"functionCall": {"name": "g", "args": {"a": 1}}},
    ]
    results = [part["functionResponse"] for content in contents[1:] for part in content["parts"]]
    assert results == [
        {"id": "c1", "name": "f", "response": {"name": "f", "content": "one"}},
        {"name": "g", "response": {"name": "g", "content": "two"}},
        {"id": "gone", "name": "gone", "response": {"error": "three"}},
    ]


def test_files_of_a_result_go_beside_its_text() -> None:
    file = Base64File("AA==", "image/png")
    foreign = Unknown(b'{"x":1}', provider_name="other")
    result = ToolResult("c", "f", "see", parts=(Text("see"), file, foreign))
    (part,) = parts_of(result, role="user")
    assert part["functionResponse"]["parts"] == [
        {"inlineData": {"mimeType": "image/png", "data": "AA=="}}
    ]


@pytest.mark.parametrize("arguments", ["[1]", "{", '"text"'])
def test_arguments_that_are_no_object_are_refused(arguments: str) -> None:
    with pytest.raises(InvalidRequest):
        parts_of(ToolCall("c", "f", arguments))


def test_a_signature_goes_with_the_part_behind_it() -> None:
    signed = Thought(None, "c2ln", provider_type="type")
    call = ToolCall("c", "f", "{}")
    assert parts_of(signed, call, call) == [
        {"functionCall": {"id": "c", "name": "f", "args": {}}, "thoughtSignature": "c2ln"},
        {"functionCall": {"id": "c", "name": "f", "args": {}}},
    ]
    assert parts_of(Text("a"), signed) == [{"text": "a"}, {"text": "", "thoughtSignature": "c2ln"}]
    assert parts_of(signed, Thought("x"), Text("a")) == [
        {"text": "", "thoughtSignature": "c2ln"},
        {"text": "x", "thought": True},
        {"text": "a"},
    ]


def test_a_thought_goes_back_to_its_author_only() -> None:
    mine = Thought("m", "c2ln", provider_type="type", extra_data=b'{"partMetadata":{}}')
    assert parts_of(mine, Thought("o", provider_type="other"), Thought("all")) == [
        {"partMetadata": {}, "text": "m", "thought": True, "thoughtSignature": "c2ln"},
        {"text": "all", "thought": True},
    ]


def test_a_thought_that_was_a_part_of_its_own_is_one_again() -> None:
    lone = Thought(None, "c2ln", provider_type="type", extra_data=b'{"thought":true}')
    assert parts_of(lone, Text("a")) == [
        {"thought": True, "thoughtSignature": "c2ln"},
        {"text": "a"},
    ]


def test_what_other_protocols_keep_with_a_thought_is_not_read() -> None:
    assert parts_of(Thought("a", extra_data=b'[{"type":"x"}]')) == [{"text": "a", "thought": True}]
    theirs = Thought("a", provider_type="type", extra_data=b'[{"type":"x"}]')
    assert parts_of(theirs) == [{"text": "a", "thought": True}]


def test_unknown_parts_go_to_their_author_as_they_came() -> None:
    part = b'{"executableCode":{"code":"1"},"thoughtSignature":"c2ln"}'
    assert parts_of(
        Unknown(part, "model", "provider"),
        Unknown(b'{"x":1}', "other", "provider"),
        Unknown(b'{"groundingMetadata":{}}', "model", "provider"),
    ) == [orjson.loads(part)]


def test_parts_of_other_protocols_are_told_apart() -> None:
    assert parts_of(Unknown(b'{"type":"refusal","refusal":"no"}')) == [{"text": "no"}]
    with pytest.raises(UpstreamUnsupported, match="input_file"):
        parts_of(Unknown(b'{"type":"input_file"}'))
    with pytest.raises(InvalidRequest):
        parts_of(Unknown(b"7"))


@pytest.mark.parametrize(
    ("block", "error"),
    [
        (Template("t", b"{}"), InvalidRequest),
        (StoredFile("image/png", b"{}"), UpstreamUnsupported),
    ],
)
def test_what_cannot_be_sent_is_refused(block: Block, error: type[Exception]) -> None:
    with pytest.raises(error):
        parts_of(block)


def foreign(**rest: object) -> EncodedBody:
    raw = {name: orjson.dumps(value) for name, value in rest.items()}
    return encode_request(request(rest=raw, wire="chat_completions"))


def test_members_of_another_protocol_are_translated_where_they_mean_something() -> None:
    sent = foreign(
        top_k=40,
        thinking={"type": "enabled", "budget_tokens": 7},
        web_search_options={"search_context_size": "low"},
        modalities=["text"],
        stream_options={"include_usage": True},
        logit_bias={},
        user="u",
        metadata={"a": "b"},
    )
    body = orjson.loads(sent.body)
    assert body["generationConfig"] == {
        "topK": 40,
        "thinkingConfig": {"includeThoughts": True, "thinkingBudget": 7},
    }
    assert body["tools"] == [{"googleSearch": {}}]
    assert sent.ignored == ("user", "metadata")


@pytest.mark.parametrize(
    ("rest", "thinking"),
    [
        ({"thinking": {"type": "disabled"}}, {"thinkingBudget": 0}),
        ({"thinking": {"type": "enabled"}}, {"includeThoughts": True}),
        ({"reasoning": {"enabled": False}}, {"thinkingBudget": 0}),
        ({"reasoning": {"effort": "low"}}, {"includeThoughts": True, "thinkingLevel": "low"}),
        ({"reasoning": {"max_tokens": 9, "exclude": True}}, {"thinkingBudget": 9}),
    ],
)
def test_the_spellings_of_thinking_are_understood(
    rest: dict[str, object], thinking: object
) -> None:
    assert orjson.loads(foreign(**rest).body)["generationConfig"] == {"thinkingConfig": thinking}


@pytest.mark.parametrize("name", ["logit_bias", "modalities", "never_heard_of"])
def test_what_would_be_lost_is_refused_by_its_name(name: str) -> None:
    with pytest.raises(UpstreamUnsupported, match=name):
        foreign(**{name: ["audio"]})


def test_what_is_nested_beyond_writing_is_refused() -> None:
    deep = b'{"x":' * 990 + b"1" + b"}" * 990
    with pytest.raises(InvalidRequest):
        encode_request(request(provider_tools=(deep,)))


def test_a_request_of_this_protocol_may_be_empty() -> None:
    assert encode_request(request(input=Input(()), wire=WIRE)).body == b"{}"

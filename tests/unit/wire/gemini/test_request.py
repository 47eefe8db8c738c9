from __future__ import annotations

from typing import Any

import orjson
import pytest

from proxy.errors import InvalidRequest
from proxy.types.content import (
    Base64File,
    Text,
    Thought,
    ToolCall,
    ToolResult,
    Unknown,
    UrlFile,
)
from proxy.types.request import ModelRequest, Params
from proxy.wire.gemini.encode import encode_request
from proxy.wire.gemini.names import WIRE
from proxy.wire.gemini.request import decode_request, read_path


def decoded(**members: object) -> ModelRequest:
    return decode_request(orjson.dumps(members), model_name="m", stream=False)


def parts_of(*parts: object, role: str = "user") -> tuple[object, ...]:
    request = decoded(contents=[{"role": role, "parts": list(parts)}])
    return request.input.messages[0].content


def sent_again(**members: object) -> Any:
    return orjson.loads(encode_request(decoded(**members)).body)


def test_the_path_tells_model_and_stream() -> None:
    assert read_path("/v1beta/models/m-1:generateContent") == ("m-1", False)
    assert read_path("/v1/projects/p/locations/l/endpoints/7:streamGenerateContent?alt=sse") == (
        "7",
        True,
    )


@pytest.mark.parametrize("path", ["/v1/models/m", "/v1/models/m:countTokens", "/:generateContent"])
def test_another_path_is_refused(path: str) -> None:
    with pytest.raises(InvalidRequest):
        read_path(path)


def test_roles_become_the_neutral_ones() -> None:
    turns = [
        {"role": "user", "parts": [{"text": "a"}]},
        {"role": "model", "parts": [{"text": "b"}]},
        {"role": "function", "parts": [{"text": "c"}]},
        {"parts": [{"text": "d"}]},
        {"role": "other", "parts": [{"text": "e"}]},
    ]
    messages = decoded(contents=turns).input.messages
    assert [message.role for message in messages] == ["user", "assistant", "user", "user", "other"]
    assert sent_again(contents=turns)["contents"][2]["role"] == "function"


def test_lone_values_count_as_lists() -> None:
    request = decoded(
        contents={"parts": {"text": "a"}}, tools={"functionDeclarations": {"name": "f"}}
    )
    assert request.input.messages[0].content == (Text("a"),)
    assert orjson.loads(request.tools or b"") == [{"type": "function", "function": {"name": "f"}}]
    assert decoded(contents="hi").input.messages[0].content == (Text("hi"),)


@pytest.mark.parametrize(
    "body", [b"[]", b"{", b'{"contents": [1]}', b'{"contents":[],"tools":[1]}']
)
def test_what_is_no_request_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidRequest):
        decode_request(body, model_name="m", stream=False)


def test_a_body_nested_beyond_reading_is_refused() -> None:
    deep = b"[" * 3000 + b"]" * 3000
    for body in (
        b'{"contents":[{"parts":[{"x":' + deep + b"}]}]}",
        b'{"contents":[],"tools":[{"functionDeclarations":[{"parameters":{"items":'
        + deep
        + b"}}]}]}",
    ):
        with pytest.raises(InvalidRequest):
            decode_request(body, model_name="m", stream=False)


def test_system_text_alone_is_text_and_more_is_kept_in_parts() -> None:
    one = decoded(contents=[], systemInstruction={"role": "user", "parts": [{"text": "be kind"}]})
    assert (one.input.system, one.input.system_parts) == ("be kind", ())
    two = decoded(contents=[], system_instruction={"parts": [{"text": "a"}, {"text": "b"}]})
    assert (two.input.system, two.input.system_parts) == ("a\nb", (Text("a"), Text("b")))
    assert decoded(contents=[], systemInstruction="short").input.system == "short"
    assert decoded(contents=[]).input.system is None


def test_calls_and_results_keep_their_ids() -> None:
    messages = decoded(
        contents=[
            {
                "role": "model",
                "parts": [{"functionCall": {"id": "c1", "name": "f", "args": {"a": 1}}}],
            },
            {
                "parts": [
                    {"functionResponse": {"id": "c1", "name": "f", "response": {"output": "ok"}}}
                ]
            },
        ]
    ).input.messages
    assert messages[0].content == (ToolCall("c1", "f", '{"a":1}'),)
    result = messages[1].content[0]
    assert isinstance(result, ToolResult)
    assert (result.id, result.name, result.result, result.is_error) == ("c1", "f", "ok", False)


def test_calls_without_ids_get_different_ones_and_results_find_them_by_name() -> None:
    call = {"functionCall": {"name": "f", "args": {}}}
    other = {"function_call": {"name": "g"}}
    results = [
        {"functionResponse": {"name": name, "response": {"x": 1}}} for name in ("g", "f", "f", "h")
    ]
    turns = [{"role": "model", "parts": [call, call, other]}, {"parts": results}]
    messages = decoded(contents=turns).input.messages
    calls = [block.id for block in messages[0].content if isinstance(block, ToolCall)]
    found = [block.id for block in messages[1].content if isinstance(block, ToolResult)]
    assert len(set(calls)) == 3
    assert found[:3] == [calls[2], calls[0], calls[1]]
    assert found[3] not in calls
    again = sent_again(contents=turns)["contents"]
    assert all("id" not in part["functionCall"] for part in again[0]["parts"])
    assert [part["functionResponse"] for part in again[1]["parts"]] == [
        result["functionResponse"] for result in results
    ]


@pytest.mark.parametrize(
    ("response", "text", "failed"),
    [
        ({"output": {"a": 1}}, '{"a":1}', False),
        ({"error": "no such file"}, "no such file", True),
        ({"error": "x", "more": 1}, '{"error":"x","more":1}', False),
        ("odd", '"odd"', False),
    ],
)
def test_a_result_is_read_as_the_protocol_says(response: object, text: str, failed: bool) -> None:
    (result,) = parts_of({"functionResponse": {"name": "f", "response": response}})
    assert isinstance(result, ToolResult)
    assert (result.result, result.is_error) == (text, failed)


def test_files_inside_a_result_are_its_parts() -> None:
    blob = {"inlineData": {"mimeType": "image/png", "data": "aGk="}}
    part = {
        "functionResponse": {"id": "1", "name": "f", "response": {"output": "see"}, "parts": [blob]}
    }
    (result,) = parts_of(part)
    assert isinstance(result, ToolResult)
    assert result.parts == (Text("see"), Base64File("aGk=", "image/png"))
    assert sent_again(contents=[{"parts": [part]}])["contents"][0]["parts"] == [part]


def test_files_of_any_kind_are_files() -> None:
    blocks = parts_of(
        {"inline_data": {"mime_type": "audio/wav", "data": "AA=="}},
        {"fileData": {"mimeType": "video/mp4", "fileUri": "gs://b/v"}, "videoMetadata": {"fps": 2}},
        {"file_data": {"file_uri": "https://h/x.pdf"}},
    )
    assert blocks[0] == Base64File("AA==", "audio/wav")
    assert blocks[1] == UrlFile("gs://b/v", "video/mp4", extra=b'{"videoMetadata":{"fps":2}}')
    assert blocks[2] == UrlFile("https://h/x.pdf")


@pytest.mark.parametrize(
    "part",
    [
        {"inlineData": {"data": 1}},
        {"fileData": {"mimeType": "a/b"}},
        {"text": 7},
        {"executableCode": {"code": "1", "language": "PYTHON"}},
        {"toolCall": {"id": "x"}, "thoughtSignature": "c2ln"},
        {"text": "a", "functionCall": {"name": "f"}},
        {"thought": True, "inlineData": {"mimeType": "image/png", "data": ""}},
        {"text": "a", "thoughtSignature": 5},
        {"something": "new"},
        {},
    ],
)
def test_a_part_without_a_neutral_form_is_kept_whole(part: dict[str, object]) -> None:
    (block,) = parts_of(part)
    assert isinstance(block, Unknown)
    assert orjson.loads(block.data) == part
    assert sent_again(contents=[{"parts": [part]}])["contents"][0]["parts"] == [part]


def test_a_part_that_is_no_object_is_kept() -> None:
    assert parts_of("bare") == (Unknown(b'"bare"'),)


@pytest.mark.parametrize(
    "parts",
    [
        [{"text": "hm", "thought": True, "thoughtSignature": "c2ln"}, {"text": "yes"}],
        [
            {"text": "hm", "thought": True},
            {"text": "ah", "thought": True, "partMetadata": {"a": 1}},
        ],
        [{"functionCall": {"id": "1", "name": "f", "args": {}}, "thoughtSignature": "c2ln"}],
        [{"text": "a", "thoughtSignature": "c2ln"}, {"text": "b"}],
        [
            {"thought": True, "thoughtSignature": "c2ln"},
            {"functionCall": {"name": "f", "args": {}}},
        ],
        [{"thoughtSignature": "c2ln"}, {"text": "b"}],
        [{"text": "", "thoughtSignature": "c2ln"}, {"functionCall": {"name": "f", "args": {}}}],
        [{"thought": True}],
        [{"functionCall": {"name": "f", "args": {}, "later": 1}, "thought": True, "mark": 2}],
        [{"inlineData": {"mimeType": "image/png", "data": "", "displayName": "x"}}],
    ],
)
def test_signatures_and_further_members_go_back_on_the_parts_they_came_on(
    parts: list[object],
) -> None:
    again = sent_again(contents=[{"role": "model", "parts": parts}])
    assert again["contents"] == [{"role": "model", "parts": parts}]


def test_a_signature_on_what_is_no_thought_stands_in_a_thought_before_it() -> None:
    assert parts_of({"text": "a", "thought_signature": "c2ln"}) == (
        Thought(None, "c2ln"),
        Text("a"),
    )


def test_parameters_have_their_fields_and_the_rest_is_kept() -> None:
    config = {
        "temperature": 0.5,
        "topP": 0.9,
        "maxOutputTokens": 10,
        "seed": 7,
        "presencePenalty": 0.1,
        "frequencyPenalty": 0.2,
        "stopSequences": ["a", "b"],
        "candidateCount": 2,
        "responseLogprobs": True,
        "logprobs": 3,
        "topK": 40,
        "thinkingConfig": {"thinkingBudget": 99, "thinkingLevel": "low", "includeThoughts": True},
        "speechConfig": None,
    }
    request = decoded(contents=[], generationConfig=config, serviceTier="flex")
    assert request.params == Params(
        temperature=0.5,
        top_p=0.9,
        max_tokens=10,
        seed=7,
        presence_penalty=0.1,
        frequency_penalty=0.2,
        stop_sequences=("a", "b"),
        reasoning_effort="low",
        service_tier="flex",
        thinking_budget_tokens=99,
    )
    assert (request.choices, request.logprobs, request.top_logprobs) == (2, True, 3)
    assert orjson.loads(request.rest["generationConfig"]) == {
        "topK": 40,
        "thinkingConfig": {"includeThoughts": True},
    }
    again = sent_again(contents=[], generationConfig=config, serviceTier="flex")
    del config["speechConfig"]
    assert again == {"generationConfig": config, "serviceTier": "flex"}


def test_what_cannot_be_read_is_sent_as_it_came() -> None:
    config = {"temperature": "warm", "stopSequences": ["a", 1], "maxOutputTokens": "10"}
    again = sent_again(contents=[], generationConfig=config, serviceTier={"odd": 1})
    assert again == {"generationConfig": config, "serviceTier": {"odd": 1}}


@pytest.mark.parametrize(
    ("name", "schema"),
    [
        ("responseSchema", {"type": "OBJECT", "properties": {"type": {"type": "STRING"}}}),
        ("responseJsonSchema", {"type": "object", "additionalProperties": False}),
        (None, None),
    ],
)
def test_structured_output_is_neutral_and_goes_back_in_its_own_words(
    name: str | None, schema: object
) -> None:
    config = {"responseMimeType": "application/json", **({name: schema} if name else {})}
    request = decoded(contents=[], generationConfig=config)
    form = orjson.loads(request.response_format or b"")
    assert request.params.json_mode == ("strict" if name else "on")
    if name == "responseSchema":
        given = {"type": "object", "properties": {"type": {"type": "string"}}}
        assert form["json_schema"] == {"name": "response", "schema": given}
    assert sent_again(contents=[], generationConfig=config)["generationConfig"] == config


def test_another_mime_type_is_no_json_mode() -> None:
    config = {
        "responseMimeType": "text/x.enum",
        "responseSchema": {"type": "STRING", "enum": ["a"]},
    }
    assert decoded(contents=[], generationConfig=config).response_format is None
    assert sent_again(contents=[], generationConfig=config)["generationConfig"] == config


def test_functions_are_tools_and_the_others_the_providers() -> None:
    schema = {"type": "OBJECT", "properties": {"a": {"type": "INTEGER", "enum": ["TYPE"]}}}
    tools = [
        {
            "functionDeclarations": [
                {"name": "f", "description": "d", "parameters": schema},
                {
                    "name": "g",
                    "parametersJsonSchema": {"type": "object"},
                    "response": {"type": "STRING"},
                },
                {"name": "h"},
            ]
        },
        {"google_search": {}, "codeExecution": {}},
    ]
    request = decoded(contents=[], tools=tools)
    functions = [tool["function"] for tool in orjson.loads(request.tools or b"")]
    small = {"type": "object", "properties": {"a": {"type": "integer", "enum": ["TYPE"]}}}
    assert functions == [
        {"name": "f", "description": "d", "parameters": small},
        {"name": "g", "parameters": {"type": "object"}},
        {"name": "h"},
    ]
    assert request.provider_tools == (b'{"googleSearch":{}}', b'{"codeExecution":{}}')
    assert sent_again(contents=[], tools=tools)["tools"] == [
        tools[0],
        {"googleSearch": {}},
        {"codeExecution": {}},
    ]


@pytest.mark.parametrize(
    ("calling", "choice"),
    [
        ({"mode": "AUTO"}, "auto"),
        ({"mode": "NONE"}, "none"),
        ({"mode": "ANY"}, "required"),
        ({"mode": "VALIDATED"}, "auto"),
        (
            {"mode": "ANY", "allowedFunctionNames": ["f"]},
            {"type": "function", "function": {"name": "f"}},
        ),
        (
            {"mode": "ANY", "allowedFunctionNames": ["f", "g"]},
            {
                "type": "allowed_tools",
                "allowed_tools": {
                    "mode": "required",
                    "tools": [{"type": "function", "function": {"name": name}} for name in "fg"],
                },
            },
        ),
        (
            {"mode": "AUTO", "allowedFunctionNames": ["f"]},
            {
                "type": "allowed_tools",
                "allowed_tools": {
                    "mode": "auto",
                    "tools": [{"type": "function", "function": {"name": "f"}}],
                },
            },
        ),
    ],
)
def test_the_choice_of_tools_is_neutral_and_goes_back_as_it_came(
    calling: dict[str, object], choice: object
) -> None:
    tools = [{"functionDeclarations": [{"name": "f"}, {"name": "g"}]}]
    config = {"functionCallingConfig": calling, "retrievalConfig": {"languageCode": "de"}}
    request = decoded(contents=[], tools=tools, toolConfig=config)
    assert orjson.loads(request.tool_choice or b"") == choice
    again = sent_again(contents=[], tools=tools, toolConfig=config)
    assert (again["toolConfig"], again["tools"]) == (config, tools)


def test_a_tool_config_without_a_choice_chooses_nothing() -> None:
    request = decoded(contents=[], toolConfig={"includeServerSideToolInvocations": True})
    assert request.tool_choice is None
    again = sent_again(contents=[], toolConfig={"includeServerSideToolInvocations": True})
    assert again == {"toolConfig": {"includeServerSideToolInvocations": True}}


def test_what_the_neutral_form_does_not_know_is_kept_and_sent_again() -> None:
    members = {
        "cachedContent": "cachedContents/1",
        "safetySettings": [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}],
        "labels": {"team_name": "a"},
    }
    request = decoded(contents=[{"parts": [{"text": "hi"}]}], **members)
    assert request.wire == WIRE
    assert {name: orjson.loads(raw) for name, raw in request.rest.items()} == members
    again = sent_again(contents=[{"parts": [{"text": "hi"}]}], **members)
    assert {name: again[name] for name in members} == members


def test_what_a_turn_does_not_say_is_not_sent() -> None:
    turns = [
        {"parts": [{"text": "a"}]},
        {"role": "", "parts": []},
        {"role": "model"},
        {"role": "function", "parts": [{"text": "c"}]},
    ]
    assert sent_again(contents=turns)["contents"] == turns


@pytest.mark.parametrize("system", [{"role": "system"}, {"parts": []}, {"text": "no parts"}])
def test_a_system_text_without_parts_is_left_as_it_is(system: object) -> None:
    request = decoded(contents=[], systemInstruction=system)
    assert request.input.system is None
    assert sent_again(contents=[], systemInstruction=system)["systemInstruction"] == system


def test_ids_of_calls_are_sent_as_they_came_even_when_they_come_twice_or_on_one_side() -> None:
    turns = [
        {"role": "model", "parts": [{"functionCall": {"id": "1", "name": "f", "args": {}}}]},
        {"role": "user", "parts": [{"functionResponse": {"name": "f", "response": {"a": 1}}}]},
        {"role": "model", "parts": [{"functionCall": {"id": "1", "name": "g", "args": {}}}]},
        {"role": "user", "parts": [{"functionResponse": {"id": "1", "response": {}}}]},
        {"role": "user", "parts": [{"functionResponse": {"id": "9", "name": "h"}}]},
    ]
    assert sent_again(contents=turns)["contents"] == turns
    first, answer, second, reply, stranger = (
        message.content[0] for message in decoded(contents=turns).input.messages
    )
    assert isinstance(first, ToolCall) and isinstance(second, ToolCall)
    assert isinstance(answer, ToolResult) and isinstance(reply, ToolResult)
    assert answer.id == first.id == "1"
    assert reply.id == second.id != "1"
    assert isinstance(stranger, ToolResult) and stranger.id == "9"


def test_a_call_without_a_name_gets_none() -> None:
    turns = [{"role": "model", "parts": [{"functionCall": {"args": {"a": 1}}}]}]
    assert sent_again(contents=turns)["contents"] == turns


@pytest.mark.parametrize(
    "calling",
    [
        {"streamFunctionCallArguments": True},
        {"allowedFunctionNames": ["f"]},
        {"mode": "NONE", "allowedFunctionNames": ["f"]},
        {"mode": "VALIDATED", "allowedFunctionNames": ["f"]},
        {"mode": "ANY", "allowedFunctionNames": ["f"], "streamFunctionCallArguments": True},
    ],
)
def test_how_tools_are_called_is_said_in_full(calling: object) -> None:
    config = {"functionCallingConfig": calling}
    assert sent_again(contents=[], toolConfig=config)["toolConfig"] == config

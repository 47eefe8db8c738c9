"""Bodies for providers, made of neutral requests."""

from __future__ import annotations

import json
from dataclasses import replace
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
from proxy.wire.encoded import EncodedBody
from proxy.wire.messages.encode import Dialect, encode_request

PLAIN = Dialect()
BARE = Dialect(
    names_model=False,
    version=("spoken_version", "v1"),
    enforces_schemas=False,
    has_service_tiers=False,
)
HI = Message("user", (Text("hi"),))
CACHE = b'{"cache_control":{"type":"ephemeral"}}'
CACHED = {"cache_control": {"type": "ephemeral"}}
ADD = {"type": "function", "function": {"name": "add", "parameters": {"type": "object"}}}
SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}}
FORMAT = {"type": "json_schema", "json_schema": {"name": "n", "schema": SCHEMA}}


def raw(value: object) -> bytes:
    return json.dumps(value).encode()


def asked(*messages: Message, **fields: Any) -> ModelRequest:
    given: dict[str, Any] = {"params": Params(max_tokens=5), **fields}
    said = given.pop("said", None) or Input(messages or (HI,))
    return ModelRequest("m", said, **given)


def body(request: ModelRequest, dialect: Dialect = PLAIN, **options: Any) -> Any:
    return json.loads(encode_request(request, dialect, **options).body)


def content(*blocks: Block, role: str = "user", **options: Any) -> Any:
    messages = body(asked(HI, Message(role, blocks)), **options)["messages"]
    return messages[1]["content"] if len(messages) > 1 else None


def chat(**rest: object) -> ModelRequest:
    members = {key: raw(value) for key, value in rest.items()}
    return asked(rest=members, wire="chat_completions")


def test_a_plain_question_is_said_in_full() -> None:
    request = asked(said=Input((HI,), "be kind"))
    assert body(request) == {
        "model": "m",
        "messages": [{"role": "user", "content": [{"type": "text", "text": "hi"}]}],
        "max_tokens": 5,
        "stream": False,
        "system": [{"type": "text", "text": "be kind"}],
    }


def test_a_dialect_says_its_version_and_leaves_the_model_to_the_address() -> None:
    given = body(asked(stream=True), BARE)
    assert given["spoken_version"] == "v1"
    assert "model" not in given
    assert given["stream"] is True


def test_the_system_text_keeps_the_places_at_which_to_cache() -> None:
    said = Input((HI,), "a\nb", (Text("a", CACHE), Text("b")))
    assert body(asked(said=said))["system"] == [
        {"type": "text", "text": "a", **CACHED},
        {"type": "text", "text": "b"},
    ]


def test_a_system_text_may_be_bytes_or_empty() -> None:
    assert body(asked(said=Input((HI,), b"a")))["system"][0]["text"] == "a"
    assert "system" not in body(asked(said=Input((HI,), "")))


def test_a_limit_that_nobody_set_is_the_models_own() -> None:
    request = asked(params=Params())
    assert body(request, default_max_tokens=7)["max_tokens"] == 7
    with pytest.raises(UpstreamUnsupported, match="max_tokens"):
        encode_request(request, PLAIN)


def test_parameters_have_the_protocols_names() -> None:
    params = Params(0.5, 0.25, 5, stop_sequences=("x",), service_tier="default")
    given = body(asked(params=params))
    assert given["temperature"] == 0.5
    assert given["top_p"] == 0.25
    assert given["stop_sequences"] == ["x"]
    assert given["service_tier"] == "standard_only"
    assert (
        body(asked(params=Params(max_tokens=5, service_tier="priority")))["service_tier"] == "auto"
    )


def test_what_has_no_place_is_left_out_and_named() -> None:
    params = Params(
        max_tokens=5, seed=1, presence_penalty=1, frequency_penalty=1, service_tier="flex"
    )
    encoded = encode_request(asked(params=replace(params, verbosity="low")), PLAIN)
    assert encoded.ignored == (
        "seed",
        "presence_penalty",
        "frequency_penalty",
        "verbosity",
        "service_tier",
    )
    assert "seed" not in json.loads(encoded.body)
    auto = asked(params=Params(max_tokens=5, service_tier="auto"))
    assert encode_request(auto, BARE).ignored == ("service_tier",)
    assert encode_request(auto, PLAIN).ignored == ()


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        (Params(thinking_budget_tokens=9), {"thinking": {"type": "enabled", "budget_tokens": 9}}),
        (
            Params(reasoning_effort="minimal"),
            {"thinking": {"type": "adaptive"}, "output_config": {"effort": "low"}},
        ),
        (Params(reasoning_effort="none"), {"thinking": {"type": "disabled"}}),
    ],
)
def test_how_much_to_think_is_said(params: Params, expected: dict[str, Any]) -> None:
    given = body(asked(params=replace(params, max_tokens=5)))
    assert {key: given[key] for key in expected} == expected


def test_effort_and_budget_exclude_each_other() -> None:
    params = Params(max_tokens=5, reasoning_effort="low", thinking_budget_tokens=9)
    with pytest.raises(InvalidRequest, match="exclude"):
        encode_request(asked(params=params), PLAIN)


# Tools.


def tools(**fields: Any) -> Any:
    return body(asked(**{"tools": raw([ADD]), **fields}))


def test_a_function_becomes_a_tool_with_all_that_stands_beside_it() -> None:
    function = {"name": "f", "description": "d", "parameters": SCHEMA, "strict": True}
    given = tools(tools=raw([{"type": "function", "function": function, **CACHED}]))
    assert given["tools"] == [
        {"name": "f", "description": "d", "input_schema": SCHEMA, "strict": True, **CACHED}
    ]
    assert "tool_choice" not in given


@pytest.mark.parametrize(
    ("function", "schema"),
    [
        ({"name": "f"}, {"type": "object", "properties": {}}),
        ({"name": "f", "parameters": None}, {"type": "object", "properties": {}}),
        ({"name": "f", "parameters": {"properties": {}}}, {"type": "object", "properties": {}}),
    ],
)
def test_a_tool_always_has_the_schema_of_an_object(function: Any, schema: Any) -> None:
    given = tools(tools=raw([{"type": "function", "function": function}]))
    assert given["tools"] == [{"name": "f", "input_schema": schema}]


def test_a_server_that_enforces_nothing_is_not_asked_to_be_strict() -> None:
    tool = {"type": "function", "function": {"name": "f", "strict": True}}
    given = body(asked(tools=raw([tool])), BARE)
    assert "strict" not in given["tools"][0]


def test_tools_of_the_provider_follow_those_of_the_client() -> None:
    search = {"type": "web_search_20250305", "name": "web_search"}
    given = tools(provider_tools=(raw(search),))
    assert [tool["name"] for tool in given["tools"]] == ["add", "web_search"]
    assert tools(tools=raw([search]))["tools"] == [search]
    assert body(asked(provider_tools=(raw(search),)))["tools"] == [search]


@pytest.mark.parametrize(
    ("choice", "parallel", "expected"),
    [
        ("auto", None, {"type": "auto"}),
        ("required", True, {"type": "any", "disable_parallel_tool_use": False}),
        ("none", False, {"type": "none"}),
        (None, False, {"type": "auto", "disable_parallel_tool_use": True}),
        (
            {"type": "function", "function": {"name": "add"}},
            False,
            {"type": "tool", "name": "add", "disable_parallel_tool_use": True},
        ),
        ("unheard of", None, None),
    ],
)
def test_the_choice_of_tools_has_the_protocols_words(
    choice: Any, parallel: bool | None, expected: Any
) -> None:
    given = tools(tool_choice=None if choice is None else raw(choice), parallel_tool_calls=parallel)
    assert given.get("tool_choice") == expected
    assert len(given["tools"]) == 1


def test_a_choice_among_some_tools_leaves_out_the_others() -> None:
    other = {"type": "function", "function": {"name": "other"}}
    allowed = {"mode": "required", "tools": [{"type": "function", "function": {"name": "add"}}]}
    choice = {"type": "allowed_tools", "allowed_tools": allowed}
    given = tools(tools=raw([other, ADD]), tool_choice=raw(choice))
    assert [tool["name"] for tool in given["tools"]] == ["add"]
    assert given["tool_choice"] == {"type": "any"}


def test_without_tools_there_is_no_choice() -> None:
    given = body(asked(tools=b"[]", tool_choice=b'"auto"'))
    assert "tools" not in given
    assert "tool_choice" not in given


def test_a_tool_of_free_text_is_refused() -> None:
    with pytest.raises(UpstreamUnsupported, match="custom"):
        tools(tools=raw([{"type": "custom", "custom": {"name": "c"}}]))


# Answers in JSON.


def test_a_schema_is_enforced_where_the_server_can() -> None:
    params = Params(max_tokens=5, json_mode="strict", reasoning_effort="low")
    given = body(asked(params=params, response_format=raw(FORMAT)))
    form = {"type": "json_schema", "schema": SCHEMA}
    assert given["output_config"] == {"format": form, "effort": "low"}
    assert "system" not in given


def test_a_schema_is_asked_for_in_words_where_the_server_cannot() -> None:
    request = asked(said=Input((HI,), "a"), response_format=raw(FORMAT))
    encoded = encode_request(request, BARE)
    system = json.loads(encoded.body)["system"]
    assert system[0]["text"] == "a"
    assert json.dumps(SCHEMA, separators=(",", ":")) in system[1]["text"]
    assert encoded.ignored == ("json_mode",)


@pytest.mark.parametrize(
    ("mode", "form", "asks"),
    [
        ("on", None, True),
        ("strict", None, True),
        (None, {"type": "json_object"}, True),
        (None, {"type": "text"}, False),
        (None, None, False),
        ("off", {"type": "json_object"}, False),
        ("tool", None, False),
    ],
)
def test_json_without_a_schema_is_asked_for_in_words(mode: Any, form: Any, asks: bool) -> None:
    params = Params(max_tokens=5, json_mode=mode)
    given = body(asked(params=params, response_format=None if form is None else raw(form)))
    assert ("system" in given) is asks
    assert "output_config" not in given


# Blocks.


def test_blocks_have_the_protocols_form() -> None:
    call = ToolCall("t1", "f", '{"a": 1.0}', CACHE)
    assert content(RawText("x"), call, role="assistant") == [
        {"type": "text", "text": "x"},
        {"type": "tool_use", "id": "t1", "name": "f", "input": {"a": 1.0}, **CACHED},
    ]
    assert content(ToolResult("t1", "f", "4", extra=CACHE), Text("x", CACHE)) == [
        {
            "type": "tool_result",
            "tool_use_id": "t1",
            "content": [{"type": "text", "text": "4"}],
            **CACHED,
        },
        {"type": "text", "text": "x", **CACHED},
    ]


def test_a_result_may_have_failed_or_be_nothing_or_be_files() -> None:
    failed = ToolResult("t1", "f", "", is_error=True)
    seen = ToolResult("t1", "f", "x", parts=(Text("x"), Base64File("QQ==", "image/png")))
    assert content(failed) == [{"type": "tool_result", "tool_use_id": "t1", "is_error": True}]
    assert [part["type"] for part in content(seen)[0]["content"]] == ["text", "image"]


def test_a_call_without_arguments_has_an_empty_input() -> None:
    assert content(ToolCall("t1", "f", " "), role="assistant")[0]["input"] == {}


@pytest.mark.parametrize("arguments", ["[1]", "{", "5"])
def test_arguments_that_are_no_object_are_refused(arguments: str) -> None:
    with pytest.raises(InvalidRequest, match="JSON object"):
        content(ToolCall("t1", "f", arguments), role="assistant")


def test_ids_of_other_protocols_are_made_to_fit_in_call_and_result() -> None:
    call = content(ToolCall("functions.f:0", "f", "{}"), role="assistant")[0]["id"]
    assert (
        content(ToolResult("functions.f:0", "f", "x"))[0]["tool_use_id"] == call == "functions_f_0"
    )


def test_signed_and_hidden_thoughts_go_back_and_others_do_not() -> None:
    signed = Thought("hm", "s", provider_type="p", extra_data=b'{"more":1}')
    anybodys = Thought("hm", "s", extra_data=b'{"more":1}')
    given = content(
        signed,
        anybodys,
        Thought(None, "d"),
        Thought("unsigned"),
        Thought(None),
        Thought("theirs", "s", provider_type="q"),
        role="assistant",
        addressee=Addressee(provider_type="p"),
    )
    assert given == [
        {"type": "thinking", "thinking": "hm", "signature": "s", "more": 1},
        {"type": "thinking", "thinking": "hm", "signature": "s"},
        {"type": "redacted_thinking", "data": "d"},
    ]
    assert content(Thought("hm", "s")) is None


def test_unknown_blocks_go_to_whom_they_are_for() -> None:
    mine = Unknown(b'{"type":"new"}', "m", "p")
    theirs = Unknown(b'{"type":"other"}', "m", "q")
    given = content(mine, theirs, addressee=Addressee("m", "p"))
    assert given == [{"type": "new"}]


def test_a_message_of_which_nothing_is_left_is_not_sent() -> None:
    assert content(Text(""), Thought("unsigned"), role="assistant") is None
    assert content(Text("", CACHE)) == [{"type": "text", "text": "", **CACHED}]
    with pytest.raises(InvalidRequest, match="at least one message"):
        encode_request(asked(Message("user", ())), PLAIN)


def test_citations_go_back_where_the_protocol_knows_their_kind() -> None:
    known = b'{"citations":[{"type":"page_location"}],"id":"x"}'
    foreign = b'{"citations":[{"type":"url_citation"}]}'
    given = content(Text("a", known), Text("b", foreign), role="assistant")
    assert given[0] == {"type": "text", "text": "a", "citations": [{"type": "page_location"}]}
    assert given[1] == {"type": "text", "text": "b"}


def test_a_file_has_the_form_of_its_kind() -> None:
    given = content(
        Base64File("QUJD", "image/png", "high"),
        Base64File("QUJD", "application/pdf", filename="a.pdf"),
        Base64File("QUJD", "text/csv; charset=utf-8"),
        UrlFile("https://x.test/a"),
        UrlFile("https://x.test/a.pdf?b=c"),
        UrlFile("https://x.test/b", "application/pdf", filename="b"),
        UrlFile("https://x.test/c", "image/webp"),
    )
    plain = {"type": "text", "media_type": "text/plain", "data": "ABC"}
    assert [(each["type"], each["source"]["type"]) for each in given] == [
        ("image", "base64"),
        ("document", "base64"),
        ("document", "text"),
        ("image", "url"),
        ("document", "url"),
        ("document", "url"),
        ("image", "url"),
    ]
    assert (given[1]["title"], given[2]["source"], given[5]["title"]) == ("a.pdf", plain, "b")


def test_how_closely_to_look_has_no_place() -> None:
    request = asked(Message("user", (Base64File("QUJD", "image/png", "high"),)))
    assert encode_request(request, PLAIN).ignored == ("detail",)


@pytest.mark.parametrize(
    "block",
    [
        Base64File("QUJD", "audio/wav"),
        Base64File("/w==", "text/plain"),
        Base64File("?", "text/plain"),
        UrlFile("https://x.test/a.mp4", "video/mp4"),
        StoredFile("image/png", b"{}"),
    ],
)
def test_a_file_that_the_protocol_does_not_take_is_refused(block: Block) -> None:
    with pytest.raises(UpstreamUnsupported):
        content(block)


@pytest.mark.parametrize(
    ("role", "block"),
    [
        ("user", ToolCall("t", "f", "{}")),
        ("assistant", ToolResult("t", "f", "x")),
        ("user", Template("t", b"{}")),
    ],
)
def test_a_block_out_of_place_is_refused(role: str, block: Block) -> None:
    with pytest.raises(InvalidRequest):
        content(block, role=role)


# Members of other protocols.


@pytest.mark.parametrize(
    ("member", "value", "expected"),
    [
        ("user", "u", {"metadata": {"user_id": "u"}}),
        ("safety_identifier", "u", {"metadata": {"user_id": "u"}}),
        ("metadata", {"user_id": "u", "trace": "t"}, {"metadata": {"user_id": "u"}}),
        ("top_k", 5, {"top_k": 5}),
        ("thinking", {"type": "adaptive"}, {"thinking": {"type": "adaptive"}}),
        ("reasoning", {"enabled": True}, {"thinking": {"type": "adaptive"}}),
        ("reasoning", {"enabled": False, "effort": "high"}, {"thinking": {"type": "disabled"}}),
        (
            "reasoning",
            {"max_tokens": 9, "effort": "high"},
            {"thinking": {"type": "enabled", "budget_tokens": 9}},
        ),
        (
            "reasoning",
            {"effort": "high"},
            {"thinking": {"type": "adaptive"}, "output_config": {"effort": "high"}},
        ),
    ],
)
def test_members_with_an_equivalent_are_translated(member: str, value: Any, expected: Any) -> None:
    request = chat(**{member: value})
    given = body(request)
    assert {key: given[key] for key in expected} == expected
    assert encode_request(request, PLAIN).ignored == ()


def test_members_that_do_not_concern_the_answer_are_named_and_left_out() -> None:
    encoded: EncodedBody = encode_request(
        chat(store=True, metadata={"trace": "t"}, reasoning={"exclude": True}), PLAIN
    )
    assert encoded.ignored == ("store", "metadata", "reasoning")
    assert not {"store", "metadata", "reasoning"} & set(json.loads(encoded.body))


def test_an_effort_among_further_members_joins_the_schema() -> None:
    request = replace(chat(reasoning={"effort": "high"}), response_format=raw(FORMAT))
    assert body(request)["output_config"] == {
        "format": {"type": "json_schema", "schema": SCHEMA},
        "effort": "high",
    }


@pytest.mark.parametrize(
    ("member", "value"), [("logit_bias", {"1": 1}), ("audio", {"voice": "a"}), ("functions", [1])]
)
def test_members_that_would_be_lost_are_refused_by_name(member: str, value: Any) -> None:
    with pytest.raises(UpstreamUnsupported, match=f"`{member}`"):
        encode_request(chat(**{member: value}), PLAIN)


def test_members_that_ask_for_nothing_are_passed_over() -> None:
    request = chat(logit_bias={}, audio=None, modalities=["text"], functions=[], user="")
    request = replace(request, rest={**request.rest, "modalities": b'["text"]'})
    assert encode_request(request, PLAIN).ignored == ()


@pytest.mark.parametrize(
    ("fields", "name"),
    [({"choices": 2}, "n"), ({"logprobs": True}, "logprobs"), ({"top_logprobs": 3}, "logprobs")],
)
def test_an_answer_that_cannot_be_given_is_refused(fields: dict[str, Any], name: str) -> None:
    with pytest.raises(UpstreamUnsupported, match=f"`{name}`"):
        encode_request(asked(**fields), PLAIN)
    assert body(asked(choices=1, logprobs=False, top_logprobs=0))


def test_parts_that_are_known_to_be_of_other_protocols_are_refused() -> None:
    refusal = Unknown(raw({"type": "refusal", "refusal": "No."}))
    assert content(refusal, role="assistant") == [{"type": "text", "text": "No."}]
    with pytest.raises(UpstreamUnsupported, match="a part of type `video_url`"):
        content(Unknown(raw({"type": "video_url", "video_url": {"url": "u"}})))
    ours = {"type": "search_result", "content": []}
    assert content(Unknown(raw(ours))) == [ours]

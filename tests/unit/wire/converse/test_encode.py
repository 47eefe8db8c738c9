"""Neutral requests as bodies of the protocol."""

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
from proxy.wire.converse.encode import encode_request
from proxy.wire.messages.encode_format import JSON_INSTRUCTION
from tests.unit.wire.converse.bodies import CITATION, FULL, PIXEL, raw

HELLO = Input((Message("user", (Text("Hello"),)),))
FUNCTION = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "The weather",
        "parameters": {"type": "object", "properties": {}},
        "strict": False,
    },
}


def request(said: Input = HELLO, **fields: Any) -> ModelRequest:
    return ModelRequest("m", said, **fields)


def encoded(asked: ModelRequest, **options: Any) -> Any:
    sent = json.loads(encode_request(asked, **options).body)
    validate(sent)
    return sent


def validate(sent: Any) -> None:
    """Have botocore check the body against its model of the operation, where it is installed."""
    session = pytest.importorskip("botocore.session")
    from botocore.validate import ParamValidator

    service = session.get_session().get_service_model("bedrock-runtime")
    shape = service.operation_model("Converse").input_shape
    report = ParamValidator().validate({"modelId": "m", **sent}, shape)
    assert not report.has_errors(), report.generate_report()


def content(*blocks: Block, role: str = "user", **options: Any) -> Any:
    [message] = encoded(request(Input((Message(role, blocks),))), **options)["messages"]
    return message["content"]


def members(**given: Any) -> ModelRequest:
    rest = {name: raw(value) for name, value in given.items()}
    return request(rest=rest, wire="chat_completions")


def test_the_full_example_is_one_that_botocore_would_send() -> None:
    validate(FULL)


def test_a_plain_request_has_messages_and_a_system_text() -> None:
    assert encoded(request(replace(HELLO, system="Be short."))) == {
        "messages": [{"role": "user", "content": [{"text": "Hello"}]}],
        "system": [{"text": "Be short."}],
    }


def test_an_empty_system_text_is_left_out() -> None:
    assert "system" not in encoded(request(replace(HELLO, system="")))
    assert encoded(request(replace(HELLO, system=b"{}")))["system"] == [{"text": "{}"}]


def test_parameters_stand_in_their_places() -> None:
    params = Params(
        temperature=0.5,
        top_p=0.9,
        max_tokens=100,
        stop_sequences=("A", "B"),
        thinking_budget_tokens=2048,
        service_tier="flex",
    )
    sent = encoded(request(params=params))
    assert sent["inferenceConfig"] == {
        "maxTokens": 100,
        "temperature": 0.5,
        "topP": 0.9,
        "stopSequences": ["A", "B"],
    }
    assert sent["additionalModelRequestFields"] == {
        "thinking": {"type": "enabled", "budget_tokens": 2048}
    }
    assert sent["serviceTier"] == {"type": "flex"}


def test_parameters_without_a_place_are_named() -> None:
    params = Params(
        seed=1,
        presence_penalty=0.1,
        frequency_penalty=0.2,
        reasoning_effort="high",
        verbosity="low",
        service_tier="scale",
    )
    asked = request(params=params, tools=raw([FUNCTION]), parallel_tool_calls=False)
    assert encode_request(asked).ignored == (
        "seed",
        "presence_penalty",
        "frequency_penalty",
        "reasoning_effort",
        "verbosity",
        "service_tier",
        "parallel_tool_calls",
    )
    assert "serviceTier" not in encoded(asked)
    assert encode_request(request(params=Params(service_tier="auto"))).ignored == ()


def test_tools_become_specifications() -> None:
    marked = {**FUNCTION, "cache_control": {"type": "ephemeral", "ttl": "5m"}}
    bare = {"type": "function", "function": {"name": "now", "description": "", "strict": True}}
    sent = encoded(request(tools=raw([marked, bare]), tool_choice=b'"auto"'))
    assert sent["toolConfig"] == {
        "tools": [
            {
                "toolSpec": {
                    "name": "weather",
                    "description": "The weather",
                    "inputSchema": {"json": {"type": "object", "properties": {}}},
                }
            },
            {"cachePoint": {"type": "default", "ttl": "5m"}},
            {
                "toolSpec": {
                    "name": "now",
                    "inputSchema": {"json": {"type": "object", "properties": {}}},
                    "strict": True,
                }
            },
        ],
        "toolChoice": {"auto": {}},
    }


@pytest.mark.parametrize(
    ("choice", "sent"),
    [
        ("required", {"any": {}}),
        ({"type": "function", "function": {"name": "now"}}, {"tool": {"name": "now"}}),
        (
            {
                "type": "allowed_tools",
                "allowed_tools": {
                    "mode": "required",
                    "tools": [{"type": "function", "function": {"name": "weather"}}],
                },
            },
            {"any": {}},
        ),
    ],
)
def test_choices_of_tools(choice: Any, sent: Any) -> None:
    config = encoded(request(tools=raw([FUNCTION]), tool_choice=raw(choice)))["toolConfig"]
    assert config["toolChoice"] == sent
    assert len(config["tools"]) == 1


def test_only_allowed_tools_are_offered() -> None:
    choice = {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [{"x": 1}]}}
    assert "toolConfig" not in encoded(request(tools=raw([FUNCTION]), tool_choice=raw(choice)))
    choice = {"type": "allowed_tools"}
    assert "toolConfig" not in encoded(request(tools=raw([FUNCTION]), tool_choice=raw(choice)))


def test_no_tools_are_offered_where_none_may_be_called() -> None:
    assert "toolConfig" not in encoded(request(tools=raw([FUNCTION]), tool_choice=b'"none"'))
    assert "toolConfig" not in encoded(request(tools=b"[]", tool_choice=b'"auto"'))


def test_tools_of_the_provider_stand_behind_the_others() -> None:
    own = raw({"systemTool": {"name": "nova_grounding"}})
    sent = encoded(request(tools=raw([FUNCTION]), provider_tools=(own,)))
    assert sent["toolConfig"]["tools"][1] == {"systemTool": {"name": "nova_grounding"}}


def test_a_tool_that_is_no_function_is_refused_by_its_type() -> None:
    with pytest.raises(UpstreamUnsupported, match="custom"):
        encode_request(request(tools=raw([{"type": "custom", "custom": {"name": "x"}}])))


SCHEMA = raw(
    {
        "type": "json_schema",
        "json_schema": {
            "name": "n",
            "description": "d",
            "strict": True,
            "schema": {"type": "object"},
        },
    }
)


@pytest.mark.parametrize("mode", [None, "strict"])
def test_a_schema_goes_along_where_the_model_can_be_held_to_it(mode: str | None) -> None:
    sent = encoded(request(params=Params(json_mode=mode), response_format=SCHEMA))
    assert sent["outputConfig"] == {
        "textFormat": {
            "type": "json_schema",
            "structure": {
                "jsonSchema": {"schema": '{"type":"object"}', "name": "n", "description": "d"}
            },
        }
    }


def test_where_it_cannot_the_schema_is_asked_for_in_words() -> None:
    asked = request(
        replace(HELLO, system="Be short."),
        params=Params(json_mode="strict"),
        response_format=SCHEMA,
    )
    assert encode_request(asked, structured=False).ignored == ("json_mode",)
    sent = encoded(asked, structured=False)
    assert "outputConfig" not in sent
    assert sent["system"][0] == {"text": "Be short."}
    assert '{"type":"object"}' in sent["system"][1]["text"]


def test_json_without_a_schema_is_asked_for_in_words() -> None:
    parts = (Text("Be short."),)
    for said in (HELLO, replace(HELLO, system="Be short.", system_parts=parts)):
        sent = encoded(request(said, params=Params(json_mode="on")))
        assert sent["system"][-1] == {"text": JSON_INSTRUCTION}


def test_files_of_all_kinds() -> None:
    sent = content(
        Base64File(PIXEL, "image/jpg"),
        Base64File(PIXEL, "video/3gpp"),
        Base64File(PIXEL, "audio/x-wav"),
        Base64File(PIXEL, "application/pdf", filename="My report_v2.pdf"),
        Base64File(PIXEL, "text/csv; charset=utf-8"),
        Base64File(PIXEL, "text/plain"),
        UrlFile("s3://bucket/a.png"),
        UrlFile("s3://bucket/a.JPG"),
        UrlFile("s3://bucket/b.pdf"),
        Base64File(PIXEL, "application/octet-stream"),
    )
    formats = [next(iter(block.values())).get("format") for block in sent]
    assert formats == [
        "jpeg",
        "three_gp",
        "wav",
        "pdf",
        "csv",
        "txt",
        "png",
        "jpeg",
        "pdf",
        None,
    ]
    names = [block["document"]["name"] for block in sent if "document" in block]
    assert names == ["My report v2 pdf", "input", "input 2", "input 3", "input 4"]
    assert sent[6]["image"]["source"] == {"s3Location": {"uri": "s3://bucket/a.png"}}


def test_a_documents_citations_are_asked_for() -> None:
    extra = raw({"citations": {"enabled": True}, "context": "c", "title": "t"})
    [block] = content(Base64File(PIXEL, "application/pdf", extra=extra))
    assert block["document"]["citations"] == {"enabled": True}
    assert "context" not in block["document"]


@pytest.mark.parametrize(
    ("block", "named"),
    [
        (UrlFile("https://example.com/a.png", "image/png"), "url"),
        (StoredFile("image/png", b"{}"), "object storage"),
        (Base64File(PIXEL, "application/zip"), "application/zip"),
        (Unknown(b'{"type":"web_search"}'), "web_search"),
    ],
)
def test_blocks_without_a_form_are_refused_by_name(block: Block, named: str) -> None:
    with pytest.raises(UpstreamUnsupported, match=named):
        content(block)


def test_an_images_detail_is_ignored_by_name() -> None:
    said = Input((Message("user", (Base64File(PIXEL, "image/png", detail="high"),)),))
    assert encode_request(request(said)).ignored == ("detail",)


def test_tool_calls_and_results() -> None:
    said = Input(
        (
            Message("assistant", (Text(""), ToolCall("a", "now", ""), ToolCall("b", "w", "[1]"))),
            Message("user", (ToolResult("a", "now", "noon"),)),
            Message("user", (ToolResult("b", "w", "no", is_error=True), Text("So?"))),
            Message("user", (Text(""),)),
            Message("user", (RawText("Well?"),)),
        )
    )
    sent = encoded(request(said))["messages"]
    assert [message["role"] for message in sent] == ["assistant", "user"]
    assert sent[0]["content"] == [
        {"toolUse": {"toolUseId": "a", "name": "now", "input": {}}},
        {"toolUse": {"toolUseId": "b", "name": "w", "input": [1]}},
    ]
    assert sent[1]["content"] == [
        {"toolResult": {"toolUseId": "a", "content": [{"text": "noon"}]}},
        {"toolResult": {"toolUseId": "b", "content": [{"text": "no"}], "status": "error"}},
        {"text": "So?"},
        {"text": "Well?"},
    ]


def test_a_result_may_have_parts() -> None:
    parts = (Text("see"), Base64File(PIXEL, "image/png"), Unknown(b'{"json":{"a":1}}'))
    extra = raw({"status": "other", "cache_control": {"type": "ephemeral"}})
    [result, point] = content(ToolResult("a", "n", "see", parts=parts, extra=extra))
    assert result["toolResult"] == {
        "toolUseId": "a",
        "content": [
            {"text": "see"},
            {"image": {"format": "png", "source": {"bytes": PIXEL}}},
            {"json": {"a": 1}},
        ],
    }
    assert point == {"cachePoint": {"type": "default"}}


def test_arguments_that_are_no_json_are_refused() -> None:
    with pytest.raises(InvalidRequest, match="`a`"):
        content(ToolCall("a", "n", "{"), role="assistant")


def test_a_template_that_is_not_rendered_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="greeting"):
        content(Template("greeting", b"{}"))


def test_thoughts_are_sent_back_to_their_author_only() -> None:
    mine = Addressee(provider_type="a")
    thoughts = (
        Thought("why", "sig", provider_type="a"),
        Thought("how"),
        Thought(None, "hidden"),
        Thought(None),
        Thought("not mine", provider_type="b"),
    )
    assert content(*thoughts, role="assistant", addressee=mine) == [
        {"reasoningContent": {"reasoningText": {"text": "why", "signature": "sig"}}},
        {"reasoningContent": {"reasoningText": {"text": "how"}}},
        {"reasoningContent": {"redactedContent": "hidden"}},
    ]


def test_unknown_blocks_are_sent_to_those_they_are_for() -> None:
    mine = Addressee("m", "p")
    blocks = (
        Unknown(b'{"brandNew":{}}', "m", "p"),
        Unknown(b'{"brandNew":{}}', "other", "p"),
        Unknown(b'{"guardContent":{"text":{"text":"a"}}}'),
        Unknown(b'{"type":"refusal","refusal":"No."}'),
    )
    asked = request(Input((Message("assistant", blocks),)))
    [message] = json.loads(encode_request(asked, addressee=mine).body)["messages"]
    assert message["content"] == [
        {"brandNew": {}},
        {"guardContent": {"text": {"text": "a"}}},
        {"text": "No."},
    ]


def test_citations_are_sent_back_where_they_have_this_form() -> None:
    foreign = {"type": "char_location", "cited_text": "x"}
    ours = Text("a", raw({"citations": [CITATION], "content": [{"text": "not its own"}]}))
    theirs = Text("b", raw({"citations": [foreign]}))
    assert content(ours, theirs, role="assistant") == [
        {"citationsContent": {"content": [{"text": "a"}], "citations": [CITATION]}},
        {"text": "b"},
    ]


def test_members_of_a_chat_completion_are_translated() -> None:
    sent = encoded(
        members(
            metadata={"team": "a"},
            thinking={"type": "adaptive"},
            top_k=5,
            user="u",
            store=False,
            modalities=["text"],
            stream_options={"include_usage": True},
            logit_bias={},
        )
    )
    assert sent["requestMetadata"] == {"team": "a"}
    assert sent["additionalModelRequestFields"] == {"thinking": {"type": "adaptive"}, "top_k": 5}
    assert sent.keys() == {"messages", "requestMetadata", "additionalModelRequestFields"}


def test_top_k_stands_where_the_model_looks_for_it() -> None:
    sent = encoded(members(top_k=5), top_k_path=("inferenceConfig", "topK"))
    assert sent["additionalModelRequestFields"] == {"inferenceConfig": {"topK": 5}}


def test_a_budget_for_reasoning_is_one_for_thinking() -> None:
    sent = encoded(members(reasoning={"max_tokens": 2000}))
    assert sent["additionalModelRequestFields"] == {
        "thinking": {"type": "enabled", "budget_tokens": 2000}
    }


def test_hints_without_effect_are_ignored_by_name() -> None:
    assert encode_request(members(user="u", prompt_cache_key="k")).ignored == (
        "user",
        "prompt_cache_key",
    )


@pytest.mark.parametrize(
    ("asked", "named"),
    [
        (request(choices=2), "`n`"),
        (request(logprobs=True), "logprobs"),
        (request(top_logprobs=3), "logprobs"),
        (members(logit_bias={"5": 1}), "logit_bias"),
        (members(modalities=["audio"]), "modalities"),
        (members(guided_json={"a": 1}), "guided_json"),
    ],
)
def test_what_cannot_be_had_is_refused_by_name(asked: ModelRequest, named: str) -> None:
    with pytest.raises(UpstreamUnsupported, match=named):
        encode_request(asked)


def test_one_answer_without_probabilities_may_be_asked_for_in_words() -> None:
    encoded(request(choices=1, logprobs=False))

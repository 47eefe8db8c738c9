"""What vendors lack is left out and named; what they call otherwise is called so."""

from __future__ import annotations

import json
from typing import Any

import pytest

from proxy.types.content import Text, Thought, ToolCall, UrlFile
from proxy.types.request import Input, Message, ModelRequest, Params
from proxy.wire.addressee import Addressee
from proxy.wire.chat_completions.dialect import Dialect
from proxy.wire.chat_completions.encode import encode_request, ignored_params

ALL = Params(
    reasoning_effort="low", service_tier="flex", verbosity="high", thinking_budget_tokens=9
)
SCHEMA = b'{"type":"json_schema","json_schema":{"name":"r","schema":{}}}'
LACKS = frozenset({"reasoning_effort", "service_tier", "verbosity", "thinking_budget_tokens"})


def asked(**fields: Any) -> ModelRequest:
    said = Input((Message("user", (UrlFile("https://x/y", None, "low"),)),))
    return ModelRequest("p", said, **fields)


def body_of(request: ModelRequest, dialect: Dialect) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(encode_request(request, dialect, body_defaults={}))
    return body


def test_parameters_that_a_vendor_lacks_are_left_out_and_named() -> None:
    dialect = Dialect(lacks=LACKS | {"detail", "json_mode"})
    request = asked(params=ALL)
    assert not {"reasoning_effort", "service_tier", "verbosity"} & body_of(request, dialect).keys()
    assert set(ignored_params(request, dialect)) == LACKS | {"detail"}
    (part,) = body_of(request, dialect)["messages"][0]["content"]
    assert part["image_url"] == {"url": "https://x/y"}


def test_a_client_of_the_protocol_knows_what_its_provider_takes() -> None:
    dialect = Dialect(lacks=LACKS | {"detail", "json_mode"})
    request = asked(params=ALL, wire="chat_completions")
    body = body_of(request, dialect)
    assert (body["reasoning_effort"], body["service_tier"], body["verbosity"]) == (
        ("low", "flex", "high")
    )
    assert body["messages"][0]["content"][0]["image_url"]["detail"] == "low"
    assert ignored_params(request, dialect) == ("thinking_budget_tokens",)


def test_service_tiers_that_a_vendor_does_not_know_are_left_out() -> None:
    dialect = Dialect(tiers=frozenset({"auto"}))
    request = asked(params=Params(service_tier="flex"))
    assert "service_tier" not in body_of(request, dialect)
    assert ignored_params(request, dialect) == ("service_tier",)
    known = asked(params=Params(service_tier="auto"))
    assert body_of(known, dialect)["service_tier"] == "auto"
    assert ignored_params(known, dialect) == ()


def test_effort_and_budget_may_stand_in_one_object() -> None:
    dialect = Dialect(lacks=frozenset(), reasoning_object=True)
    body = body_of(asked(params=ALL), dialect)
    assert body["reasoning"] == {"effort": "low", "max_tokens": 9}
    assert "reasoning_effort" not in body
    own = body_of(asked(params=ALL, wire="chat_completions"), dialect)
    assert (own["reasoning"], own["reasoning_effort"]) == ({"max_tokens": 9}, "low")
    assert "reasoning" not in body_of(asked(), dialect)


@pytest.mark.parametrize(
    ("dialect", "mode", "sent", "ignored"),
    [
        (Dialect(), "strict", "json_schema", ()),
        (Dialect(schemas=False), "strict", "json_object", ("json_mode",)),
        (Dialect(schemas=False), "on", "json_object", ()),
        (Dialect(lacks=frozenset({"json_mode"})), "on", None, ("json_mode",)),
        (Dialect(lacks=frozenset({"json_mode"})), "off", None, ()),
    ],
)
def test_schemas_and_json_are_asked_for_where_they_are_known(
    dialect: Dialect, mode: str, sent: str | None, ignored: tuple[str, ...]
) -> None:
    request = ModelRequest("p", Input(()), params=Params(json_mode=mode), response_format=SCHEMA)
    assert body_of(request, dialect).get("response_format", {}).get("type") == sent
    assert ignored_params(request, dialect) == ignored


def test_a_lone_instruction_joins_the_first_of_several_system_messages() -> None:
    parts = (
        Text("a", b'{"message":{"role":"developer"}}'),
        Text("b", b'{"message":{"place":1}}'),
    )
    said = Input((Message("user", (Text("u"),)),), "a\nb", parts)
    request = ModelRequest("p", said, params=Params(json_mode="on"))
    assert body_of(request, Dialect())["messages"] == [
        {"role": "developer", "content": "Respond using JSON.\n\na"},
        {"role": "user", "content": "u"},
        {"role": "system", "content": "b"},
    ]


def thinking(*blocks: Any, dialect: Dialect) -> Any:
    request = ModelRequest("p", Input((Message("assistant", blocks),)))
    addressee = Addressee(provider_type="mine")
    body = json.loads(encode_request(request, dialect, body_defaults={}, addressee=addressee))
    return body["messages"]


def test_thoughts_that_stood_between_tags_do_so_again() -> None:
    tagged = Thought("a", extra_data=b'{"reasoning_format":"think_tags"}')
    field = Thought("b", extra_data=b'{"reasoning_format":"reasoning_field"}')
    (message,) = thinking(tagged, field, Text("t"), dialect=Dialect(think_tags=True))
    texts = [{"type": "text", "text": text} for text in ("<think>a</think>", "t")]
    assert message == {"role": "assistant", "content": texts, "reasoning_content": "b"}
    (plain,) = thinking(tagged, field, Text("t"), dialect=Dialect())
    assert plain == {"role": "assistant", "content": "t", "reasoning_content": "a\n\nb"}


def test_thoughts_of_the_provider_itself_are_entries_where_it_takes_them() -> None:
    dialect = Dialect(reasoning_key="reasoning", reasoning_details=True)
    summary = b'[{"type":"summary_text","text":"s"}]'
    (message,) = thinking(
        Thought("plain"),
        Thought("own", provider_type="mine"),
        Thought(None, "sig", summary),
        Thought("other", "x", provider_type="theirs"),
        ToolCall("c", "f", "{}", b'{"index":0}'),
        dialect=dialect,
    )
    assert message["reasoning"] == "plain"
    assert message["reasoning_details"] == [
        {"type": "reasoning.text", "text": "own"},
        {"type": "reasoning.text", "signature": "sig"},
        {"type": "reasoning.summary", "summary": "s"},
    ]
    assert message["tool_calls"] == [
        {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    ]


def test_a_custom_call_stays_one_wherever_it_came_from() -> None:
    call = ToolCall("c", "f", "free", b'{"type":"custom","x":1}')
    (message,) = thinking(call, dialect=Dialect())
    assert message["tool_calls"] == [
        {"id": "c", "type": "custom", "custom": {"name": "f", "input": "free"}}
    ]


def test_an_odd_choice_of_tools_does_no_harm() -> None:
    tools = b'[{"type":"function","function":{"name":"f"}},{"type":"odd"}]'
    for choice in (b'{"type":"allowed_tools"}', b'{"type":"allowed_tools","allowed_tools":[]}'):
        request = ModelRequest("p", Input(()), tools=tools, tool_choice=choice)
        body = body_of(request, Dialect(allow_lists=False))
        assert not {"tools", "tool_choice"} & body.keys()

"""The real `tensorzero` client: inferences of chat functions and models, what is kept of them."""

from __future__ import annotations

import json
import uuid
from typing import Any

import asyncpg
import pytest

from tests.stored_inferences import model_calls, stored
from tests.tensorzero_clients import OTHER_TEXT, TEXT, Client, needs_client, said, texts

pytestmark = needs_client


async def echoed(client: Client, **asked: Any) -> dict[str, Any]:
    """What the model got to see."""
    answer = await client.inference(**asked)
    shown: dict[str, Any] = json.loads(texts(answer)[0])
    return shown


def shown_texts(shown: dict[str, Any]) -> list[tuple[str, list[str]]]:
    return [
        (message["role"], [block["text"] for block in message["content"]])
        for message in shown["messages"]
    ]


async def test_a_function_answers_and_everything_is_kept(
    client: Client, functions_db: asyncpg.Connection
) -> None:
    answer = await client.inference(
        function_name="talk",
        variant_name="other",
        input=said("Hello", system="Be brief."),
        params={"chat_completion": {"temperature": 0.75, "seed": 7}},
        tags={"user": "7"},
    )
    assert texts(answer) == [OTHER_TEXT]
    assert answer.variant_name == "other" and answer.finish_reason == "stop"
    assert (answer.usage.input_tokens, answer.usage.output_tokens) == (10, 1)
    assert answer.inference_id != answer.episode_id
    row = await stored(functions_db, "chat", answer.inference_id)
    said_block = {"type": "text", "text": "Hello"}
    assert row["function_name"] == "talk" and row["variant_name"] == "other"
    assert str(row["episode_id"]) == str(answer.episode_id)
    assert row["tags"] == {"user": "7", "tensorzero::variant_pinned": "other"}
    assert row["input"] == {
        "system": "Be brief.",
        "messages": [{"role": "user", "content": [said_block]}],
    }
    assert row["output"] == [{"type": "text", "text": OTHER_TEXT}]
    params = {"temperature": 0.75, "max_tokens": 100, "seed": 7}
    assert row["inference_params"] == {"chat_completion": params}
    assert row["allowed_tools"] is None and row["tool_choice"] is None
    assert row["processing_time_ms"] >= 0 and row["ttft_ms"] is None
    (call,) = await model_calls(functions_db, answer.inference_id, 1)
    assert (call["model_name"], call["model_provider_name"]) == ("dummy::alternate", "dummy")
    assert (call["input_tokens"], call["output_tokens"]) == (10, 1)
    assert (call["finish_reason"], call["cached"]) == ("stop", False)
    assert call["system"] == "Be brief." and call["raw_request"] == "raw request"
    assert call["input_messages"] == [{"role": "user", "content": [said_block]}]
    assert call["output"] == [{"type": "text", "text": OTHER_TEXT}]


async def test_a_model_answers_without_a_function(
    client: Client, functions_db: asyncpg.Connection
) -> None:
    answer = await client.inference(model_name="priced", input=said())
    assert texts(answer) == [TEXT] and answer.variant_name == "priced"
    row = await stored(functions_db, "chat", answer.inference_id)
    assert (row["function_name"], row["variant_name"]) == ("tensorzero::default", "priced")
    shorthand = await client.inference(model_name="dummy::alternate", input=said())
    assert texts(shorthand) == [OTHER_TEXT] and shorthand.variant_name == "dummy::alternate"


async def test_what_a_call_costs_is_told_and_kept(
    client: Client, functions_db: asyncpg.Connection
) -> None:
    answer = await client.inference(model_name="priced", input=said())
    assert answer.usage.cost == pytest.approx(0.00018)
    (call,) = await model_calls(functions_db, answer.inference_id, 1)
    assert str(call["cost"]) == "0.000180000"
    unknown = await client.inference(model_name="dummy::good", input=said())
    assert unknown.usage.cost is None


# Templates and blocks.


async def test_templates_of_roles_and_of_names_render_their_arguments(
    client: Client, functions_db: asyncpg.Connection
) -> None:
    from tensorzero import RawText, Template, Text

    asked = {"city": "Rome", "days": [1, 2]}
    answer = await client.inference(
        function_name="greet",
        input={
            "system": {"name": "Bo"},
            "messages": [
                {"role": "user", "content": [Template(name="user", arguments=asked)]},
                {"role": "assistant", "content": [Text(arguments={"reply": "ä"})]},
                {
                    "role": "user",
                    "content": [
                        RawText(value="{{ city }}"),
                        Template(name="letter", arguments={"to": "Al"}),
                    ],
                },
            ],
        },
    )
    shown = json.loads(texts(answer)[0])
    assert shown["system"] == "You are Bo."
    assert shown_texts(shown) == [
        ("user", ["Weather in Rome 1 2?"]),
        ("assistant", ["Said: ä"]),
        ("user", ["{{ city }}", "Dear Al, best regards"]),
    ]
    row = await stored(functions_db, "chat", answer.inference_id)
    user = {"type": "template", "name": "user", "arguments": asked}
    assert row["input"]["system"] == {"name": "Bo"}
    assert [message["content"] for message in row["input"]["messages"]] == [
        [user],
        [{"type": "template", "name": "assistant", "arguments": {"reply": "ä"}}],
        [
            {"type": "raw_text", "value": "{{ city }}"},
            {"type": "template", "name": "letter", "arguments": {"to": "Al"}},
        ],
    ]
    (call,) = await model_calls(functions_db, answer.inference_id, 1)
    assert call["system"] == "You are Bo."
    assert shown_texts({"messages": call["input_messages"]}) == shown_texts(shown)


async def test_templates_without_a_schema_wrap_the_text(client: Client) -> None:
    shown = await echoed(
        client,
        function_name="wrapped",
        input={
            "system": "Please.",
            "messages": [
                {"role": "user", "content": "one"},
                {"role": "assistant", "content": "two"},
                {"role": "user", "content": [{"type": "raw_text", "value": "three"}]},
            ],
        },
    )
    assert shown["system"] == "Be brief. Please."
    assert shown_texts(shown) == [
        ("user", ["<one>"]),
        ("assistant", ["two"]),
        ("user", ["three"]),
    ]


async def test_tool_calls_and_their_results_go_to_the_model_and_are_kept(
    client: Client, functions_db: asyncpg.Connection
) -> None:
    from tensorzero import ToolCall, ToolResult

    call = ToolCall(id="c1", raw_name="f", raw_arguments='{"b": 1, "a": 2}', name="f")
    answer = await client.inference(
        function_name="echo",
        input={
            "messages": [
                {"role": "user", "content": "go"},
                {"role": "assistant", "content": [call]},
                {"role": "user", "content": [ToolResult(id="c1", name="f", result="3")]},
            ]
        },
    )
    shown = json.loads(texts(answer)[0])["messages"]
    assert shown[1]["content"] == [
        {"type": "tool_call", "id": "c1", "name": "f", "arguments": '{"b": 1, "a": 2}'}
    ]
    result = {"type": "tool_result", "id": "c1", "name": "f", "result": "3"}
    assert [{key: block[key] for key in result} for block in shown[2]["content"]] == [result]
    row = await stored(functions_db, "chat", answer.inference_id)
    kept = [message["content"] for message in row["input"]["messages"]]
    assert kept[1] == [
        {"type": "tool_call", "id": "c1", "name": "f", "arguments": '{"b": 1, "a": 2}'}
    ]
    assert [{key: block[key] for key in result} for block in kept[2]] == [result]


async def test_a_thought_comes_back_and_goes_in_again(
    client: Client, functions_db: asyncpg.Connection
) -> None:
    answer = await client.inference(function_name="talk", variant_name="thinks", input=said())
    thought, text = answer.content
    assert (thought.type, thought.text, thought.signature) == ("thought", "hmmm", "my_signature")
    assert text.text == TEXT
    shown = await echoed(
        client,
        function_name="echo",
        input={
            "messages": [
                {"role": "user", "content": "a"},
                {"role": "assistant", "content": answer.content},
            ]
        },
    )
    back, _ = shown["messages"][1]["content"]
    assert (back["type"], back["text"], back["signature"]) == ("thought", "hmmm", "my_signature")
    row = await stored(functions_db, "chat", answer.inference_id)
    assert row["output"][0]["signature"] == "my_signature"


async def test_unknown_blocks_reach_the_model_that_they_are_meant_for(client: Client) -> None:
    from tensorzero import UnknownContentBlock

    data = {"strange": [1, {"b": 1.0}]}
    blocks = [
        UnknownContentBlock(data=data),
        UnknownContentBlock(data=data, model_name="elsewhere", provider_name="p"),
        {"type": "text", "text": "x"},
    ]
    messages = [{"role": "user", "content": blocks}]
    answer = await client.inference(function_name="echo", input={"messages": messages})
    shown = json.loads(texts(answer)[0])["messages"][0]["content"]
    assert [block["type"] for block in shown] == ["unknown", "text"]
    assert shown[0]["data"] == data


# Routing.


async def test_the_next_provider_answers_for_one_that_fails(
    client: Client, functions_db: asyncpg.Connection
) -> None:
    answer = await client.inference(
        model_name="first_down", input=said(), include_raw_response=True
    )
    assert texts(answer) == [TEXT]
    failed, served = answer.raw_response
    assert (failed.data, failed.model_inference_id) == ("dummy error raw response", None)
    assert served.model_inference_id is not None and TEXT in served.data
    (call,) = await model_calls(functions_db, answer.inference_id, 1)
    assert call["model_provider_name"] == "up"


async def test_the_fallback_variant_answers_for_one_that_fails(
    client: Client, functions_db: asyncpg.Connection
) -> None:
    answer = await client.inference(function_name="stumbles", input=said())
    assert (answer.variant_name, texts(answer)) == ("spare", [TEXT])
    row = await stored(functions_db, "chat", answer.inference_id)
    assert row["variant_name"] == "spare"


async def test_a_variant_is_tried_again_as_often_as_it_says(client: Client) -> None:
    for _ in range(4):
        answer = await client.inference(function_name="talk", variant_name="again", input=said())
        assert texts(answer) == [TEXT]


async def test_a_namespace_has_variants_of_its_own(
    client: Client, functions_db: asyncpg.Connection
) -> None:
    base = await client.inference(function_name="regional", input=said())
    other = await client.inference(function_name="regional", input=said(), namespace="nowhere")
    mobile = await client.inference(function_name="regional", input=said(), namespace="mobile")
    assert [each.variant_name for each in (base, other, mobile)] == ["base", "base", "mobile"]
    row = await stored(functions_db, "chat", mobile.inference_id)
    assert row["tags"] == {"tensorzero::namespace": "mobile"}


async def test_an_episode_keeps_its_variant(client: Client) -> None:
    first = await client.inference(function_name="regional", input=said())
    for _ in range(3):
        more = await client.inference(
            function_name="regional", input=said(), episode_id=first.episode_id
        )
        assert more.episode_id == first.episode_id
        assert more.variant_name == first.variant_name
        assert more.inference_id != first.inference_id


async def test_a_dry_run_leaves_nothing(client: Client, functions_db: asyncpg.Connection) -> None:
    dry = await client.inference(function_name="talk", input=said(), dryrun=True)
    wet = await client.inference(function_name="talk", input=said())
    await stored(functions_db, "chat", wet.inference_id)
    for table in ("exchanges", "chat_inferences"):
        found = await functions_db.fetchval(
            f"SELECT count(*) FROM tensorzero.{table} WHERE id = $1",
            uuid.UUID(str(dry.inference_id)),
        )
        assert found == 0


async def test_a_request_can_bring_its_own_variant(client: Client) -> None:
    answer = await client.inference(
        function_name="greet",
        dryrun=True,
        input={
            "system": {"name": "Bo"},
            "messages": [
                {
                    "role": "user",
                    "content": [{"type": "template", "name": "user", "arguments": {"city": "x"}}],
                }
            ],
        },
        internal_dynamic_variant_config={
            "type": "chat_completion",
            "model": "dummy::echo_request_messages",
            "system_template": _inline("I am {{ name }}!"),
            "user_template": _inline("To {{ city }}"),
            "assistant_template": _inline("{{ reply }}"),
        },
    )
    assert answer.variant_name == "tensorzero::dynamic_variant"
    shown = json.loads(texts(answer)[0])
    assert (shown["system"], shown_texts(shown)) == ("I am Bo!", [("user", ["To x"])])


def _inline(text: str) -> dict[str, str]:
    return {"__tensorzero_remapped_path": f"inline {text}", "__data": text}


# What is sent along, and raw data.


async def test_bodies_and_headers_are_changed_by_variant_provider_and_caller(
    client: Client, functions_db: asyncpg.Connection
) -> None:
    rules = [
        {"pointer": "/from/request", "value": 3},
        {"variant_name": "v", "pointer": "/variant", "value": {"b": 1, "a": 2}},
        {"model_name": "injected", "provider_name": "dummy", "pointer": "/p", "value": 5},
        {"model_name": "priced", "provider_name": "dummy", "pointer": "/not/this", "value": 6},
        {"pointer": "/from/variant", "delete": True},
    ]
    answer = await client.inference(
        function_name="bent",
        input=said(),
        extra_body=rules,
        extra_headers=[
            {"name": "X-Request", "value": "r"},
            {"name": "X-Variant", "delete": True},
        ],
    )
    injected = json.loads(texts(answer)[0])
    assert injected == {
        "injected_body": {
            "from": {"provider": 2, "request": 3},
            "variant": {"b": 1, "a": 2},
            "p": 5,
        },
        "injected_headers": [["x-provider", "p"], ["x-request", "r"]],
    }
    row = await stored(functions_db, "chat", answer.inference_id)
    assert row["extra_body"] == rules


async def test_the_client_own_rules_of_bodies_are_taken(client: Client) -> None:
    from tensorzero import AlwaysExtraBody, AlwaysExtraHeader, VariantExtraBody

    answer = await client.inference(
        model_name="dummy::echo_extra_info",
        input=said(),
        extra_body=[AlwaysExtraBody(pointer="/a", value=1)],
        extra_headers=[AlwaysExtraHeader(name="X-A", value="b")],
    )
    assert json.loads(texts(answer)[0]) == {
        "extra_body": {
            "extra_body": None,
            "inference_extra_body": [{"pointer": "/a", "value": 1}],
        },
        "extra_headers": {
            "variant_extra_headers": None,
            "inference_extra_headers": [{"name": "X-A", "value": "b"}],
        },
    }
    scoped = await client.inference(
        function_name="bent",
        input=said(),
        extra_body=[VariantExtraBody(variant_name="v", pointer="/only", value=True)],
    )
    assert json.loads(texts(scoped)[0])["injected_body"]["only"] is True


async def test_a_credential_comes_with_the_request_and_is_not_kept(
    client: Client, functions_db: asyncpg.Connection
) -> None:
    answer = await client.inference(
        model_name="locked", input=said(), credentials={"DUMMY_KEY": "good_key"}
    )
    assert texts(answer) == [TEXT]
    await stored(functions_db, "chat", answer.inference_id)
    row = await functions_db.fetchrow(
        "SELECT * FROM tensorzero.exchanges WHERE id = $1", uuid.UUID(str(answer.inference_id))
    )
    assert "good_key" not in str(dict(row))


async def test_raw_data_is_told_on_request(
    client: Client, functions_db: asyncpg.Connection
) -> None:
    answer = await client.inference(
        function_name="talk",
        input=said(),
        include_raw_response=True,
        include_raw_usage=True,
        include_original_response=True,
    )
    (call,) = await model_calls(functions_db, answer.inference_id, 1)
    (raw,) = answer.raw_response
    (usage,) = answer.raw_usage
    assert raw.data == call["raw_response"] == answer.original_response
    assert str(raw.model_inference_id) == str(usage.model_inference_id) == str(call["id"])
    assert {(each.provider_type, each.api_type) for each in (raw, usage)} == {
        ("dummy", "chat_completions")
    }
    plain = await client.inference(function_name="talk", input=said())
    assert plain.raw_response is plain.raw_usage is plain.original_response is None

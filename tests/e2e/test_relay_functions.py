"""The real `openai` client on `/v1`, calling functions that are more than a plain chat."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import openai
import pytest

from tests.conftest import StartProxy, off_loop
from tests.fake_upstream import FakeUpstream, Seen, Wire, answer, completion, events, stream
from tests.harness import Proxy, eventually

MESSAGES = [{"role": "user", "content": "hola"}]
OUTPUT = {
    "type": "object",
    "properties": {"answer": {"type": "string"}},
    "required": ["answer"],
    "additionalProperties": False,
}
WEATHER = {"type": "object", "properties": {"place": {"type": "string"}}, "required": ["place"]}
TEXTS = {
    "good": "hello",
    "json": '{ "answer" : "forty-two" }',
    "cot": '{"thinking":"hard","response":{"answer":"two"}}',
    "judge": '{"thinking":"t","answer_choice":1}',
}
FILES = {
    "system.j": "Be {{ mood }}.",
    "user.j": "Tell of {{ country }}.",
    "wrap.j": "<{{ user_text }}>",
    "system.json": json.dumps({"type": "object", "required": ["mood"]}),
    "user.json": json.dumps(
        {"type": "object", "properties": {"country": {"type": "string"}}, "required": ["country"]}
    ),
    "output.json": json.dumps(OUTPUT),
    "weather.json": json.dumps(WEATHER),
}

Relay = tuple[Proxy, openai.AsyncOpenAI]


def tool_call(name: str, arguments: str) -> dict[str, Any]:
    function = {"name": name, "arguments": arguments}
    return {"id": "call_1", "type": "function", "function": function}


async def by_model(seen: Seen, wire: Wire) -> None:
    """Answers as the model's name says."""
    body = seen.json
    model = body["model"]
    if model == "down":
        await answer({"error": {"message": "down"}}, 503)(seen, wire)
    elif model == "refuses":
        error = {"message": "no", "type": "invalid_request_error", "param": None, "code": None}
        await answer({"error": error}, 400)(seen, wire)
    elif model == "caller" or (model == "json" and body.get("tools")):
        name = body["tools"][0]["function"]["name"]
        text = TEXTS["json"] if model == "json" else '{"place": "Rome"}'
        message = {
            "role": "assistant",
            "content": None,
            "tool_calls": [tool_call(name, text)],
        }
        choice = {"index": 0, "message": message, "finish_reason": "tool_calls"}
        await answer(completion(choices=[choice]))(seen, wire)
    elif body.get("stream"):
        usage = (body.get("stream_options") or {}).get("include_usage") is True
        text = TEXTS[model]
        await stream(events([text[:3], text[3:]], usage=usage))(seen, wire)
    else:
        await answer(completion(TEXTS[model]))(seen, wire)


def config(api_base: str) -> dict[str, Any]:
    def at(model: str) -> dict[str, Any]:
        provider = {
            "type": "openai",
            "model_name": model,
            "api_base": api_base,
            "api_key_location": "none",
        }
        return {"routing": ["p"], "providers": {"p": provider}}

    def chat(model: str, **more: Any) -> dict[str, Any]:
        return {"type": "chat_completion", "model": model, **more}

    def best_of(*names: str) -> dict[str, Any]:
        kind = "experimental_best_of_n_sampling"
        return {"type": kind, "candidates": names, "evaluator": {"model": "judge"}}

    def first(name: str, *others: str) -> dict[str, Any]:
        return {"type": "static", "candidate_variants": [name], "fallback_variants": others}

    models = ("good", "json", "cot", "judge", "down", "refuses", "caller")
    mixed = {
        "good": chat("good"),
        "other": chat("good"),
        "down": chat("down"),
        "refuses": chat("refuses"),
        "best": best_of("good", "other"),
        "best_down": best_of("down", "down"),
    }
    return {
        "models": {name: at(name) for name in models}
        | {"echo": {"routing": ["d"], "providers": {"d": _dummy("echo_request_messages")}}},
        "tools": {
            "weather": {"description": "The weather.", "parameters": "weather.json"},
        },
        "functions": {
            "told": {
                "type": "chat",
                "system_schema": "system.json",
                "user_schema": "user.json",
                "variants": {
                    "v": chat(
                        "good",
                        system_template="system.j",
                        user_template="user.j",
                        temperature=0.5,
                        max_tokens=9,
                    )
                },
            },
            "wrapped": {
                "type": "chat",
                "variants": {
                    "v": chat("good", user_template="wrap.j"),
                    "e": chat("echo", user_template="wrap.j", weight=0.0),
                },
            },
            "tools": {
                "type": "chat",
                "tools": ["weather"],
                "tool_choice": "required",
                "parallel_tool_calls": False,
                "variants": {"v": chat("caller")},
            },
            "json": {
                "type": "json",
                "output_schema": "output.json",
                "variants": {
                    "strict": chat("json", json_mode="strict"),
                    "on": chat("json", json_mode="on"),
                    "off": chat("json", json_mode="off"),
                    "tool": chat("json", json_mode="tool"),
                    "cot": {
                        "type": "experimental_chain_of_thought",
                        "model": "cot",
                        "json_mode": "on",
                    },
                },
            },
            "best": {"type": "chat", "variants": mixed, "experimentation": first("best")},
            "to_translated": {
                "type": "chat",
                "variants": mixed,
                "experimentation": first("down", "best"),
            },
            "to_raw": {
                "type": "chat",
                "variants": mixed,
                "experimentation": first("best_down", "good"),
            },
            "all_down": {
                "type": "chat",
                "variants": mixed,
                "experimentation": first("best_down", "down"),
            },
            "refused": {
                "type": "chat",
                "variants": mixed,
                "experimentation": first("refuses", "best"),
            },
        },
    }


def _dummy(model: str) -> dict[str, Any]:
    return {"type": "dummy", "model_name": model}


@pytest.fixture
async def relay(
    upstream: FakeUpstream, start_proxy: StartProxy, tmp_path: Path
) -> AsyncIterator[Relay]:
    upstream.script = by_model
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    proxy = await off_loop(lambda: start_proxy(config(upstream.api_base)))
    async with openai.AsyncOpenAI(
        base_url=proxy.base + "/v1", api_key="none", max_retries=0
    ) as api:
        yield proxy, api


async def ask(api: openai.AsyncOpenAI, function: str, **more: Any) -> Any:
    given = {"messages": MESSAGES, **more}
    return await api.chat.completions.with_raw_response.create(
        model=f"tensorzero::function_name::{function}", **given
    )


async def row(db: asyncpg.Connection, raw: Any, kind: str = "chat") -> asyncpg.Record:
    """The inference of an answer, with its exchange."""
    identifier = uuid.UUID(raw.headers["x-tensorzero-inference-id"])

    async def look() -> Any:
        return await db.fetchrow(
            f"""
            SELECT i.variant_name, d.*, e.relay, e.lane, e.variant_assigned, e.attempts,
                   e.end_reason, e.status, e.variant_served,
                   (SELECT count(*) FROM tensorzero.model_inferences m
                    WHERE m.inference_id = i.id) AS calls
            FROM tensorzero.{kind}_inferences i
            JOIN tensorzero.{kind}_inference_data d USING (id)
            JOIN tensorzero.exchanges e USING (id)
            WHERE i.id = $1
            """,
            identifier,
        )

    return await eventually(look)


async def told(db: asyncpg.Connection, raw: Any) -> asyncpg.Record:
    """What the one model of an inference was told."""
    return await db.fetchrow(
        """
        SELECT d.* FROM tensorzero.model_inferences m
        JOIN tensorzero.model_inference_data d USING (id) WHERE m.inference_id = $1
        """,
        uuid.UUID(raw.headers["x-tensorzero-inference-id"]),
    )


# Passed on, with the function's part put in.


async def test_templates_are_rendered_and_all_else_goes_on_as_it_was_spelled(
    relay: Relay, upstream: FakeUpstream, db: asyncpg.Connection
) -> None:
    proxy, _ = relay
    body = (
        b'{"unknown" : {"b":1.50, "a":1e2}, "model":"tensorzero::function_name::told", '
        b'"top_p": 0.90, "messages": [\n'
        b'{"role":"developer","content":[{"type":"text","tensorzero::arguments":{"mood":"kind"}}]},'
        b'{"role": "user", "name":"Ana", "content":[{"type":"tensorzero::template","name":"user",'
        b'"arguments":{"country":"Peru"}}, {"type":"video_url" , "video_url":{"url":"x"}}]},'
        b'{"role" :"assistant","content":null,"audio":{"id":"a_1"}}'
        b'], "logit_bias":{"50256":-100.0}}'
    )
    status, headers, _ = await off_loop(lambda: proxy.post("/v1/chat/completions", body))
    assert status == 200 and headers["x-tensorzero-relay"] == "raw"
    sent = upstream.seen[-1].body
    assert sent == (
        b'{"unknown" : {"b":1.50, "a":1e2}, "model":"good", '
        b'"top_p": 0.90, "messages": '
        b'[{"role":"developer","content":"Be kind."},'
        b'{"role": "user", "name":"Ana", "content":[{"type":"text","text":"Tell of Peru."},'
        b'{"type":"video_url" , "video_url":{"url":"x"}}]},'
        b'{"role" :"assistant","content":null,"audio":{"id":"a_1"}}'
        b'], "logit_bias":{"50256":-100.0},"temperature":0.5,"max_completion_tokens":9}'
    )

    async def look() -> Any:
        return await db.fetchrow("SELECT * FROM tensorzero.chat_inference_data")

    found = await eventually(look)
    said = json.loads(found["input"])
    assert said["system"] == {"mood": "kind"}
    assert said["messages"][0]["content"][0] == {
        "type": "template",
        "name": "user",
        "arguments": {"country": "Peru"},
    }
    params = json.loads(found["inference_params"])["chat_completion"]
    assert params == {"temperature": 0.5, "top_p": 0.9, "max_tokens": 9}
    call = await db.fetchrow("SELECT * FROM tensorzero.model_inference_data")
    assert call["system"] == "Be kind."
    assert json.loads(call["input_messages"])[0]["content"][0]["text"] == "Tell of Peru."
    assert call["raw_request"].encode() == sent


async def test_what_breaks_a_schema_is_refused_with_its_place(
    relay: Relay, upstream: FakeUpstream
) -> None:
    _, api = relay
    system = {"role": "system", "content": [{"type": "text", "tensorzero::arguments": {"mood": 1}}]}
    wrong = [{"type": "tensorzero::template", "name": "user", "arguments": {"country": 7}}]
    with pytest.raises(openai.BadRequestError) as refused:
        await ask(api, "told", messages=[system, {"role": "user", "content": wrong}])
    assert refused.value.param == "input.messages[0].content[0].arguments.country"
    with pytest.raises(openai.BadRequestError) as refused:
        await ask(api, "told", messages=[{"role": "user", "content": wrong}])
    assert refused.value.param == "input.system"
    assert not upstream.seen


async def test_a_template_wraps_texts_for_providers_of_either_kind(
    relay: Relay, upstream: FakeUpstream, db: asyncpg.Connection
) -> None:
    _, api = relay
    raw = await ask(api, "wrapped")
    assert raw.headers["x-tensorzero-relay"] == "raw"
    assert upstream.seen[-1].json["messages"] == [{"role": "user", "content": "<hola>"}]
    raw = await ask(api, "wrapped", extra_headers={"x-tensorzero-variant-name": "e"})
    assert raw.headers["x-tensorzero-relay"] == "translated"
    assert "<hola>" in raw.parse().choices[0].message.content
    await row(db, raw)
    said = json.loads((await told(db, raw))["input_messages"])
    assert said == [{"role": "user", "content": [{"type": "text", "text": "<hola>"}]}]


async def test_a_functions_tools_are_offered_beside_the_clients(
    relay: Relay, upstream: FakeUpstream, db: asyncpg.Connection
) -> None:
    _, api = relay
    own = {"type": "function", "function": {"name": "now"}}
    search = {"type": "web_search", "depth": 2}
    raw = await ask(api, "tools", tools=[own, search])
    made = raw.parse().choices[0].message.tool_calls[0]
    assert (made.function.name, made.function.arguments) == ("weather", '{"place": "Rome"}')
    sent = upstream.seen[-1].json
    assert [each.get("function", each).get("name") for each in sent["tools"][:2]] == [
        "weather",
        "now",
    ]
    assert sent["tools"][1:] == [own, search]
    assert sent["tools"][0]["function"]["parameters"] == WEATHER
    assert (sent["tool_choice"], sent["parallel_tool_calls"]) == ("required", False)
    found = await row(db, raw)
    assert (found["relay"], found["lane"]) == ("raw", "relay")
    [call] = json.loads(found["output"])
    assert (call["name"], call["arguments"]) == ("weather", {"place": "Rome"})
    assert json.loads(found["allowed_tools"])["tools"] == ["weather", "now"]
    assert [tool["name"] for tool in json.loads(found["dynamic_tools"])] == ["now"]
    assert found["tool_choice"] == '"required"' and found["parallel_tool_calls"] is False


async def test_the_clients_word_on_tools_goes_before_the_functions(
    relay: Relay, upstream: FakeUpstream
) -> None:
    _, api = relay
    await ask(api, "tools", tool_choice="auto", parallel_tool_calls=True)
    sent = upstream.seen[-1].json
    assert (sent["tool_choice"], sent["parallel_tool_calls"]) == ("auto", True)
    clash = {"type": "function", "function": {"name": "weather", "parameters": {}}}
    for wrong, place in (
        ({"tools": [clash]}, "tools"),
        ({"tool_choice": {"type": "function", "function": {"name": "none"}}}, "tool_choice"),
    ):
        with pytest.raises(openai.BadRequestError) as refused:
            await ask(api, "tools", **wrong)
        assert refused.value.param == place


@pytest.mark.parametrize("mode", ["strict", "on", "off"])
async def test_a_json_function_asks_for_json_and_passes_on_what_came(
    relay: Relay, upstream: FakeUpstream, db: asyncpg.Connection, mode: str
) -> None:
    _, api = relay
    raw = await ask(api, "json", extra_headers={"x-tensorzero-variant-name": mode})
    assert raw.headers["x-tensorzero-relay"] == "raw"
    assert raw.parse().choices[0].message.content == TEXTS["json"]
    sent = upstream.seen[-1].json
    asked = {
        "strict": {
            "type": "json_schema",
            "json_schema": {"name": "response", "strict": True, "schema": OUTPUT},
        },
        "on": {"type": "json_object"},
        "off": None,
    }
    assert sent.get("response_format") == asked[mode]
    speaks = [each for each in sent["messages"] if "JSON" in each["content"]]
    assert bool(speaks) is (mode == "on")
    found = await row(db, raw, "json")
    assert json.loads(found["output"]) == {
        "raw": TEXTS["json"],
        "parsed": {"answer": "forty-two"},
    }
    assert json.loads(found["output_schema"]) == OUTPUT


async def test_a_clients_own_schema_is_the_one_that_counts(
    relay: Relay, upstream: FakeUpstream, db: asyncpg.Connection
) -> None:
    _, api = relay
    schema = {"type": "object", "required": ["other"]}
    wanted = {"type": "json_schema", "json_schema": {"name": "mine", "schema": schema}}
    raw = await ask(
        api,
        "json",
        response_format=wanted,
        extra_headers={"x-tensorzero-variant-name": "on"},
    )
    assert upstream.seen[-1].json["response_format"] == wanted
    found = await row(db, raw, "json")
    assert json.loads(found["output"])["parsed"] is None
    assert json.loads(found["output_schema"]) == schema


# Written anew.


@pytest.mark.parametrize(
    ("variant", "text"), [("tool", TEXTS["json"]), ("cot", '{"answer":"two"}')]
)
async def test_json_that_came_another_way_is_told_as_a_text(
    relay: Relay, db: asyncpg.Connection, variant: str, text: str
) -> None:
    _, api = relay
    headers = {"x-tensorzero-variant-name": variant}
    raw = await ask(api, "json", extra_headers=headers)
    made = raw.parse()
    assert raw.headers["x-tensorzero-relay"] == "translated"
    assert made.id == raw.headers["x-tensorzero-inference-id"]
    assert made.model == "tensorzero::function_name::json"
    [choice] = made.choices
    assert (choice.message.content, choice.message.tool_calls) == (text, None)
    assert choice.finish_reason == "stop"
    found = await row(db, raw, "json")
    assert (found["relay"], found["lane"], found["variant_name"]) == (
        "translated",
        "relay",
        variant,
    )
    assert json.loads(found["output"])["raw"] == text


async def test_the_best_of_several_answers_is_told_whole(
    relay: Relay, upstream: FakeUpstream, db: asyncpg.Connection
) -> None:
    _, api = relay
    raw = await ask(api, "best", user="u7", temperature=0.1, extra_body={"mystery": 1})
    made = raw.parse()
    assert raw.headers["x-tensorzero-relay"] == "translated"
    assert raw.headers["x-tensorzero-variant-name"] == "best"
    assert made.choices[0].message.content == "hello"
    assert (made.model_extra or {}) == {} and made.usage.total_tokens == 15
    bodies = [each.json for each in upstream.seen]
    assert [body["model"] for body in bodies] == ["good", "good", "judge"]
    assert [body.get("mystery") for body in bodies] == [1, 1, None]
    assert [body.get("user") for body in bodies] == ["u7", "u7", None]
    found = await row(db, raw)
    assert (found["relay"], found["calls"], found["variant_served"]) == ("translated", 3, "best")
    assert json.loads(found["output"]) == [{"type": "text", "text": "hello"}]


@pytest.mark.parametrize("usage", [True, False])
async def test_the_best_of_several_answers_is_told_in_a_stream(
    relay: Relay, db: asyncpg.Connection, usage: bool
) -> None:
    _, api = relay
    more: dict[str, Any] = {"stream_options": {"include_usage": True}} if usage else {}
    raw = await ask(api, "best", stream=True, **more)
    chunks = [chunk async for chunk in raw.parse()]
    assert raw.headers["x-tensorzero-relay"] == "translated"
    texts = [each.choices[0].delta.content or "" for each in chunks if each.choices]
    assert "".join(texts) == "hello"
    assert {each.id for each in chunks} == {raw.headers["x-tensorzero-inference-id"]}
    assert [each.choices[0].finish_reason for each in chunks if each.choices][-1] == "stop"
    told_usage = [each.usage.total_tokens for each in chunks if each.usage]
    assert told_usage == ([15] if usage else [])
    assert (await row(db, raw))["relay"] == "translated"


async def test_json_by_a_tool_is_streamed_as_a_text(relay: Relay, upstream: FakeUpstream) -> None:
    _, api = relay
    first = {"index": 0, **tool_call("respond", '{"answer"')}
    second = {"index": 0, "function": {"arguments": ':"x"}'}}
    deltas = [{"role": "assistant", "tool_calls": [first]}, {"tool_calls": [second]}]
    base = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    choices = [{"index": 0, "delta": delta, "finish_reason": None} for delta in deltas]
    choices.append({"index": 0, "delta": {}, "finish_reason": "tool_calls"})
    blocks = [b"data: %b\n\n" % json.dumps(base | {"choices": [each]}).encode() for each in choices]
    upstream.script = stream([*blocks, b"data: [DONE]\n\n"])
    headers = {"x-tensorzero-variant-name": "tool"}
    raw = await ask(api, "json", stream=True, extra_headers=headers)
    chunks = [chunk async for chunk in raw.parse()]
    assert "".join(each.choices[0].delta.content or "" for each in chunks) == '{"answer":"x"}'
    assert not any(each.choices[0].delta.tool_calls for each in chunks)
    assert chunks[-1].choices[0].finish_reason == "stop"


async def test_what_would_be_lost_on_the_way_is_refused_by_its_name(
    relay: Relay, upstream: FakeUpstream
) -> None:
    _, api = relay
    named = [{"role": "user", "name": "Ana", "content": "hola"}]
    for wrong, place in (
        ({"n": 2}, "n"),
        ({"logprobs": True}, "logprobs"),
        ({"messages": named}, "messages[0].name"),
        ({"extra_body": {"tools": [{"type": "web_search"}]}}, "tools"),
        ({"extra_body": {"temperature": "hot"}}, "temperature"),
    ):
        with pytest.raises(openai.BadRequestError) as refused:
            await ask(api, "best", **wrong)
        assert refused.value.param == place
    assert not upstream.seen


# From one kind to the other.


@pytest.mark.parametrize("streamed", [True, False])
async def test_a_variant_that_is_passed_on_gives_way_to_one_that_is_translated(
    relay: Relay, db: asyncpg.Connection, streamed: bool
) -> None:
    _, api = relay
    raw = await ask(api, "to_translated", stream=streamed)
    made = raw.parse()
    if streamed:
        text = "".join([each.choices[0].delta.content or "" async for each in made])
    else:
        text = made.choices[0].message.content
    assert text == "hello"
    assert raw.headers["x-tensorzero-relay"] == "translated"
    assert raw.headers["x-tensorzero-variant-name"] == "best"
    found = await row(db, raw)
    assert (found["variant_assigned"], found["variant_served"]) == ("down", "best")
    attempts = [(each["variant_name"], each["status"]) for each in json.loads(found["attempts"])]
    assert attempts[0] == ("down", 503)
    assert sorted(attempts[1:]) == [("best", 200), ("good", 200), ("other", 200)]
    assert (found["relay"], found["calls"]) == ("translated", 3)


@pytest.mark.parametrize("streamed", [True, False])
async def test_a_variant_that_is_translated_gives_way_to_one_that_is_passed_on(
    relay: Relay, upstream: FakeUpstream, db: asyncpg.Connection, streamed: bool
) -> None:
    _, api = relay
    raw = await ask(api, "to_raw", stream=streamed, logit_bias={"1": 2})
    made = raw.parse()
    if streamed:
        text = "".join([each.choices[0].delta.content or "" async for each in made])
    else:
        text = made.choices[0].message.content
    assert text == "hello"
    assert raw.headers["x-tensorzero-relay"] == "raw"
    assert raw.headers["x-tensorzero-variant-name"] == "good"
    assert upstream.seen[-1].json["logit_bias"] == {"1": 2}
    found = await row(db, raw)
    assert (found["variant_assigned"], found["variant_served"]) == ("best_down", "good")
    attempts = [(each["variant_name"], each["status"]) for each in json.loads(found["attempts"])]
    assert attempts == [("down", 503), ("down", 503), ("good", 200)]
    assert (found["relay"], found["calls"]) == ("raw", 1)


async def test_when_all_fail_the_last_answer_is_passed_on_and_recorded(
    relay: Relay, upstream: FakeUpstream, db: asyncpg.Connection
) -> None:
    _, api = relay
    for function, pinned in (("all_down", None), ("best", "best_down")):
        headers = {} if pinned is None else {"x-tensorzero-variant-name": pinned}
        with pytest.raises(openai.InternalServerError) as failed:
            await ask(api, function, extra_headers=headers)
        assert failed.value.status_code == 503
        assert failed.value.body == {"message": "down"}
        assert failed.value.response.headers["x-should-retry"] == "false"
        identifier = uuid.UUID(failed.value.response.headers["x-tensorzero-inference-id"])

        async def look(identifier: uuid.UUID = identifier) -> Any:
            return await db.fetchrow("SELECT * FROM tensorzero.exchanges WHERE id = $1", identifier)

        found = await eventually(look)
        assert (found["status"], found["end_reason"]) == (503, "upstream_error")
        assert (found["error"], found["relay"]) == ("status", None)


async def test_a_providers_refusal_ends_the_call(relay: Relay, upstream: FakeUpstream) -> None:
    _, api = relay
    with pytest.raises(openai.BadRequestError):
        await ask(api, "refused")
    assert [each.json["model"] for each in upstream.seen] == ["refuses"]


async def test_older_endpoints_say_what_they_cannot_serve(
    relay: Relay, upstream: FakeUpstream
) -> None:
    _, api = relay
    for function in ("told", "tools", "json", "best"):
        with pytest.raises(openai.InternalServerError) as refused:
            await api.responses.create(model=f"tensorzero::function_name::{function}", input="x")
        assert refused.value.status_code == 501
    assert not upstream.seen


async def test_a_client_that_leaves_while_candidates_are_asked_is_recorded(
    relay: Relay, upstream: FakeUpstream, db: asyncpg.Connection
) -> None:
    _, api = relay

    async def hang(seen: Seen, wire: Wire) -> None:
        await wire.gone()

    upstream.script = hang
    asking = asyncio.ensure_future(ask(api, "best"))
    await eventually(lambda: _is(len(upstream.seen) == 2))
    asking.cancel()

    async def look() -> Any:
        return await db.fetchrow("SELECT * FROM tensorzero.exchanges")

    found = await eventually(look)
    assert (found["end_reason"], found["lane"]) == ("client_disconnected", "relay")
    assert (found["variant_assigned"], found["variant_served"]) == ("best", None)


async def test_a_translated_stream_that_breaks_ends_in_an_error(
    relay: Relay, upstream: FakeUpstream, db: asyncpg.Connection
) -> None:
    _, api = relay

    async def cut(seen: Seen, wire: Wire) -> None:
        await wire.head(200, {"content-type": "text/event-stream"})
        function = {"name": "respond", "arguments": '{"answer"'}
        call = {"index": 0, "id": "c", "type": "function", "function": function}
        choice = {"index": 0, "delta": {"tool_calls": [call]}, "finish_reason": None}
        await wire.chunk(b"data: %b\n\n" % json.dumps({"choices": [choice]}).encode())
        wire.reset()

    upstream.script = cut
    headers = {"x-tensorzero-variant-name": "tool"}
    raw = await ask(api, "json", stream=True, extra_headers=headers)
    said = []
    with pytest.raises(openai.APIError):
        async for chunk in raw.parse():
            said.append(chunk.choices[0].delta.content)
    assert said == ['{"answer"']
    found = await row(db, raw, "json")
    assert (found["end_reason"], found["relay"]) == ("upstream_cut", "translated")
    assert json.loads(found["output"])["raw"] == '{"answer"'


async def _is(value: bool) -> bool:
    return value

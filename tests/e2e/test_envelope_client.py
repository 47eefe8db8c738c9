"""The real `openai` client on `/openai/v1`, with TensorZero's extensions."""

from __future__ import annotations

import json
import uuid
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import openai
import pytest

from tests.conftest import StartProxy, off_loop
from tests.fake_openai import like_openai
from tests.fake_upstream import FakeUpstream, Seen, Wire, answer, completion, events, stream
from tests.harness import Proxy, eventually, one_provider

MESSAGES = [{"role": "user", "content": "hola"}]
F = "tensorzero::function_name::f"
M = "tensorzero::model_name::m"

Envelope = tuple[Proxy, openai.AsyncOpenAI]


@pytest.fixture
async def envelope(upstream: FakeUpstream, start_proxy: StartProxy) -> AsyncIterator[Envelope]:
    upstream.script = like_openai
    config = one_provider(upstream.api_base)
    config["functions"]["f"]["variants"]["a"] |= {"temperature": 0.5, "max_tokens": 9}
    dummy = {"type": "dummy", "model_name": "good"}
    config["embedding_models"] = {
        "e": {"routing": ["p"], "providers": {"p": config["models"]["m"]["providers"]["p"]}},
        "d": {"routing": ["d"], "providers": {"d": dummy}},
    }
    proxy = await off_loop(lambda: start_proxy(config))
    async with openai.AsyncOpenAI(
        base_url=proxy.base + "/openai/v1", api_key="none", max_retries=0
    ) as api:
        yield proxy, api


async def row(db: asyncpg.Connection, query: str, *values: Any) -> asyncpg.Record:
    async def look() -> Any:
        return await db.fetchrow(query, *values)

    return await eventually(look)


async def test_an_answer_bears_ids_variant_and_usage_and_is_recorded(
    envelope: Envelope, upstream: FakeUpstream, db: asyncpg.Connection
) -> None:
    _, api = envelope
    raw = await api.chat.completions.with_raw_response.create(
        model=F,
        messages=[{"role": "system", "content": "Brief."}, *MESSAGES],
        top_p=0.9,
        stop=["x"],
        extra_body={
            "tensorzero::variant_name": "a",
            "tensorzero::tags": {"user": "7"},
            "unknown_field": 1,
        },
    )
    made = raw.parse()
    extra = made.model_extra or {}
    assert made.model == "tensorzero::function_name::f::variant_name::a"
    assert made.choices[0].message.content == "hello"
    assert made.usage is not None and made.usage.total_tokens == 5
    assert raw.headers["x-tensorzero-variant-name"] == "a"
    sent = upstream.seen[-1].json
    assert sent == {
        "messages": [
            {"role": "system", "content": "Brief."},
            {"role": "user", "content": "hola"},
        ],
        "model": "upstream-model",
        "temperature": 0.5,
        "top_p": 0.9,
        "max_completion_tokens": 9,
        "stop": ["x"],
    } | {key: sent[key] for key in ("stream",) if key in sent}
    found = await row(
        db,
        """
        SELECT i.*, d.input, d.output, d.inference_params, e.lane, e.tags AS all_tags,
               m.system, m.input_messages, m.raw_request, m.raw_response
        FROM tensorzero.chat_inferences i
        JOIN tensorzero.chat_inference_data d USING (id)
        JOIN tensorzero.exchanges e USING (id)
        JOIN tensorzero.model_inferences c ON c.inference_id = i.id
        JOIN tensorzero.model_inference_data m ON m.id = c.id
        WHERE i.id = $1
        """,
        uuid.UUID(made.id),
    )
    assert str(found["episode_id"]) == extra["episode_id"]
    assert (found["function_name"], found["variant_name"], found["lane"]) == ("f", "a", "envelope")
    assert json.loads(found["tags"]) == {"user": "7", "tensorzero::variant_pinned": "a"}
    said = {"role": "user", "content": [{"type": "text", "text": "hola"}]}
    assert json.loads(found["input"]) == {"system": "Brief.", "messages": [said]}
    assert json.loads(found["output"]) == [{"type": "text", "text": "hello"}]
    params = json.loads(found["inference_params"])["chat_completion"]
    assert params == {
        "temperature": 0.5,
        "top_p": 0.9,
        "max_tokens": 9,
        "stop_sequences": ["x"],
    }
    assert found["system"] == "Brief." and json.loads(found["input_messages"]) == [said]
    assert json.loads(found["raw_request"]) == sent


async def test_a_stream_ends_with_one_chunk_of_finish_and_usage(
    envelope: Envelope, upstream: FakeUpstream, db: asyncpg.Connection
) -> None:
    _, api = envelope
    upstream.script = stream(events(["Hel", "lo"], usage=True))
    made = await api.chat.completions.create(
        model=M, messages=MESSAGES, stream=True, stream_options={"include_usage": True}
    )
    chunks = [chunk async for chunk in made]
    texts = [each.choices[0].delta.content for each in chunks]
    assert "".join(text or "" for text in texts) == "Hello"
    assert chunks[-1].choices[0].finish_reason == "stop"
    assert chunks[-1].usage is not None and chunks[-1].usage.prompt_tokens == 3
    assert all(each.usage is None for each in chunks[:-1])
    assert {each.model for each in chunks} == {M}
    found = await row(
        db, "SELECT * FROM tensorzero.exchanges WHERE id = $1", uuid.UUID(chunks[0].id)
    )
    assert (found["end_reason"], found["stream"], found["usage_source"]) == (
        "complete",
        True,
        "provider",
    )


async def test_an_episode_goes_on(envelope: Envelope) -> None:
    _, api = envelope
    first = await api.chat.completions.create(model=F, messages=MESSAGES)
    episode = (first.model_extra or {})["episode_id"]
    more = [
        await api.chat.completions.create(
            model=F, messages=MESSAGES, extra_body={"tensorzero::episode_id": episode}
        )
        for _ in range(3)
    ]
    assert {(each.model_extra or {})["episode_id"] for each in more} == {episode}
    assert {each.model for each in more} == {first.model}


async def test_a_dry_run_leaves_nothing(envelope: Envelope, db: asyncpg.Connection) -> None:
    _, api = envelope
    for dryrun in (True, False):
        await api.chat.completions.create(
            model=F, messages=MESSAGES, extra_body={"tensorzero::dryrun": dryrun}
        )
    await row(db, "SELECT id FROM tensorzero.exchanges")
    assert await db.fetchval("SELECT count(*) FROM tensorzero.exchanges") == 1


async def test_tools_go_there_and_back(envelope: Envelope, upstream: FakeUpstream) -> None:
    _, api = envelope
    call = {
        "id": "call_1",
        "type": "function",
        "function": {"name": "add", "arguments": '{"a": 1}'},
    }
    message = {"role": "assistant", "content": None, "tool_calls": [call]}
    choice = {"index": 0, "message": message, "finish_reason": "tool_calls"}
    upstream.script = answer(completion(choices=[choice]))
    tool = {"type": "function", "function": {"name": "add", "parameters": {"type": "object"}}}
    made = await api.chat.completions.create(
        model=M,
        messages=[
            *MESSAGES,
            message,
            {"role": "tool", "tool_call_id": "call_1", "content": "3"},
        ],
        tools=[tool],
        tool_choice="required",
    )
    assert made.choices[0].finish_reason == "tool_calls"
    calls = made.choices[0].message.tool_calls
    assert calls is not None and calls[0].function.arguments == '{"a": 1}'  # type: ignore[union-attr]
    sent = upstream.seen[-1].json
    assert sent["tool_choice"] == "required"
    assert sent["messages"][1]["tool_calls"][0]["id"] == "call_1"
    assert sent["messages"][2] == {"role": "tool", "tool_call_id": "call_1", "content": '"3"'}


async def test_what_one_provider_refuses_the_next_may_take(
    upstream: FakeUpstream, start_proxy: StartProxy
) -> None:
    config = one_provider(upstream.api_base)
    providers = config["models"]["m"]["providers"]
    providers["spare"] = providers["p"] | {"model_name": "spare"}
    config["models"]["m"]["routing"] = ["p", "spare"]

    async def script(seen: Seen, wire: Wire) -> None:
        refused = seen.json["model"] != "spare"
        await answer(
            {"error": {"message": "no"}} if refused else completion(), 400 if refused else 200
        )(seen, wire)

    upstream.script = script
    proxy = await off_loop(lambda: start_proxy(config))
    status, headers, _ = await off_loop(
        lambda: proxy.post("/openai/v1/chat/completions", {"model": M, "messages": MESSAGES})
    )
    assert (status, headers["x-tensorzero-provider-name"]) == (200, "spare")


async def test_a_total_failure_is_told_and_recorded(
    envelope: Envelope, upstream: FakeUpstream, db: asyncpg.Connection
) -> None:
    _, api = envelope
    upstream.script = answer({"error": {"message": "down"}}, 503)
    with pytest.raises(openai.InternalServerError) as caught:
        await api.chat.completions.create(model=M, messages=MESSAGES)
    assert caught.value.status_code == 502
    assert caught.value.body == {
        "message": "All variants failed with errors: m: All model providers failed to infer with "
        "errors: p: Error from openai server: "
        '{"error": {"message": "down"}}'
    }
    found = await row(db, "SELECT * FROM tensorzero.exchanges")
    assert (found["status"], found["end_reason"], found["error"]) == (
        502,
        "upstream_error",
        "status",
    )
    with pytest.raises(openai.InternalServerError) as caught:
        await api.chat.completions.create(
            model=F, messages=MESSAGES, extra_body={"tensorzero::variant_name": "b"}
        )
    assert caught.value.status_code == 500
    assert "All variants" not in str(caught.value)


async def test_a_stream_that_breaks_off_raises(
    envelope: Envelope, upstream: FakeUpstream, db: asyncpg.Connection
) -> None:
    _, api = envelope

    async def script(seen: Seen, wire: Wire) -> None:
        await wire.head(200, {"content-type": "text/event-stream"})
        await wire.chunk(events(["Hel"])[0])
        wire.reset()

    upstream.script = script
    made = await api.chat.completions.create(model=M, messages=MESSAGES, stream=True)
    with pytest.raises(openai.APIError):
        async for _ in made:
            pass
    found = await row(db, "SELECT * FROM tensorzero.exchanges")
    assert (found["end_reason"], found["output_complete"]) == ("upstream_cut", False)


async def test_embeddings_in_batches_dimensions_and_both_encodings(
    envelope: Envelope, upstream: FakeUpstream, db: asyncpg.Connection
) -> None:
    _, api = envelope
    made = await api.embeddings.create(
        model="tensorzero::embedding_model_name::e",
        input=["a", "b"],
        dimensions=2,
        encoding_format="float",
    )
    assert made.model == "tensorzero::embedding_model_name::e"
    assert made.data[0].embedding == [0.25, -1.0]
    assert made.usage.total_tokens == 5
    assert upstream.seen[-1].json == {
        "model": "upstream-model",
        "input": ["a", "b"],
        "dimensions": 2,
        "encoding_format": "float",
    }
    zeros = await api.embeddings.create(model="d", input=[[1, 2], [3]], encoding_format="float")
    assert [len(each.embedding) for each in zeros.data] == [1536, 1536]
    found = await row(db, "SELECT * FROM tensorzero.exchanges WHERE model_name = 'e'")
    assert (found["endpoint"], found["lane"]) == ("embeddings", "envelope")
    with pytest.raises(openai.NotFoundError, match="Model not found: nope"):
        await api.embeddings.create(
            model="tensorzero::embedding_model_name::nope", input="x", encoding_format="float"
        )


async def test_unknown_paths_and_methods_answer_as_tensorzero_does(envelope: Envelope) -> None:
    proxy, _ = envelope
    status, _, body = await off_loop(lambda: proxy.post("/openai/v1/nope", {}))
    assert (status, json.loads(body)) == (404, {"error": "Route not found: POST /openai/v1/nope"})
    status, body = await off_loop(lambda: proxy.get("/openai/v1/chat/completions"))
    assert (status, body) == (405, b"")


async def test_a_stream_without_any_chunk_is_no_answer(
    envelope: Envelope, upstream: FakeUpstream
) -> None:
    _, api = envelope
    upstream.script = stream([b"data: [DONE]\n\n"])
    with pytest.raises(openai.InternalServerError, match="ended before its first chunk"):
        await api.chat.completions.create(model=M, messages=MESSAGES, stream=True)


async def test_what_came_before_an_error_in_the_same_block_is_sent(
    envelope: Envelope, upstream: FakeUpstream
) -> None:
    _, api = envelope
    first, second = events(["Hel", "lo"])[:2]
    upstream.script = stream(
        [first, second + b'data: {"error": {"message": "no"}}\n\n'], pause=0.05
    )
    made = await api.chat.completions.create(model=M, messages=MESSAGES, stream=True)
    texts = []
    with pytest.raises(openai.APIError):
        async for chunk in made:
            texts.append(chunk.choices[0].delta.content)
    assert "".join(text or "" for text in texts) == "Hello"

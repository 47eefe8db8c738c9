"""The real `openai` client against providers that speak other protocols: the relay translates."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any

import asyncpg
import openai
import pytest
import pytest_asyncio
from tensorzero import AsyncTensorZeroGateway

from tests.conftest import fresh_database, off_loop
from tests.fake_upstream import FakeUpstream
from tests.fake_vendors import CLAUDE, CONVERSE, GEMINI, SIGNATURE, Vendors
from tests.harness import Proxy, eventually, write_config

MESSAGES = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Weather?"}]
TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "weather",
            "description": "Tells the weather",
            "parameters": {
                "type": "object",
                "properties": {"city": {"type": "string"}},
                "required": ["city"],
            },
        },
    }
]
MODELS = ("claude", "gemini", "nova", "o-model")
KEY, TOKEN = "sk-test-key-value", "the+session/token=="


def config(base: str) -> dict[str, Any]:
    """Four models of four protocols, each also with a second provider that answers in its place."""
    providers: dict[str, dict[str, Any]] = {
        "claude": {
            "type": "anthropic",
            "model_name": "claude-sonnet-4-5",
            "api_base": base + "/",
            "api_key_location": "env::TEST_KEY",
        },
        "gemini": {
            "type": "google_ai_studio_gemini",
            "model_name": "gemini-x",
            "api_base": base + "/",
            "api_key_location": "env::TEST_KEY",
        },
        "nova": {
            "type": "aws_bedrock",
            "model_id": "nova-x",
            "region": "us-east-1",
            "endpoint_url": base,
            "access_key_id": "env::TEST_AWS_ID",
            "secret_access_key": "env::TEST_AWS_KEY",
            "session_token": "env::TEST_AWS_TOKEN",
        },
        "o-model": {
            "type": "openai",
            "model_name": "o-x",
            "api_base": base + "/",
            "api_type": "responses",
            "include_encrypted_reasoning": True,
            "api_key_location": "env::TEST_KEY",
        },
    }
    spare = {"type": "dummy", "model_name": "good"}
    models: dict[str, Any] = {
        name: {"routing": [name], "providers": {name: entry}} for name, entry in providers.items()
    }
    for name, entry in providers.items():
        models[name + "-or-dummy"] = {
            "routing": [name, "spare"],
            "providers": {name: entry, "spare": spare},
        }
    return {"models": models}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def vendors() -> AsyncIterator[tuple[Vendors, FakeUpstream]]:
    made = Vendors()
    upstream = await FakeUpstream(made.script).start()
    yield made, upstream
    await upstream.stop()


@pytest.fixture(scope="module")
def database(postgres_dsn: str) -> Iterator[str]:
    with fresh_database(postgres_dsn) as made:
        yield made


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def proxy(
    vendors: tuple[Vendors, FakeUpstream],
    tmp_path_factory: pytest.TempPathFactory,
    database: str,
) -> AsyncIterator[Proxy]:
    folder = tmp_path_factory.mktemp("translation")
    base = vendors[1].api_base.rstrip("/")
    file = write_config(folder / "routes.yaml", config(base))
    made = Proxy(
        file,
        folder / "state",
        database,
        environ={
            "TEST_AWS_ID": "AKIDEXAMPLE",
            "TEST_AWS_KEY": "aws-secret-value",
            "TEST_KEY": KEY,
            "TEST_AWS_TOKEN": TOKEN,
        },
    )
    await off_loop(made.start)
    yield made
    await off_loop(made.kill_all)


@pytest.fixture
def upstream(vendors: tuple[Vendors, FakeUpstream]) -> FakeUpstream:
    return vendors[1]


@pytest.fixture
def vendor(vendors: tuple[Vendors, FakeUpstream]) -> Vendors:
    vendors[0].fails, vendors[0].broken, vendors[0].echoes = None, False, False
    vendors[0].before = b""
    return vendors[0]


@pytest.fixture
async def api(proxy: Proxy) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(
        base_url=proxy.base + "/v1", api_key="not-needed", max_retries=0
    ) as made:
        yield made


pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.mark.parametrize("model", MODELS)
async def test_a_whole_answer_is_openais(
    api: openai.AsyncOpenAI, vendor: Vendors, model: str
) -> None:
    raw = await api.chat.completions.with_raw_response.create(
        model=model, messages=MESSAGES, tools=TOOLS, max_tokens=100
    )
    made = raw.parse()
    assert raw.headers["x-tensorzero-relay"] == "translated"
    assert made.id == raw.headers["x-tensorzero-inference-id"]
    assert (made.object, made.model) == ("chat.completion", model)
    assert made.created > 1_600_000_000
    (choice,) = made.choices
    assert choice.finish_reason == "tool_calls"
    assert choice.message.content == "Let me look."
    assert choice.message.reasoning_content == "hm"
    (call,) = choice.message.tool_calls
    assert call.function.name == "weather"
    assert json.loads(call.function.arguments) == {"city": "Rome"}
    assert call.id
    assert made.usage.prompt_tokens == 7 and made.usage.completion_tokens == 11


@pytest.mark.parametrize("model", MODELS)
async def test_a_stream_is_openais(api: openai.AsyncOpenAI, vendor: Vendors, model: str) -> None:
    async with api.chat.completions.stream(
        model=model,
        messages=MESSAGES,
        tools=TOOLS,
        max_tokens=100,
        stream_options={"include_usage": True},
    ) as opened:
        seen = [event async for event in opened]
        made = await opened.get_final_completion()
    (choice,) = made.choices
    assert choice.message.content == "Let me look."
    assert choice.finish_reason == "tool_calls"
    (call,) = choice.message.tool_calls
    assert call.function.name == "weather"
    assert json.loads(call.function.arguments) == {"city": "Rome"}
    assert made.usage.prompt_tokens == 7 and made.usage.completion_tokens == 11
    texts = [event.delta for event in seen if event.type == "content.delta" and event.delta]
    assert texts == ["Let me ", "look."]


@pytest.mark.parametrize("model", MODELS)
async def test_what_a_model_thought_and_signed_goes_back_as_it_came(
    api: openai.AsyncOpenAI, vendor: Vendors, upstream: FakeUpstream, model: str
) -> None:
    made = await api.chat.completions.create(
        model=model, messages=MESSAGES, tools=TOOLS, max_tokens=100
    )
    message = made.choices[0].message
    answer = {"role": "tool", "tool_call_id": message.tool_calls[0].id, "content": "Sunny"}
    await api.chat.completions.create(
        model=model,
        messages=[*MESSAGES, message.model_dump(exclude_none=True), answer],
        tools=TOOLS,
        max_tokens=100,
    )
    sent = upstream.seen[-1].json
    assert SIGNATURE in json.dumps(sent)
    said = said_by_assistant(model, sent)
    assert said == EXPECTED_TURN[model]


def said_by_assistant(model: str, body: Mapping[str, Any]) -> list[Any]:
    if model == "gemini":
        return list(body["contents"][1]["parts"])
    if model == "o-model":
        kinds = ("reasoning", "message", "function_call")
        return [each["type"] for each in body["input"] if each.get("type") in kinds][-3:]
    return list(body["messages"][1]["content"])


EXPECTED_TURN: Mapping[str, list[Any]] = {
    "claude": CLAUDE["content"],  # type: ignore[dict-item]
    "gemini": GEMINI["candidates"][0]["content"]["parts"],
    "nova": CONVERSE["output"]["message"]["content"],  # type: ignore[index]
    "o-model": ["reasoning", "message", "function_call"],
}

ERRORS: Mapping[str, dict[str, Any]] = {
    "claude": {
        "type": "error",
        "error": {"type": "rate_limit_error", "message": "Too many requests of yours"},
    },
    "gemini": {
        "error": {
            "code": 429,
            "message": "Too many requests of yours",
            "status": "RESOURCE_EXHAUSTED",
        }
    },
    "nova": {"message": "Too many requests of yours"},
    "o-model": {
        "error": {
            "message": "Too many requests of yours",
            "type": "rate_limit_error",
            "code": "rate_limit_exceeded",
        }
    },
}


@pytest.mark.parametrize("model", MODELS)
async def test_an_error_is_told_as_openai_tells_it(
    api: openai.AsyncOpenAI, vendor: Vendors, model: str
) -> None:
    vendor.fails = 429, ERRORS[model]
    with pytest.raises(openai.RateLimitError) as caught:
        await api.chat.completions.create(model=model, messages=MESSAGES, max_tokens=100)
    assert caught.value.body["message"] == "Too many requests of yours"
    assert caught.value.body["type"] == "rate_limit_error"


@pytest.mark.parametrize("model", MODELS)
async def test_another_provider_answers_when_one_of_another_protocol_fails(
    api: openai.AsyncOpenAI, vendor: Vendors, model: str
) -> None:
    vendor.fails = 500, {"error": {"message": "down"}}
    raw = await api.chat.completions.with_raw_response.create(
        model=model + "-or-dummy", messages=MESSAGES, max_tokens=100
    )
    assert raw.headers["x-tensorzero-provider-name"] == "spare"
    assert raw.parse().choices[0].message.content


@pytest.mark.parametrize("model", MODELS)
async def test_a_stream_that_breaks_is_no_whole_answer(
    api: openai.AsyncOpenAI, vendor: Vendors, model: str
) -> None:
    vendor.broken = True
    with pytest.raises((openai.APIError, Exception)) as caught:
        stream = await api.chat.completions.create(
            model=model, messages=MESSAGES, tools=TOOLS, max_tokens=100, stream=True
        )
        async for _ in stream:
            pass
    assert not isinstance(caught.value, AssertionError)


async def test_what_a_protocol_cannot_say_is_refused_by_name(
    api: openai.AsyncOpenAI, vendor: Vendors
) -> None:
    with pytest.raises(openai.APIStatusError) as caught:
        await api.chat.completions.create(
            model="claude", messages=MESSAGES, max_tokens=100, logprobs=True
        )
    assert "logprobs" in str(caught.value)


async def test_a_signed_request_says_who_asks_and_no_more(
    api: openai.AsyncOpenAI, vendor: Vendors, upstream: FakeUpstream
) -> None:
    await api.chat.completions.create(model="nova", messages=MESSAGES, max_tokens=100)
    headers = upstream.seen[-1].headers
    assert headers["authorization"].startswith("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/")
    assert "aws-secret-value" not in str(headers)


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("model", MODELS)
async def test_a_translated_answer_is_recorded_in_the_providers_words(
    api: openai.AsyncOpenAI,
    vendor: Vendors,
    upstream: FakeUpstream,
    database: str,
    model: str,
    streamed: bool,
) -> None:
    raw = await api.chat.completions.with_raw_response.create(
        model=model, messages=MESSAGES, tools=TOOLS, max_tokens=100, stream=streamed
    )
    if streamed:
        async for _ in raw.parse():
            pass
    identifier = raw.headers["x-tensorzero-inference-id"]
    sent = upstream.seen[-1].body.decode()
    db = await asyncpg.connect(database)

    async def stored() -> Any:
        return await db.fetchrow(
            "SELECT * FROM tensorzero.model_inferences m "
            "JOIN tensorzero.model_inference_data d USING (id) WHERE m.inference_id = $1",
            identifier,
        )

    try:
        row = await eventually(stored)
    finally:
        await db.close()
    assert (row["input_tokens"], row["output_tokens"]) == (7, 11)
    assert row["finish_reason"] == "tool_call"
    assert row["raw_request"] == sent
    output = json.loads(row["output"])
    assert [block["type"] for block in output] == ["thought", "text", "tool_call"] or (
        model == "gemini"
        and [block["type"] for block in output][1:] == ["text", "thought", "tool_call"]
    )
    authors = {block["provider_type"] for block in output if block["type"] == "thought"}
    assert authors == {config("")["models"][model]["providers"][model]["type"]}
    assert "Be brief." in row["system"]
    assert "Weather?" in row["input_messages"]


@pytest.mark.parametrize("model", MODELS)
async def test_tensorzeros_own_client_is_told_the_same(
    proxy: Proxy, vendor: Vendors, model: str
) -> None:
    asked: dict[str, Any] = {
        "model_name": model,
        "input": {"messages": [{"role": "user", "content": "Weather?"}]},
        "additional_tools": [{**TOOLS[0]["function"], "strict": False}],  # type: ignore[dict-item]
    }
    building: Any = AsyncTensorZeroGateway.build_http(gateway_url=proxy.base)
    async with await building as gateway:
        made = await gateway.inference(**asked)
        kinds = {block.type for block in made.content}
        assert kinds == {"thought", "text", "tool_call"}
        (call,) = [block for block in made.content if block.type == "tool_call"]
        assert (call.name, call.arguments) == ("weather", {"city": "Rome"})
        assert (made.usage.input_tokens, made.usage.output_tokens) == (7, 11)
        chunks = [chunk async for chunk in await gateway.inference(**asked, stream=True)]
    texts = [block.text for chunk in chunks for block in chunk.content if block.type == "text"]
    assert "".join(texts) == "Let me look."
    thoughts = [block for chunk in chunks for block in chunk.content if block.type == "thought"]
    assert any(block.signature == SIGNATURE for block in thoughts)


@pytest.mark.parametrize("model", MODELS)
async def test_a_stream_that_begins_with_garbage_is_no_answer(
    api: openai.AsyncOpenAI, vendor: Vendors, model: str
) -> None:
    vendor.before = b"data: {nonsense\n\n" * 10
    with pytest.raises(openai.APIStatusError) as caught:
        await api.chat.completions.create(
            model=model, messages=MESSAGES, max_tokens=100, stream=True
        )
    assert caught.value.status_code == 502
    raw = await api.chat.completions.with_raw_response.create(
        model=model + "-or-dummy", messages=MESSAGES, max_tokens=100, stream=True
    )
    assert raw.headers["x-tensorzero-provider-name"] == "spare"
    assert [chunk async for chunk in raw.parse()]


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("lane", ["relay", "native"])
@pytest.mark.parametrize("model", MODELS)
async def test_a_secret_that_a_provider_repeats_goes_no_further(
    proxy: Proxy, vendor: Vendors, database: str, model: str, lane: str, streamed: bool
) -> None:
    vendor.echoes = True
    if lane == "relay":
        path, body = "/v1/chat/completions", {"model": model, "messages": MESSAGES}
    else:
        said = {"messages": [{"role": "user", "content": "hi"}]}
        path, body = "/inference", {"model_name": model, "input": said}
    status, headers, told = await off_loop(
        lambda: proxy.post(path, {**body, "stream": streamed}, {"user-agent": "echo"})
    )
    assert status >= 400 and b"***" in told
    db = await asyncpg.connect(database)

    async def stored() -> Any:
        query = "SELECT * FROM tensorzero.exchanges WHERE id = $1"
        return await db.fetchrow(query, headers["x-tensorzero-inference-id"])

    try:
        row = await eventually(stored)
    finally:
        await db.close()
    assert row["response_body"] and "***" in row["attempts"]
    for secret in (KEY, TOKEN, "aws-secret-value"):
        assert secret not in told.decode() + str(dict(row)) + proxy.log.read_text()


@pytest.mark.parametrize(
    ("model", "wanted"), [("claude", "req_1"), ("gemini", None), ("nova", "amz_1")]
)
async def test_the_record_has_the_providers_name_of_the_call_and_its_time(
    api: openai.AsyncOpenAI, vendor: Vendors, database: str, model: str, wanted: str | None
) -> None:
    vendor.pause = 0.05
    try:
        raw = await api.chat.completions.with_raw_response.create(
            model=model, messages=MESSAGES, max_tokens=100
        )
    finally:
        vendor.pause = 0.0
    db = await asyncpg.connect(database)

    async def stored() -> Any:
        return await db.fetchrow(
            "SELECT * FROM tensorzero.exchanges e JOIN tensorzero.model_inferences m "
            "ON m.inference_id = e.id WHERE e.id = $1",
            raw.headers["x-tensorzero-inference-id"],
        )

    try:
        row = await eventually(stored)
    finally:
        await db.close()
    assert row["upstream_request_id"] == wanted
    assert row["response_time_ms"] >= 50


async def test_what_a_protocol_has_no_place_for_is_counted(
    api: openai.AsyncOpenAI, proxy: Proxy, vendor: Vendors
) -> None:
    await api.chat.completions.create(model="claude", messages=MESSAGES, max_tokens=100, seed=1)

    async def counted() -> bool:
        found = await off_loop(
            lambda: proxy.metric(
                "zeroproxy_ignored_parameters_total", provider_type="anthropic", parameter="seed"
            )
        )
        return bool(found >= 1)

    await eventually(counted)
    assert "no series" not in proxy.log.read_text()

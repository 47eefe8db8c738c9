"""The real `openai` client, with nothing changed but `base_url`."""

from __future__ import annotations

import json

import openai
import pydantic
import pytest

from tests.conftest import off_loop
from tests.fake_upstream import FakeUpstream, answer, completion, events, stream
from tests.harness import Proxy

MESSAGES = [{"role": "user", "content": "hola"}]


def client(proxy: Proxy, **more: object) -> openai.AsyncOpenAI:
    return openai.AsyncOpenAI(
        base_url=proxy.base + "/v1",
        api_key="not-needed",
        **{"max_retries": 0, **more},  # type: ignore[arg-type]
    )


async def test_a_chat_names_what_served_it(served: tuple[Proxy, FakeUpstream]) -> None:
    proxy, upstream = served
    async with client(proxy) as api:
        raw = await api.chat.completions.with_raw_response.create(
            model="tensorzero::function_name::f", messages=MESSAGES, temperature=0.25, seed=7
        )
    parsed = raw.parse()
    assert parsed.choices[0].message.content == "hello"
    assert parsed._request_id == raw.headers["x-tensorzero-inference-id"]
    assert raw.headers["x-tensorzero-variant-name"] in ("a", "b")
    assert raw.headers["x-tensorzero-model-name"] == "m"
    assert raw.headers["x-tensorzero-relay"] == "raw"
    sent = upstream.seen[-1]
    assert sent.json["model"] == "upstream-model"
    assert sent.json["temperature"] == 0.25
    assert sent.headers["accept-encoding"] == "identity"
    assert "authorization" not in sent.headers


async def test_a_stream_comes_chunk_by_chunk(served: tuple[Proxy, FakeUpstream]) -> None:
    proxy, upstream = served
    upstream.script = stream(events(["Hel", "lo", "!"], usage=True), pause=0.01)
    async with client(proxy) as api:
        raw = await api.chat.completions.with_raw_response.create(
            model="m", messages=MESSAGES, stream=True
        )
        chunks = [chunk async for chunk in raw.parse()]
    assert "".join(each.choices[0].delta.content or "" for each in chunks if each.choices) == (
        "Hello!"
    )
    assert chunks[-1].usage is not None
    assert raw.headers["x-accel-buffering"] == "no"
    assert raw.headers["cache-control"] == "no-cache"


async def test_the_stream_helper_accumulates(served: tuple[Proxy, FakeUpstream]) -> None:
    proxy, upstream = served
    upstream.script = stream(events(["a", "b"]))
    async with (
        client(proxy) as api,
        api.chat.completions.stream(model="m", messages=MESSAGES) as running,
    ):
        final = await running.get_final_completion()
    assert final.choices[0].message.content == "ab"


async def test_tools_go_and_come(served: tuple[Proxy, FakeUpstream]) -> None:
    proxy, upstream = served
    call = {
        "id": "call_1",
        "type": "function",
        "function": {"name": "add", "arguments": '{"a": 1}'},
    }
    message = {"role": "assistant", "content": None, "tool_calls": [call]}
    upstream.script = answer(
        completion(choices=[{"index": 0, "message": message, "finish_reason": "tool_calls"}])
    )
    tool = {
        "type": "function",
        "function": {"name": "add", "parameters": {"type": "object", "properties": {}}},
    }
    async with client(proxy) as api:
        result = await api.chat.completions.create(
            model="m", messages=MESSAGES, tools=[tool], tool_choice="required"
        )
    assert result.choices[0].message.tool_calls[0].function.arguments == '{"a": 1}'
    assert upstream.seen[-1].json["tools"] == [tool]


class Person(pydantic.BaseModel):
    name: str
    age: int


async def test_structured_output_is_parsed(served: tuple[Proxy, FakeUpstream]) -> None:
    proxy, upstream = served
    upstream.script = answer(completion('{"name":"Ada","age":36}'))
    async with client(proxy) as api:
        result = await api.chat.completions.parse(
            model="m", messages=MESSAGES, response_format=Person
        )
    assert result.choices[0].message.parsed == Person(name="Ada", age=36)
    assert upstream.seen[-1].json["response_format"]["json_schema"]["strict"] is True


async def test_models_are_listed_and_found(served: tuple[Proxy, FakeUpstream]) -> None:
    proxy, _ = served
    async with client(proxy) as api:
        names = [model.id async for model in api.models.list()]
        assert names == ["tensorzero::function_name::f", "m"]
        assert (await api.models.retrieve(names[0])).id == names[0]
        with pytest.raises(openai.NotFoundError):
            await api.models.retrieve("nobody")


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, openai.BadRequestError),
        (401, openai.AuthenticationError),
        (403, openai.PermissionDeniedError),
        (404, openai.NotFoundError),
        (409, openai.ConflictError),
        (422, openai.UnprocessableEntityError),
        (429, openai.RateLimitError),
        (500, openai.InternalServerError),
        (503, openai.InternalServerError),
    ],
)
async def test_the_clients_error_classes_come_with_code_and_param(
    served: tuple[Proxy, FakeUpstream], status: int, kind: type[openai.APIStatusError]
) -> None:
    proxy, upstream = served
    error = {"message": "no", "type": "some_type", "param": "messages", "code": "some_code"}
    upstream.script = answer({"error": error}, status, {"x-request-id": "req_9"})
    async with client(proxy) as api:
        with pytest.raises(kind) as caught:
            await api.chat.completions.create(model="m", messages=MESSAGES)
    assert caught.value.status_code == status
    assert (caught.value.code, caught.value.param) == ("some_code", "messages")
    assert caught.value.response.headers["x-upstream-request-id"] == "req_9"
    assert json.loads(caught.value.response.content) == {"error": error}


async def test_our_own_errors_have_the_same_form(served: tuple[Proxy, FakeUpstream]) -> None:
    proxy, _ = served
    async with client(proxy) as api:
        with pytest.raises(openai.NotFoundError) as unknown:
            await api.chat.completions.create(
                model="tensorzero::function_name::nope", messages=MESSAGES
            )
    assert unknown.value.code == "model_not_found"
    assert unknown.value.param == "model"
    status, _, body = await off_loop(lambda: proxy.post("/v1/chat/completions", b"{not json"))
    assert status == 400
    assert json.loads(body)["error"]["type"] == "invalid_request_error"


async def test_a_pinned_variant_a_given_episode_and_tags_are_taken(
    served: tuple[Proxy, FakeUpstream],
) -> None:
    proxy, upstream = served
    episode = "0199a000-0000-7000-8000-000000000000"
    async with client(proxy) as api:
        raw = await api.chat.completions.with_raw_response.create(
            model="tensorzero::function_name::f",
            messages=MESSAGES,
            extra_body={
                "tensorzero::variant_name": "b",
                "tensorzero::episode_id": episode,
                "tensorzero::tags": {"user": "7"},
            },
        )
    assert raw.headers["x-tensorzero-variant-name"] == "b"
    assert raw.headers["x-tensorzero-episode-id"] == episode
    assert not [key for key in upstream.seen[-1].json if key.startswith("tensorzero::")]


async def test_a_stream_that_breaks_off_raises_in_the_client(
    served: tuple[Proxy, FakeUpstream],
) -> None:
    proxy, upstream = served

    async def cut(seen: object, wire: object) -> None:
        await wire.head(200, {"content-type": "text/event-stream"})  # type: ignore[attr-defined]
        for block in events(["a", "b", "c"])[:2]:
            await wire.chunk(block)  # type: ignore[attr-defined]
        wire.reset()  # type: ignore[attr-defined]

    upstream.script = cut
    seen = []
    async with client(proxy) as api:
        with pytest.raises(openai.APIError):
            running = await api.chat.completions.create(model="m", messages=MESSAGES, stream=True)
            async for chunk in running:
                seen.append(chunk.choices[0].delta.content)
    assert seen == ["a", "b"]

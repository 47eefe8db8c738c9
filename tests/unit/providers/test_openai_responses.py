"""The provider of the Responses API: its requests, its answers, its errors."""

from __future__ import annotations

import json
from typing import Any

import pytest

from proxy.errors import UpstreamErrorInBody, UpstreamGarbage
from proxy.providers.base import Attempt, Encoded, relays
from proxy.providers.openai_responses import OpenAIResponsesProvider
from proxy.types.content import Text, Thought
from proxy.types.ports import Limits
from proxy.types.request import Input, Message, ModelRequest, Params

LIMITS = Limits(None, None, None, None)


def asked(provider: OpenAIResponsesProvider, **members: Any) -> Encoded:
    said = Input((Message("user", (Text("u"),)),))
    request = ModelRequest(provider.model_name, said, **members)
    return provider.encode_chat(request, Attempt("sk-1", LIMITS, lambda: False))


def body_of(encoded: Encoded) -> Any:
    assert isinstance(encoded.request.body, bytes)
    return json.loads(encoded.request.body)


def test_a_chat_goes_to_responses_below_the_base_address() -> None:
    encoded = asked(OpenAIResponsesProvider("m", "http://localhost:1/v1"), stream=True)
    sent = encoded.request
    assert (sent.method, sent.url) == ("POST", "http://localhost:1/v1/responses")
    assert dict(sent.headers) == {
        "Content-Type": "application/json",
        "Accept-Encoding": "identity",
        "Authorization": "Bearer sk-1",
    }
    assert body_of(encoded) == {
        "model": "m",
        "input": [
            {
                "type": "message",
                "role": "user",
                "content": [{"type": "input_text", "text": "u"}],
            }
        ],
        "stream": True,
    }
    assert encoded.ignored == ()
    assert OpenAIResponsesProvider("m").origin == "https://api.openai.com:443"


def test_sealed_reasoning_and_tools_of_the_provider_are_asked_for_as_configured() -> None:
    provider = OpenAIResponsesProvider(
        "m", include_encrypted_reasoning=True, provider_tools=[b'{"type":"web_search"}']
    )
    body = body_of(asked(provider))
    assert body["include"] == ["reasoning.encrypted_content"]
    assert body["tools"] == [{"type": "web_search"}]
    assert provider.body_defaults == {
        "include": b'["reasoning.encrypted_content"]',
        "tools": b'[{"type":"web_search"}]',
    }


def test_parameters_without_a_place_are_named() -> None:
    params = Params(stop_sequences=("x",), thinking_budget_tokens=3)
    encoded = asked(OpenAIResponsesProvider("m"), params=params)
    assert encoded.ignored == ("stop_sequences", "thinking_budget_tokens")


@pytest.mark.parametrize(("model", "told"), [("o1-mini", False), ("gpt-5", True)])
def test_models_that_call_one_tool_at_a_time_are_not_told_so(model: str, told: bool) -> None:
    tool = b'[{"type":"function","function":{"name":"f","parameters":{}}}]'
    encoded = asked(OpenAIResponsesProvider(model), tools=tool, parallel_tool_calls=False)
    assert ("parallel_tool_calls" in body_of(encoded)) == told


def test_reasoning_of_other_providers_stays_here() -> None:
    provider = OpenAIResponsesProvider("m")
    thoughts = (Thought(None, "a", provider_type="openai"), Thought(None, "b", provider_type="x"))
    request = ModelRequest("m", Input((Message("assistant", thoughts),)))
    encoded = provider.encode_chat(request, Attempt(None, LIMITS, lambda: False))
    assert [item["encrypted_content"] for item in body_of(encoded)["input"]] == ["a"]


def test_a_clients_own_body_is_passed_on() -> None:
    provider = OpenAIResponsesProvider("m", "http://localhost:1/v1/")
    assert (provider.wire, provider.type, provider.title) == ("responses", "openai", "OpenAI")
    assert relays(provider)
    sent = provider.encode_relay(
        "responses/resp_1", b"{ }", (), "sk-1", LIMITS, lambda: False, method="GET", query="a=b"
    )
    assert (sent.method, sent.url) == ("GET", "http://localhost:1/v1/responses/resp_1?a=b")
    assert sent.body == b"{ }"


def test_a_whole_answer_is_read() -> None:
    output = [{"type": "message", "content": [{"type": "output_text", "text": "a"}]}]
    body = json.dumps({"id": "resp_1", "status": "completed", "output": output}).encode()
    answer = OpenAIResponsesProvider("m").decode_chat(body)
    assert (answer.id, answer.blocks, answer.finish_reason) == ("resp_1", (Text("a"),), "stop")


@pytest.mark.parametrize("body", [b"<html>", b"[]", b'{"id":"resp_1"}'])
def test_what_is_no_answer_is_garbage(body: bytes) -> None:
    with pytest.raises(UpstreamGarbage):
        OpenAIResponsesProvider("m").decode_chat(body)


def test_a_failure_in_a_200_is_an_error() -> None:
    body = b'{"status":"failed","error":{"code":"rate_limit_exceeded","message":"slow"}}'
    with pytest.raises(UpstreamErrorInBody) as found:
        OpenAIResponsesProvider("m").decode_chat(body)
    assert (found.value.status, found.value.body) == (429, body)


def test_a_stream_is_read_until_its_last_event() -> None:
    reader = OpenAIResponsesProvider("m").open_chat_stream()
    (chunk,) = reader.feed(
        b'data: {"type":"response.completed","response":{"status":"completed"}}\n\n'
    )
    assert (chunk.finish_reason, reader.complete) == ("stop", True)


@pytest.mark.parametrize(
    ("status", "body", "kind", "code", "message"),
    [
        (
            400,
            b'{"error":{"message":"too long","code":"context_length_exceeded"}}',
            "context_length",
            "context_length_exceeded",
            "too long",
        ),
        (
            429,
            b'{"type":"response.failed","response":{"error":{"code":"rate_limit_exceeded",'
            b'"message":"slow"}}}',
            "rate_limit",
            "rate_limit_exceeded",
            "slow",
        ),
        (
            500,
            b'{"type":"error","code":"server_error","message":"oh"}',
            "server",
            "server_error",
            "oh",
        ),
        (502, b"<html>", "server", "", "<html>"),
    ],
)
def test_errors_are_read_in_their_own_words(
    status: int, body: bytes, kind: str, code: str, message: str
) -> None:
    fault = OpenAIResponsesProvider("m").read_error(status, (), body)
    assert (fault.kind, fault.code, fault.message, fault.status) == (kind, code, message, status)

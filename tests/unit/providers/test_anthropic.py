"""Providers of the messages protocol: where their requests go, and what these bear."""

from __future__ import annotations

import json
from typing import Any

import pytest

from proxy.errors import UpstreamErrorInBody, UpstreamGarbage, UpstreamUnsupported
from proxy.providers.anthropic import (
    AnthropicProvider,
    VertexAnthropicProvider,
    default_max_tokens,
)
from proxy.providers.base import Attempt, HttpProvider
from proxy.types.content import Text, Thought, Unknown
from proxy.types.ports import Headers, Limits, OutgoingRequest
from proxy.types.request import Input, Message, ModelRequest, Params

NO_LIMITS = Limits(None, None, None, None)
HI = Input((Message("user", (Text("hi"),)),))
MODEL = "claude-haiku-4-5"
SEARCH = {"type": "web_search_20250305", "name": "web_search"}
FETCH = {"type": "web_fetch_20250910", "name": "web_fetch"}


def sent(
    provider: HttpProvider,
    said: Input = HI,
    *,
    headers: Headers = (),
    secret: str | None = "k",
    **fields: Any,
) -> OutgoingRequest:
    attempt = Attempt(secret, NO_LIMITS, lambda: True, headers, "own", "first")
    request = ModelRequest(provider.model_name, said, **fields)
    return provider.encode_chat(request, attempt).request


def body(request: OutgoingRequest) -> Any:
    assert isinstance(request.body, bytes)
    return json.loads(request.body)


def vertex(**options: Any) -> VertexAnthropicProvider:
    model = options.pop("model_id", f"{MODEL}@20251001")
    return VertexAnthropicProvider(model, options.pop("location", "us-east5"), "proj", **options)


def test_a_request_names_the_version_and_shows_the_key() -> None:
    request = sent(AnthropicProvider(MODEL))
    assert (request.method, request.url) == ("POST", "https://api.anthropic.com/v1/messages")
    assert request.origin == "https://api.anthropic.com:443"
    assert dict(request.headers) == {
        "Content-Type": "application/json",
        "anthropic-version": "2023-06-01",
        "Accept-Encoding": "identity",
        "x-api-key": "k",
    }
    assert body(request)["model"] == MODEL


@pytest.mark.parametrize(
    "base",
    ["http://gpu:8000/v1", "http://gpu:8000/v1/", "http://gpu:8000/v1/messages/"],
)
def test_an_address_may_end_in_the_endpoint_or_not(base: str) -> None:
    request = sent(AnthropicProvider(MODEL, base))
    assert request.url == "http://gpu:8000/v1/messages"
    assert request.origin == "http://gpu:8000"


def test_further_headers_take_the_place_of_our_own() -> None:
    given = (("Anthropic-Version", "2030-01-01"), ("anthropic-beta", "files-api-2025-04-14"))
    headers = sent(AnthropicProvider(MODEL), headers=given, secret=None).headers
    named = [name.lower() for name, _ in headers]
    assert dict(headers)["Anthropic-Version"] == "2030-01-01"
    assert named.count("anthropic-version") == 1
    assert "x-api-key" not in named


def test_configured_tools_stand_before_those_of_the_request() -> None:
    provider = AnthropicProvider(MODEL, provider_tools=[json.dumps(SEARCH).encode()])
    request = sent(provider, provider_tools=(json.dumps(FETCH).encode(),))
    assert body(request)["tools"] == [SEARCH, FETCH]


@pytest.mark.parametrize(
    ("location", "host"),
    [
        ("us-east5", "us-east5-aiplatform.googleapis.com"),
        ("global", "aiplatform.googleapis.com"),
        ("eu", "aiplatform.eu.rep.googleapis.com"),
    ],
)
def test_vertex_has_the_model_in_the_address(location: str, host: str) -> None:
    provider = vertex(location=location)
    model = f"projects/proj/locations/{location}/publishers/anthropic/models/{MODEL}@20251001"
    request = sent(provider)
    assert request.url == f"https://{host}/v1/{model}:rawPredict"
    assert request.origin == f"https://{host}:443"
    assert sent(provider, stream=True).url == f"https://{host}/v1/{model}:streamRawPredict"


def test_vertex_takes_a_token_and_its_version_in_the_body() -> None:
    request = sent(vertex())
    assert dict(request.headers)["Authorization"] == "Bearer k"
    given = body(request)
    assert given["anthropic_version"] == "vertex-2023-10-16"
    assert "model" not in given
    assert "anthropic-version" not in dict(request.headers)


def test_vertex_may_have_an_endpoint_and_another_address() -> None:
    provider = vertex(model_id=None, endpoint_id="5", api_base="http://gpu:8000/")
    request = sent(provider, params=Params(max_tokens=5))
    path = "v1/projects/proj/locations/us-east5/endpoints/5:rawPredict"
    assert request.url == f"http://gpu:8000/{path}"


def test_vertex_says_what_it_leaves_out() -> None:
    params = Params(service_tier="auto", json_mode="strict")
    schema = b'{"type":"json_schema","json_schema":{"name":"n","schema":{"type":"object"}}}'
    request = ModelRequest("m", HI, params=params, response_format=schema)
    encoded = vertex().encode_chat(request, Attempt("k", NO_LIMITS, lambda: True))
    assert encoded.ignored == ("service_tier", "json_mode")


@pytest.mark.parametrize(
    ("model", "limit"),
    [
        ("claude-3-haiku-20240307", 4_096),
        ("claude-3-5-sonnet-v2@20241022", 8_192),
        ("claude-3-7-sonnet-latest", 64_000),
        ("claude-sonnet-4@20250514", 64_000),
        ("claude-opus-4-20250514", 32_000),
        ("claude-opus-4-1", 32_000),
        ("claude-opus-4-5-20251101", 64_000),
        ("claude-opus-4-6", 128_000),
        ("endpoints/5", None),
    ],
)
def test_limits_are_those_of_the_model(model: str, limit: int | None) -> None:
    assert default_max_tokens(model) == limit


def test_a_limit_is_wanted_of_models_that_nobody_knows() -> None:
    assert body(sent(AnthropicProvider(MODEL)))["max_tokens"] == 64_000
    with pytest.raises(UpstreamUnsupported, match="max_tokens"):
        sent(AnthropicProvider("unheard-of"))


def test_blocks_for_others_are_not_sent() -> None:
    blocks = (
        Unknown(b'{"type":"a"}', "own", "first"),
        Unknown(b'{"type":"b"}', "own", "second"),
        Thought("hm", "s", provider_type="anthropic"),
        Thought("hm", "s", provider_type="other"),
    )
    said = Input((*HI.messages, Message("assistant", blocks)))
    assert body(sent(AnthropicProvider(MODEL), said))["messages"][1]["content"] == [
        {"type": "a"},
        {"type": "thinking", "thinking": "hm", "signature": "s"},
    ]


def test_answers_and_errors_in_their_place_are_told_apart() -> None:
    provider = AnthropicProvider(MODEL)
    answer = provider.decode_chat(b'{"id":"msg_1","content":[{"type":"text","text":"hi"}]}')
    assert answer.blocks == (Text("hi"),)
    with pytest.raises(UpstreamErrorInBody) as caught:
        provider.decode_chat(b'{"type":"error","error":{"type":"overloaded_error"}}')
    assert caught.value.status == 529
    with pytest.raises(UpstreamGarbage, match="no content"):
        provider.decode_chat(b'{"completion":"x"}')


def test_a_stream_tells_of_damage() -> None:
    stream = AnthropicProvider(MODEL).open_chat_stream()
    (chunk,) = stream.feed(b"data: {nonsense\n\n")
    assert isinstance(chunk.error, UpstreamGarbage)


def test_errors_are_read() -> None:
    said = b'{"type":"error","error":{"type":"rate_limit_error","message":"slow down"}}'
    fault = vertex().read_error(429, (("retry-after", "2"),), said)
    assert (fault.kind, fault.message, fault.retry_after) == ("rate_limit", "slow down", 2.0)

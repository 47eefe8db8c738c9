from __future__ import annotations

from typing import Any

import orjson
import pytest

from proxy.config.schema import shorthand_provider
from proxy.errors import InvalidRequest, UpstreamErrorInBody, UpstreamGarbage
from proxy.providers.base import Attempt, Encoded
from proxy.providers.gemini import (
    AIStudioGeminiProvider,
    GeminiProvider,
    VertexGeminiProvider,
)
from proxy.types.content import Text, Thought, ToolCall
from proxy.types.ports import Limits
from proxy.types.request import Input, Message, ModelRequest, Params
from proxy.types.usage import Usage
from proxy.wire.accumulate import ChunkAccumulator

LIMITS = Limits(connect=1.0, first_token=None, idle=None, total=None)
HI = ModelRequest("gemini-2.5-flash", Input((Message("user", (Text("hi"),)),)))
VERTEX = {"project_id": "p", "location": "europe-west4"}


def attempt(secret: str | None = "s3cret", **more: Any) -> Attempt:
    return Attempt(secret, LIMITS, lambda: False, **more)


def encoded(provider: GeminiProvider, request: ModelRequest = HI, **more: Any) -> Encoded:
    return provider.encode_chat(request, attempt(**more))


def body_of(sent: Encoded) -> Any:
    assert isinstance(sent.request.body, bytes)
    return orjson.loads(sent.request.body)


def headers_of(provider: GeminiProvider, **more: Any) -> dict[str, str]:
    return {name.lower(): value for name, value in encoded(provider, **more).request.headers}


def test_a_key_stands_in_a_header_and_in_no_address() -> None:
    provider = AIStudioGeminiProvider("gemini-2.5-flash")
    request = encoded(provider).request
    assert request.url == (
        "https://generativelanguage.googleapis.com/v1beta/models/gemini-2.5-flash:generateContent"
    )
    assert request.origin == provider.origin == "https://generativelanguage.googleapis.com:443"
    headers = headers_of(provider)
    assert headers["x-goog-api-key"] == "s3cret"
    assert headers["content-type"] == "application/json"
    assert headers["accept-encoding"] == "identity"
    assert "s3cret" not in request.url
    assert "authorization" not in headers


def test_a_token_is_a_bearer() -> None:
    provider = VertexGeminiProvider(**VERTEX, model_id="m")
    assert headers_of(provider)["authorization"] == "Bearer s3cret"


def test_a_credential_among_the_headers_takes_the_place_of_ours() -> None:
    provider = AIStudioGeminiProvider("m")
    assert headers_of(provider, headers=(("X-Goog-Api-Key", "own"),))["x-goog-api-key"] == "own"
    assert "x-goog-api-key" not in headers_of(provider, secret=None)


@pytest.mark.parametrize(
    ("provider", "url"),
    [
        (
            VertexGeminiProvider(**VERTEX, model_id="m@1"),
            "https://europe-west4-aiplatform.googleapis.com/v1/projects/p/locations/europe-west4/"
            "publishers/google/models/m@1:generateContent",
        ),
        (
            VertexGeminiProvider(project_id="p", location="global", model_id="m"),
            "https://aiplatform.googleapis.com/v1/projects/p/locations/global/"
            "publishers/google/models/m:generateContent",
        ),
        (
            VertexGeminiProvider(**VERTEX, endpoint_id="77"),
            "https://europe-west4-aiplatform.googleapis.com/v1/projects/p/locations/europe-west4/"
            "endpoints/77:generateContent",
        ),
        (
            VertexGeminiProvider(**VERTEX, model_id="m", api_base="http://127.0.0.1:9/v1beta1"),
            "http://127.0.0.1:9/v1beta1/projects/p/locations/europe-west4/"
            "publishers/google/models/m:generateContent",
        ),
        (
            AIStudioGeminiProvider("tunedModels/mine", "http://127.0.0.1:9/v1/"),
            "http://127.0.0.1:9/v1/tunedModels/mine:generateContent",
        ),
        (
            AIStudioGeminiProvider("../files", "http://127.0.0.1:9/v1/"),
            "http://127.0.0.1:9/v1/models/..%2Ffiles:generateContent",
        ),
    ],
)
def test_models_and_endpoints_have_their_addresses(provider: GeminiProvider, url: str) -> None:
    assert encoded(provider).request.url == url


def test_streams_are_asked_for_as_events() -> None:
    request = ModelRequest("m", HI.input, stream=True)
    url = encoded(AIStudioGeminiProvider("m"), request).request.url
    assert url.endswith("/models/m:streamGenerateContent?alt=sse")


@pytest.mark.parametrize(
    ("name", "found"),
    [
        (
            "projects/p/locations/l/publishers/google/models/m",
            {"project_id": "p", "location": "l", "model_id": "m"},
        ),
        (
            "projects/p/locations/l/endpoints/7",
            {"project_id": "p", "location": "l", "endpoint_id": "7"},
        ),
    ],
)
def test_full_names_say_where_a_model_is(name: str, found: dict[str, str]) -> None:
    entry = shorthand_provider("gcp_vertex_gemini", name)
    assert {key: getattr(entry, key) for key in found} == found
    assert VertexGeminiProvider(**found).type == "gcp_vertex_gemini"


@pytest.mark.parametrize(
    "name",
    [
        "m",
        "projects/p/locations/l/publishers/anthropic/models/m",
        "projects//locations/l/endpoints/7",
    ],
)
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(InvalidRequest):
        shorthand_provider("gcp_vertex_gemini", name)


def test_what_is_left_out_is_named() -> None:
    request = ModelRequest("m", HI.input, params=Params(verbosity="low"))
    assert encoded(AIStudioGeminiProvider("m"), request).ignored == ("verbosity",)


def test_signatures_of_an_answer_go_back_to_its_author_and_to_nobody_else() -> None:
    studio, vertex = AIStudioGeminiProvider("m"), VertexGeminiProvider(**VERTEX, model_id="m")
    body = {
        "candidates": [
            {
                "content": {
                    "parts": [
                        {"functionCall": {"name": "f", "args": {}}, "thoughtSignature": "c2ln"}
                    ]
                },
                "finishReason": "STOP",
            }
        ]
    }
    answer = studio.decode_chat(orjson.dumps(body)).signed_by(studio.type, "model", "provider")
    assert answer.finish_reason == "tool_call"
    said = Input((*HI.input.messages, Message("assistant", answer.blocks)))
    again = [
        body_of(encoded(each, ModelRequest("m", said)))["contents"][1]["parts"][0]
        for each in (studio, vertex)
    ]
    assert again[0] == body["candidates"][0]["content"]["parts"][0]  # type: ignore[index]
    assert again[1]["thoughtSignature"] != "c2ln"


def test_an_error_inside_a_200_is_raised() -> None:
    with pytest.raises(UpstreamErrorInBody) as raised:
        AIStudioGeminiProvider("m").decode_chat(b'{"error": {"code": 503, "message": "busy"}}')
    assert raised.value.status == 503


@pytest.mark.parametrize("body", [b"{}", b"<html>", b"[]", b'{"usageMetadata": {}}'])
def test_what_is_no_answer_is_garbage(body: bytes) -> None:
    with pytest.raises(UpstreamGarbage):
        AIStudioGeminiProvider("m").decode_chat(body)


def test_a_candidate_that_says_nothing_is_an_answer() -> None:
    answer = AIStudioGeminiProvider("m").decode_chat(b'{"candidates": [{"content": {}}]}')
    assert answer.blocks == ()


def test_a_stream_is_read_piece_by_piece() -> None:
    reader = AIStudioGeminiProvider("m").open_chat_stream()
    pieces = (
        b'{"candidates":[{"content":{"parts":[{"text":"hm","thought":true}]}}]}',
        b'{"candidates":[{"content":{"parts":[{"functionCall":{"id":"c","name":"f"}}]},'
        b'"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":3}}',
    )
    accumulator = ChunkAccumulator()
    for byte in b"".join(b"data: " + piece + b"\r\n\r\n" for piece in pieces):
        for chunk in reader.feed(bytes([byte])):
            accumulator.add(chunk)
    answer = accumulator.answer()
    assert reader.complete
    assert answer.blocks == (Thought("hm"), ToolCall("c", "f", "{}"))
    assert (answer.finish_reason, answer.usage) == ("tool_call", Usage(3))


def test_errors_are_read() -> None:
    body = b'{"error": {"code": 429, "message": "slow down", "status": "RESOURCE_EXHAUSTED"}}'
    fault = VertexGeminiProvider(**VERTEX, model_id="m").read_error(429, (), body)
    assert (fault.kind, fault.message) == ("rate_limit", "slow down")

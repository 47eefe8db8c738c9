"""AWS Bedrock: addresses, credentials, signatures, and what its models can do."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from proxy.errors import CredentialMissing, UpstreamErrorInBody, UpstreamGarbage
from proxy.net.sigv4 import sign
from proxy.providers.base import Attempt, relays, title_of
from proxy.providers.bedrock import BedrockProvider
from proxy.types.content import Text
from proxy.types.ports import Headers, Limits, OutgoingRequest
from proxy.types.request import Input, Message, ModelRequest, Params
from proxy.types.secrets import AwsAccess, Secret
from tests.exchanges.eventstream import encode_event

THEN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
KEYS = AwsAccess("eu-west-1", access_key_id="AKIDEXAMPLE", secret_access_key="made-up")
MODEL = "anthropic.claude-3-5-sonnet-20240620-v1:0"


def provider(model_id: str = MODEL, **options: Any) -> BedrockProvider:
    return BedrockProvider(model_id, clock=lambda: THEN, **options)


def attempt(secret: Secret = KEYS, headers: Headers = ()) -> Attempt:
    return Attempt(secret, Limits(1, 2, 3, 4), lambda: True, headers)


def request(**fields: Any) -> ModelRequest:
    return ModelRequest(MODEL, Input((Message("user", (Text("Hi"),)),)), **fields)


def outgoing(secret: Secret = KEYS, headers: Headers = (), **fields: Any) -> OutgoingRequest:
    return provider().encode_chat(request(**fields), attempt(secret, headers)).request


def named(sent: OutgoingRequest) -> dict[str, str]:
    return dict(sent.headers)


def test_a_chat_goes_to_the_regions_address() -> None:
    sent = outgoing()
    path = "/model/anthropic.claude-3-5-sonnet-20240620-v1%3A0/converse"
    assert sent.url == f"https://bedrock-runtime.eu-west-1.amazonaws.com{path}"
    assert sent.method == "POST"
    assert sent.origin == "https://bedrock-runtime.eu-west-1.amazonaws.com:443"
    assert outgoing(stream=True).url == sent.url + "-stream"
    assert json.loads(sent.body if isinstance(sent.body, bytes) else b"") == {
        "messages": [{"role": "user", "content": [{"text": "Hi"}]}]
    }


def test_another_endpoint_and_another_partition_may_be_asked() -> None:
    other = replace(KEYS, endpoint_url="http://localhost:8080/base/")
    assert outgoing(other).url.startswith("http://localhost:8080/base/model/anthropic")
    china = replace(KEYS, region="cn-north-1")
    assert outgoing(china).origin == "https://bedrock-runtime.cn-north-1.amazonaws.com.cn:443"


def test_an_arn_is_one_segment_of_the_path() -> None:
    arn = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc"
    sent = provider(arn).encode_chat(request(), attempt()).request
    assert sent.url.endswith("%3A123456789012%3Aapplication-inference-profile%2Fabc/converse")


def test_the_body_that_is_sent_is_signed_when_it_is_sealed() -> None:
    sent = outgoing()
    assert "Authorization" not in named(sent)
    changed = replace(sent, body=b'{"changed":1}', headers=[*sent.headers, ("X-More", "1")])
    sealed = changed.sealed()
    assert sealed == sign(replace(changed, url=sealed.url, seal=None), KEYS, "bedrock", THEN)
    authorization = named(sealed)["Authorization"]
    assert "/20260102/eu-west-1/bedrock/aws4_request" in authorization
    assert "accept-encoding;content-type;host;x-amz-date;x-more" in authorization


def test_a_key_takes_the_place_of_a_signature() -> None:
    sent = outgoing(AwsAccess("eu-west-1", api_key="bedrock-key")).sealed()
    assert named(sent)["Authorization"] == "Bearer bedrock-key"
    assert "X-Amz-Date" not in named(sent)


def test_headers_that_are_given_are_not_said_twice() -> None:
    given = [("authorization", "mine"), ("Accept-Encoding", "gzip"), ("content-type", "x/y")]
    assert list(outgoing(headers=given).sealed().headers) == given


@pytest.mark.parametrize(
    ("secret", "words"),
    [
        (None, "region and keys"),
        ("key", "region and keys"),
        (replace(KEYS, region=""), "region"),
        (replace(KEYS, region="evil.example/#"), "region"),
        (replace(KEYS, secret_access_key=""), "secret access key"),
        (replace(KEYS, access_key_id=""), "access key id"),
    ],
)
def test_credentials_that_lack_a_part_are_named(secret: Secret, words: str) -> None:
    with pytest.raises(CredentialMissing, match=words):
        outgoing(secret)


def test_the_origin_is_known_before_the_region_is() -> None:
    assert provider().origin == "https://bedrock-runtime.amazonaws.com:443"
    assert provider(region="us-west-2").origin == (
        "https://bedrock-runtime.us-west-2.amazonaws.com:443"
    )
    assert provider(endpoint_url="http://localhost:9000").origin == "http://localhost:9000"
    assert title_of(provider()) == "AWS Bedrock"
    assert not relays(provider())


SCHEMA = b'{"type":"json_schema","json_schema":{"name":"n","schema":{"type":"object"}}}'


@pytest.mark.parametrize(
    ("model_id", "enforces"),
    [
        ("us.anthropic.claude-haiku-4-5-20251001-v1:0", True),
        ("global.anthropic.claude-opus-4-6-v1", True),
        ("us.anthropic.claude-sonnet-5", True),
        ("qwen.qwen3-32b-v1:0", True),
        ("openai.gpt-oss-120b-1:0", True),
        ("anthropic.claude-v2:1", False),
        ("anthropic.claude-instant-v1", False),
        ("us.anthropic.claude-3-7-sonnet-20250219-v1:0", False),
        ("us.anthropic.claude-sonnet-4-20250514-v1:0", False),
        ("us.anthropic.claude-opus-4-1-20250805-v1:0", False),
        ("amazon.nova-lite-v1:0", False),
        ("us.meta.llama3-3-70b-instruct-v1:0", False),
    ],
)
def test_schemas_are_enforced_by_models_that_can(model_id: str, enforces: bool) -> None:
    asked = request(params=Params(json_mode="strict"), response_format=SCHEMA)
    encoded = provider(model_id).encode_chat(asked, attempt())
    assert isinstance(encoded.request.body, bytes)
    sent = json.loads(encoded.request.body)
    assert ("outputConfig" in sent) is enforces
    assert ("system" in sent) is not enforces
    assert encoded.ignored == (() if enforces else ("json_mode",))


def test_novas_look_for_top_k_elsewhere() -> None:
    asked = request(rest={"top_k": b"5"}, wire="chat_completions")
    for model_id, fields in (
        ("us.amazon.nova-2-lite-v1:0", {"inferenceConfig": {"topK": 5}}),
        (MODEL, {"top_k": 5}),
    ):
        body = provider(model_id).encode_chat(asked, attempt()).request.body
        assert isinstance(body, bytes)
        assert json.loads(body)["additionalModelRequestFields"] == fields


def test_answers_are_read() -> None:
    body = {"output": {"message": {"content": [{"text": "Yes"}]}}, "stopReason": "end_turn"}
    assert provider().decode_chat(json.dumps(body).encode()).blocks == (Text("Yes"),)
    with pytest.raises(UpstreamGarbage):
        provider().decode_chat(b"{}")
    with pytest.raises(UpstreamErrorInBody) as caught:
        provider().decode_chat(b'{"__type":"ThrottlingException","message":"m"}')
    assert caught.value.status == 429


def test_streams_are_read() -> None:
    reader = provider().open_chat_stream()
    [chunk] = reader.feed(
        encode_event("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": "a"}})
    )
    assert chunk.deltas
    [lost] = reader.feed(b"\x00" * 12)
    assert isinstance(lost.error, UpstreamGarbage) or reader.damaged


def test_errors_are_read() -> None:
    headers = [("x-amzn-ErrorType", "ThrottlingException:http://x/")]
    fault = provider().read_error(429, headers, b'{"message":"Too many requests"}')
    assert (fault.kind, fault.code) == ("rate_limit", "ThrottlingException")

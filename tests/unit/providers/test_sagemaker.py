"""AWS SageMaker: a container's dialect, behind AWS' door."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from proxy.errors import CredentialMissing, UpstreamErrorInBody
from proxy.providers.base import Attempt
from proxy.providers.sagemaker import SagemakerProvider
from proxy.types.content import Text
from proxy.types.ports import Limits
from proxy.types.request import Input, Message, ModelRequest, Params
from proxy.types.secrets import AwsAccess, Secret
from tests.exchanges.eventstream import encode_event

THEN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
KEYS = AwsAccess("us-east-1", access_key_id="AKIDEXAMPLE", secret_access_key="made-up")


def provider(hosted: str = "openai", **options: Any) -> SagemakerProvider:
    return SagemakerProvider("my endpoint", "llama", hosted, clock=lambda: THEN, **options)


def attempt(secret: Secret = KEYS) -> Attempt:
    return Attempt(secret, Limits(1, 2, 3, 4), lambda: True, [("X-More", "1")])


def request(**fields: Any) -> ModelRequest:
    params = Params(max_tokens=5)
    said = Input((Message("user", (Text("Hi"),)),))
    return ModelRequest("llama", said, params=params, **fields)


@pytest.mark.parametrize(
    ("hosted", "limit"), [("openai", "max_completion_tokens"), ("tgi", "max_tokens")]
)
def test_the_container_is_sent_its_own_dialect(hosted: str, limit: str) -> None:
    sent = provider(hosted).encode_chat(request(), attempt()).request
    assert isinstance(sent.body, bytes)
    body = json.loads(sent.body)
    assert body["model"] == "llama"
    assert body["messages"] == [{"role": "user", "content": "Hi"}]
    assert body[limit] == 5


def test_calls_go_to_the_endpoint_and_are_signed() -> None:
    base = "https://runtime.sagemaker.us-east-1.amazonaws.com"
    whole = provider().encode_chat(request(), attempt()).request
    assert whole.url == f"{base}/endpoints/my%20endpoint/invocations"
    streamed = provider().encode_chat(request(stream=True), attempt()).request
    assert streamed.url == f"{base}/endpoints/my%20endpoint/invocations-response-stream"
    headers = dict(whole.sealed().headers)
    assert "/20260102/us-east-1/sagemaker/aws4_request" in headers["Authorization"]
    assert headers["X-More"] == "1"
    assert headers["Content-Type"] == "application/json"


def test_without_keys_nothing_is_sent() -> None:
    with pytest.raises(CredentialMissing):
        provider().encode_chat(request(), attempt(None))


def test_the_origin_is_known_before_the_region_is() -> None:
    assert provider().origin == "https://runtime.sagemaker.amazonaws.com:443"
    assert provider(region="eu-west-1").origin == (
        "https://runtime.sagemaker.eu-west-1.amazonaws.com:443"
    )
    assert provider(endpoint_url="http://localhost:1/x").origin == "http://localhost:1"


def test_answers_and_streams_are_read() -> None:
    message = {"role": "assistant", "content": "Yes"}
    body = json.dumps({"choices": [{"message": message, "finish_reason": "stop"}]}).encode()
    assert provider().decode_chat(body).blocks == (Text("Yes"),)
    with pytest.raises(UpstreamErrorInBody):
        provider().decode_chat(b'{"error": {"message": "m"}}')
    reader = provider().open_chat_stream()
    chunk = {"choices": [{"delta": {"content": "Yes"}, "finish_reason": "stop"}]}
    assert reader.feed(encode_event("PayloadPart", f"data: {json.dumps(chunk)}\n\n"))
    assert reader.complete


def test_errors_are_read() -> None:
    headers = [("x-amzn-errortype", "ModelError")]
    body = b'{"Message":"Received server error (500)","OriginalStatusCode":500}'
    fault = provider().read_error(424, headers, body)
    assert (fault.kind, fault.code) == ("server", "ModelError")

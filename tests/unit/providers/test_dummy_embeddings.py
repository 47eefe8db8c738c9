"""The dummy provider's vectors are those that TensorZero's own tests expect."""

from __future__ import annotations

import json

import pytest

from proxy.errors import CredentialMissing, UpstreamClientError
from proxy.providers.base import EmbeddingProvider
from proxy.providers.dummy import DummyProvider, FlakyCounters
from proxy.types.embeddings import EmbeddingsRequest
from proxy.types.usage import Usage


class Clock:
    """Notes how long it was asked to sleep, and does not."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


def provider(name: str, key: str | None = None, clock: Clock | None = None) -> DummyProvider:
    return DummyProvider(name, FlakyCounters(), key, sleep=(clock or Clock()).sleep)


def wanted(count: int = 1, key: str | None = None) -> EmbeddingsRequest:
    credentials = {} if key is None else {"KEY": key}
    return EmbeddingsRequest("m", b'["a"]', count, 8, "base64", credentials=credentials)


async def test_each_input_gets_as_many_zeros_as_ever_whatever_is_asked_for() -> None:
    dummy: EmbeddingProvider = provider("any")
    answer = await dummy.embed(wanted(3))
    assert len(answer.embeddings) == 3
    for embedding in answer.embeddings:
        assert json.loads(embedding) == [0.0] * 1536
    assert embedding.startswith(b"[0.0,0.0,")
    assert answer.usage == Usage(10, 0)
    assert answer.raw_response == '{"usage": {"prompt_tokens": 10, "total_tokens": 10}}'


async def test_a_slow_model_takes_half_a_minute_and_others_no_time() -> None:
    clock = Clock()
    await provider("quick", clock=clock).embed(wanted())
    assert clock.slept == []
    await provider("very_slow", clock=clock).embed(wanted())
    assert clock.slept == [30.0]


async def test_models_named_error_fail() -> None:
    with pytest.raises(UpstreamClientError) as caught:
        await provider("error_two").embed(wanted())
    error = caught.value
    assert str(error) == "Error sending request to Dummy provider for model 'error_two'."
    assert (error.status, error.raw_request, error.raw_response) == (None, "raw request", None)
    with pytest.raises(UpstreamClientError) as caught:
        await provider("error_with_raw_response").embed(wanted())
    error = caught.value
    assert str(error) == "Error from Dummy embedding provider with raw response"
    assert (error.status, error.raw_request, error.raw_response) == (
        500,
        "dummy error raw request",
        "dummy error raw response",
    )


async def test_a_dynamic_key_is_needed_and_for_one_model_must_be_good() -> None:
    await provider("test_key").embed(wanted())
    await provider("test_key", "KEY").embed(wanted(key="good_key"))
    await provider("any", "KEY").embed(wanted(key="whatever"))
    with pytest.raises(CredentialMissing, match="Dynamic api key `KEY` is missing"):
        await provider("any", "KEY").embed(wanted())
    with pytest.raises(UpstreamClientError, match="Invalid API key for Dummy provider"):
        await provider("test_key", "KEY").embed(wanted(key="bad"))

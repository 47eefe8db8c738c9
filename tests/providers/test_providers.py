"""Every cell of docs/providers.md."""

from __future__ import annotations

import json

import pytest

from proxy.errors import ConfigError, InvalidRequest, UpstreamUnsupported
from proxy.providers import build_provider
from proxy.providers.base import answers_neutrally, relays
from proxy.providers.dummy import FlakyCounters
from proxy.providers.neutral import decode_embeddings, encode_embeddings
from proxy.types.embeddings import EmbeddingsRequest
from tests.providers.building import load_embedding_entry, load_entry, provider_of
from tests.providers.cases import APART, Case, all_cases
from tests.providers.proving import attempt_of, client_request_of, prove
from tests.providers.vendors import OWN_PROTOCOLS, VENDORS, Vendor

CASES = all_cases()
VECTORS = {
    "object": "list",
    "data": [{"object": "embedding", "index": 0, "embedding": [0.5, -0.25]}],
    "model": "m",
    "usage": {"prompt_tokens": 2, "total_tokens": 2},
}
ASKED_FOR = {"audio": "audio", "choices": "choices", "logprobs": "logprobs", "sampling": "seed"}
"""Features that are asked for in the request, and the client's request that asks."""
SENT_AS_GIVEN = (("openai_responses", "audio"), ("openai_responses", "sampling"))
"""What that vendor itself refuses by name."""


def name_of(vendor: Vendor) -> str:
    return vendor.name


def find_case(vendor: Vendor, feature: str) -> Case:
    return next(case for case in CASES if case.vendor is vendor and case.feature.name == feature)


@pytest.mark.parametrize(
    "case", [case for case in CASES if case.works and case.feature.name not in APART], ids=str
)
def test_it_works(case: Case) -> None:
    assert case.exchanges, "nothing proves it"
    for exchange in case.exchanges:
        prove(case.vendor, provider_of(case.vendor), exchange)


@pytest.mark.parametrize(
    "case", [case for case in CASES if case.not_yet and case.feature.name not in APART], ids=str
)
def test_what_is_not_there_yet_does_not_work_by_now(case: Case) -> None:
    with pytest.raises((AssertionError, UpstreamUnsupported)):
        for exchange in case.exchanges:
            prove(case.vendor, provider_of(case.vendor), exchange)


@pytest.mark.parametrize("feature", ASKED_FOR)
@pytest.mark.parametrize("vendor", OWN_PROTOCOLS, ids=name_of)
def test_what_a_protocol_cannot_say_is_refused_or_named(vendor: Vendor, feature: str) -> None:
    case = find_case(vendor, feature)
    if case.works or (vendor.name, feature) in SENT_AS_GIVEN or vendor.wire == "payload_parts":
        return
    request = client_request_of(vendor, ASKED_FOR[feature])
    try:
        encoded = provider_of(vendor).encode_chat(request, attempt_of(vendor))
    except (InvalidRequest, UpstreamUnsupported) as refused:
        assert str(refused)
    else:
        assert encoded.ignored


@pytest.mark.parametrize("vendor", VENDORS, ids=name_of)
def test_there_is_a_way_in_without_a_key_exactly_where_the_page_says_so(vendor: Vendor) -> None:
    assert bool(vendor.keyless) == find_case(vendor, "keyless").works
    if vendor.keyless:
        assert load_entry({**vendor.entry, **vendor.keyless}).type == vendor.entry["type"]


@pytest.mark.parametrize("vendor", VENDORS, ids=name_of)
def test_there_are_embeddings_exactly_where_the_page_says_so(vendor: Vendor) -> None:
    case = find_case(vendor, "embeddings")
    assert vendor.embeds == case.works
    if not vendor.embeds:
        if vendor.wire != "responses":  # that is type `openai`, which has them
            with pytest.raises(ConfigError):
                load_embedding_entry(vendor.entry)
        return
    provider = build_provider(load_embedding_entry(vendor.entry), FlakyCounters())
    assert not answers_neutrally(provider)
    assert relays(provider)
    asked = EmbeddingsRequest(vendor.model, b'"Hello"', 1, dimensions=2)
    sent = encode_embeddings(provider, asked, attempt_of(vendor))
    assert "/embeddings" in sent.url
    assert isinstance(sent.body, bytes)
    assert json.loads(sent.body)["input"] == "Hello"
    answer = decode_embeddings(json.dumps(VECTORS).encode())
    assert [json.loads(each) for each in answer.embeddings] == [[0.5, -0.25]]
    assert answer.usage.input_tokens == 2

"""What vendors' entries need of themselves: regions, pairs of keys, fitting locations."""

from __future__ import annotations

import pytest

from proxy.config.problems import render_problems

BEDROCK = "type: aws_bedrock, model_id: x"
REGION = f"{BEDROCK}, region: eu-central-1"
SAGEMAKER = "type: aws_sagemaker, endpoint_name: e, model_name: x, hosted_provider: openai"
VERTEX = "type: gcp_vertex_gemini, model_id: x, location: l, project_id: p"

BROKEN = {
    BEDROCK: ("region", "needs a region"),
    f"{BEDROCK}, region: none": ("region", "needs a region"),
    f"{SAGEMAKER}, allow_auto_detect_region: false": ("region", "needs a region"),
    f"{REGION}, endpoint_url: sdk": ("endpoint_url", "not an http or https URL"),
    f"{REGION}, endpoint_url: vpce": ("endpoint_url", "not an http or https URL"),
    f"{REGION}, access_key_id: 'env::A'": ("", "`access_key_id` needs `secret_access_key`"),
    f"{REGION}, secret_access_key: 'env::A'": ("", "`secret_access_key` needs `access_key_id`"),
    f"{REGION}, session_token: 'env::A'": ("session_token", "needs `access_key_id`"),
    f"{REGION}, access_key_id: 'env::A', secret_access_key: 'dynamic::b'": ("", "one kind"),
    f"{REGION}, api_key: sdk": ("api_key", "no location for `api_key`"),
    f"{REGION}, api_key: 'env::A', access_key_id: 'env::A', secret_access_key: 'env::A'": (
        "api_key",
        "cannot specify both",
    ),
    "type: mistral, model_name: x, api_key_location: none": (
        "api_key_location",
        "invalid `api_key_location` for a provider of type `mistral`",
    ),
    f"{VERTEX}, credential_location: none": (
        "credential_location",
        "invalid `credential_location` for a provider of type `gcp_vertex_gemini`",
    ),
    "type: xai, model_name: x, api_key_location: sdk": ("api_key_location", "for clouds"),
    "type: openai, model_name: x, api_key_location: none, include_encrypted_reasoning: true": (
        "include_encrypted_reasoning",
        "needs `api_type: responses`",
    ),
    "type: openai, model_name: x, api_key_location: none, provider_tools: [{type: t}]": (
        "provider_tools",
        "needs `api_type: responses`",
    ),
}
WHOLE = [
    f"{BEDROCK}, allow_auto_detect_region: true",
    f"{BEDROCK}, region: sdk",
    f"{REGION}, endpoint_url: 'https://vpce.example.com', api_key: 'dynamic::key'",
    f"{REGION}, access_key_id: 'dynamic::a', secret_access_key: 'dynamic::b', "
    "session_token: 'dynamic::c'",
    f"{VERTEX}, credential_location: sdk",
    "type: openai, model_name: x, api_key_location: none, provider_tools: []",
]


def entry(provider: str) -> str:
    return f"models: {{m: {{routing: [p], providers: {{p: {{{provider}}}}}}}}}\n"


@pytest.mark.parametrize("provider", BROKEN)
def test_a_fault_is_told_with_its_key(provider, problems):
    key, message = BROKEN[provider]
    found = problems(entry(provider), environ={"A": "k"})
    text = render_problems(found)
    assert [each.key for each in found] == [f"models.m.providers.p{key and '.' + key}"], text
    assert message in text


@pytest.mark.parametrize("provider", WHOLE)
def test_what_is_whole_loads(provider, load):
    assert "p" in load(entry(provider)).config.models["m"].providers


@pytest.mark.parametrize(
    "address",
    ["https://<your-endpoint>.example.com", "http://a b", "http://1.2.3.4.5", "http://256.1.1.1"],
)
def test_an_address_has_a_possible_host(address, problems):
    provider = f"type: vllm, model_name: x, api_base: '{address}'"
    (found,) = problems(entry(provider))
    assert found.message == "not an http or https URL"


@pytest.mark.parametrize("address", ["http://[::1]:80", "http://127.0.0.1.", "http://a_b.c1"])
def test_odd_hosts_are_hosts(address, load):
    provider = f"type: vllm, model_name: x, api_base: '{address}'"
    assert load(entry(provider)).config.models


@pytest.mark.parametrize(
    ("text", "key", "message"),
    [
        (
            "provider_types: {gcp_vertex_gemini: {batch: {storage_type: cloud_storage}}}",
            "provider_types.gcp_vertex_gemini.batch",
            "missing field `input_uri_prefix`",
        ),
        (
            "gateway: {relay: {gateway_url: 'http://x', api_key_location: sdk}}",
            "gateway.relay.api_key_location",
            "invalid `api_key_location` for another gateway",
        ),
        (
            "rate_limiting: {rules: [{always: true, tokens_per_day: 1}, "
            "{priority: 1, cost_per_day: 1}]}",
            "rate_limiting.rules[1]",
            "another rule has the same scope",
        ),
        (
            "postgres: {connection_pool_size: 4294967296}",
            "postgres.connection_pool_size",
            "must be at most 4294967295",
        ),
        (
            "functions: {f: {type: chat, variants: {}, tool_choice: {specific: ''}}}",
            "functions.f.tool_choice",
            "not a choice of tools",
        ),
        (
            "functions: {f: {type: chat, variants: {}, experimentation: {type: [a]}}}",
            "functions.f.experimentation.type",
            "is not one of",
        ),
    ],
)
def test_other_sections_tell_theirs(text, key, message, problems):
    found = problems(text)
    assert found[0].key == key
    assert message in found[0].message

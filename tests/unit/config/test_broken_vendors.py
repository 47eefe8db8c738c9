"""What vendors' entries need of themselves: regions, pairs of keys, fitting locations."""

from __future__ import annotations

import json
from importlib.util import find_spec

import pytest

from proxy.config.problems import render_problems
from proxy.config.rules import extras

BEDROCK = "type: aws_bedrock, model_id: x"
REGION = f"{BEDROCK}, region: eu-central-1"
PAIR = f"{REGION}, access_key_id: 'env::A', secret_access_key: 'env::A'"
SAGEMAKER = "type: aws_sagemaker, endpoint_name: e, model_name: x, hosted_provider: openai"
VERTEX = "type: gcp_vertex_gemini, model_id: x, location: l, project_id: p"
STUDIO = "type: google_ai_studio_gemini, model_name: x"
AZURE = "type: azure, deployment_id: d, endpoint: 'https://r.openai.azure.com'"

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
    f"{BEDROCK}, region: eu.evil.com": ("region", "not the name of a region"),
    f"{BEDROCK}, region: 'env::A'": ("region", "`env::A` does not hold the name of a region"),
    f"{REGION}, endpoint_url: 'env::A'": ("endpoint_url", "does not hold an http or https URL"),
    f"{REGION}, access_key_id: none, secret_access_key: none, session_token: none": (
        "access_key_id secret_access_key session_token",
        "no location for `access_key_id`",
    ),
    f"{PAIR}, session_token: 'dynamic::t'": (
        "session_token",
        "of the same kind as the keys",
    ),
    f"{REGION}, api_key: 'dynamic::b', session_token: 'dynamic::t'": (
        "session_token api_key",
        "cannot specify both",
    ),
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
    f"{VERTEX.replace('l,', 'evil.com,')}, credential_location: sdk": (
        "location",
        "not the name of a location",
    ),
    f"{STUDIO}, api_key_location: 'dynamic::k', api_base: 'ftp://x'": (
        "api_base",
        "not an http or https URL",
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
    f"{REGION}, access_key_id: 'env::A', secret_access_key: 'env::A', session_token: sdk",
    f"{VERTEX}, credential_location: sdk, api_base: 'http://127.0.0.1:1/google'",
    f"{STUDIO}, api_key_location: 'dynamic::k', api_base: 'http://127.0.0.1:1'",
    f"{AZURE}, api_key_location: sdk",
    f"{AZURE}, api_key_location: {{default: 'dynamic::k', fallback: sdk}}",
    "type: openai, model_name: x, api_key_location: none, provider_tools: []",
]


def entry(provider: str) -> str:
    return f"models: {{m: {{routing: [p], providers: {{p: {{{provider}}}}}}}}}\n"


@pytest.mark.parametrize("provider", BROKEN)
def test_a_fault_is_told_with_its_key(provider, problems):
    key, message = BROKEN[provider]
    found = problems(entry(provider), environ={"A": "k/"})
    text = render_problems(found)
    place = "models.m.providers.p"
    expected = [f"{place}.{each}" for each in key.split()] or [place]
    assert [each.key for each in found] == expected, text
    assert message in text


@pytest.mark.parametrize("provider", WHOLE)
def test_what_is_whole_loads(provider, load):
    assert "p" in load(entry(provider), environ={"A": "k"}).config.models["m"].providers


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


ACCOUNT = {"type": "service_account", "client_email": "e", "private_key": "-----BEGIN PRIVATE KEY"}


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ("hush-hush", "it is not JSON"),
        ("[]", "it is not a JSON object"),
        (json.dumps({**ACCOUNT, "type": "authorized_user"}), "its `type` is another"),
        (json.dumps({**ACCOUNT, "client_email": 1}), "`client_email` is missing"),
        (json.dumps({**ACCOUNT, "private_key": "hush"}), "`private_key` is not in PEM form"),
    ],
)
@pytest.mark.parametrize("location", ["path::account.json", "path_from_env::FILE", "env::TEXT"])
def test_a_service_account_is_looked_at_when_it_is_loaded(
    location, content, fault, problems, folder
):
    provider = entry(f"{VERTEX}, credential_location: '{location}'")
    environ = {"FILE": str(folder / "account.json"), "TEXT": content}
    (found,) = problems({"routes.yaml": provider, "account.json": content}, environ=environ)
    assert found.key == "models.m.providers.p.credential_location"
    assert found.message == f"not the key of a service account: {fault}"
    assert "hush" not in str(found)


def test_a_whole_service_account_loads(load):
    provider = entry(f"{VERTEX}, credential_location: 'path::account.json'")
    assert load({"routes.yaml": provider, "account.json": json.dumps(ACCOUNT)}).config.models


@pytest.mark.parametrize(
    ("provider", "library", "extra"),
    [
        (f"{BEDROCK}, region: sdk, api_key: 'dynamic::key'", "botocore", "aws"),
        (REGION, "botocore", "aws"),
        (f"{SAGEMAKER}, region: eu, access_key_id: sdk, secret_access_key: sdk", "botocore", "aws"),
        (f"{VERTEX}, credential_location: sdk", "google.auth", "gcp"),
        (f"{VERTEX}, credential_location: sdk", "requests", "gcp"),
        (f"{AZURE}, api_key_location: sdk", "azure.identity", "azure"),
    ],
)
def test_a_library_that_is_missing_is_named_where_it_is_needed(
    provider, library, extra, problems, monkeypatch
):
    monkeypatch.setattr(
        extras, "find_spec", lambda name: None if name == library else find_spec(name)
    )
    (found,) = problems(entry(provider))
    assert (found.key, found.remedy) == (
        "models.m.providers.p",
        f"install it: `pip install 'zeroproxy[{extra}]'`",
    )


@pytest.mark.parametrize(
    "provider",
    [
        f"{REGION}, api_key: 'dynamic::key'",
        f"{REGION}, access_key_id: 'dynamic::key', secret_access_key: 'dynamic::key'",
        f"{VERTEX}, credential_location: 'dynamic::key'",
        f"{AZURE}, api_key_location: 'dynamic::key'",
        "type: anthropic, model_name: x, api_key_location: none",
    ],
)
def test_a_library_that_is_missing_is_not_missed_where_it_is_not_needed(
    provider, load, monkeypatch
):
    def none(name):
        raise ModuleNotFoundError(name)

    monkeypatch.setattr(extras, "find_spec", none)
    assert load(entry(provider)).config.models


def test_variables_may_make_the_library_needless(load, monkeypatch):
    monkeypatch.setattr(extras, "find_spec", lambda name: None)
    environ = {"AWS_BEARER_TOKEN_BEDROCK": "k", "AWS_REGION": "eu"}
    assert load(entry(f"{BEDROCK}, region: sdk"), environ=environ).config.models


@pytest.mark.parametrize(
    ("provider", "warned"),
    [
        (f"{REGION}, endpoint_url: 'dynamic::where'", True),
        (f"{REGION}, endpoint_url: 'dynamic::where', api_key: 'dynamic::key'", False),
        ("type: azure, deployment_id: d, endpoint: 'dynamic::w', api_key_location: 'env::A'", True),
        (
            "type: azure, deployment_id: d, endpoint: 'dynamic::w', api_key_location: 'dynamic::k'",
            False,
        ),
    ],
)
def test_a_key_that_callers_could_send_anywhere_is_warned_of(provider, warned, load):
    warnings = load(entry(provider), environ={"A": "k"}).warnings
    assert any("whoever may call can take it" in each for each in warnings) is warned

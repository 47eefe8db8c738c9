"""The table of OpenAI-compatible vendors: where a request goes, with which key."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

import pytest

from proxy.config.schema import COMPATIBLE_TYPES, Config, DefaultProvider, shorthand_provider
from proxy.errors import UpstreamErrorInBody, UpstreamGarbage
from proxy.providers import build_default_provider, build_provider
from proxy.providers.base import Attempt, RelayProvider
from proxy.providers.compatible import ROWS, CompatibleProvider
from proxy.providers.dummy import FlakyCounters
from proxy.types.content import Base64File, Text, Thought
from proxy.types.ports import Limits, OutgoingRequest
from proxy.types.request import Input, Message, ModelRequest, Params

NO_LIMITS = Limits(None, None, None, None)
HERE = "http://gpu:8000/v1"


@dataclass(frozen=True)
class Vendor:
    """An entry of the configuration, and what is sent for it."""

    type: str
    entry: dict[str, Any]
    url: str
    origin: str
    usage: str
    max_tokens: str
    model_name: str = "m"
    header: tuple[str, str] = ("Authorization", "Bearer k")


def hosted(kind: str, base: str, usage: str, max_tokens: str) -> Vendor:
    host = base.split("/")[2]
    origin = f"https://{host}:443"
    entry = {"model_name": "m"}
    return Vendor(kind, entry, f"{base}chat/completions", origin, usage, max_tokens)


def own(kind: str, entry: dict[str, Any], model_name: str = "m") -> Vendor:
    url, origin = f"{HERE}/chat/completions", "http://gpu:8000"
    return Vendor(kind, {"api_base": HERE, **entry}, url, origin, "ask", "max_tokens", model_name)


VENDORS = [
    hosted("openai", "https://api.openai.com/v1/", "ask", "max_completion_tokens"),
    hosted("deepseek", "https://api.deepseek.com/v1/", "ask", "max_tokens"),
    hosted("fireworks", "https://api.fireworks.ai/inference/v1/", "always", "max_tokens"),
    hosted("groq", "https://api.groq.com/openai/v1/", "always", "max_completion_tokens"),
    hosted("hyperbolic", "https://api.hyperbolic.xyz/v1/", "always", "max_tokens"),
    hosted("mistral", "https://api.mistral.ai/v1/", "always", "max_tokens"),
    hosted("openrouter", "https://openrouter.ai/api/v1/", "always", "max_completion_tokens"),
    hosted("together", "https://api.together.xyz/v1/", "always", "max_tokens"),
    hosted("xai", "https://api.x.ai/v1/", "ask", "max_completion_tokens"),
    own("sglang", {"model_name": "m"}),
    own("tgi", {}, "tgi"),
    own("vllm", {"model_name": "m"}),
    Vendor(
        "ollama",
        {"model_name": "m"},
        "http://localhost:11434/v1/chat/completions",
        "http://localhost:11434",
        "ask",
        "max_tokens",
    ),
    Vendor(
        "azure",
        {"deployment_id": "d", "endpoint": "https://r.openai.azure.com"},
        "https://r.openai.azure.com/openai/deployments/d/chat/completions"
        "?api-version=2025-04-01-preview",
        "https://r.openai.azure.com:443",
        "ask",
        "max_completion_tokens",
        "d",
        ("api-key", "k"),
    ),
]
WITH_EMBEDDINGS = (
    "azure",
    "mistral",
    "ollama",
    "openai",
    "openrouter",
    "sglang",
    "together",
    "vllm",
)


def provider(kind: str, entry: dict[str, Any], section: str = "models") -> RelayProvider:
    model = {"routing": ["p"], "providers": {"p": {"type": kind, **entry}}}
    config = Config.model_validate({section: {"m": model}})
    built = build_provider(getattr(config, section)["m"].providers["p"], FlakyCounters())
    assert isinstance(built, CompatibleProvider)
    return built


def azure(endpoint: str = "https://r.openai.azure.com", deployment: str = "d") -> RelayProvider:
    return provider("azure", {"deployment_id": deployment, "endpoint": endpoint})


def send(to: RelayProvider, path: str = "chat/completions", **options: Any) -> OutgoingRequest:
    headers = (("X-A", "b"),)
    return to.encode_relay(path, b"{}", headers, "k", NO_LIMITS, lambda: True, **options)


def test_every_type_has_a_row_and_a_case_here() -> None:
    assert set(ROWS) == set(COMPATIBLE_TYPES) == {vendor.type for vendor in VENDORS}


@pytest.mark.parametrize("vendor", VENDORS, ids=lambda vendor: vendor.type)
class TestVendor:
    def test_a_request_goes_to_its_address_with_its_key(self, vendor: Vendor) -> None:
        request = send(provider(vendor.type, vendor.entry))
        assert (request.method, request.url, request.origin) == (
            "POST",
            vendor.url,
            vendor.origin,
        )
        assert request.headers == [("X-A", "b"), ("Accept-Encoding", "identity"), vendor.header]
        assert request.body == b"{}"

    def test_without_a_key_none_is_shown(self, vendor: Vendor) -> None:
        built = provider(vendor.type, vendor.entry)
        request = built.encode_relay("x", b"", (), None, NO_LIMITS, lambda: True)
        assert list(request.headers) == [("Accept-Encoding", "identity")]

    def test_what_is_particular_to_it_can_be_read(self, vendor: Vendor) -> None:
        built = provider(vendor.type, vendor.entry)
        assert (built.type, built.model_name) == (vendor.type, vendor.model_name)
        assert built.wire == "chat_completions"
        assert built.usage == vendor.usage
        name = "max_completion_tokens"
        assert built.renames.get(name, name) == vendor.max_tokens
        assert dict(built.body_defaults) == {}

    def test_method_and_query_are_passed_on(self, vendor: Vendor) -> None:
        built = provider(vendor.type, vendor.entry)
        request = send(built, "files", method="GET", query="limit=2&after=x")
        assert request.method == "GET"
        assert request.url.endswith("/files?limit=2&after=x")


@pytest.mark.parametrize(
    "vendor",
    [vendor for vendor in VENDORS if vendor.type in WITH_EMBEDDINGS],
    ids=lambda vendor: vendor.type,
)
def test_embeddings_are_asked_for_in_the_same_way(vendor: Vendor) -> None:
    request = send(provider(vendor.type, vendor.entry, "embedding_models"), "embeddings")
    assert request.url == vendor.url.replace("chat/completions", "embeddings")
    assert vendor.header in request.headers


@pytest.mark.parametrize(
    "kind", ["deepseek", "fireworks", "groq", "hyperbolic", "mistral", "ollama", "openrouter"]
)
def test_a_shorthand_is_an_entry_with_no_more_than_a_name(kind: str) -> None:
    built = build_provider(shorthand_provider(kind, "a/b"), FlakyCounters())
    assert isinstance(built, CompatibleProvider)
    assert (built.type, built.model_name) == (kind, "a/b")


def test_mistral_calls_the_seed_otherwise_and_others_do_not() -> None:
    assert {row.type for row in ROWS.values() if "seed" in row.renames} == {"mistral"}
    assert ROWS["mistral"].renames["seed"] == "random_seed"


def test_keys_that_are_members_of_the_request_are_filled_in_as_json() -> None:
    groq = provider("groq", {"model_name": "m", "reasoning_format": "parsed"})
    mistral = provider("mistral", {"model_name": "m", "prompt_mode": "reasoning"})
    assert groq.body_defaults == {"reasoning_format": b'"parsed"'}
    assert mistral.body_defaults == {"prompt_mode": b'"reasoning"'}


def test_an_api_base_takes_the_place_of_the_address() -> None:
    built = provider("openai", {"model_name": "m", "api_base": HERE})
    assert send(built).url == "http://gpu:8000/v1/chat/completions"
    assert built.origin == "http://gpu:8000"


class TestDefaultProvider:
    def test_it_goes_to_the_vendors_address_under_the_callers_name(self) -> None:
        built = build_default_provider(DefaultProvider(type="mistral"), "some-model")
        assert isinstance(built, CompatibleProvider)
        assert (built.type, built.model_name) == ("mistral", "some-model")
        assert send(built).url == "https://api.mistral.ai/v1/chat/completions"

    def test_it_can_have_an_address_of_its_own(self) -> None:
        config = DefaultProvider(type="vllm", api_base=HERE)
        built = build_default_provider(config, "some-model")
        assert isinstance(built, CompatibleProvider)
        assert send(built).url == "http://gpu:8000/v1/chat/completions"


class TestAzure:
    @pytest.mark.parametrize(
        "endpoint", ["https://gate.example/team/a", "https://gate.example/team/a/"]
    )
    def test_an_endpoint_may_have_a_path_and_a_slash_at_its_end(self, endpoint: str) -> None:
        assert send(azure(endpoint)).url == (
            "https://gate.example/team/a/openai/deployments/d/chat/completions"
            "?api-version=2025-04-01-preview"
        )

    def test_a_deployments_name_stays_one_part_of_the_path(self) -> None:
        url = send(azure(deployment="a/b c?")).url
        assert "/openai/deployments/a%2Fb%20c%3F/chat/completions?" in url

    @pytest.mark.parametrize(
        "path",
        [
            "audio/speech",
            "audio/transcriptions",
            "audio/translations",
            "chat/completions",
            "completions",
            "embeddings",
            "images/edits",
            "images/generations",
        ],
    )
    def test_calls_of_a_model_name_the_deployment(self, path: str) -> None:
        assert send(azure(), path).url == (
            f"https://r.openai.azure.com/openai/deployments/d/{path}?api-version=2025-04-01-preview"
        )

    @pytest.mark.parametrize("path", ["responses", "responses/r_1", "files", "batches/b/cancel"])
    def test_all_else_is_asked_over_the_api_without_versions(self, path: str) -> None:
        assert send(azure(), path).url == f"https://r.openai.azure.com/openai/v1/{path}"

    def test_a_query_joins_the_version(self) -> None:
        url = send(azure(), query="a=b").url
        assert url.endswith("/chat/completions?api-version=2025-04-01-preview&a=b")

    def test_a_callers_version_takes_the_place_of_ours(self) -> None:
        url = send(azure(), query="api-version=2024-10-21").url
        assert url.endswith("/chat/completions?api-version=2024-10-21")


def test_a_header_that_was_written_over_takes_the_place_of_the_key() -> None:
    provider = CompatibleProvider(ROWS["openai"], "m")
    headers = [("authorization", "Bearer other")]
    request = provider.encode_relay("x", b"{}", headers, "k", NO_LIMITS, lambda: True)
    named = [value for name, value in request.headers if name.lower() == "authorization"]
    assert named == ["Bearer other"]


def sent(to: CompatibleProvider, request: ModelRequest) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The body of a chat, and what was left out of it."""
    encoded = to.encode_chat(request, Attempt("k", NO_LIMITS, lambda: True))
    assert isinstance(encoded.request.body, bytes)
    return json.loads(encoded.request.body), encoded.ignored


def row(kind: str, **options: Any) -> CompatibleProvider:
    return CompatibleProvider(ROWS[kind], "m", HERE, **options)


LACKS = {
    "openai": {"thinking_budget_tokens"},
    "azure": {"service_tier", "thinking_budget_tokens"},
    "deepseek": {"service_tier", "thinking_budget_tokens", "verbosity"},
    "fireworks": {"reasoning_effort", "service_tier", "verbosity"},  # a budget, so no effort
    "groq": {"thinking_budget_tokens", "verbosity"},
    "hyperbolic": {"service_tier", "thinking_budget_tokens", "verbosity"},
    "mistral": {"service_tier", "thinking_budget_tokens", "verbosity"},
    "ollama": {"service_tier", "thinking_budget_tokens", "verbosity"},
    "openrouter": set(),
    "sglang": {"service_tier", "thinking_budget_tokens", "verbosity"},
    "tgi": {"reasoning_effort", "service_tier", "thinking_budget_tokens", "verbosity"},
    "together": {"service_tier", "thinking_budget_tokens", "verbosity"},
    "vllm": {"service_tier", "verbosity"},
    "xai": {"service_tier", "thinking_budget_tokens", "verbosity"},
}


@pytest.mark.parametrize("kind", sorted(ROWS))
def test_what_a_vendor_lacks_is_left_out_and_named(kind: str) -> None:
    params = Params(
        reasoning_effort="low", service_tier="flex", verbosity="low", thinking_budget_tokens=9
    )
    request = ModelRequest("m", Input((Message("user", (Text("u"),)),)), params=params)
    body, ignored = sent(row(kind), request)
    assert set(ignored) == LACKS[kind]
    assert not set(ignored) & body.keys()


@pytest.mark.parametrize(
    ("kind", "tier"),
    [
        ("fireworks", "priority"),
        ("groq", "flex"),
        ("mistral", "standard_only"),
        ("openrouter", "flex"),
        ("xai", "priority"),
    ],
)
def test_a_tier_that_a_vendor_has_is_asked_for(kind: str, tier: str) -> None:
    request = ModelRequest("m", Input(()), params=Params(service_tier=tier))
    body, ignored = sent(row(kind), request)
    assert (body["service_tier"], ignored) == (tier, ())


def test_budgets_of_thinking_are_named_as_their_vendors_name_them() -> None:
    request = ModelRequest("m", Input(()), params=Params(thinking_budget_tokens=9))
    assert sent(row("fireworks"), request)[0]["thinking"]["budget_tokens"] == 9
    assert sent(row("vllm"), request)[0]["thinking_token_budget"] == 9
    assert sent(row("openrouter"), request)[0]["reasoning"] == {"max_tokens": 9}


def test_a_vendor_without_schemas_is_asked_for_json() -> None:
    schema = b'{"type":"json_schema","json_schema":{"name":"r","schema":{}}}'
    params = Params(json_mode="strict")
    request = ModelRequest("m", Input((), "JSON"), params=params, response_format=schema)
    kinds = {kind: sent(row(kind), request)[0].get("response_format") for kind in ROWS}
    told = {kind: None if value is None else value["type"] for kind, value in kinds.items()}
    assert {kind for kind, value in told.items() if value is None} == {"hyperbolic", "tgi"}
    assert {kind for kind, value in told.items() if value == "json_object"} == {"deepseek"}


def test_reasoning_between_tags_is_told_apart_where_its_models_think_so() -> None:
    answer = b'{"choices":[{"message":{"content":"<think>r</think>t"}}]}'
    stream = b'data: {"choices":[{"delta":{"content":"<think>r</think>t"}}]}\n\n'
    for kind in ROWS:
        thinks = kind in ("fireworks", "together")
        assert (len(row(kind).decode_chat(answer).blocks) == 2) == thinks
        (chunk,) = row(kind).open_chat_stream().feed(stream)
        assert (len(chunk.deltas) == 2) == thinks
    assert len(row("together", think_tags=False).decode_chat(answer).blocks) == 1


def test_a_kind_of_file_may_become_another_part() -> None:
    file = Base64File("aGk=", "application/pdf")
    request = ModelRequest("m", Input((Message("user", (file,)),)))
    provider = row("openai", content_types={"application/pdf": "image_url"})
    (part,) = sent(provider, request)[0]["messages"][0]["content"]
    assert part["type"] == "image_url"
    (usual,) = sent(row("openai"), request)[0]["messages"][0]["content"]
    assert usual["type"] == "file"


def test_the_entrys_own_tools_stand_before_those_of_a_call() -> None:
    provider = row("openai", provider_tools=(b'{"type":"own"}',))
    request = ModelRequest("m", Input(()), provider_tools=(b'{"type":"asked"}',))
    assert sent(provider, request)[0]["tools"] == [{"type": "own"}, {"type": "asked"}]


def test_signed_thoughts_go_to_those_who_take_them() -> None:
    thought = Thought("r", "s", extra_data=b'{"format":"x"}')
    request = ModelRequest("m", Input((Message("assistant", (thought, Text("t"))),)))
    entry = {"type": "reasoning.text", "text": "r", "signature": "s", "format": "x"}
    for kind in ROWS:
        takes = kind == "openrouter" or kind == "openai"  # any server at another address
        (message,) = sent(row(kind), request)[0]["messages"]
        assert message.get("reasoning_details") == ([entry] if takes else None)
    (message,) = sent(CompatibleProvider(ROWS["openai"], "m"), request)[0]["messages"]
    assert message == {"role": "assistant", "content": "t", "reasoning_content": "r"}
    (message,) = sent(row("mistral"), request)[0]["messages"]
    assert [part["type"] for part in message["content"]] == ["thinking", "text"]


def test_an_error_or_an_answer_without_choices_is_none() -> None:
    with pytest.raises(UpstreamGarbage):
        row("openai").decode_chat(b'{"choices":[]}')
    fault = row("openai").read_error(429, (("retry-after", "2"),), b'{"error":{"message":"m"}}')
    assert (fault.kind, fault.retry_after) == ("rate_limit", 2.0)


@pytest.mark.parametrize(
    "members",
    [b'"object":"error"', b'"object":"error","error":null', b'"error":{"code":429},"object":null'],
)
def test_an_error_in_a_200_is_one_even_beside_what_looks_like_an_answer(members: bytes) -> None:
    choices = b'[{"index":0,"message":{"role":"assistant","content":"hi"},"finish_reason":"stop"}]'
    if b'"error":{' in members:
        choices = b"[]"
    with pytest.raises(UpstreamErrorInBody):
        row("openai").decode_chat(b'{%b,"choices":%b}' % (members, choices))


def test_an_answer_that_is_one_text_is_read_in_one_step() -> None:
    body = (
        b'{"object":"chat.completion","choices":[{"index":0,"finish_reason":"stop",'
        b'"message":{"role":"assistant","content":"hi"}}]}'
    )
    with patch("proxy.providers.compatible.check_answer", side_effect=AssertionError):
        assert row("openai").decode_chat(body).blocks == (Text("hi"),)
    assert row("openai", think_tags=True).decode_chat(body).blocks == (Text("hi"),)

"""From a configuration to what can be called."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from proxy.app.live import LiveBuilder
from proxy.config.schema import Config
from proxy.errors import CredentialMissing, UpstreamUnsupported
from proxy.models.budget import RetryBudget
from proxy.models.credentials import CallCredentials
from proxy.models.model import Model, TimeLimits
from proxy.services.targets import Targets
from proxy.types.request import Input, ModelRequest

CALL = CallCredentials(bearer="callers", dynamic={"k": "brought"})


def builder(environ: dict[str, str] | None = None, **sections: Any) -> LiveBuilder:
    config = Config.model_validate(sections)
    return LiveBuilder(config, environ or {}, lambda origin: RetryBudget([], 0.2, 3, lambda: 0.0))


def provided(**provider: Any) -> dict[str, Any]:
    return {"m": {"routing": ["p"], "providers": {"p": provider}}}


def model_of(targets: Targets, name: str) -> Model:
    (variant,) = list(targets.resolve(name).choose(None, None))  # type: ignore[arg-type]
    return variant.candidate.model


@pytest.mark.parametrize(
    ("kind", "variable"),
    [
        ("deepseek", "DEEPSEEK_API_KEY"),
        ("fireworks", "FIREWORKS_API_KEY"),
        ("groq", "GROQ_API_KEY"),
        ("hyperbolic", "HYPERBOLIC_API_KEY"),
        ("mistral", "MISTRAL_API_KEY"),
        ("openai", "OPENAI_API_KEY"),
        ("openrouter", "OPENROUTER_API_KEY"),
        ("together", "TOGETHER_API_KEY"),
        ("xai", "XAI_API_KEY"),
    ],
)
def test_a_shorthand_calls_its_vendor_with_the_vendors_usual_key(kind: str, variable: str) -> None:
    model = model_of(builder({variable: "k"}).targets(), f"{kind}::some/model")
    (route,) = model.routes
    assert (model.name, route.name) == (f"{kind}::some/model", kind)
    assert (route.provider.type, route.provider.model_name) == (kind, "some/model")
    assert route.credential(CALL, kind) == "k"
    assert route.operators_key


def test_a_shorthand_without_its_key_fails_only_when_it_is_called() -> None:
    (route,) = model_of(builder().targets(), "groq::m").routes
    with pytest.raises(CredentialMissing, match="GROQ_API_KEY"):
        route.credential(CALL, "groq")


@pytest.mark.parametrize("name", ["ollama::llama3.2", "dummy::good"])
def test_a_shorthand_may_need_no_key(name: str) -> None:
    (route,) = model_of(builder().targets(), name).routes
    assert route.credential(CALL, "x") is None
    assert not route.operators_key


@pytest.mark.parametrize(
    ("name", "kind", "wire"),
    [
        ("openai::responses::gpt-5", "openai", "responses"),
        ("anthropic::claude", "anthropic", "messages"),
        ("google_ai_studio_gemini::gemini", "google_ai_studio_gemini", "gemini"),
        (
            "gcp_vertex_gemini::projects/p/locations/global/publishers/google/models/g",
            "gcp_vertex_gemini",
            "gemini",
        ),
        (
            "gcp_vertex_anthropic::projects/p/locations/eu/publishers/anthropic/models/c",
            "gcp_vertex_anthropic",
            "messages",
        ),
    ],
)
def test_shorthands_name_vendors_with_protocols_of_their_own(
    name: str, kind: str, wire: str
) -> None:
    (route,) = model_of(builder().targets(), name).routes
    assert (route.provider.type, getattr(route.provider, "wire", "")) == (kind, wire)


@pytest.mark.parametrize(
    ("location", "environ", "owned"),
    [
        ("env::K", {"K": "k"}, True),
        ("path::/etc/hostname", {}, True),
        ("none", {}, False),
        ("client::", {}, False),
        ("dynamic::k", {}, False),
        ({"default": "dynamic::k", "fallback": "env::K"}, {"K": "k"}, True),
        ({"default": "dynamic::k", "fallback": "env::K"}, {}, False),
    ],
)
def test_a_route_knows_whether_its_key_is_the_operators(
    location: Any, environ: dict[str, str], owned: bool
) -> None:
    models = provided(type="openai", model_name="x", api_key_location=location)
    (route,) = model_of(builder(environ, models=models).targets(), "m").routes
    assert route.operators_key is owned


@pytest.mark.parametrize(("environ", "key"), [({}, None), ({"VLLM_API_KEY": "k"}, "k")])
def test_a_server_of_ones_own_is_called_with_a_key_if_there_is_one(
    environ: dict[str, str], key: str | None
) -> None:
    models = provided(type="vllm", model_name="x", api_base="http://gpu:8000/v1")
    (route,) = model_of(builder(environ, models=models).targets(), "m").routes
    assert route.credential(CALL, "vllm") == key


def test_the_default_provider_can_be_another_vendor_with_the_callers_key() -> None:
    targets = builder(zeroproxy={"default_provider": {"type": "mistral"}}).targets()
    (route,) = model_of(targets, "mistral-small").routes
    assert (route.name, route.provider.type) == ("default", "mistral")
    assert route.provider.model_name == "mistral-small"
    assert route.credential(CALL, "mistral") == "callers"
    assert not route.operators_key


EMBEDDINGS = {
    "e": {
        "routing": ["b", "a"],
        "timeout_ms": 700,
        "providers": {
            "a": {
                "type": "openai",
                "model_name": "x",
                "api_base": "http://127.0.0.1:1/v1",
                "api_key_location": "dynamic::k",
                "timeout_ms": 500,
                "extra_body": [{"pointer": "/dimensions", "value": 8}],
            },
            "b": {"type": "dummy", "model_name": "good"},
        },
    }
}


class TestEmbeddingModels:
    def test_they_are_built_in_routing_order_with_their_limits(self) -> None:
        model = builder(embedding_models=EMBEDDINGS).embedding_models["e"]
        assert [route.name for route in model.routes] == ["b", "a"]
        assert model.limits == TimeLimits(non_streaming_total=0.7)
        route = model.routes[1]
        assert route.limits == TimeLimits(non_streaming_total=0.5)
        assert route.credential(CALL, "openai") == "brought"
        assert [rewrite.value for rewrite in route.rewrites.body] == [8]

    def test_they_can_be_called_by_name(self) -> None:
        targets = builder(embedding_models=EMBEDDINGS).targets()
        target = targets.resolve_embedding("tensorzero::embedding_model_name::e")
        assert [route.name for route in target.routes()] == ["b", "a"]
        assert "e" in targets.names()

    @pytest.mark.parametrize("kind", ["openai", "openrouter"])
    def test_shorthands_need_no_configuration(self, kind: str) -> None:
        built = builder()
        assert sorted(built.embedding_shorthands) == ["openai", "openrouter"]
        (route,) = built.embedding_shorthands[kind]("text-embedding-3-small").routes
        assert route.provider.model_name == "text-embedding-3-small"


def test_building_needs_no_event_loop() -> None:
    with pytest.raises(RuntimeError):
        asyncio.get_running_loop()
    assert builder(models=provided(type="dummy", model_name="good")).targets().names() == ["m"]


RELAY = {"relay": {"gateway_url": "http://other:3000"}}
DUMMY = {"type": "dummy", "model_name": "good"}


async def refused(model: Model) -> str:
    """What a call of the model's first provider fails with."""
    (route,) = model.routes
    with pytest.raises(UpstreamUnsupported) as caught:
        await route.provider.infer(ModelRequest("x", Input(())))  # type: ignore[union-attr]
    return str(caught.value)


async def test_what_another_gateway_is_to_be_asked_for_is_not_built_and_says_so() -> None:
    targets = builder(gateway=RELAY, models=provided(**DUMMY)).targets()
    assert await refused(model_of(targets, "m")) == "`gateway.relay` is not built yet"
    assert await refused(model_of(targets, "dummy::good")) == "`gateway.relay` is not built yet"


async def test_a_model_that_skips_the_other_gateway_calls_its_providers() -> None:
    models = {"m": {**provided(**DUMMY)["m"], "skip_relay": True}}
    (route,) = model_of(builder(gateway=RELAY, models=models).targets(), "m").routes
    assert route.provider.type == "dummy"


def test_a_provider_that_asks_nobody_may_be_asked_as_often_as_one_likes() -> None:
    exhausted = builder(models=provided(type="dummy", model_name="good")).targets()
    (route,) = model_of(exhausted, "m").routes
    assert all(route.budget.try_retry() for _ in range(1000))

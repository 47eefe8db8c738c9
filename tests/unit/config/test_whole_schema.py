"""Every section of the schema loads; what is not built yet is named, not refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from proxy.config.load import LoadedConfig, load_config
from proxy.config.schema import (
    AdaptiveShares,
    BestOfNVariant,
    ChatCompletionVariant,
    ChatFunction,
    DiclVariant,
    EnvLocation,
    JsonFunction,
    MixtureOfNVariant,
    SdkLocation,
    SpecificTool,
    blocking,
    find_unbuilt,
    shorthand_provider,
)
from proxy.config.schema.rate_limiting import RateLimit
from proxy.errors import ConfigError, InvalidRequest

SAMPLES = Path(__file__).parents[2] / "data/config"
KEYS = dict.fromkeys(
    [
        *("ANTHROPIC_API_KEY", "AZURE_API_KEY", "DEEPSEEK_API_KEY", "FIREWORKS_API_KEY"),
        *("GOOGLE_AI_STUDIO_API_KEY", "GROQ_API_KEY", "HYPERBOLIC_API_KEY", "MISTRAL_API_KEY"),
        *("OPENROUTER_API_KEY", "TOGETHER_API_KEY", "XAI_API_KEY", "TEAM_KEY"),
        *("AWS_ID", "AWS_KEY", "OTHER"),
    ],
    "stand-in",
)


def sample(name: str) -> LoadedConfig:
    return load_config(str(SAMPLES / name), KEYS)


class TestDesk:
    """A chat with tools, a JSON function, and every type of variant."""

    def test_tools_come_with_their_schemas(self):
        config = sample("desk/tensorzero.toml").config
        tool = config.tools["refund"]
        assert (tool.name, tool.strict) == ("pay_back", False)
        assert tool.parameters.label == "find_order.json"
        assert tool.parameters.value["required"] == ["order"]
        function = config.functions["answer"]
        assert isinstance(function, ChatFunction)
        assert function.tools == ("find_order", "refund")
        assert function.tool_choice == SpecificTool(specific="find_order")

    def test_schemas_and_templates_of_both_spellings_meet(self):
        config = sample("desk/tensorzero.toml").config
        function = config.functions["answer"]
        assert list(function.input_schemas) == ["system", "ticket"]
        variant = function.variants["plain"]
        assert isinstance(variant, ChatCompletionVariant)
        assert list(variant.role_templates) == ["system"]
        assert variant.named_templates["ticket"].text.startswith("Order {{ order }}")
        wrapped = config.functions["sort"].variants["direct"]
        assert isinstance(wrapped, ChatCompletionVariant)
        assert wrapped.role_templates["user"].label == "wrap.minijinja"

    def test_included_templates_are_read_however_deep(self):
        loaded = sample("desk/tensorzero.toml")
        files = loaded.config.gateway.template_filesystem_access.files
        assert files.keys() == {"tone.minijinja", "parts/words.minijinja"}
        assert "Be kind." in files["tone.minijinja"]
        assert "Be kind." in loaded.snapshot.text
        assert SAMPLES / "desk/shared/tone.minijinja" in loaded.files

    def test_every_type_of_variant_arrives(self):
        variants = sample("desk/tensorzero.toml").config.functions["sort"].variants
        mixed, examples = variants["mixed"], variants["examples"]
        assert isinstance(mixed, MixtureOfNVariant)
        assert (mixed.candidates, mixed.fuser.json_mode) == (("direct", "thinking"), "on")
        assert isinstance(examples, DiclVariant)
        assert (examples.k, examples.embedding_model, examples.max_distance) == (4, "near", 0.4)
        assert examples.system_instructions is not None

    def test_the_older_timeout_of_candidates_becomes_theirs(self):
        variants = sample("desk/tensorzero.toml").config.functions["answer"].variants
        assert isinstance(variants["best"], BestOfNVariant)
        assert variants["plain"].timeouts.non_streaming.total_ms == 1500
        assert variants["plain"].timeouts.streaming.ttft_ms == 1500
        assert variants["hidden"].timeouts.non_streaming.total_ms is None

    def test_experiments_of_namespaces_stand_beside_the_other(self):
        function = sample("desk/tensorzero.toml").config.functions["answer"]
        assert function.experimentation is not None
        staff = function.experimentation.namespaces["staff"]
        assert isinstance(staff, AdaptiveShares)
        assert (staff.metric, dict(staff.candidate_variants)) == (
            "solved",
            {"hidden": 1, "plain": 1},
        )

    def test_a_json_function_has_an_output_schema(self):
        function = sample("desk/tensorzero.toml").config.functions["sort"]
        assert isinstance(function, JsonFunction)
        assert function.output_schema is not None
        assert function.output_schema.value["type"] == "object"

    def test_judges_and_costs_arrive(self):
        config = sample("desk/tensorzero.toml").config
        evaluators = config.evaluations["weekly"].evaluators
        assert evaluators["program"].typescript_file.text.startswith("export")
        assert evaluators["quality"].variants["many"].fuser.json_mode == "strict"
        costs = config.models["quick"].providers["main"].cost
        assert [cost.cost_per_million for cost in costs] == [0.2, -0.1]

    def test_old_spellings_are_named_in_warnings(self):
        warnings = "\n".join(sample("desk/tensorzero.toml").warnings)
        for word in ("timeout_s: deprecated", "input_wrappers: deprecated", "`uniform`", "cutoff"):
            assert word in warnings


class TestVendors:
    def test_every_type_of_provider_loads(self):
        model = sample("vendors.toml").config.models["all"]
        assert len(model.providers) == 20
        assert {each.type for each in model.providers.values()} >= {"anthropic", "aws_bedrock"}

    def test_types_name_their_default_location(self):
        providers = sample("vendors.toml").config.models["all"].providers
        assert providers["openai"].api_key_location == EnvLocation("TEAM_KEY")
        assert providers["tuned"].api_key_location == SdkLocation()

    def test_nothing_stands_in_the_way_of_any_of_them(self):
        providers = sample("vendors.toml").config.models["all"].providers
        assert {name: blocking(each) for name, each in providers.items()} == dict.fromkeys(
            providers
        )

    def test_secrets_in_the_open_stay_out_of_the_snapshot(self):
        assert "hush" not in sample("vendors.toml").snapshot.text
        assert "hush" not in sample("operations.toml").snapshot.text


class TestOperations:
    def test_rate_limits_become_buckets(self):
        always, by_user = sample("operations.toml").config.rate_limiting.rules
        assert always.limits[0] == RateLimit(
            resource="tokens", interval="minute", capacity=1000, refill_rate=10
        )
        assert always.limits[1].capacity == always.limits[1].refill_rate == 5
        assert (by_user.priority, by_user.limits[0].capacity) == (2, 12.5)
        assert by_user.scope[0].tag_value == "tensorzero::each"

    def test_foreign_sections_are_accepted_and_explained(self):
        warnings = sample("operations.toml").warnings
        assert any(warning.startswith("clickhouse: accepted") for warning in warnings)
        assert any(warning.startswith("autopilot: accepted") for warning in warnings)
        assert any("no ClickHouse here; records go to Postgres" in warning for warning in warnings)

    def test_who_asks_for_managed_keys_gets_no_open_door(self):
        loaded = sample("operations.toml")
        (nobody,) = loaded.config.zeroproxy.api_keys
        assert nobody.sha256 == "0" * 64
        assert loaded.config.zeroproxy.default_provider is None
        assert any("nobody is let in" in warning for warning in loaded.warnings)

    def test_every_key_of_the_gateway_arrives(self):
        gateway = sample("operations.toml").config.gateway
        assert gateway.cache.valkey.ttl_s == 60
        assert gateway.export.otlp.traces.format == "openinference"
        assert gateway.relay is not None
        assert gateway.relay.gateway_url == "http://other:3000/"
        instead = {each.path: each.instead for each in find_unbuilt(gateway)}
        assert blocking(gateway) is not None
        assert "api_keys" in instead["auth", "enabled"]


@pytest.mark.parametrize(
    ("name", "keys"),
    [
        ("anthropic::claude", {"type": "anthropic", "model_name": "claude"}),
        ("google_ai_studio_gemini::g", {"type": "google_ai_studio_gemini", "model_name": "g"}),
        ("openai::gpt", {"model_name": "gpt", "api_type": "chat_completions"}),
        ("openai::responses::gpt", {"model_name": "gpt", "api_type": "responses"}),
        (
            "gcp_vertex_gemini::projects/p-1/locations/eu/publishers/google/models/g-2.5",
            {"project_id": "p-1", "location": "eu", "model_id": "g-2.5", "endpoint_id": None},
        ),
        (
            "gcp_vertex_gemini::projects/p/locations/us-east1/endpoints/77",
            {"project_id": "p", "location": "us-east1", "model_id": None, "endpoint_id": "77"},
        ),
        (
            "gcp_vertex_anthropic::projects/p/locations/l/publishers/anthropic/models/c@2",
            {"type": "gcp_vertex_anthropic", "model_id": "c@2"},
        ),
    ],
)
def test_a_shorthand_stands_for_an_entry(name, keys, load):
    variant = f'{{type: chat_completion, model: "{name}"}}'
    assert load(f"functions: {{f: {{type: chat, variants: {{v: {variant}}}}}}}").config
    provider = shorthand_provider(*name.split("::", 1))
    assert {key: getattr(provider, key) for key in keys} == keys


@pytest.mark.parametrize(
    "name",
    [
        "openai::responses::",
        "anthropic::",
        "gcp_vertex_gemini::gemini",
        "gcp_vertex_gemini::projects/p/locations/l/publishers/anthropic/models/m",
        "gcp_vertex_gemini::projects/p/locations/l/models/m",
        "gcp_vertex_gemini::projects/p/locations/evil.com?/endpoints/1",
        "gcp_vertex_gemini::projects/p/locations/l/endpoints/1/../../x",
        "gcp_vertex_anthropic::projects/p/locations/l/publishers/google/models/m",
    ],
)
def test_a_shorthand_that_names_no_model_is_refused(name, problems):
    variant = f'{{type: chat_completion, model: "{name}"}}'
    (found,) = problems(f"functions: {{f: {{type: chat, variants: {{v: {variant}}}}}}}")
    assert found.key == "functions.f.variants.v.model"
    assert name.split("::")[0] in found.message
    with pytest.raises(InvalidRequest):
        shorthand_provider(*name.split("::", 1))


def test_a_shorthand_of_a_cloud_takes_its_types_location(load):
    text = "provider_types: {gcp_vertex_gemini: {defaults: {credential_location: sdk}}}"
    name = "projects/p/locations/l/endpoints/1"
    provider = shorthand_provider("gcp_vertex_gemini", name, load(text).config.provider_types)
    assert provider.api_key_location == SdkLocation()


def test_a_shorthand_takes_its_types_location(load):
    text = "provider_types: {groq: {defaults: {api_key_location: 'env::MINE'}}}"
    config = load(text, environ={"MINE": "k"}).config
    provider = shorthand_provider("groq", "x", config.provider_types)
    assert provider.api_key_location == EnvLocation("MINE")


def including(name: str, more: str = "") -> str:
    """A configuration with a template that includes another."""
    template = f"{{__tensorzero_remapped_path: t, __data: '{{% include \"{name}\"{more} %}}'}}"
    return (
        "gateway: {template_filesystem_access: {base_path: shared}}\n"
        "functions: {f: {type: chat, variants: {v: {type: chat_completion, "
        f'model: "dummy::good", templates: {{a: {{path: {template}}}}}}}}}}}}}\n'
    )


@pytest.mark.parametrize("name", ["../secret", "absent", "/secret"])
def test_an_included_template_must_be_in_its_folder(load, name):
    files = {"routes.yaml": including(name), "secret": "hush", "shared/a": ""}
    with pytest.raises(ConfigError) as caught:
        load(files)
    [problem] = caught.value.problems
    assert problem.message == f"the template `t` includes `{name}`, which cannot be read"


def test_an_included_template_that_may_be_missing_is_not_missed(load):
    files = {"routes.yaml": including("absent", " ignore missing"), "shared/a": ""}
    assert load(files).config.gateway.template_filesystem_access.files == {}


def test_callers_keys_of_ours_open_what_managed_keys_would(load):
    keys = f"api_keys: [{{name: a, sha256: '{'1' * 64}'}}]"
    loaded = load(f"gateway: {{auth: {{enabled: true}}}}\nzeroproxy: {{{keys}}}")
    assert [key.name for key in loaded.config.zeroproxy.api_keys] == ["a"]
    assert any("a key of `zeroproxy.api_keys`" in warning for warning in loaded.warnings)

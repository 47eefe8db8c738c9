"""What a good configuration becomes."""

from __future__ import annotations

import pytest

from proxy.config.schema import (
    AzureProvider,
    CallerCredential,
    DynamicLocation,
    EnvLocation,
    FallbackLocation,
    NoCredential,
    OpenAIProvider,
    PathLocation,
)

FULL = """\
gateway: {bind_address: "[::]:3000", base_path: /proxy/}
models:
  m:
    routing: [a, b]
    timeouts: {streaming: {ttft_ms: 100}}
    providers:
      a:
        type: openai
        model_name: gpt-4o-mini
        api_base: http://127.0.0.1:11434/v1
        api_key_location: none
        extra_body: [{pointer: /b, value: {z: 1, a: null}}, {pointer: /c, delete: true}]
        extra_headers: [{name: X-A, value: b}, {name: X-B, delete: true}]
      b: {type: dummy, model_name: good}
functions:
  f:
    type: chat
    variants:
      v:
        type: chat_completion
        model: m
        weight: 1
        temperature: 0.5
        stop_sequences: [a, b]
        retries: {num_retries: 2}
        system_template: prompts/v.txt
      w: {type: chat_completion, model: "openai::gpt-4o", weight: 0}
zeroproxy: {limits: {max_request_bytes: 64MiB, max_peek_bytes: 1000}, recording: {when_full: shed}}
"""


def test_every_part_of_a_full_configuration_arrives(load):
    config = load({"routes.yaml": FULL, "prompts/v.txt": "Be {{ system_text }}.\n"}).config
    assert config.gateway.bind_address == "[::]:3000"
    assert config.gateway.base_path == "/proxy"
    model = config.models["m"]
    assert model.routing == ("a", "b")
    assert model.timeouts.streaming.ttft_ms == 100
    provider = model.providers["a"]
    assert isinstance(provider, OpenAIProvider)
    assert provider.api_base == "http://127.0.0.1:11434/v1/"
    assert [rule.deletes for rule in provider.extra_body] == [False, True]
    assert list(provider.extra_body[0].value) == ["z", "a"]
    assert [rule.deletes for rule in provider.extra_headers] == [False, True]
    variant = config.functions["f"].variants["v"]
    assert (variant.weight, variant.temperature, variant.retries.num_retries) == (1, 0.5, 2)
    assert variant.retries.max_delay_s == 10
    assert variant.stop_sequences == ("a", "b")
    assert variant.system_template is not None
    assert variant.system_template.label == "prompts/v.txt"
    assert variant.system_template.text == "Be {{ system_text }}.\n"
    assert config.zeroproxy.limits.max_request_bytes == 64 * 2**20
    assert config.zeroproxy.limits.max_peek_bytes == 1000
    assert config.zeroproxy.recording.when_full == "shed"


def test_an_empty_file_is_a_configuration(load):
    config = load("").config
    assert dict(config.models) == {}
    assert config.zeroproxy.recording.max_journal_bytes == 2**30


def test_a_section_with_everything_commented_out_is_empty(load):
    assert dict(load("models:\n  # m: {}\nfunctions:\n").config.functions) == {}


def test_values_are_frozen(load):
    config = load("").config
    with pytest.raises(ValueError, match="frozen"):
        config.gateway.debug = True


def test_anchors_and_merge_keys_work(load):
    text = """\
models:
  m: &base
    routing: [p]
    providers: {p: {type: dummy, model_name: good}}
  n:
    <<: *base
    timeouts: {non_streaming: {total_ms: 5}}
"""
    models = load(text).config.models
    assert models["n"].providers == models["m"].providers
    assert models["n"].timeouts.non_streaming.total_ms == 5


def test_quoted_words_and_dates_stay_text(load):
    text = (
        'metrics:\n  "on": {type: boolean, optimize: max, level: episode, description: 2024-01-01}'
    )
    assert load(text).config.metrics["on"].description == "2024-01-01"


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ('"env::KEY"', EnvLocation("KEY")),
        ('"dynamic::k"', DynamicLocation("k")),
        ("none", NoCredential()),
        ('"client::"', CallerCredential()),
        (
            '{default: "dynamic::k", fallback: "env::KEY"}',
            FallbackLocation(DynamicLocation("k"), EnvLocation("KEY")),
        ),
    ],
)
def test_credential_locations_become_values(written, expected, load):
    provider = f"{{type: openai, model_name: x, api_key_location: {written}}}"
    text = f"models: {{m: {{routing: [p], providers: {{p: {provider}}}}}}}"
    model = load(text, environ={"KEY": "secret"}).config.models["m"]
    assert model.providers["p"].api_key_location == expected


def providers(section: str, written: str) -> str:
    return f"{section}: {{m: {{routing: [p], providers: {{p: {written}}}}}}}"


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
def test_a_hosted_vendors_key_is_in_the_variable_that_bears_its_name(kind, variable, load):
    text = providers("models", f"{{type: {kind}, model_name: x}}")
    provider = load(text, environ={variable: "k"}).config.models["m"].providers["p"]
    assert provider.api_key_location == EnvLocation(variable)


def test_an_azure_provider_has_a_deployment_and_an_endpoint(load):
    text = providers("models", "{type: azure, deployment_id: d, endpoint: 'https://r.example/a'}")
    provider = load(text, environ={"AZURE_API_KEY": "k"}).config.models["m"].providers["p"]
    assert isinstance(provider, AzureProvider)
    assert (provider.deployment_id, provider.endpoint) == ("d", "https://r.example/a/")
    assert provider.api_key_location == EnvLocation("AZURE_API_KEY")


@pytest.mark.parametrize("section", ["models", "embedding_models"])
def test_an_endpoint_can_stand_in_an_environment_variable(section, load):
    written = "{type: azure, deployment_id: d, endpoint: 'env::WHERE', api_key_location: none}"
    environ = {"WHERE": "https://r.example"}
    loaded = load(providers(section, written), environ=environ)
    assert getattr(loaded.config, section)["m"].providers["p"].endpoint == "https://r.example/"
    assert "env::WHERE" in loaded.snapshot.text
    assert "r.example" not in loaded.snapshot.text


def test_an_endpoint_variable_that_holds_no_url_is_refused_without_quoting_it(problems):
    written = "{type: azure, deployment_id: d, endpoint: 'env::WHERE', api_key_location: none}"
    (problem,) = problems(providers("models", written), environ={"WHERE": "my-secret"})
    assert problem.key == "models.m.providers.p.endpoint"
    assert "`WHERE` does not hold an http or https URL" in problem.message
    assert "my-secret" not in str(problem)


@pytest.mark.parametrize("kind", ["sglang", "tgi", "vllm"])
def test_a_server_of_ones_own_needs_an_address_and_a_key_only_if_there_is_one(kind, load):
    name = "" if kind == "tgi" else "model_name: x, "
    text = providers("models", f"{{type: {kind}, {name}api_base: 'http://gpu:8000/v1'}}")
    loaded = load(text)
    provider = loaded.config.models["m"].providers["p"]
    assert provider.api_base == "http://gpu:8000/v1/"
    variable = EnvLocation(f"{kind.upper()}_API_KEY")
    assert provider.api_key_location == FallbackLocation(variable, NoCredential())
    assert loaded.warnings == ()


def test_ollama_is_found_where_it_usually_is_and_without_a_key(load):
    text = providers("models", "{type: ollama, model_name: llama3.2}")
    provider = load(text).config.models["m"].providers["p"]
    assert provider.api_base == "http://localhost:11434/v1/"
    assert provider.api_key_location == NoCredential()


def test_keys_that_only_some_vendors_have_arrive(load):
    text = """\
models:
  m:
    routing: [a, b, c]
    providers:
      a: {type: groq, model_name: x, reasoning_format: parsed}
      b: {type: mistral, model_name: x, prompt_mode: reasoning}
      c: {type: fireworks, model_name: x, parse_think_blocks: false}
"""
    environ = dict.fromkeys(("GROQ_API_KEY", "MISTRAL_API_KEY", "FIREWORKS_API_KEY"), "k")
    found = load(text, environ=environ).config.models["m"].providers
    assert found["a"].reasoning_format == "parsed"
    assert found["b"].prompt_mode == "reasoning"
    assert found["c"].parse_think_blocks is False


@pytest.mark.parametrize(
    "name", ["deepseek", "fireworks", "groq", "hyperbolic", "mistral", "ollama", "openrouter"]
)
def test_a_variant_may_name_a_vendors_model_without_configuring_it(name, load):
    variant = f'{{type: chat_completion, model: "{name}::x"}}'
    config = load(f"functions: {{f: {{type: chat, variants: {{v: {variant}}}}}}}").config
    assert config.functions["f"].variants["v"].model == f"{name}::x"


class TestEmbeddingModels:
    @pytest.mark.parametrize(
        "written",
        [
            "{type: openai, model_name: x, api_key_location: none, api_base: 'http://x/v1'}",
            "{type: azure, deployment_id: d, endpoint: 'https://x', api_key_location: none}",
            "{type: mistral, model_name: x, api_key_location: none}",
            "{type: openrouter, model_name: x, api_key_location: none}",
            "{type: together, model_name: x, api_key_location: none}",
            "{type: vllm, model_name: x, api_base: 'http://x/v1'}",
            "{type: sglang, model_name: x, api_base: 'http://x/v1'}",
            "{type: ollama, model_name: x}",
            "{type: dummy, model_name: x}",
        ],
    )
    def test_vendors_with_embeddings_can_be_configured(self, written, load):
        config = load(providers("embedding_models", written)).config
        assert config.embedding_models["m"].providers["p"].type in written

    def test_they_have_limits_and_changes_of_their_own(self, load):
        text = """\
embedding_models:
  e:
    routing: [b, a]
    timeout_ms: 700
    providers:
      a:
        type: dummy
        model_name: x
        timeout_ms: 500
        extra_body: [{pointer: /a, value: 1}]
        extra_headers: [{name: x-a, value: b}]
      b: {type: dummy, model_name: y}
"""
        model = load(text).config.embedding_models["e"]
        assert (model.routing, model.timeout_ms) == (("b", "a"), 700)
        assert model.providers["a"].timeout_ms == 500
        assert model.providers["a"].extra_body[0].pointer == "/a"
        assert model.providers["a"].extra_headers[0].name == "x-a"

    def test_they_may_share_a_name_with_a_model(self, load):
        written = "{type: dummy, model_name: x}"
        text = f"{providers('models', written)}\n{providers('embedding_models', written)}"
        config = load(text).config
        assert config.models.keys() == config.embedding_models.keys()

    def test_values_of_their_secret_headers_are_left_out_of_the_snapshot(self, load):
        header = "extra_headers: [{name: authorization, value: hush}]"
        loaded = load(providers("embedding_models", f"{{type: dummy, model_name: x, {header}}}"))
        assert "hush" not in loaded.snapshot.text

    def test_their_key_files_count_from_the_configuration_file(self, load, folder):
        written = "{type: openai, model_name: x, api_key_location: 'path::k'}"
        files = {"conf/routes.yaml": providers("embedding_models", written), "conf/k": "secret"}
        model = load(files, "conf/routes.yaml").config.embedding_models["m"]
        assert model.providers["p"].api_key_location == PathLocation(str(folder / "conf/k"))


class TestShares:
    TEXT = """\
functions:
  f:
    type: chat
    variants:
      b: {type: chat_completion, model: "dummy::good"}
      a: {type: chat_completion, model: "dummy::good"}
    experimentation: EXPERIMENT
"""

    @pytest.mark.parametrize(
        ("written", "candidates", "fallbacks"),
        [
            ("{type: static, candidate_variants: [a, b]}", {"a": 1, "b": 1}, ()),
            (
                "{type: static, candidate_variants: {a: 0.3}, fallback_variants: [b]}",
                {"a": 0.3},
                ("b",),
            ),
            ("{type: static_weights, candidate_variants: {a: 2, b: 1}}", {"a": 2, "b": 1}, ()),
            ("{type: uniform}", {"a": 1, "b": 1}, ()),
            ("{type: uniform, candidate_variants: [b]}", {"b": 1}, ()),
        ],
    )
    def test_every_spelling_becomes_weights_and_fallbacks(
        self, written, candidates, fallbacks, load
    ):
        function = load(self.TEXT.replace("EXPERIMENT", written)).config.functions["f"]
        assert function.experimentation is not None
        assert dict(function.experimentation.candidate_variants) == candidates
        assert function.experimentation.fallback_variants == fallbacks


class TestDefaultProvider:
    KEYS = f"zeroproxy:\n  api_keys: [{{name: a, sha256: '{'0' * 64}'}}]\n"

    def test_it_forwards_the_callers_key_to_openai(self, load):
        provider = load("").config.zeroproxy.default_provider
        assert provider is not None
        assert (provider.type, provider.api_base) == ("openai", None)
        assert provider.api_key_location == CallerCredential()

    def test_it_is_off_when_callers_keys_are_in_authorization(self, load):
        own = load(self.KEYS).config.zeroproxy
        assert own.default_provider is None
        assert own.api_keys[0].name == "a"

    def test_it_stays_on_when_they_are_in_another_header(self, load):
        own = load(self.KEYS + "  api_key_header: x-tensorzero-api-key\n").config.zeroproxy
        assert own.default_provider is not None

    @pytest.mark.parametrize("word", ["null", "none"])
    def test_it_can_be_switched_off(self, word, load):
        assert (
            load(f"zeroproxy: {{default_provider: {word}}}").config.zeroproxy.default_provider
            is None
        )

    @pytest.mark.parametrize("kind", ["groq", "mistral", "ollama", "xai"])
    def test_it_can_be_any_vendor_with_an_address(self, kind, load):
        text = f"zeroproxy: {{default_provider: {{type: {kind}}}}}"
        provider = load(text).config.zeroproxy.default_provider
        assert provider is not None
        assert (provider.type, provider.api_base) == (kind, None)

    def test_it_can_be_a_server_of_ones_own(self, load):
        text = "zeroproxy: {default_provider: {type: vllm, api_base: 'http://gpu:8000/v1'}}"
        provider = load(text).config.zeroproxy.default_provider
        assert provider is not None
        assert provider.api_base == "http://gpu:8000/v1/"

    def test_with_a_key_of_the_operator_it_may_stay_beside_callers_keys(self, load):
        text = self.KEYS + "  default_provider: {api_key_location: 'env::KEY'}\n"
        provider = load(text, environ={"KEY": "x"}).config.zeroproxy.default_provider
        assert provider is not None
        assert provider.api_key_location == EnvLocation("KEY")

    def test_without_a_location_of_its_own_it_is_refused_beside_callers_keys(self, problems):
        (problem,) = problems(self.KEYS + "  default_provider: {}\n")
        assert problem.key == "zeroproxy.default_provider"


def test_a_relative_key_file_counts_from_its_configuration_file(load, folder):
    provider = "{type: openai, model_name: x, api_key_location: 'path::keys/k'}"
    text = f"models: {{m: {{routing: [p], providers: {{p: {provider}}}}}}}"
    files = {"conf/routes.yaml": text, "conf/keys/k": "secret\n"}
    model = load(files, "conf/routes.yaml").config.models["m"]
    assert model.providers["p"].api_key_location == PathLocation(str(folder / "conf/keys/k"))

"""Kinds of broken configuration: each names its file and line, its key, and a remedy."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from proxy.config.problems import render_problems

BASE = """\
models:
  m:
    routing: [p]
    providers:
      p: {type: dummy, model_name: good}
"""
FUNCTION = """\
functions:
  f:
    type: chat
    variants:
      v: {type: chat_completion, model: m}
      w: {type: chat_completion, model: m}
"""


@dataclass(frozen=True)
class Broken:
    """`text` is refused at `line` and `key`; message and remedy contain the words given."""

    name: str
    text: str
    line: int
    key: str
    message: str
    remedy: str


EMBEDDING = BASE.replace("models:", "embedding_models:").replace("  m:", "  e:")


def model(provider: str) -> str:
    return BASE.replace("{type: dummy, model_name: good}", provider)


def embedding(provider: str) -> str:
    return EMBEDDING.replace("{type: dummy, model_name: good}", provider)


def variant(extra: str) -> str:
    return BASE + FUNCTION.replace("model: m}", f"model: m, {extra}}}", 1)


def split(text: str) -> str:
    return BASE + FUNCTION + f"    experimentation: {text}\n"


CASES = [
    Broken("unknown section", "modles: {}", 1, "modles", "unknown field", "did you mean `models`"),
    Broken(
        "section of a later version",
        "rate_limiting: {enabled: true}",
        1,
        "rate_limiting",
        "part of TensorZero's schema that this version does not serve yet",
        "remove it",
    ),
    Broken(
        "unknown gateway key",
        "gateway:\n  debgu: true",
        2,
        "gateway.debgu",
        "expected one of `bind_address`, `base_path`, `debug`",
        "did you mean `debug`",
    ),
    Broken(
        "wrong type",
        'gateway:\n  debug: "x"',
        2,
        "gateway.debug",
        "expected a boolean, found the string `x`",
        "`true` or `false`",
    ),
    Broken(
        "bad address",
        "gateway: {bind_address: localhost}",
        1,
        "gateway.bind_address",
        "invalid socket address",
        "127.0.0.1:3000",
    ),
    Broken(
        "base path without slash",
        "gateway: {base_path: api}",
        1,
        "gateway.base_path",
        "must start with `/`",
        "/proxy",
    ),
    Broken(
        "managed keys",
        "gateway: {auth: {enabled: true}}",
        1,
        "gateway.auth.enabled",
        "does not serve yet",
        "zeroproxy.api_keys",
    ),
    Broken(
        "clickhouse",
        "gateway: {observability: {backend: clickhouse}}",
        1,
        "gateway.observability.backend",
        "does not serve yet",
        "`postgres`",
    ),
    Broken(
        "batch and async writes",
        "gateway: {observability: {batch_writes: {enabled: true}}}",
        1,
        "gateway.observability.batch_writes",
        "cannot be enabled at the same time",
        "async_writes: false",
    ),
    Broken(
        "buckets out of order",
        "zeroproxy:\n  latency_buckets: [1, 0.5]",
        2,
        "zeroproxy.latency_buckets",
        "strictly ascending",
        "[0.001, 0.01, 0.1]",
    ),
    Broken(
        "no routing",
        BASE.replace("    routing: [p]\n", ""),
        2,
        "models.m.routing",
        "missing field `routing`",
        "add `routing`",
    ),
    Broken(
        "empty routing",
        BASE.replace("[p]", "[]"),
        3,
        "models.m.routing",
        "must not be empty",
        "`p`",
    ),
    Broken(
        "routing names a provider twice",
        BASE.replace("[p]", "[p, p]"),
        3,
        "models.m.routing[1]",
        "duplicate entry `p`",
        "once",
    ),
    Broken(
        "routing names no provider",
        BASE.replace("[p]", "[p, primry, primary]").replace(
            "good}", "good}\n      primary: {type: dummy, model_name: good}"
        ),
        3,
        "models.m.routing[1]",
        "`primry` that does not exist",
        "did you mean `primary`",
    ),
    Broken(
        "provider without route",
        BASE + "      q: {type: dummy, model_name: good}\n",
        6,
        "models.m.providers.q",
        "not listed in `routing`",
        "add `q` to `routing`",
    ),
    Broken(
        "provider without type",
        model("{model_name: x}"),
        5,
        "models.m.providers.p.type",
        "missing field `type`",
        "`openai`",
    ),
    Broken(
        "provider type mistyped",
        model("{type: opnai, model_name: x}"),
        5,
        "models.m.providers.p.type",
        "`opnai` is not one of",
        "did you mean `openai`",
    ),
    Broken(
        "provider type of a later version",
        model("{type: anthropic, model_name: x}"),
        5,
        "models.m.providers.p.type",
        "does not serve yet",
        "`openai`",
    ),
    Broken(
        "provider key of a later version",
        model("{type: dummy, model_name: x, cost: []}"),
        5,
        "models.m.providers.p.cost",
        "does not serve yet",
        "remove it",
    ),
    Broken(
        "provider without model name",
        model("{type: dummy}"),
        5,
        "models.m.providers.p.model_name",
        "missing field `model_name`",
        "add `model_name`",
    ),
    Broken(
        "api base is no URL",
        model("{type: openai, model_name: x, api_key_location: none, api_base: 'localhost:1'}"),
        5,
        "models.m.providers.p.api_base",
        "not an http or https URL",
        "http://127.0.0.1:11434/v1",
    ),
    Broken(
        "server of one's own without an address",
        model("{type: vllm, model_name: x}"),
        5,
        "models.m.providers.p.api_base",
        "missing field `api_base`",
        "add `api_base` (URL)",
    ),
    Broken(
        "vendor with an address of one's own",
        model("{type: groq, model_name: x, api_key_location: none, api_base: 'http://x/'}"),
        5,
        "models.m.providers.p.api_base",
        "unknown field `api_base`, expected one of",
        "remove it",
    ),
    Broken(
        "vendor's key missing",
        model("{type: mistral, model_name: x, prompt_mode: reasoning}"),
        5,
        "models.m.providers.p.api_key_location",
        "`MISTRAL_API_KEY` is missing",
        "export MISTRAL_API_KEY=",
    ),
    Broken(
        "switch of thoughts of the wrong type",
        model("{type: together, model_name: x, api_key_location: none, parse_think_blocks: 1}"),
        5,
        "models.m.providers.p.parse_think_blocks",
        "expected a boolean, found the number 1",
        "`true` or `false`",
    ),
    Broken(
        "empty reasoning format",
        model("{type: groq, model_name: x, api_key_location: none, reasoning_format: ''}"),
        5,
        "models.m.providers.p.reasoning_format",
        "must not be empty",
        "remove the key",
    ),
    Broken(
        "azure without a deployment",
        model("{type: azure, endpoint: 'https://x', api_key_location: none}"),
        5,
        "models.m.providers.p.deployment_id",
        "missing field `deployment_id`",
        "add `deployment_id`",
    ),
    Broken(
        "azure with a model's name",
        model(
            "{type: azure, deployment_id: d, endpoint: 'https://x', model_name: x, "
            "api_key_location: none}"
        ),
        5,
        "models.m.providers.p.model_name",
        "unknown field `model_name`",
        "one of these keys",
    ),
    Broken(
        "endpoint is no URL",
        model("{type: azure, deployment_id: d, endpoint: my-resource, api_key_location: none}"),
        5,
        "models.m.providers.p.endpoint",
        "not an http or https URL",
        "https://my-resource.openai.azure.com",
    ),
    Broken(
        "endpoint with a query",
        model(
            "{type: azure, deployment_id: d, endpoint: 'https://x/?a=b', api_key_location: none}"
        ),
        5,
        "models.m.providers.p.endpoint",
        "`endpoint` must not hold a user name, a password, a query",
        "leave only scheme, host, port and path",
    ),
    Broken(
        "endpoint that comes with the request",
        model("{type: azure, deployment_id: d, endpoint: 'dynamic::e', api_key_location: none}"),
        5,
        "models.m.providers.p.endpoint",
        "it calls only addresses that its configuration names",
        "write the URL, or `env::VAR_NAME`",
    ),
    Broken(
        "endpoint in a variable that is not set",
        model("{type: azure, deployment_id: d, endpoint: 'env::NOPE', api_key_location: none}"),
        5,
        "models.m.providers.p.endpoint",
        "environment variable `NOPE` is missing",
        "export NOPE=https://",
    ),
    Broken(
        "default provider without an address",
        "zeroproxy:\n  default_provider: {type: vllm}",
        2,
        "zeroproxy.default_provider.api_base",
        "missing field `api_base`, which a provider of type `vllm` needs",
        "add `api_base` (URL)",
    ),
    Broken(
        "default provider of a type with deployments",
        "zeroproxy:\n  default_provider: {type: azure}",
        2,
        "zeroproxy.default_provider.type",
        "does not serve yet",
        "`openai`",
    ),
    Broken(
        "embedding model without routing",
        EMBEDDING.replace("    routing: [p]\n", ""),
        2,
        "embedding_models.e.routing",
        "missing field `routing`",
        "add `routing`",
    ),
    Broken(
        "embedding model that routes to nobody",
        EMBEDDING.replace("[p]", "[q]").replace(
            "  p: {", "  q: {type: dummy, model_name: x}\n      p: {"
        ),
        6,
        "embedding_models.e.providers.p",
        "not listed in `routing`",
        "add `p` to `routing`",
    ),
    Broken(
        "embedding provider of a type without embeddings",
        embedding("{type: groq, model_name: x}"),
        5,
        "embedding_models.e.providers.p.type",
        "unsupported provider config for embedding: `type: groq`",
        "use `openai`",
    ),
    Broken(
        "embedding provider type mistyped",
        embedding("{type: opnai, model_name: x}"),
        5,
        "embedding_models.e.providers.p.type",
        "`opnai` is not one of",
        "did you mean `openai`",
    ),
    Broken(
        "embedding provider with a model's timeouts",
        embedding("{type: dummy, model_name: x, timeouts: {}}"),
        5,
        "embedding_models.e.providers.p.timeouts",
        "unknown field `timeouts`",
        "did you mean `timeout_ms`",
    ),
    Broken(
        "embedding provider with costs",
        embedding("{type: dummy, model_name: x, cost: []}"),
        5,
        "embedding_models.e.providers.p.cost",
        "does not serve yet",
        "remove it",
    ),
    Broken(
        "embedding provider's key missing",
        embedding("{type: openrouter, model_name: x}"),
        5,
        "embedding_models.e.providers.p.api_key_location",
        "`OPENROUTER_API_KEY` is missing",
        "export OPENROUTER_API_KEY=",
    ),
    Broken(
        "dummy embedding with a real credential",
        embedding('{type: dummy, model_name: x, api_key_location: "client::"}'),
        5,
        "embedding_models.e.providers.p.api_key_location",
        "dummy provider",
        "dynamic::KEY_NAME",
    ),
    Broken(
        "embedding timeout above the global one",
        EMBEDDING + "    timeout_ms: 99999999\n",
        6,
        "embedding_models.e.timeout_ms",
        "`99999999` is greater than `gateway.global_outbound_http_timeout_ms`: `900000`",
        "lower it",
    ),
    Broken(
        "embedding provider's timeout above the global one",
        embedding("{type: dummy, model_name: x, timeout_ms: 99999999}"),
        5,
        "embedding_models.e.providers.p.timeout_ms",
        "`99999999` is greater than",
        "lower it",
    ),
    Broken(
        "embedding model with a reserved prefix",
        EMBEDDING.replace("  e:", '  "openai::e":'),
        2,
        "embedding_models.openai::e",
        "reserved prefix `openai::`",
        "rename it, say to `e`; `openai::…` works without configuration",
    ),
    Broken(
        "embedding model with our own prefix",
        EMBEDDING.replace("  e:", "  tensorzero::e:"),
        2,
        "embedding_models.tensorzero::e",
        "Embedding model name cannot start with `tensorzero::`",
        "rename it, say to `e`",
    ),
    Broken(
        "embedding provider that forwards a key of ours",
        embedding('{type: openai, model_name: x, api_key_location: "client::"}')
        + f"zeroproxy: {{default_provider: none, api_keys: [{{name: a, sha256: '{'0' * 64}'}}]}}",
        5,
        "embedding_models.e.providers.p.api_key_location",
        "would forward the caller's `Authorization`",
        "x-tensorzero-api-key",
    ),
    Broken(
        "model with the prefix of a type without shorthand",
        BASE.replace("  m:", '  "vllm::x":'),
        2,
        "models.vllm::x",
        "reserved prefix `vllm::`",
        "rename it, say to `x`",
    ),
    Broken(
        "dummy with a real credential",
        model('{type: dummy, model_name: x, api_key_location: "client::"}'),
        5,
        "models.m.providers.p.api_key_location",
        "dummy provider",
        "dynamic::KEY_NAME",
    ),
    Broken(
        "missing environment variable",
        model("{type: openai, model_name: x, api_key_location: 'env::NOPE_KEY'}"),
        5,
        "models.m.providers.p.api_key_location",
        "environment variable `NOPE_KEY` is missing",
        "export NOPE_KEY=",
    ),
    Broken(
        "default credential missing",
        model("{type: openai, model_name: x}"),
        5,
        "models.m.providers.p.api_key_location",
        "`OPENAI_API_KEY` is missing",
        "export OPENAI_API_KEY=",
    ),
    Broken(
        "missing key file",
        model("{type: openai, model_name: x, api_key_location: 'path::nope.key'}"),
        5,
        "models.m.providers.p.api_key_location",
        "failed to read credentials file",
        "put the key into the file",
    ),
    Broken(
        "half a fallback",
        model("{type: openai, model_name: x, api_key_location: {default: none}}"),
        5,
        "models.m.providers.p.api_key_location",
        "missing field `fallback`",
        "both `default` and `fallback`",
    ),
    Broken(
        "model with a reserved prefix",
        BASE.replace("  m:", '  "openai::x":'),
        2,
        "models.openai::x",
        "reserved prefix `openai::`",
        "rename it, say to `x`",
    ),
    Broken(
        "function with a reserved prefix",
        (BASE + FUNCTION).replace("  f:", "  tensorzero::f:"),
        7,
        "functions.tensorzero::f",
        "cannot start with `tensorzero::`",
        "rename it, say to `f`",
    ),
    Broken(
        "timeout above the global one",
        BASE + "    timeouts: {non_streaming: {total_ms: 99999999}}\n",
        6,
        "models.m.timeouts.non_streaming.total_ms",
        "`99999999` is greater than `gateway.global_outbound_http_timeout_ms`: `900000`",
        "lower it",
    ),
    Broken(
        "json function",
        (BASE + FUNCTION).replace("type: chat\n", "type: json\n"),
        8,
        "functions.f.type",
        "does not serve yet",
        "`chat`",
    ),
    Broken(
        "function without variants",
        BASE + "functions:\n  f: {type: chat}\n",
        7,
        "functions.f.variants",
        "missing field `variants`",
        "add `variants`",
    ),
    Broken(
        "variant type of a later version",
        (BASE + FUNCTION).replace("chat_completion", "experimental_mixture_of_n", 1),
        10,
        "functions.f.variants.v.type",
        "does not serve yet",
        "`chat_completion`",
    ),
    Broken(
        "unknown model",
        (BASE + FUNCTION).replace("model: m}", "model: mm}", 1),
        10,
        "functions.f.variants.v.model",
        "model name `mm` not found",
        "did you mean `m`",
    ),
    Broken(
        "shorthand of a later version",
        (BASE + FUNCTION).replace("model: m}", 'model: "anthropic::x"}', 1),
        10,
        "functions.f.variants.v.model",
        "shorthand `anthropic::`",
        "`openai::NAME`",
    ),
    Broken(
        "shorthand of the Responses API",
        (BASE + FUNCTION).replace("model: m}", 'model: "openai::responses::x"}', 1),
        10,
        "functions.f.variants.v.model",
        "shorthand `openai::responses::` is a part of TensorZero's schema",
        "write `openai::NAME`",
    ),
    Broken(
        "shorthand of a provider type without an address",
        (BASE + FUNCTION).replace("model: m}", 'model: "vllm::x"}', 1),
        10,
        "functions.f.variants.v.model",
        "there is no shorthand `vllm::`",
        "provider of `type: vllm`",
    ),
    Broken(
        "negative weight",
        variant("weight: -1"),
        10,
        "functions.f.variants.v.weight",
        "must be at least 0",
        "at least 0",
    ),
    Broken(
        "JSON mode in a chat function",
        variant("json_mode: strict"),
        10,
        "functions.f.variants.v.json_mode",
        "parent function is a chat function",
        "response_format",
    ),
    Broken(
        "json_mode read as a boolean",
        variant("json_mode: off"),
        10,
        "functions.f.variants.v.json_mode",
        "`off` without quotes",
        '"off"',
    ),
    Broken(
        "template missing",
        variant("system_template: nope.txt"),
        10,
        "functions.f.variants.v.system_template",
        "failed to read `nope.txt`",
        "the path counts from the folder",
    ),
    Broken(
        "template is a folder",
        variant("system_template: ."),
        10,
        "functions.f.variants.v.system_template",
        "is a directory",
        "name a readable text file",
    ),
    Broken(
        "template with another variable",
        variant("system_template: {__tensorzero_remapped_path: t, __data: '{{ a }} {{ b }}'}"),
        10,
        "functions.f.variants.v.system_template",
        "template needs variables: [a, b] but only `system_text` is allowed",
        "{{ system_text }}",
    ),
    Broken(
        "template with a syntax error",
        variant("system_template: {__tensorzero_remapped_path: t, __data: '{% if %}'}"),
        10,
        "functions.f.variants.v.system_template",
        "template error in `t`, line 1",
        "correct the template",
    ),
    Broken(
        "extra_body without effect",
        variant("extra_body: [{pointer: /a}]"),
        10,
        "functions.f.variants.v.extra_body[0]",
        "neither `value` nor `delete`",
        "delete: true",
    ),
    Broken(
        "extra_body with a bad pointer",
        variant("extra_body: [{pointer: a, value: 1}]"),
        10,
        "functions.f.variants.v.extra_body[0].pointer",
        "invalid JSON pointer",
        "begin with `/`",
    ),
    Broken(
        "header name with a colon",
        variant("extra_headers: [{name: 'x:', value: a}]"),
        10,
        "functions.f.variants.v.extra_headers[0].name",
        "not a header name",
        "no colon",
    ),
    Broken(
        "experiment with an unknown variant",
        split("{type: static, candidate_variants: [v, ww]}"),
        12,
        "functions.f.experimentation.candidate_variants",
        "candidate variant `ww` does not exist",
        "did you mean `w`",
    ),
    Broken(
        "experiment with a variant in both lists",
        split("{type: static, candidate_variants: [v], fallback_variants: [v]}"),
        12,
        "functions.f.experimentation",
        "cannot appear in both",
        "one of the two",
    ),
    Broken(
        "experiment with nobody in it",
        split("{type: static, candidate_variants: {v: 0}}"),
        12,
        "functions.f.experimentation",
        "at least one is required",
        "candidate_variants",
    ),
    Broken(
        "experiment and weights",
        variant("weight: 1") + "    experimentation: {type: static, candidate_variants: [v]}\n",
        12,
        "functions.f.experimentation",
        "cannot mix",
        "remove the weights",
    ),
    Broken(
        "adaptive experiment",
        split("{type: adaptive, metric: m, candidate_variants: [v]}"),
        12,
        "functions.f.experimentation.type",
        "does not serve yet",
        "`static`",
    ),
    Broken(
        "reserved metric",
        "metrics:\n  comment: {type: boolean, optimize: max, level: inference}",
        2,
        "metrics.comment",
        "is reserved",
        "always works",
    ),
    Broken(
        "metric without level",
        "metrics: {x: {type: boolean, optimize: max}}",
        1,
        "metrics.x.level",
        "missing field `level`",
        "`inference`, `episode`",
    ),
    Broken(
        "data kept longer than metadata",
        "postgres:\n  inference_metadata_retention_days: 5\n  inference_retention_days: 9",
        3,
        "postgres.inference_retention_days",
        "9 days are more than the 5 days",
        "at most as long",
    ),
    Broken(
        "a plain key where its hash belongs",
        "zeroproxy: {api_keys: [{name: a, sha256: my-plain-key}]}",
        1,
        "zeroproxy.api_keys[0].sha256",
        "not a SHA-256",
        "printf %s KEY | sha256sum",
    ),
    Broken(
        "a plain key beside its name",
        f"zeroproxy: {{api_keys: [{{name: a, sha256: '{'0' * 64}', key: my-plain-key}}]}}",
        1,
        "zeroproxy.api_keys[0].key",
        "unknown field `key`",
        "printf %s KEY | sha256sum",
    ),
    Broken(
        "caller's key forwarded while it is ours",
        f"zeroproxy:\n  api_keys: [{{name: a, sha256: '{'0' * 64}'}}]\n"
        "  default_provider: {api_key_location: 'client::'}\n",
        3,
        "zeroproxy.default_provider.api_key_location",
        "would forward the caller's `Authorization`",
        "api_key_header: x-tensorzero-api-key",
    ),
    Broken(
        "size without unit of bytes",
        "zeroproxy: {limits: {max_request_bytes: 5 parsecs}}",
        1,
        "zeroproxy.limits.max_request_bytes",
        "not a size",
        "64MiB",
    ),
    Broken("key written twice", "gateway: {}\ngateway: {}", 1, "gateway", "stands twice", "one"),
    Broken(
        "name read as a boolean",
        BASE.replace("  m:", "  on:"),
        2,
        "models.on",
        "the key `on` as a boolean",
        '"on":',
    ),
    Broken(
        "number that readers of YAML dispute",
        "postgres: {connection_pool_size: 010}",
        1,
        "postgres.connection_pool_size",
        "a different number for different readers",
        "plain decimal digits",
    ),
    Broken("tag", "gateway: !!python/name:os.system {}", 1, "gateway", "tags", "remove"),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_broken_configuration_is_refused_with_file_key_and_remedy(case, problems):
    found = problems(case.text)
    assert [problem.key for problem in found] == [case.key]
    problem = found[0]
    if case.name == "key written twice":
        assert "lines 1 and 2" in problem.message
    assert problem.file == f"routes.yaml:{case.line}"
    assert case.message in problem.message
    assert case.remedy in problem.remedy


def test_all_problems_of_all_kinds_come_at_once_in_the_order_of_lines(problems):
    found = problems(
        "gateway: {debug: off}\n"
        + BASE.replace("[p]", "[q]")
        + FUNCTION.replace("model: m}", "model: nope, top: 1}", 1)
        + "metrics: {comment: {type: int, optimize: max, level: episode}}\n"
    )
    lines = [int(problem.file.partition(":")[2]) for problem in found]
    assert lines == sorted(lines)
    assert {problem.key for problem in found} == {
        "gateway.debug",
        "models.m.routing[0]",
        "models.m.providers.p",
        "functions.f.variants.v.model",
        "functions.f.variants.v.top",
        "metrics.comment",
        "metrics.comment.type",
    }


def test_problems_are_rendered_with_place_message_and_remedy(problems):
    text = render_problems(problems("gateway: {debgu: true}"))
    assert text.startswith("The configuration has 1 problem.\n\nroutes.yaml:1  gateway.debgu\n")
    assert "    remedy: did you mean `debug`?" in text


@pytest.mark.parametrize(
    ("text", "line", "message", "remedy"),
    [
        ("models:\n  a: [1\n", 3, "YAML syntax error", "syntax"),
        ("gateway:\n\tdebug: true\n", 2, "YAML syntax error", "indentation is by spaces"),
        ("a:\n  api_key_location: client::\n", 2, "YAML syntax error", '"client::"'),
        ("- models\n", 1, "not a table of keys", "models:"),
        ("a: 1\n---\nb: 2\n", 2, "YAML syntax error", "syntax"),
    ],
)
def test_a_yaml_syntax_error_names_file_line_and_cause(text, line, message, remedy, problems):
    (problem,) = problems(text)
    assert problem.file == f"routes.yaml:{line}"
    assert message in problem.message
    assert remedy in problem.remedy


def test_a_toml_syntax_error_names_file_line_and_cause(problems):
    (problem,) = problems({"t.toml": "[gateway]\ndebug = yes\n"})
    assert problem.file == "t.toml:2"
    assert "TOML syntax error" in problem.message
    assert "quotes" in problem.remedy


def test_toml_problems_have_lines_too(problems):
    text = '[models.m]\nrouting = ["p"]\n\n[models.m.providers."p"]\ntype = "dummy"\nmodel = "x"\n'
    found = problems({"t.toml": text})
    assert [(problem.file, problem.key) for problem in found] == [
        ("t.toml:4", "models.m.providers.p.model_name"),
        ("t.toml:6", "models.m.providers.p.model"),
    ]


def test_toml_lists_of_tables_have_lines(problems):
    text = '[[zeroproxy.api_keys]]\nname = "a"\nsha256 = "b"\n[[zeroproxy.api_keys]]\nname = "c"\n'
    found = problems({"t.toml": text})
    assert [(problem.file, problem.key) for problem in found] == [
        ("t.toml:3", "zeroproxy.api_keys[0].sha256"),
        ("t.toml:4", "zeroproxy.api_keys[1].sha256"),
    ]


@pytest.mark.parametrize("text", ["a: .inf", "a: .nan", 'a: "\\0"', 'a: "x\\uD800"'])
def test_values_that_cannot_be_recorded_are_refused(text, problems):
    assert problems(f"gateway: {{}}\nmetrics:\n  {text}\n")


def test_dates_in_toml_are_refused(problems):
    found = problems({"t.toml": "[metrics.x]\ndescription = 2024-01-01\n"})
    assert "dates" in next(p for p in found if p.key == "metrics.x.description").message


def test_aliases_without_end_are_refused(problems):
    assert any("aliases" in problem.message for problem in problems("metrics: &a\n  x: *a\n"))


@pytest.mark.parametrize("depth", [500, 60_000])
@pytest.mark.parametrize("name", ["a.yaml", "a.toml"])
def test_a_bottomless_file_is_refused(depth, name, problems):
    text = ("a: " if name == "a.yaml" else "a = ") + "[" * depth + "]" * depth
    (problem,) = problems({name: text})
    assert "too deeply" in problem.message


def test_a_file_that_is_not_utf8_is_refused(problems):
    (problem,) = problems({"routes.yaml": b"models: \xff"})
    assert "UTF-8" in problem.message

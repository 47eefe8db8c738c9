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


TEXT_FILE = "{__tensorzero_remapped_path: t, __data: hi}"
SCHEMA_FILE = "{__tensorzero_remapped_path: s, __data: '{}'}"
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
        model(
            "{type: together, model_name: x, api_key_location: 'dynamic::k', parse_think_blocks: 1}"
        ),
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
        "no default provider can be of this type",
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
        "function without variants",
        BASE + "functions:\n  f: {type: chat}\n",
        7,
        "functions.f.variants",
        "missing field `variants`",
        "add `variants`",
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
        "provider with two rates",
        model(
            "{type: dummy, model_name: x, cost: [{pointer: /a, cost_per_unit: 1, "
            "cost_per_million: 1}]}"
        ),
        5,
        "models.m.providers.p.cost[0]",
        "exactly one of `cost_per_million` or `cost_per_unit`",
        "keep one",
    ),
    Broken(
        "cost with half a pair of pointers",
        model("{type: dummy, model_name: x, cost: [{pointer_streaming: /a, cost_per_unit: 1}]}"),
        5,
        "models.m.providers.p.cost[0]",
        "either `pointer` or both",
        "`pointer: /usage/prompt_tokens`",
    ),
    Broken(
        "cost with a bad pointer",
        model("{type: dummy, model_name: x, cost: [{pointer: a, cost_per_unit: 1}]}"),
        5,
        "models.m.providers.p.cost[0].pointer",
        "invalid JSON pointer",
        "begin with `/`",
    ),
    Broken(
        "cost of batches with two pointers",
        model(
            "{type: dummy, model_name: x, batch_cost: [{pointer: /a, pointer_streaming: /b, "
            "cost_per_unit: 1}]}"
        ),
        5,
        "models.m.providers.p.batch_cost[0].pointer_streaming",
        "unknown field `pointer_streaming`",
        "one of these keys",
    ),
    Broken(
        "the key of a vendor with a protocol of its own",
        model("{type: anthropic, model_name: x}"),
        5,
        "models.m.providers.p.api_key_location",
        "`ANTHROPIC_API_KEY` is missing",
        "export ANTHROPIC_API_KEY=",
    ),
    Broken(
        "a cloud's service account missing",
        model("{type: gcp_vertex_gemini, model_id: x, location: l, project_id: p}"),
        5,
        "models.m.providers.p.credential_location",
        "`GCP_VERTEX_CREDENTIALS_PATH` is missing",
        "/path/of/the/key",
    ),
    Broken(
        "a cloud's model named twice",
        model(
            "{type: gcp_vertex_gemini, model_id: x, endpoint_id: y, location: l, project_id: p, "
            "credential_location: sdk}"
        ),
        5,
        "models.m.providers.p",
        "exactly one of `model_id` and `endpoint_id`",
        "a tuned one",
    ),
    Broken(
        "a region in a variable that is not set",
        model("{type: aws_bedrock, model_id: x, region: 'env::NO_REGION'}"),
        5,
        "models.m.providers.p.region",
        "`NO_REGION` is missing",
        "export NO_REGION=",
    ),
    Broken(
        "a cloud's location for a vendor with keys",
        model("{type: openai, model_name: x, api_key_location: sdk}"),
        5,
        "models.m.providers.p.api_key_location",
        "invalid `api_key_location` for a provider of type `openai`",
        "`sdk` is for clouds",
    ),
    Broken(
        "empty namespace",
        BASE + "    namespace: ''\n",
        6,
        "models.m.namespace",
        "a namespace cannot be empty",
        "remove the key",
    ),
    Broken(
        "function of an unknown type",
        BASE + "functions:\n  f: {type: jsn, variants: {}}\n",
        7,
        "functions.f.type",
        "`jsn` is not one of `chat`, `json`",
        "did you mean `json`",
    ),
    Broken(
        "JSON function without a JSON mode",
        (BASE + FUNCTION)
        .replace("type: chat\n", "type: json\n")
        .replace("w: {type: chat_completion", "w: {type: chat_completion, json_mode: strict"),
        10,
        "functions.f.variants.v.json_mode",
        "`json_mode` must be specified",
        '"strict" where the model supports it',
    ),
    Broken(
        "JSON function's fuser without a JSON mode",
        BASE
        + "functions:\n  f:\n    type: json\n    variants:\n"
        + "      v: {type: experimental_mixture_of_n, candidates: [], fuser: {model: m}}\n",
        10,
        "functions.f.variants.v.fuser.json_mode",
        "`json_mode` must be specified",
        "add `json_mode`",
    ),
    Broken(
        "output schema of a chat",
        BASE + FUNCTION + f"    output_schema: {SCHEMA_FILE}\n",
        12,
        "functions.f.output_schema",
        "unknown field `output_schema`",
        "the request can bring one",
    ),
    Broken(
        "chain of thought in a chat",
        (BASE + FUNCTION).replace("chat_completion", "experimental_chain_of_thought", 1),
        10,
        "functions.f.variants.v.type",
        "not supported for a chat function",
        "`type: json`",
    ),
    Broken(
        "unknown candidate",
        (BASE + FUNCTION).replace(
            "v: {type: chat_completion, model: m}",
            "v: {type: experimental_best_of_n_sampling, candidates: [ww], evaluator: {model: m}}",
        ),
        10,
        "functions.f.variants.v.candidates[0]",
        "unknown candidate variant: `ww`",
        "did you mean `w`",
    ),
    Broken(
        "best of n without a judge",
        (BASE + FUNCTION).replace(
            "v: {type: chat_completion, model: m}",
            "v: {type: experimental_best_of_n_sampling, candidates: [w]}",
        ),
        10,
        "functions.f.variants.v.evaluator",
        "missing field `evaluator`",
        "add `evaluator`",
    ),
    Broken(
        "judge with an unknown model",
        (BASE + FUNCTION).replace(
            "v: {type: chat_completion, model: m}",
            "v: {type: experimental_mixture_of_n, candidates: [w], fuser: {model: mm}}",
        ),
        10,
        "functions.f.variants.v.fuser.model",
        "model name `mm` not found",
        "did you mean `m`",
    ),
    Broken(
        "examples by an unknown embedding model",
        (BASE + FUNCTION).replace(
            "v: {type: chat_completion, model: m}",
            "v: {type: experimental_dynamic_in_context_learning, model: m, k: 3, "
            "embedding_model: e}",
        ),
        10,
        "functions.f.variants.v.embedding_model",
        "embedding model name `e` not found",
        "define it under `embedding_models`",
    ),
    Broken(
        "timeout_s and timeouts",
        (BASE + FUNCTION)
        .replace(
            "v: {type: chat_completion, model: m}",
            "v: {type: experimental_mixture_of_n, timeout_s: 2, candidates: [w], "
            "fuser: {model: m}}",
        )
        .replace("model: m}\n", "model: m, timeouts: {}}\n"),
        10,
        "functions.f.variants.v.timeout_s",
        "candidate `w` already has `timeouts`",
        "remove `timeout_s`",
    ),
    Broken(
        "unknown tool",
        BASE + FUNCTION + "    tools: [weather]\n",
        12,
        "functions.f.tools[0]",
        "tool `weather` is not present in the config",
        "define it under `tools`",
    ),
    Broken(
        "unknown choice of tools",
        BASE + FUNCTION + "    tool_choice: any\n",
        12,
        "functions.f.tool_choice",
        "not a choice of tools",
        "`required`",
    ),
    Broken(
        "tool without parameters",
        "tools: {t: {description: d}}",
        1,
        "tools.t.parameters",
        "missing field `parameters`",
        "path of a JSON Schema",
    ),
    Broken(
        "schema that is no JSON",
        "tools: {t: {description: d, parameters: {__tensorzero_remapped_path: s, __data: '{'}}}",
        1,
        "tools.t.parameters",
        "failed to parse JSON Schema `s`",
        "a JSON object",
    ),
    Broken(
        "schema that is no object",
        "tools: {t: {description: d, parameters: {__tensorzero_remapped_path: s, __data: '[]'}}}",
        1,
        "tools.t.parameters",
        "`s` is not an object",
        "`{`",
    ),
    Broken(
        "schema that is no schema",
        "tools: {t: {description: d, parameters: {__tensorzero_remapped_path: s, "
        "__data: '{\"type\": 1}'}}}",
        1,
        "tools.t.parameters",
        "`s` is not a valid JSON Schema",
        "correct the schema",
    ),
    Broken(
        "schema in two spellings",
        BASE
        + FUNCTION.replace("model: m}", "model: m, user_template: " + TEXT_FILE + "}")
        + f"    user_schema: {SCHEMA_FILE}\n    schemas: {{user: {{path: {SCHEMA_FILE}}}}}\n",
        12,
        "functions.f.user_schema",
        "cannot specify both `schemas.user.path` and `user_schema`",
        "keep the first",
    ),
    Broken(
        "schema without a template",
        BASE
        + FUNCTION.replace("model: m}", "model: m, user_template: " + TEXT_FILE + "}", 1)
        + f"    user_schema: {SCHEMA_FILE}\n",
        11,
        "functions.f.variants.w.user_template",
        "template is required when `user_schema` is specified",
        "add `user_template`",
    ),
    Broken(
        "template in two spellings",
        variant(f"user_template: {TEXT_FILE}, templates: {{user: {{path: {TEXT_FILE}}}}}"),
        10,
        "functions.f.variants.v",
        "both `templates.user` and `user_template`",
        "keep `templates.user`",
    ),
    Broken(
        "user template with a variable and no schema",
        variant("user_template: {__tensorzero_remapped_path: t, __data: '{{ name }}'}"),
        10,
        "functions.f.variants.v.user_template",
        "template needs variables: [name] but only `user_text` is allowed",
        "`user_schema`",
    ),
    Broken(
        "adaptive experiment with an unknown metric",
        split("{type: adaptive, metric: m, candidate_variants: [v]}"),
        12,
        "functions.f.experimentation.metric",
        "unknown metric `m`",
        "define it under `metrics`",
    ),
    Broken(
        "adaptive experiment that promises too much",
        split("{type: track_and_stop, metric: x, candidate_variants: [v, w], min_prob: 0.6}")
        + "metrics: {x: {type: float, optimize: max, level: inference}}\n",
        12,
        "functions.f.experimentation.min_prob",
        "more than 1 together",
        "at most 0.5",
    ),
    Broken(
        "experiment of a namespace with an unknown variant",
        split(
            "{type: static, candidate_variants: [v], namespaces: {n: {type: static, "
            "candidate_variants: [q]}}}"
        ),
        12,
        "functions.f.experimentation.namespaces.n.candidate_variants",
        "candidate variant `q` does not exist",
        "there are: `v`, `w`",
    ),
    Broken(
        "variant of a namespace that everybody can draw",
        variant("namespace: n"),
        10,
        "functions.f.variants.v",
        "reachable from every call of the function",
        "`experimentation.namespaces.n` only",
    ),
    Broken(
        "metric with a space in its name",
        "metrics: {'a b': {type: float, optimize: max, level: inference}}",
        1,
        'metrics."a b"',
        "a character that is not allowed",
        "use letters",
    ),
    Broken(
        "evaluation of an unknown function",
        "evaluations: {e: {type: inference, function_name: f}}",
        1,
        "evaluations.e.function_name",
        "function `f` not found",
        "define it under `functions`",
    ),
    Broken(
        "evaluator with a separator in its name",
        BASE + FUNCTION + "    evaluators: {'a::b': {type: exact_match}}\n",
        12,
        "functions.f.evaluators.a::b",
        "cannot contain `::`",
        "`a_b`",
    ),
    Broken(
        "regex evaluator without a pattern",
        BASE + FUNCTION + "    evaluators: {r: {type: regex}}\n",
        12,
        "functions.f.evaluators.r",
        "at least one of `must_match` or `must_not_match`",
        "add one",
    ),
    Broken(
        "tool evaluator without tools",
        BASE + FUNCTION + "    evaluators: {r: {type: tool_use, behavior: any_of}}\n",
        12,
        "functions.f.evaluators.r.tools",
        "non-empty list when behavior is `any_of`",
        "name the tools",
    ),
    Broken(
        "optimizer led by nobody",
        "optimizers: {o: {type: gepa, function_name: f, analysis_model: m, mutation_model: m}}",
        1,
        "optimizers.o",
        "exactly one of `evaluation_name` and `evaluator_names`",
        "keep `evaluator_names`",
    ),
    Broken(
        "rate limit of an unknown resource",
        "rate_limiting: {rules: [{foo_per_minute: 1, always: true}]}",
        1,
        "rate_limiting.rules[0].foo_per_minute",
        "unknown resource `foo`",
        "`tokens`",
    ),
    Broken(
        "rate limit of an unknown interval",
        "rate_limiting: {rules: [{tokens_per_year: 1, always: true}]}",
        1,
        "rate_limiting.rules[0].tokens_per_year",
        "unknown interval `year`",
        "`month`",
    ),
    Broken(
        "rate limit of half a token",
        "rate_limiting: {rules: [{tokens_per_day: 0.5, always: true}]}",
        1,
        "rate_limiting.rules[0].tokens_per_day",
        "a whole number of at least 0",
        "`1000`",
    ),
    Broken(
        "rate limit without a priority",
        "rate_limiting: {rules: [{tokens_per_day: 5}]}",
        1,
        "rate_limiting.rules[0].priority",
        "required when `always` is not true",
        "`always: true`",
    ),
    Broken(
        "rate limit of a tag of ours",
        "rate_limiting: {rules: [{tokens_per_day: 5, always: true, scope: [{tag_key: a, "
        "tag_value: 'tensorzero::x'}]}]}",
        1,
        "rate_limiting.rules[0].scope[0].tag_value",
        "may not start with `tensorzero::`",
        "`tensorzero::each`",
    ),
    Broken(
        "object storage in a folder that is not there",
        "object_storage: {type: filesystem, path: nowhere}",
        1,
        "object_storage.path",
        "`nowhere` is not a folder",
        "make the folder",
    ),
    Broken(
        "templates in a folder that is not there",
        "gateway: {template_filesystem_access: {base_path: nowhere}}",
        1,
        "gateway.template_filesystem_access.base_path",
        "`nowhere` is not a folder",
        "counts from the folder",
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

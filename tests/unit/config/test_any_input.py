"""Whatever stands in a file, the answer is a configuration or a list of problems."""

from __future__ import annotations

import json
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from proxy.config.keys import allowed_keys
from proxy.config.load import load_config
from proxy.config.schema import (
    AzureProvider,
    ChatCompletionVariant,
    ChatFunction,
    Config,
    DefaultProvider,
    DiclVariant,
    EmbeddingModelConfig,
    Gateway,
    JsonFunction,
    MixtureOfNVariant,
    ModelConfig,
    OpenAIProvider,
    StaticExperimentation,
    ToolConfig,
    ZeroProxy,
)
from proxy.config.schema.evaluators import EvaluationConfig, LlmJudge, RegexMatch, ToolUse
from proxy.config.schema.optimizers import GepaOptimizer
from proxy.config.schema.rate_limiting import RateRule, RateScope
from proxy.errors import ConfigError

_SECTIONS = (
    Config,
    Gateway,
    ModelConfig,
    EmbeddingModelConfig,
    OpenAIProvider,
    AzureProvider,
    DefaultProvider,
    ChatFunction,
    JsonFunction,
    ChatCompletionVariant,
    MixtureOfNVariant,
    DiclVariant,
    StaticExperimentation,
    EvaluationConfig,
    LlmJudge,
    RegexMatch,
    ToolUse,
    ToolConfig,
    GepaOptimizer,
    RateRule,
    RateScope,
    ZeroProxy,
)
_KEYS = sorted(
    {key for section in _SECTIONS for key in allowed_keys(section)}
    | {"m", "0", "*", "tokens_per_day", "__data", "__tensorzero_remapped_path"}
)
_WORDS = st.sampled_from(
    [
        *("chat", "json", "chat_completion", "openai", "dummy", "azure", "vllm", "aws_bedrock"),
        *("experimental_mixture_of_n", "static", "adaptive", "uniform", "llm_judge", "gepa"),
        *("regex", "env::X", "sdk", "m", "none", ""),
    ]
)
_LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | _WORDS | st.text(max_size=5)
_TREES = st.recursive(
    _LEAVES,
    lambda child: (
        st.lists(child, max_size=3) | st.dictionaries(st.sampled_from(_KEYS), child, max_size=4)
    ),
    max_leaves=20,
)
_EVERYWHERE = st.fixed_dictionaries(
    {},
    optional={
        "models": st.dictionaries(st.just("m"), _TREES),
        "embedding_models": st.dictionaries(st.just("m"), _TREES),
        "functions": st.fixed_dictionaries(
            {
                "f": st.fixed_dictionaries(
                    {"type": st.sampled_from(["chat", "json"]), "variants": _TREES},
                    optional={"experimentation": _TREES, "schemas": _TREES, "evaluators": _TREES},
                )
                | _TREES
            }
        ),
        "gateway": _TREES,
        "metrics": _TREES,
        "postgres": _TREES,
        "tools": st.dictionaries(st.just("m"), _TREES),
        "evaluations": st.dictionaries(st.just("m"), _TREES),
        "rate_limiting": st.fixed_dictionaries({"rules": st.lists(_TREES, max_size=2)}) | _TREES,
        "object_storage": _TREES,
        "provider_types": _TREES,
        "optimizers": st.dictionaries(st.just("m"), _TREES),
        "zeroproxy": _TREES,
    },
)


@given(tree=_EVERYWHERE | _TREES)
@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_tree_loads_or_has_problems_with_key_and_remedy(tree: object, folder: Path) -> None:
    (folder / "any.yaml").write_text(json.dumps(tree), encoding="utf-8")
    try:
        load_config("any.yaml", {})
    except ConfigError as error:
        assert error.problems
        assert all(problem.message and problem.remedy for problem in error.problems)


@given(text=st.text(alphabet="ab:-[]{}\"'&*!|>#%@`\n\t <?0.=\x00é", max_size=40))
@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_text_loads_or_has_problems(text: str, folder: Path) -> None:
    for name in ("any.yaml", "any.toml"):
        (folder / name).write_text(text, encoding="utf-8")
        try:
            load_config(name, {})
        except ConfigError as error:
            assert error.problems

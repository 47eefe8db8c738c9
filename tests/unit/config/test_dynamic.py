"""Variants that requests bring along."""

from __future__ import annotations

import json
from typing import Any

import pytest

from proxy.config.dynamic import Surroundings, read_variant
from proxy.config.schema import BestOfNVariant, ChatCompletionVariant
from proxy.errors import ConfigError

CHAT = Surroundings("chat", ["a", "b"], ["m"], ["e"])
JSON = Surroundings("json", ["a", "b"], ["m"], ["e"])
BEST = {"type": "experimental_best_of_n_sampling", "evaluator": {"model": "m"}}


def read(around: Surroundings = CHAT, **members: Any) -> Any:
    return read_variant(json.dumps(members).encode(), around)


def test_a_variant_of_known_models_and_candidates_is_read() -> None:
    assert isinstance(read(type="chat_completion", model="m"), ChatCompletionVariant)
    assert read(type="chat_completion", model="dummy::x").model == "dummy::x"
    assert isinstance(read(**BEST, candidates=["a", "b"]), BestOfNVariant)
    assert read(JSON, type="chat_completion", model="m", json_mode="on").json_mode == "on"


@pytest.mark.parametrize(
    ("around", "members", "fault"),
    [
        (CHAT, {"type": "chat_completion", "model": "nope"}, "not found in model table"),
        (CHAT, {"type": "chat_completion"}, "model"),
        (CHAT, {"type": "nonsense"}, "type"),
        (CHAT, {**BEST, "candidates": ["a", "nope"]}, "unknown candidate variant: `nope`"),
        (
            CHAT,
            {**BEST, "evaluator": {"model": "nope"}, "candidates": ["a"]},
            "not found in model table",
        ),
        (CHAT, {"type": "chat_completion", "model": "m", "json_mode": "on"}, "JSON mode is not"),
        (CHAT, {"type": "experimental_chain_of_thought", "model": "m"}, "not supported"),
        (JSON, {"type": "chat_completion", "model": "m"}, "`json_mode` must be specified"),
    ],
)
def test_one_that_does_not_fit_its_function_is_refused(
    around: Surroundings, members: dict[str, Any], fault: str
) -> None:
    with pytest.raises(ConfigError) as raised:
        read(around, **members)
    assert fault in str(raised.value)
    assert {problem.file for problem in raised.value.problems} == {
        "internal_dynamic_variant_config"
    }


def test_a_caller_cannot_ask_for_any_number_of_calls() -> None:
    read(**BEST, candidates=["a"] * 64)
    with pytest.raises(ConfigError, match="more than 64 candidates"):
        read(**BEST, candidates=["a"] * 65)

"""Requests: what a model string means."""

from __future__ import annotations

from collections.abc import Mapping

from tests.compat.case import Result, Section, chat
from tests.compat.checks import content, has, quiet, sent, that
from tests.compat.fields import SENT

KEYED_SHORTHANDS: Mapping[str, str] = {
    "anthropic": "ANTHROPIC_API_KEY",
    "deepseek": "DEEPSEEK_API_KEY",
    "fireworks": "FIREWORKS_API_KEY",
    "gcp_vertex_anthropic": "GCP_VERTEX_CREDENTIALS_PATH",
    "gcp_vertex_gemini": "GCP_VERTEX_CREDENTIALS_PATH",
    "google_ai_studio_gemini": "GOOGLE_AI_STUDIO_API_KEY",
    "groq": "GROQ_API_KEY",
    "hyperbolic": "HYPERBOLIC_API_KEY",
    "mistral": "MISTRAL_API_KEY",
    "openai": "OPENAI_API_KEY",
    "openai::responses": "OPENAI_API_KEY",
    "openrouter": "OPENROUTER_API_KEY",
    "together": "TOGETHER_API_KEY",
    "xai": "XAI_API_KEY",
}
"""With the variable that holds the key; the cases run without any, so that nothing is called."""
PLACE = "projects/p/locations/us-central1/publishers"
"""Of a model on Google's cloud, whose whole path is its name."""
NAMES: Mapping[str, str] = {
    "gcp_vertex_anthropic": f"{PLACE}/anthropic/models/some-model",
    "gcp_vertex_gemini": f"{PLACE}/google/models/some-model",
}
MODEL = "tensorzero::model_name::"

models = Section("Model strings")


def _keyless(result: Result) -> bool:
    words = ("key", "credential")
    return "model table" not in result.error and any(word in result.error.lower() for word in words)


def _add() -> None:
    add, lack = models.add, models.lack
    add(
        "`tensorzero::function_name::F`: the function F",
        chat("tensorzero::function_name::dummy"),
        has(model="tensorzero::function_name::dummy::variant_name::v"),
    )
    lack(
        "`tensorzero::function_name::tensorzero::default`: the default function by its name",
        "a default function that has a name",
        chat("tensorzero::function_name::tensorzero::default"),
        "tensorzero::default",
        statuses=(400, 404, 501),
    )
    add("`tensorzero::model_name::M`: a configured model", chat(SENT), has(model=SENT))
    add(
        "`tensorzero::model_name::provider::name`: a model without configuration",
        chat(MODEL + "dummy::good"),
        has(model=MODEL + "dummy::good"),
    )
    line = "The provider's model name may hold `::` and `/`"
    add(line, chat(MODEL + "dummy::llm_judge::true"), content('{"score": true}'))
    add(line, chat(MODEL + "dummy::org/name"), has(model=MODEL + "dummy::org/name"))
    add(
        "A configured model whose name holds `::` goes before a provider",
        chat(MODEL + "team::sent"),
        sent(model="upstream-model"),
        has(model=MODEL + "team::sent"),
    )
    for provider in KEYED_SHORTHANDS:
        add(
            "Providers without configuration: " + ", ".join(f"`{p}::`" for p in KEYED_SHORTHANDS),
            chat(f"{MODEL}{provider}::{NAMES.get(provider, 'some/model')}"),
            that("only the key is missing", _keyless),
            quiet,
            status=502,
        )


_add()

"""Requests: what a model string means."""

from __future__ import annotations

from collections.abc import Mapping

from tests.compat.case import Result, Section, chat
from tests.compat.checks import content, has, quiet, sent, that
from tests.compat.fields import SENT

KEYED_SHORTHANDS: Mapping[str, str] = {
    "deepseek": "DEEPSEEK_API_KEY",
    "fireworks": "FIREWORKS_API_KEY",
    "groq": "GROQ_API_KEY",
    "hyperbolic": "HYPERBOLIC_API_KEY",
    "mistral": "MISTRAL_API_KEY",
    "openai": "OPENAI_API_KEY",
    "openrouter": "OPENROUTER_API_KEY",
    "together": "TOGETHER_API_KEY",
    "xai": "XAI_API_KEY",
}
"""With the variable that holds the key; the cases run without any, so that nothing is called."""
LATER_SHORTHANDS = (
    "anthropic",
    "google_ai_studio_gemini",
    "gcp_vertex_gemini",
    "gcp_vertex_anthropic",
    "openai::responses",
)
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
            chat(MODEL + provider + "::some/model"),
            that("only the key is missing", _keyless),
            quiet,
            status=502,
        )
    for provider in LATER_SHORTHANDS:
        lack(
            "Providers without configuration: "
            + ", ".join(f"`{later}::`" for later in LATER_SHORTHANDS),
            "providers with protocols of their own",
            chat(f"{MODEL}{provider}::some-model"),
            provider,
        )


_add()

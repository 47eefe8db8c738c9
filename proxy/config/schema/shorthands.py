"""`provider::model`: provider types that need no more than a model's name."""

from __future__ import annotations

from pydantic import TypeAdapter

from proxy.config.schema.provider_types import ProviderTypes
from proxy.config.schema.providers import ProviderConfig

SHORTHAND_TYPES = (
    "deepseek",
    "dummy",
    "fireworks",
    "groq",
    "hyperbolic",
    "mistral",
    "ollama",
    "openai",
    "openrouter",
    "together",
    "xai",
)
UNBUILT_SHORTHANDS = (
    "anthropic",
    "gcp_vertex_anthropic",
    "gcp_vertex_gemini",
    "google_ai_studio_gemini",
)
EMBEDDING_SHORTHAND_TYPES = ("openai", "openrouter")
WATCHED_SHORTHAND_TYPES = ("openai",)
"""Have numbers of their own even where no variant names them."""
RESPONSES_SHORTHAND = "openai::responses::"
RESPONSES_REFUSAL = (
    f"`{RESPONSES_SHORTHAND}NAME` asks for chats over the Responses API, which this version does "
    "not serve yet; `openai::NAME` on /v1/responses is passed on"
)

_PROVIDER: TypeAdapter[ProviderConfig] = TypeAdapter(ProviderConfig)


def shorthand_provider(
    provider_type: str, model_name: str, types: ProviderTypes | None = None
) -> ProviderConfig:
    """The entry that `provider_type::model_name` stands for; both must be known to be fit.

    `types` has the locations that the configuration gives whole types.
    """
    entry = {"type": provider_type, **_names(provider_type, model_name)}
    provider = _PROVIDER.validate_python(entry)
    defaults = getattr(getattr(types, provider_type, None), "defaults", None)
    location = getattr(defaults, "api_key_location", None)
    return provider.model_copy(update={"api_key_location": location}) if location else provider


def _names(provider_type: str, model_name: str) -> dict[str, str]:
    """The keys that name the model; where it takes more of them, the name holds them all."""
    if provider_type.startswith("gcp_"):
        return {"model_id": model_name, "location": "-", "project_id": "-"}
    return {"model_name": model_name}

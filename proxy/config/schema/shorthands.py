"""`provider::model`: provider types that need no more than a model's name.

For Google's cloud the name is a path, which holds all that is needed:
`projects/P/locations/L/publishers/PUBLISHER/models/M`, or `projects/P/locations/L/endpoints/E`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, cast, get_args

from proxy.config.schema.hosted import HOSTED_BY_TYPE
from proxy.config.schema.provider_base import CommonProvider
from proxy.config.schema.provider_types import ProviderTypes
from proxy.config.schema.providers import ProviderConfig
from proxy.errors import InvalidRequest

SHORTHAND_TYPES = (
    "anthropic",
    "dummy",
    "gcp_vertex_anthropic",
    "gcp_vertex_gemini",
    "google_ai_studio_gemini",
    "ollama",
    "openai",
    *HOSTED_BY_TYPE,
)
EMBEDDING_SHORTHAND_TYPES = ("openai", "openrouter")
WATCHED_SHORTHAND_TYPES = ("openai",)
"""Have numbers of their own even where no variant names them."""

PUBLISHERS = {"gcp_vertex_anthropic": "anthropic", "gcp_vertex_gemini": "google"}
"""Whose models each type of Google's cloud serves."""

_RESPONSES = "responses::"
"""Begins the names of OpenAI's models that are asked over the Responses API."""
_PATH = re.compile(
    r"projects/(?P<project>[A-Za-z0-9:._-]+)/locations/(?P<location>[a-z0-9-]+)/"
    r"(?:publishers/(?P<publisher>[a-z0-9-]+)/models/(?P<model>[A-Za-z0-9@._-]+)"
    r"|endpoints/(?P<endpoint>[A-Za-z0-9._-]+))\Z"
)
"""Its parts become parts of a URL, its location one of a host's name."""
_SECTIONS: Mapping[str, type[CommonProvider]] = MappingProxyType(
    {
        each: section
        for section in get_args(get_args(ProviderConfig)[0])
        for each in get_args(section.model_fields["type"].annotation)
    }
)
"""The table of each provider type: an entry is held against that one's schema alone."""


def shorthand_fault(provider_type: str, model_name: str) -> str | None:
    """Why the name cannot be one of such a provider; None where it can."""
    if not model_name or model_name == _RESPONSES:
        return "the name of the model is missing"
    publisher = PUBLISHERS.get(provider_type)
    if publisher is None:
        return None
    found = _PATH.match(model_name)
    if found is None:
        return (
            "the name is not like "
            f"`projects/PROJECT/locations/LOCATION/publishers/{publisher}/models/MODEL`, or "
            "`projects/PROJECT/locations/LOCATION/endpoints/ENDPOINT`"
        )
    if found["publisher"] not in (None, publisher):
        return f"the publisher in the name is not `{publisher}`"
    return None


def shorthand_provider(
    provider_type: str, model_name: str, types: ProviderTypes | None = None
) -> ProviderConfig:
    """The entry that `provider_type::model_name` stands for; the type must be one of shorthands.

    `types` has the locations that the configuration gives whole types.

    Raises:
        InvalidRequest: the name cannot be one of such a provider.
    """
    fault = shorthand_fault(provider_type, model_name)
    if fault is not None:
        raise InvalidRequest(f"`{provider_type}::`: {fault}", param="model")
    # Of what a validator would check, `shorthand_fault` has: none is built for these few words.
    words: dict[str, Any] = {"type": provider_type, **_names(provider_type, model_name)}
    made = _SECTIONS[provider_type].model_construct(**words)
    provider = cast(ProviderConfig, made)
    defaults = getattr(getattr(types, provider_type, None), "defaults", None)
    location = getattr(defaults, "api_key_location", None)
    return provider.model_copy(update={"api_key_location": location}) if location else provider


def _names(provider_type: str, model_name: str) -> dict[str, str]:
    """The keys that name the model."""
    path = _PATH.match(model_name) if provider_type in PUBLISHERS else None
    if path is not None:
        place = {"project_id": path["project"], "location": path["location"]}
        key = "endpoint_id" if path["model"] is None else "model_id"
        return {key: path["endpoint"] or path["model"], **place}
    if provider_type == "openai" and model_name.startswith(_RESPONSES):
        return {"model_name": model_name.removeprefix(_RESPONSES), "api_type": "responses"}
    return {"model_name": model_name}

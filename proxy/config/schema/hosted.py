"""Vendors that speak OpenAI's protocol at an address of their own: one row each.

A row makes a provider type, its shorthand `type::model`, and the variable `TYPE_API_KEY` in which
its key is found. What is particular to a vendor beyond that, if anything, is a row of
`providers.compatible`, and keys of its own are a section of `providers`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Hosted:
    """`title` is how people write its name; `api_base` ends in `/`."""

    type: str
    title: str
    api_base: str

    @property
    def key_variable(self) -> str:
        """Where its key is found unless the configuration says so."""
        return self.type.upper() + "_API_KEY"


HOSTED = (
    Hosted("deepseek", "DeepSeek", "https://api.deepseek.com/v1/"),
    Hosted("fireworks", "Fireworks", "https://api.fireworks.ai/inference/v1/"),
    Hosted("groq", "Groq", "https://api.groq.com/openai/v1/"),
    Hosted("hyperbolic", "Hyperbolic", "https://api.hyperbolic.xyz/v1/"),
    Hosted("mistral", "Mistral", "https://api.mistral.ai/v1/"),
    Hosted("openrouter", "OpenRouter", "https://openrouter.ai/api/v1/"),
    Hosted("together", "Together", "https://api.together.xyz/v1/"),
    Hosted("xai", "xAI", "https://api.x.ai/v1/"),
)
HOSTED_BY_TYPE: Mapping[str, Hosted] = MappingProxyType({row.type: row for row in HOSTED})

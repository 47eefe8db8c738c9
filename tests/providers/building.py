"""Providers as the configuration makes them."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from proxy.config.load import load_config
from proxy.config.schema import Config, EmbeddingProviderConfig, ProviderConfig
from proxy.providers import build_provider
from proxy.providers.base import HttpProvider, answers_neutrally
from proxy.providers.dummy import FlakyCounters
from proxy.types.secrets import AwsAccess, Secret
from tests.providers.vendors import Vendor

KEYS = dict.fromkeys(
    (
        "ANTHROPIC_API_KEY",
        "AZURE_API_KEY",
        "DEEPSEEK_API_KEY",
        "FIREWORKS_API_KEY",
        "GOOGLE_AI_STUDIO_API_KEY",
        "GROQ_API_KEY",
        "HYPERBOLIC_API_KEY",
        "MISTRAL_API_KEY",
        "OPENAI_API_KEY",
        "OPENROUTER_API_KEY",
        "SGLANG_API_KEY",
        "TGI_API_KEY",
        "TOGETHER_API_KEY",
        "VLLM_API_KEY",
        "XAI_API_KEY",
    ),
    "made-up",
)


def load_entry(entry: Mapping[str, Any]) -> ProviderConfig:
    """One provider's entry as the proxy loads it.

    Raises:
        ConfigError: it is not valid.
    """
    made = dict(entry)
    if made.get("type", "").startswith("gcp_") and "credential_location" not in made:
        made["credential_location"] = "dynamic::token"
    model = {"routing": ["p"], "providers": {"p": made}}
    return _loaded({"models": {"m": model}}).models["m"].providers["p"]


def load_embedding_entry(entry: Mapping[str, Any]) -> EmbeddingProviderConfig:
    """The same among `embedding_models`."""
    model = {"routing": ["p"], "providers": {"p": dict(entry)}}
    return _loaded({"embedding_models": {"m": model}}).embedding_models["m"].providers["p"]


def _loaded(sections: Mapping[str, Any]) -> Config:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "routes.yaml"
        file.write_text(json.dumps(sections))
        return load_config(str(file), KEYS).config


@cache
def provider_of(vendor: Vendor) -> HttpProvider:
    """The live form of a vendor's entry."""
    provider = build_provider(load_entry(vendor.entry), FlakyCounters())
    assert not answers_neutrally(provider), vendor.name
    return provider


def secret_of(vendor: Vendor) -> Secret:
    """A made-up one of its kind."""
    if vendor.entry["type"].startswith("aws_"):
        return AwsAccess("us-east-1", access_key_id="AKIDEXAMPLE", secret_access_key="made-up")
    return "made-up"

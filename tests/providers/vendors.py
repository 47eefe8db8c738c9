"""The providers as people configure them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, eq=False)
class Vendor:
    """One column of the page."""

    name: str
    title: str
    wire: str
    entry: Mapping[str, Any]
    """Its entry in the configuration."""
    credential: str
    """How it is let in, for the page."""
    keyless: Mapping[str, Any] = field(default_factory=dict)
    """What the entry has in place of a key, where there is a way without one."""
    embeds: bool = False
    """Whether it has embeddings."""

    @property
    def model(self) -> str:
        """The model's name at the vendor."""
        for key in ("model_name", "model_id", "deployment_id"):
            if key in self.entry:
                return str(self.entry[key])
        return "tgi"


def _hosted(name: str, title: str, model: str, **more: Any) -> Vendor:
    entry = {"type": name, "model_name": model}
    return Vendor(name, title, "chat_completions", entry, _key(name), **more)


def _server(name: str, title: str, **more: Any) -> Vendor:
    entry = {"type": name, "model_name": "my-model", "api_base": "http://127.0.0.1:8000/v1/"}
    if name == "tgi":
        del entry["model_name"]
    credential = f"{_key(name)}, or none"
    keyless = {"api_key_location": "none"}
    return Vendor(name, title, "chat_completions", entry, credential, keyless, **more)


def _key(name: str) -> str:
    return f"`api_key_location`, `env::{name.upper()}_API_KEY` unless given"


AWS = (
    "signed with SigV4: `access_key_id`, `secret_access_key` and `session_token`, or the "
    "environment's own (profiles, roles, containers, web identities), refreshed as they run out"
)
GOOGLE_CLOUD = (
    "`credential_location`: a service account's file or text, or `sdk` (metadata server, workload "
    "identity); tokens are refreshed before they run out"
)
PLACE = {"location": "us-central1", "project_id": "my-project"}

OWN_PROTOCOLS = (
    Vendor(
        "anthropic",
        "Anthropic",
        "messages",
        {"type": "anthropic", "model_name": "claude-sonnet-4-5"},
        _key("anthropic"),
    ),
    Vendor(
        "gcp_vertex_anthropic",
        "Vertex Anthropic",
        "messages",
        {"type": "gcp_vertex_anthropic", "model_id": "claude-sonnet-4-5@20250929", **PLACE},
        GOOGLE_CLOUD,
        {"credential_location": "sdk"},
    ),
    Vendor(
        "aws_bedrock",
        "Bedrock",
        "converse",
        {
            "type": "aws_bedrock",
            "model_id": "anthropic.claude-sonnet-4-5-v1:0",
            "region": "us-east-1",
        },
        f"{AWS}; or a Bedrock key (`api_key`)",
        {"region": "us-east-1"},
    ),
    Vendor(
        "google_ai_studio_gemini",
        "AI Studio Gemini",
        "gemini",
        {"type": "google_ai_studio_gemini", "model_name": "gemini-2.5-flash"},
        "`api_key_location`, `env::GOOGLE_AI_STUDIO_API_KEY` unless given",
    ),
    Vendor(
        "gcp_vertex_gemini",
        "Vertex Gemini",
        "gemini",
        {"type": "gcp_vertex_gemini", "model_id": "gemini-2.5-flash", **PLACE},
        GOOGLE_CLOUD,
        {"credential_location": "sdk"},
    ),
    Vendor(
        "openai_responses",
        "OpenAI Responses",
        "responses",
        {"type": "openai", "model_name": "gpt-5-mini", "api_type": "responses"},
        _key("openai"),
    ),
    Vendor(
        "aws_sagemaker",
        "SageMaker",
        "payload_parts",
        {
            "type": "aws_sagemaker",
            "endpoint_name": "chat",
            "model_name": "chat",
            "region": "us-east-1",
            "hosted_provider": "openai",
        },
        AWS,
        {"region": "us-east-1"},
    ),
)

HOSTED = (
    _hosted("openai", "OpenAI", "gpt-4o-mini", embeds=True),
    Vendor(
        "azure",
        "Azure OpenAI",
        "chat_completions",
        {
            "type": "azure",
            "deployment_id": "my-gpt",
            "endpoint": "https://my-resource.openai.azure.com",
        },
        "`api_key_location`, `env::AZURE_API_KEY` unless given, or `sdk` (an Entra identity)",
        {"api_key_location": "sdk"},
        embeds=True,
    ),
    _hosted("deepseek", "DeepSeek", "deepseek-chat"),
    _hosted("fireworks", "Fireworks", "accounts/fireworks/models/my-model"),
    _hosted("groq", "Groq", "openai/gpt-oss-20b"),
    _hosted("hyperbolic", "Hyperbolic", "my-model"),
    _hosted("mistral", "Mistral", "mistral-small-latest", embeds=True),
    _hosted("openrouter", "OpenRouter", "anthropic/claude-sonnet-4.5", embeds=True),
    _hosted("together", "Together", "my-model", embeds=True),
    _hosted("xai", "xAI", "grok-4"),
)

SERVERS = (
    _server("sglang", "SGLang", embeds=True),
    _server("tgi", "TGI"),
    _server("vllm", "vLLM", embeds=True),
    Vendor(
        "ollama",
        "Ollama",
        "chat_completions",
        {"type": "ollama", "model_name": "my-model"},
        "none unless `api_key_location` names one",
        {"api_key_location": "none"},
        embeds=True,
    ),
    Vendor(
        "any",
        "any other",
        "chat_completions",
        {"type": "openai", "model_name": "my-model", "api_base": "http://127.0.0.1:1234/v1/"},
        "as OpenAI, or `none`",
        {"api_key_location": "none"},
        embeds=True,
    ),
)

VENDORS = (*OWN_PROTOCOLS, *HOSTED, *SERVERS)

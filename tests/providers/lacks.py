"""What a vendor does not offer, and why: as its documentation, or its own SDK's types, say.

Keys are a vendor's name, or a protocol where that has no place for it, whoever speaks it.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

TEXT_ONLY = "its models take texts only"
NO_PDFS = "its chat completions take no documents"
NO_AUDIO = "its chat completions take no audio"
NO_OWN_TOOLS = "it runs no tools itself"
CACHES_BY_ITSELF = "it caches by itself, and takes no marks"
NO_TIERS = "it has no service tiers"
NO_SIGNATURES = "its thoughts are not signed"
NO_CITATIONS = "it searches nothing that it could cite"
KEY_ONLY = "a key is the only way in"
NO_EMBEDDINGS = "it serves no embeddings"
OTHER_EMBEDDINGS = (
    "this type serves no embeddings, as TensorZero's does not; type `openai` with the vendor's "
    "OpenAI-compatible address does"
)
ONE_ANSWER = "it gives one answer to a request"
NOT_COUNTED = "it does not tell them"
HOST_DEPENDS = "up to the container: what is in TensorZero's `hosted_provider` protocol passes"

_ANY = {
    "provider_tools": NO_OWN_TOOLS,
    "documents": NO_PDFS,
    "audio": NO_AUDIO,
    "signatures": NO_SIGNATURES,
    "prompt_cache": CACHES_BY_ITSELF,
    "service_tier": NO_TIERS,
    "citations": NO_CITATIONS,
}
"""What is usual among OpenAI-compatible vendors, and servers of one's own, to be without."""


def _usual(*has: str, **more: str) -> Mapping[str, str]:
    return MappingProxyType({name: why for name, why in _ANY.items() if name not in has} | more)


LACKS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "messages": {
            "audio": "the Messages API has no audio",
            "sampling": "the Messages API has no seed and no penalties; ignored with a warning",
            "choices": ONE_ANSWER,
            "logprobs": "the Messages API tells no log probabilities",
            "embeddings": NO_EMBEDDINGS,
        },
        "anthropic": {"keyless": KEY_ONLY},
        "gcp_vertex_anthropic": {
            "json_schema": "Vertex does not enforce schemas for these models yet; the schema is "
            "put into words, with a warning",
            "strict_tools": "Vertex does not enforce schemas for these models yet",
            "service_tier": "on Vertex capacity is provisioned, not asked for",
        },
        "converse": {
            "image_urls": "Converse takes files in base64 or from S3; a 400 says so",
            "choices": ONE_ANSWER,
            "logprobs": "Converse tells no log probabilities",
            "sampling": "Converse has no seed and no penalties; ignored with a warning",
            "embeddings": "Converse is for chats; its embeddings are each maker's own bodies",
        },
        "gemini": {
            "strict_tools": "there is no `strict`; a forced call follows the schema",
            "prompt_cache": "it caches by itself; explicit caches are made by another endpoint",
            "embeddings": OTHER_EMBEDDINGS,
        },
        "google_ai_studio_gemini": {"keyless": KEY_ONLY},
        "responses": {
            "audio": "the Responses API takes no audio",
            "prompt_cache": CACHES_BY_ITSELF,
            "stop_sequences": "the Responses API has none; ignored with a warning",
            "sampling": "the Responses API has no seed and no penalties; sent as given",
            "choices": ONE_ANSWER,
            "keyless": KEY_ONLY,
            "embeddings": "another endpoint, which type `openai` has without `api_type`",
        },
        "payload_parts": dict.fromkeys(
            (
                "provider_tools",
                "documents",
                "audio",
                "signatures",
                "prompt_cache",
                "service_tier",
                "citations",
                "embeddings",
            ),
            HOST_DEPENDS,
        ),
        "openai": {
            "provider_tools": "its own tools are in the Responses API",
            "reasoning": "its chat completions show no thoughts; the Responses API does",
            "signatures": "its chat completions show no thoughts; the Responses API does",
            "prompt_cache": CACHES_BY_ITSELF,
            "keyless": KEY_ONLY,
        },
        "azure": {
            "provider_tools": "its own tools are in the Responses API",
            "reasoning": "its chat completions show no thoughts of OpenAI's models",
            "signatures": "its chat completions show no thoughts of OpenAI's models",
            "prompt_cache": CACHES_BY_ITSELF,
            "documents": "PDFs are taken by its Responses API only",
            "citations": "it has no search models",
        },
        "deepseek": _usual(
            images=TEXT_ONLY,
            image_urls=TEXT_ONLY,
            json_schema="it has JSON mode only; a schema stands in a strict tool, or in words",
            choices=ONE_ANSWER,
            keyless=KEY_ONLY,
            embeddings=NO_EMBEDDINGS,
        ),
        "fireworks": _usual("service_tier", keyless=KEY_ONLY, embeddings=OTHER_EMBEDDINGS),
        "groq": _usual(
            "provider_tools",
            "service_tier",
            choices="it accepts `n` of 1 only",
            logprobs="none of its models has them yet",
            keyless=KEY_ONLY,
            embeddings=NO_EMBEDDINGS,
        ),
        "hyperbolic": _usual(
            cached_tokens=NOT_COUNTED,
            strict_tools="its tools have no `strict`",
            json_mode="not documented",
            keyless=KEY_ONLY,
            embeddings=NO_EMBEDDINGS,
            logprobs="not documented",
        ),
        "mistral": _usual(
            "documents",
            "audio",
            "service_tier",
            "signatures",
            provider_tools="its own tools are in its conversations API",
            keyless=KEY_ONLY,
        ),
        "openrouter": {"choices": ONE_ANSWER, "keyless": KEY_ONLY},
        "together": _usual(keyless=KEY_ONLY),
        "xai": _usual(
            "citations",
            "service_tier",
            provider_tools="its own tools are in its Responses API",
            keyless=KEY_ONLY,
            embeddings=NO_EMBEDDINGS,
        ),
        "sglang": _usual(),
        "tgi": _usual(
            strict_tools="its tools have no `strict`",
            json_mode="it wants a schema",
            reasoning="it does not tell thoughts from the answer",
            reasoning_effort="it does not know how models think",
            cached_tokens=NOT_COUNTED,
            choices=ONE_ANSWER,
            embeddings="another server of the same makers has them",
        ),
        "vllm": _usual("audio"),
        "ollama": _usual(
            tool_choice="it takes no `tool_choice`",
            strict_tools="its tools have no `strict`",
            cached_tokens=NOT_COUNTED,
            choices=ONE_ANSWER,
            image_urls="it takes images in base64 only",
        ),
        "any": {},
    }
)


NOT_YET: Mapping[tuple[str, str], str] = MappingProxyType({})
"""(vendor, feature) that it offers and that is not passed on yet, and what is missing."""


def lack_of(vendor: str, wire: str, feature: str) -> str:
    """Why a vendor does not offer a feature; empty when it does."""
    return LACKS.get(vendor, {}).get(feature) or LACKS.get(wire, {}).get(feature, "")

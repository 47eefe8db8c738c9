"""What can be asked of a provider, in the order of the page."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Feature:
    """One row. `name` is what exchanges call it."""

    name: str
    title: str


FEATURES = (
    Feature("chat", "A chat, its end and its tokens"),
    Feature("streaming", "The same in a stream"),
    Feature("system", "System and developer messages"),
    Feature("conversation", "Several turns"),
    Feature("tools", "Tools"),
    Feature("tool_choice", "Choice of tools: one by name, any"),
    Feature("parallel_tools", "Several calls at once, or one at a time"),
    Feature("strict_tools", "Arguments that must follow the schema (`strict`)"),
    Feature("streamed_arguments", "Calls in a stream"),
    Feature("tool_results", "Results of tools"),
    Feature("provider_tools", "Tools that the provider runs itself"),
    Feature("json_mode", "JSON without a schema"),
    Feature("json_schema", "JSON by a strict schema"),
    Feature("images", "Images, sent along"),
    Feature("image_urls", "Images by their address"),
    Feature("documents", "PDFs"),
    Feature("audio", "Audio"),
    Feature("reasoning", "Thoughts are shown"),
    Feature("reasoning_effort", "How much to think"),
    Feature("signatures", "Signed or sealed thoughts go back as they came"),
    Feature("prompt_cache", "Marks of what to cache"),
    Feature("cached_tokens", "Counts of cached tokens"),
    Feature("service_tier", "Service tiers"),
    Feature("stop_sequences", "Stop sequences"),
    Feature("sampling", "Seed and penalties"),
    Feature("choices", "Several answers (`n`)"),
    Feature("logprobs", "Log probabilities"),
    Feature("refusals", "Refusals and filters"),
    Feature("citations", "Citations"),
    Feature("errors", "Errors, in one tree"),
    Feature("error_in_stream", "Errors inside a stream"),
    Feature("keyless", "Credentials without a key"),
    Feature("embeddings", "Embeddings"),
)

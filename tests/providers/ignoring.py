"""What each provider leaves out of a request and names: asked of the providers themselves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from proxy.errors import InvalidRequest, UpstreamUnsupported
from proxy.types.content import Text
from proxy.types.request import Input, Message, ModelRequest, Params
from tests.providers.building import provider_of
from tests.providers.proving import attempt_of
from tests.providers.vendors import Vendor

PLAIN = ModelRequest(
    "m", Input((Message("user", (Text("Hello"),)),)), params=Params(max_tokens=4000)
)
TOOL = b'[{"type":"function","function":{"name":"f","parameters":{"type":"object"}}}]'
PARAMS: dict[str, object] = {
    "temperature": 0.5,
    "top_p": 0.5,
    "seed": 1,
    "presence_penalty": 0.5,
    "frequency_penalty": 0.5,
    "stop_sequences": ("END",),
    "reasoning_effort": "low",
    "service_tier": "priority",
    "verbosity": "low",
    "thinking_budget_tokens": 2000,
}


def asked() -> Iterator[tuple[str, ModelRequest]]:
    """Requests of the native API, each with one parameter."""
    for name, value in PARAMS.items():
        yield name, replace(PLAIN, params=replace(PLAIN.params, **{name: value}))  # type: ignore[arg-type]
    yield "parallel_tool_calls", replace(PLAIN, tools=TOOL, parallel_tool_calls=False)


def ignored_by(vendor: Vendor) -> list[str]:
    """The parameters that it has no place for: left out, with a warning, and counted."""
    found = []
    for _, request in asked():
        try:
            encoded = provider_of(vendor).encode_chat(request, attempt_of(vendor))
        except (InvalidRequest, UpstreamUnsupported):
            continue
        found += [each for each in encoded.ignored if each not in found]
    return found


def refused_by(vendor: Vendor) -> list[str]:
    """Those that it refuses by name, because the answer would be another one without them."""
    more = [
        *asked(),
        ("choices", replace(PLAIN, choices=2)),
        ("logprobs", replace(PLAIN, logprobs=True)),
    ]
    found = []
    for name, request in more:
        try:
            provider_of(vendor).encode_chat(request, attempt_of(vendor))
        except UpstreamUnsupported:
            found.append(name)
    return found

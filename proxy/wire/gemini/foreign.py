"""Members of another protocol's body that no neutral field says: what they are called here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from proxy.errors import UpstreamUnsupported
from proxy.wire.lenient import lenient_loads
from proxy.wire.values import count_of, object_of

HINTS = frozenset(
    {
        "metadata",
        "prediction",
        "prompt_cache_key",
        "prompt_cache_retention",
        "safety_identifier",
        "store",
        "user",
    }
)
"""They change nothing in the answer: left out, counted and documented."""
SILENT = frozenset({"stream_options", "usage"})
"""Said in another way: the protocol always tells a stream's tokens."""
_NOTHING = (b"null", b"[]", b"{}", b'""')


@dataclass(frozen=True, slots=True)
class Foreign:
    """What was understood. `body` has members of a body, `tools` further items of its `tools`."""

    body: Mapping[str, object] = field(default_factory=dict)
    tools: tuple[dict[str, object], ...] = ()
    ignored: tuple[str, ...] = ()


def read_foreign(rest: Mapping[str, bytes]) -> Foreign:
    """The meaning of `ModelRequest.rest`.

    Raises:
        UpstreamUnsupported: a member would be lost, and the answer be another than was asked for.
    """
    given = {name: lenient_loads(raw) for name, raw in rest.items() if raw not in _NOTHING}
    config: dict[str, object] = {}
    thinking: dict[str, object] = {}
    tools: list[dict[str, object]] = []
    ignored: list[str] = []
    for name, value in given.items():
        if name == "top_k":
            config["topK"] = value
        elif name == "thinking":
            thinking |= _thinking(object_of(value))
        elif name == "reasoning":
            thinking |= _reasoning(object_of(value))
        elif name == "web_search_options":
            tools.append({"googleSearch": {}})
        elif name in HINTS:
            ignored.append(name)
        elif name not in SILENT and not _is_usual(name, value):
            raise UpstreamUnsupported(f"`{name}` cannot be given to this provider")
    if thinking:
        config["thinkingConfig"] = thinking
    return Foreign({"generationConfig": config} if config else {}, tuple(tools), tuple(ignored))


def _thinking(value: Mapping[str, object]) -> dict[str, object]:
    """`{"type": "enabled", "budget_tokens"}`, as in the messages protocol."""
    if value.get("type") == "disabled":
        return {"thinkingBudget": 0}
    budget = count_of(value.get("budget_tokens"))
    return {"includeThoughts": True, **({} if budget is None else {"thinkingBudget": budget})}


def _reasoning(value: Mapping[str, object]) -> dict[str, object]:
    """`{"effort"?, "max_tokens"?, "enabled"?, "exclude"?}`, as some vendors have it."""
    budget, effort = count_of(value.get("max_tokens")), value.get("effort")
    if value.get("enabled") is False or effort == "none":
        return {"thinkingBudget": 0}
    members = {"thinkingBudget": budget, "thinkingLevel": effort}
    shown = {} if value.get("exclude") is True else {"includeThoughts": True}
    return {**shown, **{name: item for name, item in members.items() if item is not None}}


def _is_usual(name: str, value: object) -> bool:
    """Whether the member asks for what happens in any case."""
    return name == "modalities" and value == ["text"]

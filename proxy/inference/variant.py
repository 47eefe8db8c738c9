"""What a chat-completion variant does to a request: fill in, override, replace the system text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from proxy.inference.templates import SystemTemplate
from proxy.models.policy import Candidate
from proxy.models.rewrite import NO_REWRITES, Rewrites
from proxy.wire.splice import member, replace_system, system_text_of

MAX_TOKENS_KEYS = ("max_tokens", "max_completion_tokens")


@dataclass(frozen=True, slots=True)
class Variant:
    """A variant of a function, or the one that stands for a plain model."""

    name: str
    candidate: Candidate
    defaults: Mapping[str, bytes] = field(default_factory=dict)
    """Members (OpenAI's names, JSON values) for what the client leaves out."""
    system: SystemTemplate | None = None
    rewrites: Rewrites = NO_REWRITES

    def missing(self, present: frozenset[str]) -> dict[str, bytes]:
        """The members to add to a body that has those of `present`: what the client left out."""
        return {key: value for key, value in self.defaults.items() if not _is_given(key, present)}

    def replaced(self, body: bytes) -> dict[str, bytes]:
        """The members to exchange in a body: `messages`, where there is a system text."""
        if self.system is None:
            return {}
        messages = member(body, "messages")
        text = self.system.render(system_text_of(messages))
        return {"messages": replace_system(messages, text)}


def _is_given(key: str, present: frozenset[str]) -> bool:
    if key in MAX_TOKENS_KEYS:
        return any(name in present for name in MAX_TOKENS_KEYS)
    return key in present

"""What a chat-completion variant does to a request: fill in, override, replace the system text."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import orjson

from proxy.errors import UpstreamUnserved
from proxy.inference.prepare import VariantSpec
from proxy.inference.templates import SYSTEM, SystemTemplate
from proxy.inference.variants.base import Strategy
from proxy.models.policy import Candidate
from proxy.models.rewrite import NO_REWRITES, Rewrites
from proxy.wire.members import value_of
from proxy.wire.splice import member, replace_system, system_text_of

MAX_TOKENS_KEYS = ("max_tokens", "max_completion_tokens")

RESPONSES_MEMBERS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "temperature": ("temperature",),
        "top_p": ("top_p",),
        "max_completion_tokens": ("max_output_tokens",),
        "service_tier": ("service_tier",),
        "reasoning_effort": ("reasoning", "effort"),
        "verbosity": ("text", "verbosity"),
    }
)
"""Where the Responses API has a parameter of chat completions; it has no others of ours."""

COMPLETIONS_MEMBERS = (
    "temperature",
    "top_p",
    "max_completion_tokens",
    "presence_penalty",
    "frequency_penalty",
    "seed",
    "stop",
)
"""The parameters that legacy completions have, too."""


@dataclass(frozen=True, slots=True)
class Variant:
    """A variant of a function, or the one that stands for a plain model.

    `wire` is the client's protocol: `chat_completions`, `responses` or `completions`.
    """

    name: str
    candidate: Candidate
    """Of a strategy: the model that it names, and the limits of the whole."""
    spec: VariantSpec
    defaults: Mapping[str, bytes] = field(default_factory=dict)
    """Members (chat completions' names, JSON values) for what the client leaves out."""
    system: SystemTemplate | None = None
    rewrites: Rewrites = NO_REWRITES
    strategy: Strategy | None = None
    """What a variant does that is more than one call of one model."""
    plain: bool = field(init=False, default=True)
    """Whether all that it does to a chat are parameters and a system text."""
    unchanging: bool = field(init=False, default=False)
    """Whether it does not even that."""

    def __post_init__(self) -> None:
        templates = self.spec.templates
        plain = (
            self.strategy is None
            and not self.spec.thinks
            and self.spec.params.json_mode in (None, "off")
            and templates.names <= {SYSTEM}
            and not templates.explicit
        )
        object.__setattr__(self, "plain", plain)
        object.__setattr__(self, "unchanging", plain and self.system is None and not self.defaults)

    def missing(
        self, present: Collection[str], wire: str, renames: Mapping[str, str]
    ) -> dict[str, bytes]:
        """The members to add to a body that has those of `present`: what the client left out.

        `renames` has what a provider calls otherwise.

        Raises:
            UpstreamUnserved: the protocol has no place for one of the variant's parameters.
        """
        if not self.defaults:
            return {}
        if wire == "responses":
            return self._missing_in_responses(present)
        if wire == "completions":
            self._check_completions()
            renames = {**renames, "max_completion_tokens": "max_tokens"}
        return {
            renames.get(key, key): value
            for key, value in self.defaults.items()
            if not _is_given(key, present) and renames.get(key, key) not in present
        }

    def replaced(self, body: bytes, wire: str) -> dict[str, bytes]:
        """The members to exchange in a body, where there is a system text.

        Raises:
            UpstreamUnserved: the protocol has no place for a system text, or it would take more
                than that to say what the variant does.
        """
        if not self.plain:
            raise UpstreamUnserved(
                f"variant `{self.name}` is more than a plain chat: it is served on chat completions"
            )
        if self.system is None:
            return {}
        if wire == "responses":
            return {"instructions": self._instructions(body)}
        if wire == "completions":
            raise UpstreamUnserved(
                f"variant `{self.name}` has a system text; completions have none"
            )
        messages = member(body, "messages")
        text = self.system.render(system_text_of(messages))
        return {"messages": replace_system(messages, text)}

    def _instructions(self, body: bytes) -> bytes:
        assert self.system is not None
        given = value_of(member(body, "instructions") or b"null")
        return orjson.dumps(self.system.render(given if isinstance(given, str) else None))

    def _missing_in_responses(self, present: Collection[str]) -> dict[str, bytes]:
        added: dict[str, bytes] = {}
        for key, value in self.defaults.items():
            if key not in RESPONSES_MEMBERS:
                raise self._no_place(key, "the Responses API")
            name, *inner = RESPONSES_MEMBERS[key]
            if name not in present:
                added[name] = orjson.dumps({inner[0]: orjson.Fragment(value)}) if inner else value
        return added

    def _check_completions(self) -> None:
        for key in self.defaults:
            if key not in COMPLETIONS_MEMBERS:
                raise self._no_place(key, "the completions API")

    def _no_place(self, key: str, protocol: str) -> UpstreamUnserved:
        return UpstreamUnserved(
            f"variant `{self.name}` sets `{key}`, for which {protocol} has no place"
        )


def _is_given(key: str, present: Collection[str]) -> bool:
    if key in MAX_TOKENS_KEYS:
        return any(name in present for name in MAX_TOKENS_KEYS)
    return key in present

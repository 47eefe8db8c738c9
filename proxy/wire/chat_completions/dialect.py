"""How vendors' readings of the protocol differ in what they are sent, as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from proxy.types.request import Params
from proxy.wire.chat_completions.encode_files import AUDIO, AUDIO_TEXT, DOCUMENT, FILE

NOTHING: Mapping[str, str] = MappingProxyType({})

EFFORT, TIER, VERBOSITY = "reasoning_effort", "service_tier", "verbosity"
BUDGET = "thinking_budget_tokens"
DETAIL, JSON_MODE = "detail", "json_mode"
THINKING = "thinking"


@dataclass(frozen=True, slots=True)
class Dialect:
    """What is particular to one reading of the protocol. The defaults are OpenAI's own."""

    include_usage: bool = True
    """Whether a stream tells of tokens only if `stream_options` asks for it."""
    renames: Mapping[str, str] = field(default_factory=lambda: NOTHING)
    """Its own names of members, by OpenAI's."""
    lacks: frozenset[str] = frozenset({BUDGET})
    """Fields of `Params` that it does not know, `detail` (of images) and `json_mode`."""
    tiers: frozenset[str] | None = None
    """The service tiers that it knows; None is all."""
    schemas: bool = True
    """Whether it takes a schema for its answer, and not only the wish for JSON."""
    reasoning_key: str | None = "reasoning_content"
    """The member of a message in which it takes thoughts back; None where it takes none."""
    reasoning_details: bool = False
    """Whether it takes them back with what signs and hides them, as `reasoning_details`."""
    reasoning_object: bool = False
    """Whether effort and budget of its thinking are asked for in `reasoning`."""
    budget: str = ""
    """Where else it takes the budget of its thinking: `thinking` (an object with `type` and
    `budget_tokens`, and no effort beside it), or a member that is the number; empty where nowhere.
    """
    thinking_parts: bool = False
    """Whether thoughts are parts of the content."""
    think_tags: bool = False
    """Whether thoughts that were text between tags are sent back so."""
    cache_markers: bool = False
    """Whether it takes `cache_control` of parts."""
    allow_lists: bool = True
    """Whether a choice of tools may be a list of some of them."""
    content_types: Mapping[str, str] = field(default_factory=lambda: NOTHING)
    """The kind of part that a file becomes, by its MIME type, where it is not the usual one."""
    document_urls: bool = False
    """Whether documents are parts of kind `document_url` instead of `file`."""
    audio_texts: bool = False
    """Whether its `input_audio` is the data, or the address, and no object."""
    counted_logprobs: bool = False
    """Whether log probabilities are asked for by a number of tokens, in `logprobs`."""

    def kind_of(self, kind: str) -> str:
        """Its own kind of part for one of OpenAI's."""
        if kind == FILE and self.document_urls:
            return DOCUMENT
        return AUDIO_TEXT if kind == AUDIO and self.audio_texts else kind

    def takes_one(self, params: Params) -> bool:
        """Whether effort and budget are given and it takes only one of them, the budget."""
        both = params.reasoning_effort is not None and params.thinking_budget_tokens is not None
        return both and self.budget == THINKING

    def knows_tier(self, tier: str | None) -> bool:
        """Whether this service tier can be asked for."""
        return TIER not in self.lacks and (self.tiers is None or tier in self.tiers)

    def unknown(self, params: Params) -> tuple[str, ...]:
        """The parameters given that it has no place for."""
        if not params.has_manners:
            return ()
        given = (EFFORT, TIER, VERBOSITY, BUDGET)
        lost = [name for name in given if getattr(params, name) is not None and name in self.lacks]
        if self.takes_one(params) and EFFORT not in lost:
            lost.append(EFFORT)
        tier = params.service_tier
        if tier is not None and TIER not in lost and not self.knows_tier(tier):
            lost.append(TIER)
        return tuple(lost)


PLAIN = Dialect()

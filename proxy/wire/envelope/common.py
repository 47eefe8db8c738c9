"""What nearly all requests are: messages of texts and parameters that are words and numbers.

A typed parser reads them in one step, and refuses all others: those with a member that is not
listed here, or with a value of another kind. `request` reads them member by member, slower and with
a sentence for everything that is wrong. What is read here is never wrong; the tests hold both
against each other.
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

import msgspec

from proxy.types.request import Params
from proxy.wire.chat_completions.ordinary import UNREADABLE
from proxy.wire.plain_messages import PlainMessage

_Number: TypeAlias = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)] | float | None
_Unsigned: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=2**32 - 1)] | None


class _StreamOptions(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    include_usage: bool | None = None


class CommonRequest(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """A body. Null stands for a member that is not there."""

    messages: list[PlainMessage]
    model: str
    stream: bool | None = None
    stream_options: _StreamOptions | None = None
    temperature: _Number = None
    top_p: _Number = None
    max_tokens: _Unsigned = None
    max_completion_tokens: _Unsigned = None
    seed: _Unsigned = None
    presence_penalty: _Number = None
    frequency_penalty: _Number = None
    reasoning_effort: str | None = None
    verbosity: str | None = None
    service_tier: Literal["auto", "default", "priority", "flex"] | None = None
    n: Literal[1] | None = None
    variant_name: str | None = msgspec.field(default=None, name="tensorzero::variant_name")
    episode_id: str | None = msgspec.field(default=None, name="tensorzero::episode_id")
    tags: dict[str, str] | None = msgspec.field(default=None, name="tensorzero::tags")

    @property
    def include_usage(self) -> bool:
        """Of a stream."""
        return self.stream_options is not None and bool(self.stream_options.include_usage)

    def params(self) -> Params:
        """Of two limits the smaller one counts."""
        limit, other = self.max_tokens, self.max_completion_tokens
        if other is not None:
            limit = other if limit is None else min(limit, other)
        return Params(
            self.temperature,
            self.top_p,
            limit,
            self.seed,
            self.presence_penalty,
            self.frequency_penalty,
            None,
            None,
            self.reasoning_effort,
            self.service_tier,
            self.verbosity,
        )


_decode = msgspec.json.Decoder(CommonRequest).decode


def read_common_request(body: bytes) -> CommonRequest | None:
    """The request; None where it is not of the common kind, be it good or not."""
    try:
        return _decode(body)
    except UNREADABLE:
        return None

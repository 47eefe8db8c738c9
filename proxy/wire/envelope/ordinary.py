"""Ordinary requests of the envelope, read for the record at a fraction of the usual cost.

See `chat_completions.ordinary`. This dialect is strict: a body that has anything else in it than
what stands here is left to `request`, which knows what is refused.
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

import msgspec

from proxy.types.decoded import DecodedInput
from proxy.wire.chat_completions.ordinary import UNREADABLE
from proxy.wire.chat_completions.ordinary_request import Request, describe_ordinary

Unsigned: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=2**32 - 1)] | None
Model: TypeAlias = Annotated[
    str, msgspec.Meta(pattern=r"\Atensorzero::(?:function|model)_name::(?s:.)")
]


class _StreamOptions(msgspec.Struct, gc=False):
    include_usage: bool | None = None


class _Request(Request, forbid_unknown_fields=True, kw_only=True, gc=False):
    model: Model
    max_tokens: Unsigned = None
    max_completion_tokens: Unsigned = None
    seed: Unsigned = None
    stop: str | Annotated[list[str], msgspec.Meta(min_length=1)] | None = None
    response_format: None = None
    service_tier: Literal["auto", "default", "priority", "flex"] | None = None
    stream: bool | None = None
    stream_options: _StreamOptions | None = None
    n: Literal[1] | None = None
    tool_choice: None = None


_decode_request = msgspec.json.Decoder(_Request).decode


def read_request(body: bytes) -> DecodedInput | None:
    """What a request means; None where it is not ordinary."""
    try:
        if not body.isascii():
            body.decode()
        return describe_ordinary(_decode_request(body))
    except UNREADABLE:
        return None

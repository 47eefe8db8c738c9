"""Members of a body that are said beside what a function or a lane understands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from proxy.types.request import ModelRequest
from proxy.wire.values import raw_flag, raw_integer

WIRE = "chat_completions"


def with_rest(request: ModelRequest, members: Mapping[str, bytes]) -> ModelRequest:
    """The request with a client's further members: in their fields, or as its `rest`."""
    if not members:
        return request
    rest = dict(members)
    choices = raw_integer(rest.get("n"))
    logprobs = raw_flag(rest.get("logprobs"))
    top = raw_integer(rest.get("top_logprobs"))
    for key, value in (("n", choices), ("logprobs", logprobs), ("top_logprobs", top)):
        if value is not None:
            del rest[key]
    return replace(
        request, choices=choices, logprobs=logprobs, top_logprobs=top, rest=rest, wire=WIRE
    )

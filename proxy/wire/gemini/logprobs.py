"""Log probabilities in OpenAI's form."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite

from proxy.wire.lenient import lenient_dumps
from proxy.wire.values import object_of, objects_of, text_of


def decode_logprobs(candidate: Mapping[str, object]) -> bytes | None:
    """`{"content": [...]}` of a candidate's `logprobsResult`, the mean beside it under the
    protocol's name; None when it has none."""
    result = object_of(candidate.get("logprobsResult"))
    chosen = objects_of(result.get("chosenCandidates"))
    if not chosen:
        return None
    tops = result.get("topCandidates")
    tops = tops if isinstance(tops, list) else []
    content = []
    for place, token in enumerate(chosen):
        top = object_of(tops[place]) if place < len(tops) else {}
        others = [_token(each) for each in objects_of(top.get("candidates"))]
        content.append({**_token(token), "top_logprobs": others})
    mean = _number(candidate.get("avgLogprobs"))
    return lenient_dumps({"content": content, **({} if mean is None else {"avgLogprobs": mean})})


def _token(candidate: Mapping[str, object]) -> dict[str, object]:
    text, value = text_of(candidate.get("token")), _number(candidate.get("logProbability"))
    logprob = 0.0 if value is None else value
    return {"token": text, "logprob": logprob, "bytes": list(text.encode())}


def _number(value: object) -> float | None:
    """A number, which may be spelled as a text."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if isfinite(number) else None

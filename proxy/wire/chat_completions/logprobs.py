"""Log probabilities of an answer's tokens, in the forms that vendors tell them.

OpenAI's is `{"content": [{"token", "logprob", "bytes", "top_logprobs"}], "refusal"}`. The older one
has lists that run side by side, `tokens`, `token_logprobs`, `top_logprobs` (of each token a mapping
from tokens to numbers) and `token_ids`; of a chunk that is one token, some servers tell just its
number.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from proxy.wire.lenient import lenient_dumps
from proxy.wire.values import text_of

UNLIKELY = -9999.0
"""What stands for a probability that is not told, as in OpenAI's reference."""


def logprobs_of(choice: Mapping[str, object], text: object = "") -> bytes | None:
    """Those of a choice, in OpenAI's form; None where there are none. `text` is the chunk's."""
    logprobs = choice.get("logprobs")
    if _is_number(logprobs):
        entry = _entry(text_of(text), logprobs, choice.get("top_logprobs"))
        return lenient_dumps({"content": [entry]})
    if not isinstance(logprobs, dict):
        return None
    if logprobs.get("content") or logprobs.get("refusal"):
        return lenient_dumps(logprobs)
    entries = list(_side_by_side(logprobs))
    return lenient_dumps({"content": entries}) if entries else None


def _side_by_side(logprobs: Mapping[str, object]) -> Iterator[dict[str, object]]:
    tokens = _listed(logprobs.get("tokens"))
    numbers, identifiers = (_listed(logprobs.get(key)) for key in ("token_logprobs", "token_ids"))
    tops = logprobs.get("top_logprobs")
    for place, token in enumerate(tokens):
        # a lone mapping is that of the only token
        top = tops if isinstance(tops, dict) and len(tokens) == 1 else _at(_listed(tops), place)
        entry = _entry(text_of(token), _at(numbers, place), top)
        identifier = _at(identifiers, place)
        yield entry if identifier is None else {**entry, "token_id": identifier}


def _entry(token: str, logprob: object, top: object) -> dict[str, object]:
    others = top.items() if isinstance(top, dict) else ()
    return {**_told(token, logprob), "top_logprobs": [_told(*item) for item in others]}


def _told(token: str, logprob: object) -> dict[str, object]:
    said = text_of(token)
    number = logprob if _is_number(logprob) else UNLIKELY
    return {"token": said, "logprob": number, "bytes": list(said.encode())}


def _listed(value: object) -> Sequence[object]:
    return value if isinstance(value, list) else ()


def _at(items: Sequence[object], place: int) -> object:
    return items[place] if place < len(items) else None


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)

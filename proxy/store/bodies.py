"""Which column keeps which body, so that each is kept once and none is lost.

A model call's `raw_request` and `raw_response` are text. The table `exchanges` has two columns of
bytes, and they are filled only with what stands nowhere else, because bodies are most of what is
stored and one copy has to do:

- `request_body`: the client's body, unless it is, to the byte, a model call's `raw_request`;
- `response_body`: what the client was sent, unless it is the last model call's `raw_response`.

Bytes that are no clean text (no UTF-8, or a NUL) do not fit a text column. That column then has a
readable version with U+FFFD, and the bytes column the exact one; where the bytes column is taken
by the other side's body, the text is a `data:` URL of the exact bytes.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from re import compile as pattern

import msgspec

from proxy.store.clean import readable
from proxy.types.edits import Edit
from proxy.types.exchange import Exchange, ModelCall

_OPEN_MODEL = pattern(rb'"model"\s*:\s*"[^"\\]*\Z')
_REST_OF_STRING = pattern(rb'[^"\\]*"')
_MODEL = b'"model"'
_REST_OF_MODEL = pattern(rb'\s*:\s*"([^"\\]*)"')
BINARY_PREFIX = b"data:application/octet-stream;base64,"


class Bodies(msgspec.Struct, frozen=True, gc=False):
    """The columns of one exchange; `raw` has (raw_request, raw_response) of each model call, text
    that Postgres takes."""

    request_body: bytes | None
    response_body: bytes | None
    raw: list[tuple[bytes, bytes]]


def place_bodies(exchange: Exchange, calls: Sequence[ModelCall]) -> Bodies:
    """Distribute the bodies of an exchange and of those of its model calls that get rows."""
    if len(calls) == 1 and not exchange.response_body:
        raw_request = calls[0].raw_request
        request, response = raw_request or exchange.request_body, joined(calls[0].raw_response)
        if is_text(request) and is_text(response):
            kept = exchange.request_body if raw_request else b""
            return Bodies(kept or None, None, [(request, response)])
    return _place_any(exchange, calls)


def _place_any(exchange: Exchange, calls: Sequence[ModelCall]) -> Bodies:
    client = exchange.request_body
    kept_request = client if all(call.raw_request for call in calls) else b""
    requests = []
    for call in calls:
        text, kept_request = _text_column(call.raw_request or client, kept_request)
        requests.append(text)
    kept_response = b"".join(exchange.response_body)
    if not kept_response and not calls and exchange.model_calls:
        kept_response = b"".join(exchange.model_calls[-1].raw_response)
    responses = []
    for call in reversed(calls):
        text, kept_response = _text_column(b"".join(call.raw_response), kept_response)
        responses.append(text)
    raw = list(zip(requests, reversed(responses), strict=True))
    return Bodies(kept_request or None, kept_response or None, raw)


def _text_column(body: bytes, kept: bytes) -> tuple[bytes, bytes]:
    """The text for `body`, and what the column of bytes has to keep then."""
    if is_text(body):
        return body, kept
    if kept and kept != body:
        return BINARY_PREFIX + base64.b64encode(body), kept
    return readable(body)[0].encode(), body


def is_text(body: bytes) -> bool:
    """Whether a text column takes exactly these bytes."""
    if body.find(0) >= 0:
        return False
    if body.isascii():
        return True
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True


def joined(blocks: Sequence[bytes]) -> bytes:
    """A body that came in blocks."""
    return blocks[0] if len(blocks) == 1 else b"".join(blocks)


def only_renamed(client: bytes, edits: Sequence[Edit]) -> bool:
    """Whether the edits of a client's body surely do nothing but name another model."""
    if len(edits) != 1:
        return False
    start = edits[0][0]
    return client[start - len(_MODEL) - 1 : start] == _MODEL + b":"


def same_but_for_model(one: bytes, other: bytes) -> bool:
    """Whether two bodies differ in nothing but the text of a `model`, the usual difference between
    what the client sent and what the provider got; both then say the same to the model."""
    behind = one.find(_MODEL) + len(_MODEL)
    if behind < len(_MODEL) or one[:behind] != other[:behind]:
        return False
    ours, theirs = _REST_OF_MODEL.match(one, behind), _REST_OF_MODEL.match(other, behind)
    if ours is not None and theirs is not None and ours[1] != theirs[1]:
        rest = other[theirs.end() :]
        return len(rest) == len(one) - ours.end() and one.endswith(rest)
    start = _common_prefix(one, other)
    if _OPEN_MODEL.search(one[max(0, start - 512) : start]) is None:
        return False
    ends = (_REST_OF_STRING.match(one, start), _REST_OF_STRING.match(other, start))
    if ends[0] is None or ends[1] is None:
        return False
    return one[ends[0].end() :] == other[ends[1].end() :]


def _common_prefix(one: bytes, other: bytes) -> int:
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low

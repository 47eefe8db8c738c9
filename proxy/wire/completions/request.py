"""Requests: a client's prompt as a neutral input."""

from __future__ import annotations

from collections.abc import Iterator

from proxy.errors import InvalidRequest
from proxy.types.content import Block, Text, Unknown
from proxy.types.request import Input, Message
from proxy.wire.members import list_items
from proxy.wire.values import raw_text


def decode_input(prompt: bytes) -> Input:
    """One message of the user: a text for each prompt, tokens as their raw JSON.

    `prompt` is the raw value of the body's member; without one nothing is said.

    Raises:
        InvalidRequest: it is neither a text nor a list.
    """
    if prompt in (b"", b"null"):
        return Input(())
    return Input((Message("user", tuple(_decode_prompt(prompt))),))


def _decode_prompt(prompt: bytes) -> Iterator[Block]:
    text = raw_text(prompt)
    if text is not None:
        yield Text(text)
        return
    if not prompt.startswith(b"["):
        raise InvalidRequest("`prompt` must be a text or a list", param="prompt")
    items = list_items(prompt)
    if not all(item.startswith((b'"', b"[")) for item in items):  # the tokens of one prompt
        yield Unknown(prompt)
        return
    for item in items:
        text = raw_text(item)
        yield Unknown(item) if text is None else Text(text)

"""Where in a message the blocks stood that the protocol has no place for.

`provider_blocks` of a message is a list of `{"index", "data", "model_name"?, "provider_name"?,
"text", "calls"}`: `data` is the block as its provider gave it, `text` the number of characters of
the content in front of it, `calls` that of the tool calls. A client who sends the message back as
it is gives them back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import orjson

from proxy.types.content import Block, Text, Unknown
from proxy.wire.lenient import lenient_dumps
from proxy.wire.values import count_of, text_of

PROVIDER_BLOCKS = "provider_blocks"


def show_block(block: Unknown, index: int, text: int, calls: int) -> dict[str, object]:
    """The entry of a block."""
    names = {"model_name": block.model_name, "provider_name": block.provider_name}
    return {
        "index": index,
        "data": orjson.Fragment(block.data),
        **{key: name for key, name in names.items() if name is not None},
        "text": text,
        "calls": calls,
    }


def put_back(
    entries: Sequence[Mapping[str, object]],
    content: Sequence[Block],
    calls: Sequence[Sequence[Block]],
) -> tuple[list[Block], list[Sequence[Block]]]:
    """Content and calls (each with what stands right around it) with the blocks of the entries
    among them."""
    content, calls = list(content), list(calls)
    for entry in entries:
        if "data" not in entry:
            continue
        block = Unknown(
            lenient_dumps(entry["data"]),
            text_of(entry.get("model_name")) or None,
            text_of(entry.get("provider_name")) or None,
        )
        called = min(count_of(entry.get("calls")) or 0, len(calls))
        if called:
            calls[called - 1] = (*calls[called - 1], block)
        else:
            content = _inserted(content, block, count_of(entry.get("text")) or 0)
    return content, calls


def _inserted(content: list[Block], block: Block, place: int) -> list[Block]:
    """With the block behind so many characters of text."""
    for index, each in enumerate(content):
        if not isinstance(each, Text):
            continue
        if place <= 0:
            return [*content[:index], block, *content[index:]]
        if place < len(each.text):
            texts = (each.text[:place], each.text[place:])
            head, tail = (replace(each, text=text) for text in texts)
            return [*content[:index], head, block, tail, *content[index + 1 :]]
        place -= len(each.text)
    return [*content, block]

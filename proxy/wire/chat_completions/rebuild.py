"""A client's messages with templates rendered into them: what no template touches stays as it came.

Whole messages stay byte for byte where nothing in them changes; of a message that changes, only
`content` is written anew, and of that only the parts that a template has made.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import orjson

from proxy.errors import InvalidRequest
from proxy.types.content import Block, RawText, Template, Text
from proxy.types.request import Input, Message
from proxy.wire.chat_completions.messages import TOOL_ROLES, Raw, decode_parts, decode_turn
from proxy.wire.chat_completions.system import SYSTEM_ROLES
from proxy.wire.members import list_items, object_members
from proxy.wire.splice import EXTENSION, splice
from proxy.wire.values import raw_text

_OURS = EXTENSION.encode()


def rebuild_messages(messages: bytes, before: Input, after: Input) -> bytes | None:
    """The raw list with `after` said instead of `before`; None when it says that already.

    `before` is what `decode_input` makes of `messages`, `after` the same with some texts rendered:
    as many messages, with as many blocks. A system text that has changed becomes one message, the
    first, in place of all that the client sent.

    Raises:
        InvalidRequest: a system text changes that stands beside something else.
    """
    items = list_items(messages)
    rebuilt = list(_rebuilt(items, before.messages, after.messages))
    if _system_differs(items, before, after):
        check_system(messages, texts_only=True)
        said = [raw for raw in items if _role(raw) in SYSTEM_ROLES]
        rebuilt = [raw for raw in rebuilt if _role(raw) not in SYSTEM_ROLES]
        if after.system is not None:
            role = _role(said[0]) if said else SYSTEM_ROLES[0]
            rebuilt.insert(0, orjson.dumps({"role": role, "content": after.system}))
    return None if rebuilt == items else b"[" + b",".join(rebuilt) + b"]"


def check_system(messages: bytes, *, texts_only: bool) -> None:
    """Refuse system messages that do not make up one text or the arguments of one template; parts
    of other kinds only with `texts_only`, for they can stay where the system text is not touched.

    Raises:
        InvalidRequest: naming the message.
    """
    found: list[Block] = []
    for index, raw in enumerate(list_items(messages)):
        message = object_members(raw)
        if raw_text(message.get("role")) not in SYSTEM_ROLES:
            continue
        blocks = list(decode_parts(message.get("content", b"null"), "system"))
        found += blocks
        if texts_only and not all(isinstance(each, Text | RawText | Template) for each in blocks):
            raise InvalidRequest(
                "System messages must contain only text or template content blocks",
                param=f"messages[{index}].content",
            )
        if len(found) > 1 and any(isinstance(each, Template) for each in found):
            raise InvalidRequest(
                "System messages cannot contain a template with other content",
                param=f"messages[{index}].content",
            )


def _rebuilt(
    items: Sequence[bytes], before: Sequence[Message], after: Sequence[Message]
) -> Iterator[bytes]:
    """Results of tools that follow one another are one neutral message; all other turns are one
    each."""
    position = 0
    in_results = False
    for raw in items:
        message = object_members(raw)
        role = raw_text(message.get("role")) or ""
        if role in TOOL_ROLES:
            in_results = True
            yield raw
            continue
        position += in_results
        in_results = False
        if role in SYSTEM_ROLES:
            yield raw
            continue
        yield _rebuilt_message(raw, message, before[position], after[position])
        position += 1


def _rebuilt_message(raw: bytes, message: Raw, before: Message, after: Message) -> bytes:
    if before == after:
        return raw
    # Reasoning stands in front of the content, calls of tools behind it.
    first = len(decode_turn(before.role, message).thoughts)
    pairs = list(zip(before.content[first:], after.content[first:], strict=True))
    content = message["content"]
    parts = list_items(content) if content.startswith(b"[") else [content]
    made = [
        part if was == is_now else _part(is_now)
        for part, (was, is_now) in zip(parts, pairs, strict=False)
    ]
    return splice(raw, replace={"content": _content(made, pairs)})


def _content(parts: Sequence[bytes], pairs: Sequence[tuple[Block, Block]]) -> bytes:
    """A lone text stands as it is, for servers that know no parts."""
    if len(parts) == 1 and isinstance(pairs[0][1], Text):
        return orjson.dumps(pairs[0][1].text)
    return b"[" + b",".join(parts) + b"]"


def _part(block: Block) -> bytes:
    assert isinstance(block, Text)
    return orjson.dumps({"type": "text", "text": block.text})


def _system_differs(items: Sequence[bytes], before: Input, after: Input) -> bool:
    if before.system != after.system:
        return True
    return any(_OURS in raw and _role(raw) in SYSTEM_ROLES for raw in items)


def _role(raw: bytes) -> str:
    return raw_text(object_members(raw).get("role")) or ""

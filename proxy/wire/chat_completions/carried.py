"""What of a client's request the neutral form has no place for.

A request that is passed on keeps everything. One that is put into neutral form, because several
models are asked or the answer is written anew, would lose these members without a word.
"""

from __future__ import annotations

from collections.abc import Iterator

from proxy.wire.chat_completions.request import TOOL_ROLES, Raw
from proxy.wire.members import list_items, object_members
from proxy.wire.values import raw_integer, raw_text

CARRIED = frozenset(
    {
        "role",
        "content",
        "tool_calls",
        "tool_call_id",
        "function_call",
        "refusal",
        "reasoning_content",
        "reasoning",
        "annotations",  # of an answer that is sent back; no model reads them
    }
)
_NOTHING = (b"null", b"[]", b"{}", b'""')


def find_uncarried(members: Raw) -> str | None:
    """The first member, such as `n` or `messages[0].name`, that would be lost; None without one.

    `members` are those of the body; `messages` is known to be a list of objects.
    """
    return next(_uncarried(members), None)


def _uncarried(members: Raw) -> Iterator[str]:
    if (raw_integer(members.get("n")) or 1) != 1:
        yield "n"
    if members.get("logprobs") == b"true":
        yield "logprobs"
    if members.get("audio", b"null") not in _NOTHING:
        yield "audio"
    for index, raw in enumerate(list_items(members["messages"])):
        yield from (f"messages[{index}].{each}" for each in _of_message(object_members(raw)))


def _of_message(message: Raw) -> Iterator[str]:
    known = CARRIED
    if raw_text(message.get("role")) in TOOL_ROLES:
        known = CARRIED | {"name"}
    yield from (key for key, raw in message.items() if key not in known and raw not in _NOTHING)
    calls = message.get("tool_calls", b"null")
    for index, raw in enumerate(list_items(calls) if calls.startswith(b"[") else ()):
        if raw_text(object_members(raw).get("type")) not in (None, "function"):
            yield f"tool_calls[{index}]"

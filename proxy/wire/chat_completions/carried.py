"""What of a client's request is lost where a strategy of ours asks in its stead.

A request that is passed on, or put into a provider's protocol, keeps everything. A strategy asks
several models, or one in other words, and answers once:

- `n`: each further answer would be the whole strategy run again, with all its calls. Candidates of
  which one is chosen, asked for with `n`, would make as many, of which again one is chosen.
- `logprobs`: its text need not be made of the tokens that a model gave: an answer is cut out of a
  JSON text with its reasons, or out of a tool's arguments, or is one of several, or made of them.
- What messages have beside what they say, such as `name`: the call that a strategy makes is in no
  protocol (`ModelRequest.wire` is empty unless the body has further members), and blocks and
  messages keep what is only one protocol's own in that protocol alone.
"""

from __future__ import annotations

from collections.abc import Iterator

from proxy.wire.chat_completions.messages import TOOL_ROLES, Raw
from proxy.wire.chat_completions.places import PROVIDER_BLOCKS
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
        "reasoning_details",
        PROVIDER_BLOCKS,
        "annotations",  # of an answer that is sent back; no model reads them
        "citations",
        "images",
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
    for index, raw in enumerate(list_items(members["messages"])):
        yield from (f"messages[{index}].{each}" for each in _of_message(object_members(raw)))


def _of_message(message: Raw) -> Iterator[str]:
    known = CARRIED
    if raw_text(message.get("role")) in TOOL_ROLES:
        known = CARRIED | {"name"}
    yield from (key for key, raw in message.items() if key not in known and raw not in _NOTHING)

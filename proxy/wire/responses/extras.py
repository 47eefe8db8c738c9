"""What items and parts say beside what a block's fields hold, so that they can be sent back.

`extra` of a block has, beside `citations` (a text's annotations):

- `item`: the members of the item that no field of the block says: id, status, phase, ...;
- `type`: `custom` for calls and results of custom tools;
- `more`: true for a text that goes on with the message of the block before it;
- `part`: the further members of a content part, and its type where that is not the usual one;
- `at`: of a part of the system text, before which block of which message it stood.

`extra` of a message has `item`, too, where its blocks do not say it, and `at`: its first block and
the one behind its last, where there are others in the same turn.

`extra_data` of a thought has what its item says otherwise than the thought's fields alone would.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import orjson

from proxy.types.content import Thought
from proxy.wire.lenient import lenient_dumps, lenient_loads, whole_text
from proxy.wire.members import object_members

Members = Mapping[str, object]

MESSAGE_FIELDS = ("type", "role", "content")
CALL_FIELDS = ("type", "call_id", "name", "arguments", "input")
RESULT_FIELDS = ("type", "call_id", "output")
CUSTOM = "custom"
CUSTOM_ITEMS = ("custom_tool_call", "custom_tool_call_output")

_SAYS_NOTHING: tuple[object, ...] = (None, {}, [], False)


def text_extra(item: Members | None, part: Members, *, whole: bool = False) -> bytes | None:
    """Of a text. `item` is the model's message in which it is the first part, None where it is a
    later one, and empty where it is not the model's.

    `whole` is for texts of a request, of which empty lists and log probabilities are kept, too.
    """
    annotations = part.get("annotations")
    cited = annotations if isinstance(annotations, list) else []
    dropped = {"type", "text"} if whole and not cited else {"type", "text", "annotations"}
    further = _without(part, dropped if whole else dropped | {"logprobs"})
    if part.get("type") != ("input_text" if item == {} else "output_text"):
        further["type"] = part.get("type")
    return dump_said(
        {
            "citations": cited,
            "item": {} if item is None else _without(item, MESSAGE_FIELDS),
            "more": item is None,
            "part": further,
        }
    )


def call_extra(item: Members) -> bytes | None:
    """Of a tool call."""
    return _item_extra(item, _without(item, CALL_FIELDS))


def result_extra(item: Members) -> bytes | None:
    """Of the result of one; an id that is null and a result without parts are told as they came."""
    odd = {key: item[key] for key in ("call_id", "output") if item.get(key, "") in (None, [])}
    return _item_extra(item, {**_without(item, RESULT_FIELDS), **odd})


def _item_extra(item: Members, further: Members) -> bytes | None:
    custom = item.get("type") in CUSTOM_ITEMS
    return dump_said({"type": CUSTOM if custom else None, "item": further})


def thought_data(item: Members, thought: Thought) -> bytes | None:
    """What of a reasoning item its thought does not say, or says otherwise."""
    plain = {**thought_item(thought), "summary": _summary(thought)}
    rest = {key: value for key, value in item.items() if key not in plain or plain[key] != value}
    return lenient_dumps(rest) if rest else None


def thought_item(thought: Thought) -> dict[str, object]:
    """The reasoning item that a thought's own fields make."""
    item: dict[str, object] = {
        "type": "reasoning",
        "summary": orjson.Fragment(thought.summary or b"[]"),
    }
    if thought.text is not None:
        item["content"] = [{"type": "reasoning_text", "text": thought.text}]
    if thought.signature is not None:
        item["encrypted_content"] = thought.signature
    return item


def _summary(thought: Thought) -> object:
    return [] if thought.summary is None else lenient_loads(thought.summary)


def dump_said(members: Members) -> bytes | None:
    """Raw JSON of the members that say something; None when none does."""
    said = {key: value for key, value in members.items() if value not in _SAYS_NOTHING}
    return lenient_dumps(said) if said else None


def read_extra(extra: bytes | None) -> dict[str, bytes]:
    """The raw members of an `extra` or `extra_data`, or of an object in it; none where it is no
    object."""
    return object_members(extra) if extra is not None and extra.startswith(b"{") else {}


def shown(extra: bytes | None) -> dict[str, object]:
    """The same, to stand in an object that is dumped."""
    members = read_extra(extra).items()
    return {whole_text(key): orjson.Fragment(raw) for key, raw in members}


def shown_item(extra: bytes | None) -> dict[str, object]:
    """The item's members in a block's `extra`."""
    return shown(read_extra(extra).get("item"))


def _without(members: Members, names: Collection[str]) -> dict[str, object]:
    return {key: value for key, value in members.items() if key not in names}

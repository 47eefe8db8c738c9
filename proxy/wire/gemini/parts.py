"""Parts of messages and answers as neutral blocks.

What of a part has no field is its block's `extra`: members of the part by their names, those inside
the part's one value (such as `functionCall`) in an object under that name.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Mapping

from proxy.types.content import (
    Base64File,
    Block,
    Text,
    Thought,
    ToolCall,
    ToolResult,
    Unknown,
    UrlFile,
)
from proxy.wire.gemini.names import renamed, renamed_object
from proxy.wire.lenient import lenient_dumps, whole_text
from proxy.wire.values import text_of

MADE = "made_"
"""How ids begin that are ours, because the protocol gave none; they are never sent."""

_SIGNATURE = "thoughtSignature"
_VALUES = (
    "text",
    "functionCall",
    "functionResponse",
    "inlineData",
    "fileData",
    "executableCode",
    "codeExecutionResult",
    "toolCall",
    "toolResponse",
)
"""Of these a part has one."""


class CallIds:
    """Ids for calls that have none or another's: the same for the same bytes, and all different.

    `seed` is what tells one answer or request from all others.
    """

    def __init__(self, seed: str) -> None:
        digest = hashlib.blake2b(seed.encode("utf-8", "replace"), digest_size=9).digest()
        self._prefix = MADE + base64.urlsafe_b64encode(digest).decode()
        self._given: set[str] = set()
        self._made = 0

    def take(self, given: object) -> str:
        """The id given, if it is one, and the first time; else a new one."""
        identifier = text_of(given)
        if not identifier or identifier in self._given:
            identifier = f"{self._prefix}_{self._made}"
            self._made += 1
        self._given.add(identifier)
        return identifier


class PartReader:
    """Reads the parts of one answer.

    `ids` names its calls. Files in answers have no neutral form there and stay as they came.
    """

    def __init__(self, ids: CallIds) -> None:
        self.ids = ids
        self._readers: dict[str, Callable[[dict[str, object]], Block | None]] = {
            "text": _read_text,
            "functionCall": self.read_call,
        }

    def read(self, part: object) -> list[Block]:
        """The blocks of a part: one, or two when a signature stands on what is no thought."""
        if not isinstance(part, dict):
            return [Unknown(lenient_dumps(part))]
        members = {name: value for name, value in renamed(part).items() if value is not None}
        signature = members.pop(_SIGNATURE, None)
        if members.get("thought") is False:
            del members["thought"]
        if signature is not None and not isinstance(signature, str):
            return [Unknown(lenient_dumps(part))]
        thought = _read_thought(members, signature)
        if thought is not None:
            return [thought]
        block = self._read_value(members)
        if block is None:
            return [Unknown(lenient_dumps(part))]
        return [block] if signature is None else [Thought(None, whole_text(signature)), block]

    def read_call(self, members: dict[str, object]) -> Block | None:
        """A call of a tool."""
        call = renamed_object(members["functionCall"])
        args = call.get("args")
        arguments = "{}" if args is None else lenient_dumps(args).decode()
        identifier = self.ids.take(call.get("id"))
        told = ("id",) if call.get("id") in (None, identifier) else ()
        extra = extra_of(members, "functionCall", (*told, "name", "args"))
        return ToolCall(identifier, text_of(call.get("name")), arguments, extra)

    def _read_value(self, members: dict[str, object]) -> Block | None:
        kinds = [name for name in _VALUES if name in members]
        if len(kinds) != 1 or ("thought" in members and kinds != ["functionCall"]):
            return None
        read = self._readers.get(kinds[0])
        return None if read is None else read(members)


class MessageReader(PartReader):
    """Reads the parts of a request's messages, in their order."""

    def __init__(self, ids: CallIds) -> None:
        super().__init__(ids)
        self._unanswered: list[tuple[str, str, str]] = []  # (id, name, id as given) of calls
        self._readers |= {
            "functionCall": self._remember_call,
            "functionResponse": self._read_result,
            "inlineData": _read_inline,
            "fileData": _read_reference,
        }

    def _remember_call(self, members: dict[str, object]) -> Block | None:
        call = self.read_call(members)
        if isinstance(call, ToolCall):
            given = text_of(renamed_object(members["functionCall"]).get("id"))
            self._unanswered.append((call.id, call.name, given))
        return call

    def _read_result(self, members: dict[str, object]) -> Block | None:
        answer = renamed_object(members["functionResponse"])
        response = answer.get("response", {})
        name = text_of(answer.get("name"))
        result, failed = result_text(response)
        parts = answer.get("parts")
        files = [block for each in _list_of(parts) for block in self.read(each)]
        return ToolResult(
            self._id_of_result(text_of(answer.get("id")), name),
            name,
            result,
            failed,
            (Text(result), *files) if files else (),
            extra_of(members, "functionResponse", ("name", "parts")),
        )

    def _id_of_result(self, given: str, name: str) -> str:
        """The id given, or that of the first call of this name that has no result yet."""
        for call in self._unanswered:
            if given == call[2] if given else name == call[1]:
                self._unanswered.remove(call)
                return call[0]
        return given or self.ids.take("")


def extra_of(members: Mapping[str, object], kind: str, known: tuple[str, ...]) -> bytes | None:
    """What the part has beside `known` members of its value `kind`, as raw JSON."""
    rest = {name: value for name, value in members.items() if name != kind}
    inner = renamed_object(members[kind])
    left = {name: value for name, value in inner.items() if name not in known}
    if left:
        rest[kind] = left
    return lenient_dumps(rest) if rest else None


def result_text(response: object) -> tuple[str, bool]:
    """(what a tool gave back, whether it failed).

    The protocol's words: `output` is the result, `error` says why there is none; without either,
    the whole is the result.
    """
    members = response if isinstance(response, dict) else {}
    if len(members) == 1 and "output" in members:
        return _as_text(members["output"]), False
    if len(members) == 1 and "error" in members:
        return _as_text(members["error"]), True
    return lenient_dumps(response).decode(), False


def _as_text(value: object) -> str:
    return whole_text(value) if isinstance(value, str) else lenient_dumps(value).decode()


def _read_thought(members: Mapping[str, object], signature: str | None) -> Thought | None:
    """A thought, or a part that is nothing but a signature. `extra_data` has what makes up that
    part beside the text and the signature, where it is not `thought` alone."""
    signed = None if signature is None else whole_text(signature)
    text = members.get("text")
    if members.get("thought") is True and isinstance(text, str):
        left = {name: value for name, value in members.items() if name not in ("thought", "text")}
        return Thought(whole_text(text), signed, extra_data=lenient_dumps(left) if left else None)
    alone = members.keys() <= {"thought"} or (members.keys() == {"text"} and text == "")
    if alone and (signed is not None or "thought" in members):
        return Thought(None, signed, extra_data=lenient_dumps(dict(members)))
    return None


def _read_text(members: dict[str, object]) -> Block | None:
    text = members["text"]
    if not isinstance(text, str):
        return None
    return Text(whole_text(text), extra_of(members, "text", ()))


def _read_inline(members: dict[str, object]) -> Block | None:
    blob = renamed_object(members["inlineData"])
    data, kind = blob.get("data"), blob.get("mimeType")
    if not isinstance(data, str) or not isinstance(kind, str):
        return None
    extra = extra_of(members, "inlineData", ("data", "mimeType"))
    return Base64File(whole_text(data), whole_text(kind), extra=extra)


def _read_reference(members: dict[str, object]) -> Block | None:
    file = renamed_object(members["fileData"])
    uri = file.get("fileUri")
    if not isinstance(uri, str):
        return None
    extra = extra_of(members, "fileData", ("fileUri", "mimeType"))
    return UrlFile(whole_text(uri), text_of(file.get("mimeType")) or None, extra=extra)


def _list_of(value: object) -> list[object]:
    """The items of a list; a lone object counts as one, as the protocol reads it."""
    if isinstance(value, list):
        return value
    return [] if value is None else [value]

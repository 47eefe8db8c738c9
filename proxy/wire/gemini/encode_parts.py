"""Neutral blocks as parts of a message."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from mimetypes import MimeTypes
from urllib.parse import urlsplit

from proxy.errors import InvalidRequest, UpstreamGarbage, UpstreamUnsupported
from proxy.types.content import (
    Base64File,
    Block,
    RawText,
    StoredFile,
    Template,
    Text,
    Thought,
    ToolCall,
    ToolResult,
    Unknown,
    UrlFile,
)
from proxy.wire.addressee import Addressee
from proxy.wire.gemini.merging import merged
from proxy.wire.gemini.parts import MADE
from proxy.wire.gemini.sources import METADATA
from proxy.wire.lenient import lenient_loads, lenient_object
from proxy.wire.values import text_of

UNCHECKED = "skip_thought_signature_validator"
"""Stands for the signature of a call that another model made."""

_NEUTRAL = ("cache_control", "citations")

Part = dict[str, object]


class PartWriter:
    """Writes the parts of one message.

    `names` has the tools of the conversation's calls by the calls' ids. `own` says that the request
    is of this protocol.
    """

    def __init__(self, addressee: Addressee, names: Mapping[str, str], *, own: bool) -> None:
        self._addressee = addressee
        self._names = names
        self._own = own
        self._parts: list[Part] = []
        self._signature: str | None = None

    def write(self, blocks: Sequence[Block]) -> list[Part]:
        """The parts of these blocks. Raises as `encode_request`."""
        for block in blocks:
            if isinstance(block, Thought):
                self._take_thought(block)
            else:
                self._take(self._part(block))
        self._settle_signature()
        if not self._own:
            self._sign_first_call()
        return self._parts

    def _take(self, part: Part | None) -> None:
        if part is None:
            return
        if self._signature is not None:
            part.setdefault("thoughtSignature", self._signature)
            self._signature = None
        self._parts.append(part)

    def _take_thought(self, thought: Thought) -> None:
        if not self._addressee.gets(thought):
            return
        self._settle_signature()
        form = self._form_of(thought)
        if thought.text is not None:
            self._take({**(form or {}), "text": thought.text, "thought": True, **_signed(thought)})
        elif form is not None:
            self._take({**form, **_signed(thought)})
        else:
            self._signature = thought.signature

    def _form_of(self, thought: Thought) -> Part | None:
        """What a thought is beside its text and signature, where it came in this protocol; without
        a text it is then a part of its own."""
        if thought.extra_data is None or not (self._own or thought.provider_type):
            return None
        form = lenient_loads(thought.extra_data)
        return form if isinstance(form, dict) else None

    def _settle_signature(self) -> None:
        """A signature that no part follows stands on an empty one."""
        if self._signature is not None:
            self._take({"text": ""})

    def _sign_first_call(self) -> None:
        calls = [part for part in self._parts if "functionCall" in part]
        if calls and not any("thoughtSignature" in part for part in calls):
            calls[0]["thoughtSignature"] = UNCHECKED

    def _part(self, block: Block) -> Part | None:
        match block:
            case Text(text, extra):
                return self._with_extra({"text": text}, extra)
            case RawText(value):
                return {"text": value}
            case ToolCall():
                call = _call(block)
                if self._own and not block.name:
                    del call["name"]
                return self._with_extra({"functionCall": call}, block.extra)
            case ToolResult():
                return self._with_extra({"functionResponse": self._result(block)}, block.extra)
            case Base64File(data, mime_type):
                inline = {"mimeType": mime_type, "data": data}
                return self._with_extra({"inlineData": inline}, block.extra)
            case UrlFile():
                return self._with_extra({"fileData": _reference(block, own=self._own)}, block.extra)
            case StoredFile():
                raise UpstreamUnsupported("files in an object storage are not fetched from there")
            case Unknown() if self._addressee.gets(block):
                return self._unknown(block)
            case Template():
                raise InvalidRequest(f"there is no template `{block.name}` to render")
        return None

    def _with_extra(self, part: Part, extra: bytes | None) -> Part:
        if extra is None or not self._own:
            return part
        members = lenient_object(extra)
        left_out = (*_NEUTRAL, *METADATA)
        return merged(part, {name: item for name, item in members.items() if name not in left_out})

    def _unknown(self, block: Unknown) -> Part | None:
        """A part as it came. What was said of an answer as a whole is none."""
        part = lenient_loads(block.data)
        if not isinstance(part, dict):
            raise InvalidRequest("a part must be an object")
        if part and part.keys() <= METADATA:
            return None
        kind = part.get("type")
        if self._own or block.provider_name is not None or not isinstance(kind, str):
            return part
        if kind == "refusal":
            return {"text": text_of(part.get("refusal"))}
        raise UpstreamUnsupported(f"a part of type `{kind}` cannot be given to this provider")

    def _result(self, result: ToolResult) -> Part:
        if self._own:  # the rest is in its `extra`
            answer: Part = {"name": result.name} if result.name else {}
        else:
            name = result.name or self._names.get(result.id) or result.id
            answer = {**_id(result.id), "name": name, "response": _response(result, name)}
        files = [
            part
            for block in result.parts
            if not isinstance(block, Text) and (part := self._part(block)) is not None
        ]
        return {**answer, **({"parts": files} if files else {})}


def _signed(thought: Thought) -> Part:
    return {} if thought.signature is None else {"thoughtSignature": thought.signature}


def _id(identifier: str) -> Part:
    return {"id": identifier} if identifier and not identifier.startswith(MADE) else {}


def _call(call: ToolCall) -> Part:
    try:
        args = lenient_loads(call.arguments.encode("utf-8", "replace") or b"{}")
    except UpstreamGarbage:
        args = None
    if not isinstance(args, dict):
        raise InvalidRequest("Tool call arguments must be a JSON object")
    return {**_id(call.id), "name": call.name, "args": args}


def _response(result: ToolResult, name: str) -> Part:
    if result.is_error:
        return {"error": result.result}
    return {"name": name, "content": result.result}


def _reference(file: UrlFile, *, own: bool) -> Part:
    kind = file.mime_type
    if kind is None and not own:
        kind = MimeTypes().guess_type(urlsplit(file.url).path, strict=False)[0]
    return {"fileUri": file.url} if kind is None else {"mimeType": kind, "fileUri": file.url}

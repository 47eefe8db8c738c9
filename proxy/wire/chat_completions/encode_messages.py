"""Messages of a request: a native input as a provider's list."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import orjson

from proxy.errors import InvalidRequest, UpstreamUnsupported
from proxy.types.content import (
    Base64File,
    Block,
    Json,
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
from proxy.types.request import Input, Message
from proxy.wire.addressee import Addressee
from proxy.wire.chat_completions.dialect import DETAIL, Dialect
from proxy.wire.chat_completions.encode_files import (
    AUDIO_TEXT,
    DOCUMENT,
    IMAGE,
    encode_base64_file,
    encode_url_file,
    part_of,
)
from proxy.wire.chat_completions.extra import (
    members_of,
    plain_object,
    raw_object,
    spread,
    with_extra,
)
from proxy.wire.chat_completions.messages import (
    CUSTOM,
    LEGACY_CALL,
    REASONING_KEYS,
    REFUSAL,
    REFUSAL_PARTS,
    TOOL_ROLES,
)
from proxy.wire.chat_completions.system import SYSTEM_ROLES, SystemMessage, system_messages
from proxy.wire.chat_completions.thoughts import encode_detail, is_hidden
from proxy.wire.values import raw_integer, raw_text

JSON_INSTRUCTION = "Respond using JSON."
"""In JSON mode OpenAI refuses messages that never speak of JSON."""

CACHE_CONTROL = "cache_control"
_THINK_TAGS = "think_tags"
_THINKING_MEMBERS = ("thinking", "closed", "signature")


def encode_texts(said: Input) -> list[Json]:
    """What `MessageEncoder` makes of `Texts` and a system text in one part, for anybody."""
    turns: list[Json] = [
        {"role": each.role, "content": each.content[0].text}  # type: ignore[union-attr]
        for each in said.messages
    ]
    system = said.system
    if system is not None:
        text = system.decode() if isinstance(system, bytes) else system
        turns.insert(0, {"role": SYSTEM_ROLES[0], "content": text})
    return turns


class MessageEncoder:
    """Encodes the messages of one request.

    With `own`, the request came in this protocol, and its blocks' `extra` goes along.
    """

    def __init__(self, dialect: Dialect, addressee: Addressee, *, own: bool) -> None:
        self._dialect = dialect
        self._addressee = addressee
        self._own = own

    def encode(self, value: Input, *, json_instruction: bool = False) -> list[Json]:
        """The messages, the system's where they stood; raises as `encode_request`.

        With `json_instruction`, a system text asks for JSON where no message mentions it.
        """
        system = system_messages(value, self._keeps)
        if json_instruction:
            said = " ".join(_said(block) for message in system for block in message.blocks)
            if not mentions_json(said, value.messages):
                system = _with_instruction(system)
        places = {each.place for each in system}
        encoded: list[Json] = []
        for place, message in enumerate(value.messages):
            if place in places:
                encoded += self._system(system, place)
            encoded += self._turn(message)
        for place in range(len(value.messages), max(places, default=0) + 1):
            encoded += self._system(system, place)
        return encoded

    def _system(self, messages: Iterable[SystemMessage], place: int) -> list[Json]:
        return [self._system_message(each) for each in messages if each.place == place]

    def _system_message(self, message: SystemMessage) -> Json:
        content: object = _lone_text(message.blocks)
        if content is None:
            content = _content(
                [part for part in map(self.part, message.blocks) if part is not None]
            )
        extra = spread(message.extra) if self._own else {}
        return {"role": message.role, **extra, "content": content}

    def _turn(self, message: Message) -> list[Json]:
        text = _lone_text(message.content)
        if text is not None and message.extra is None:
            return [{"role": message.role, "content": text}]
        turn = _Turn(self, message)
        for block in message.content:
            turn.add(block)
        return turn.messages(self._dialect)

    def _keeps(self, key: str) -> bool:
        return self._own or (key == CACHE_CONTROL and self._dialect.cache_markers)

    def kept(self, extra: bytes | None) -> bytes | None:
        """What of a block's further members goes along."""
        if extra is None or self._own:
            return extra
        return raw_object({key: raw for key, raw in members_of(extra).items() if self._keeps(key)})

    def gets(self, block: Unknown | Thought) -> bool:
        """Whether a block is for this provider."""
        return self._addressee.gets(block)

    @property
    def own(self) -> bool:
        """Whether the request came in this protocol."""
        return self._own

    def part(self, block: Block) -> object:
        """A block as a content part; None for one that is none, or is for others."""
        match block:
            case Text(text):
                return with_extra({"type": "text", "text": text}, self.kept(block.extra), "text")
            case RawText(text):
                return {"type": "text", "text": text}
            case UrlFile() | Base64File():
                return self._file(block)
            case StoredFile():
                raise UpstreamUnsupported("files in an object storage are not fetched from there")
            case Unknown() if self._addressee.gets(block):
                return orjson.Fragment(block.data)
            case Template():
                raise InvalidRequest(f"there is no template `{block.name}` to render")
        return None

    def _file(self, file: UrlFile | Base64File) -> object:
        extra = members_of(file.extra)
        kind = raw_text(extra.get("kind")) or ""
        if isinstance(file, UrlFile):
            part = encode_url_file(file, self._url_kind(file, kind))
        else:
            types = self._dialect.content_types
            kind = kind or types.get(file.mime_type) or part_of(file.mime_type)
            kind = self._dialect.kind_of(kind)
            part = encode_base64_file(file, kind, name_it=not self._own)
        shape = str(part["type"])
        image = part.get(IMAGE)
        if not self._own and DETAIL in self._dialect.lacks and isinstance(image, dict):
            image.pop("detail", None)
        rest = raw_object({key: raw for key, raw in extra.items() if key != "kind"})
        return with_extra(part, self.kept(rest), shape)

    def _url_kind(self, file: UrlFile, given: str) -> str:
        """Of a file that stands elsewhere: as its client had it, or an image, save where the
        provider fetches others, too."""
        kind = given or (IMAGE if file.mime_type is None else part_of(file.mime_type))
        theirs = self._dialect.kind_of(kind)
        return theirs if given or theirs in (DOCUMENT, AUDIO_TEXT) else IMAGE


class _Turn:
    """Sorts the blocks of one neutral message into what the protocol keeps apart."""

    def __init__(self, encoder: MessageEncoder, message: Message) -> None:
        self._encoder = encoder
        self._role = message.role
        self._extra = message.extra
        self._results: list[Json] = []
        self._parts: list[object] = []
        self._calls: list[Json] = []
        self._thoughts: list[Thought] = []
        self._members: dict[str, object] = {}
        count = members_of(message.extra).get(REFUSAL_PARTS) if encoder.own else None
        self._refusal_parts = raw_integer(count) or 0

    def add(self, block: Block) -> None:
        match block:
            case ToolCall():
                self._check(self._role != "user", "Tool calls", "user")
                self._add_call(block)
            case ToolResult():
                self._check(self._role != "assistant", "Tool results", "assistant")
                self._results.append(self._result(block))
            case Thought():
                if self._role != "user" and self._encoder.gets(block):
                    self._thoughts.append(block)
                    self._parts.append(block)
            case Unknown() if self._role == "assistant" and self._encoder.gets(block):
                self._add_unknown(block)
            case _:
                part = self._encoder.part(block)
                if part is not None:
                    self._parts.append(part)

    def messages(self, dialect: Dialect) -> list[Json]:
        """The results, then the rest as one message, if anything is left to say."""
        details = self._details(dialect)
        parts = self._content_parts(dialect)
        extra = spread(self._extra, (REFUSAL_PARTS,)) if self._encoder.own else {}
        reasoning = self._reasoning(dialect)
        spoken = parts or self._calls or self._members or details or extra
        if not spoken and not (reasoning and self._encoder.own):
            return self._results
        message: dict[str, object] = {"role": self._role}
        if parts:
            message["content"] = _content(parts)
        if self._calls:
            message["tool_calls"] = self._calls
        message |= self._members
        if details:
            message["reasoning_details"] = details
        return [*self._results, message | extra | reasoning]

    def _add_call(self, call: ToolCall) -> None:
        extra = call.extra if self._encoder.own else _kind_only(call.extra)
        members = members_of(extra)
        kind = raw_text(members.get("type"))
        rest = raw_object({key: raw for key, raw in members.items() if key != "type"})
        function: dict[str, object] = {"name": call.name, "arguments": call.arguments}
        if kind == LEGACY_CALL:
            self._members["function_call"] = function
        elif kind == CUSTOM:
            custom = {"name": call.name, "input": call.arguments}
            shown: dict[str, object] = {"id": call.id, "type": "custom", "custom": custom}
            self._calls.append(with_extra(shown, rest, "custom"))
        else:
            shown = {"id": call.id, "type": kind or "function", "function": function}
            self._calls.append(with_extra(shown, rest, "function"))

    def _add_unknown(self, block: Unknown) -> None:
        """A refusal is a member of the message, as is what some protocols put beside the text."""
        value = plain_object(block.data)
        if value.get("type") == REFUSAL and self._refusal_parts > 0:
            self._refusal_parts -= 1
            self._parts.append(orjson.Fragment(block.data))
        elif value.get("type") == REFUSAL and isinstance(value.get("refusal"), str):
            self._members["refusal"] = value["refusal"]
        else:
            self._parts.append(orjson.Fragment(block.data))

    def _result(self, result: ToolResult) -> Json:
        content: object = result.result
        if result.parts:
            content = [p for p in map(self._encoder.part, result.parts) if p is not None]
        message: dict[str, object] = {"role": TOOL_ROLES[0], "content": content}
        if result.id or not self._encoder.own:
            message["tool_call_id"] = result.id
        return message | (spread(result.extra) if self._encoder.own else {})

    def _details(self, dialect: Dialect) -> list[Json]:
        """Thoughts with what their text does not say."""
        if not dialect.reasoning_details:
            return []
        told = filter(_has_detail, self._thoughts)
        return [detail for each in told for detail in encode_detail(each)]

    def _content_parts(self, dialect: Dialect) -> list[object]:
        parts: list[object] = []
        tagged = [each.text or "" for each in self._thoughts if _is_tagged(each, dialect)]
        if tagged:
            text = "\n\n".join(tagged)
            parts.append({"type": "text", "text": f"<think>{text}</think>"})
        for part in self._parts:
            if not isinstance(part, Thought):
                parts.append(part)
            elif dialect.thinking_parts and (part.text or self._is_written(part)):
                parts.append(_thinking_part(part))
        return parts

    def _is_written(self, thought: Thought) -> bool:
        """Whether the client wrote it as a part, be it without a word."""
        return self._encoder.own and thought.text is not None

    def _reasoning(self, dialect: Dialect) -> dict[str, object]:
        """The thoughts that are a text and no more, under the provider's name for them."""
        key = dialect.reasoning_key
        if key is None or dialect.thinking_parts:
            return {}
        if self._encoder.own and key in members_of(self._extra):
            key = next(other for other in REASONING_KEYS if other != key)
        thoughts = [each for each in self._thoughts if not _is_tagged(each, dialect)]
        if dialect.reasoning_details:
            thoughts = [each for each in thoughts if not _has_detail(each)]
        texts = [each.text for each in thoughts if each.text]
        return {key: "\n\n".join(texts)} if texts else {}

    def _check(self, allowed: bool, what: str, where: str) -> None:
        if not allowed:
            raise InvalidRequest(f"{what} are not supported in {where} messages")


def _lone_text(blocks: Sequence[Block]) -> str | None:
    """The text of blocks that are no more than one, as most are."""
    if len(blocks) != 1:
        return None
    block = blocks[0]
    return block.text if isinstance(block, Text) and block.extra is None else None


def _content(parts: list[object]) -> object:
    """A lone text stands as it is, for servers that know no parts."""
    match parts:
        case [{"type": "text", "text": text, **rest}] if not rest:
            return text
    return parts


def _kind_only(extra: bytes | None) -> bytes | None:
    """Calls of custom tools are that wherever they came from."""
    kind = members_of(extra).get("type")
    return raw_object({"type": kind}) if kind and raw_text(kind) == CUSTOM else None


def _is_tagged(thought: Thought, dialect: Dialect) -> bool:
    """Whether it was a text between tags, and is to be that again."""
    return (
        dialect.think_tags
        and plain_object(thought.extra_data).get("reasoning_format") == _THINK_TAGS
    )


def _has_detail(thought: Thought) -> bool:
    return is_hidden(thought) or thought.provider_type is not None


def _thinking_part(thought: Thought) -> Json:
    extra = plain_object(thought.extra_data)
    known = {key: extra[key] for key in _THINKING_MEMBERS if key in extra}
    return {"type": "thinking", "thinking": [{"type": "text", "text": thought.text}], **known}


def _with_instruction(system: list[SystemMessage]) -> list[SystemMessage]:
    first = system[0] if system else SystemMessage(0, "system", None, ())
    text = "\n".join(_said(block) for block in first.blocks)
    text = f"{JSON_INSTRUCTION}\n\n{text}" if first.blocks else JSON_INSTRUCTION
    return [SystemMessage(first.place, first.role, first.extra, (Text(text),)), *system[1:]]


def mentions_json(system: str, messages: Iterable[Message]) -> bool:
    """Whether a conversation speaks of JSON, without which OpenAI refuses JSON mode."""
    blocks = (block for message in messages for block in message.content)
    return "json" in system.lower() or any("json" in _said(block).lower() for block in blocks)


def _said(block: Block) -> str:
    match block:
        case Text(text) | RawText(text):
            return text
        case ToolResult():
            return block.result
    return ""


def has_details(messages: Iterable[Message]) -> bool:
    """Whether the resolution of some image is asked for."""
    blocks = (block for message in messages for block in message.content)
    return any(isinstance(block, UrlFile | Base64File) and block.detail for block in blocks)

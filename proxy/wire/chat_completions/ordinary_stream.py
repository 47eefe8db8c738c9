"""Ordinary streams, read for the record at a fraction of the usual cost; see `ordinary`.

All events of a stream that is kept are there at once, so they are parsed in one go, as lines.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from proxy.types.content import Block, Text, Thought, ToolCall
from proxy.types.decoded import Decoded
from proxy.types.exchange import ModelCall
from proxy.types.usage import NO_USAGE
from proxy.wire.chat_completions.ordinary import UNREADABLE, Counts, Holder, Kind, Nothing, decoded
from proxy.wire.sse import DEFAULT_MAX_EVENT_BYTES

_BEGIN, _BETWEEN, _END = b"data: ", b"\n\ndata: ", b"\n\n"
_DONE = b"data: [DONE]\n\n"
_CONTENT = b'"content":"'
_ALIKE = 8
"""So many parts are worth a look at whether they are alike."""
_LAST = 3
"""Lines at the end that mostly have more than text: why it ends, and the usage."""


class _Function(msgspec.Struct, gc=False):
    name: str | None = None
    arguments: str | None = None


class _Fragment(msgspec.Struct, gc=False):
    index: int
    id: str | None = None
    function: _Function | None = None
    custom: None = None


class _Delta(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    content: str | None = None
    role: str | None = None
    refusal: None = None
    tool_calls: list[_Fragment] | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    annotations: Nothing = None
    reasoning_details: Nothing = None
    function_call: None = None
    audio: None = None
    images: Nothing = None


class _Choice(msgspec.Struct, gc=False):
    delta: _Delta
    index: Annotated[int, msgspec.Meta(ge=0, le=0)] | None = None
    finish_reason: str | None = None
    usage: None = None


class _Chunk(msgspec.Struct, gc=False):
    choices: list[_Choice] = []
    usage: Counts | None = None
    x_groq: Holder | None = None
    object: Kind = None
    error: None = None


class _TextDelta(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    content: str | None = None
    role: str | None = None
    refusal: None = None
    tool_calls: Nothing = None
    reasoning_content: None = None
    reasoning: None = None
    annotations: Nothing = None
    reasoning_details: Nothing = None
    function_call: None = None
    audio: None = None


class _TextChoice(msgspec.Struct, gc=False):
    delta: _TextDelta
    index: Annotated[int, msgspec.Meta(ge=0, le=0)] | None = None
    finish_reason: None = None
    usage: None = None


class _TextChunk(msgspec.Struct, gc=False):
    """A chunk that says some text and nothing else, as nearly all but the last do."""

    choices: tuple[_TextChoice]
    usage: None = None
    x_groq: None = None
    object: Kind = None
    error: None = None


class _Identity(msgspec.Struct, gc=False):
    id: str


_decode_string = msgspec.json.Decoder(str).decode
_decode_strings = msgspec.json.Decoder(list[str]).decode
_decode_text = msgspec.json.Decoder(_TextChunk).decode_lines
_decode_chunks = msgspec.json.Decoder(_Chunk).decode_lines
_decode_identity = msgspec.json.Decoder(_Identity).decode


def read_stream(body: bytes, call: ModelCall) -> Decoded | None:
    """What a streamed answer means."""
    events = body.removesuffix(_DONE)
    parts = _parts(events)
    if not parts:
        return None
    lines, count = b"\n".join(parts), len(parts)
    if lines.count(b"\n") != count - 1:
        return None
    answer = _Answer()
    try:
        response_id = _decode_identity(parts[0]).id
        text, read, rest = _beginning(lines, parts)
        chunks = _decode_chunks(lines[rest:])
    except UNREADABLE:
        return None
    if not response_id or read + len(chunks) != count:
        return None
    answer.say(text)
    for chunk in chunks:
        if not answer.add(chunk):
            return None
    return decoded(
        answer.blocks(call.provider_type or None),
        answer.usage,
        answer.finish_reason,
        response_id,
        lines.decode("utf-8", "replace").split("\n") if call.prices else (),
        complete=len(events) < len(body) or bool(answer.finish_reason),
    )


def _parts(events: bytes) -> list[bytes]:
    """The data of all events; nothing where one of them is not whole. Where one is more than its
    data in one line, there is a line end in a part."""
    if len(events) > DEFAULT_MAX_EVENT_BYTES or b"\r" in events:
        return []
    if not events.startswith(_BEGIN) or not events.endswith(_END):
        return []
    return events[len(_BEGIN) : -len(_END)].split(_BETWEEN)


def _beginning(lines: bytes, parts: list[bytes]) -> tuple[str, int, int]:
    """What all lines but the last say, where that is nothing but text; how many these are, and
    where the others begin."""
    end = len(lines)
    for _ in range(_LAST):
        end = lines.rfind(b"\n", 0, end)
        if end < 0:
            return "", 0, 0
    try:
        alike = _read_alike(parts[:-_LAST])
        if alike is not None:
            return *alike, end + 1
        chunks = _decode_text(lines[:end])
    except UNREADABLE:
        return "", 0, 0
    said = [chunk.choices[0].delta.content or "" for chunk in chunks]
    return "".join(said), len(said), end + 1


def _read_alike(parts: list[bytes]) -> tuple[str, int] | None:
    """What these say, and how many they are, where all but the first are the same to the byte but
    for their text, as many servers send them: one of them is parsed, then, and of the others their
    texts. Raises what the parser raises."""
    if len(parts) < _ALIKE:
        return None
    sample = parts[1]
    head, _, rest = sample.partition(_CONTENT)
    text, _, rest = rest.partition(b'"')
    # Without escapes, what is named once is what the parser finds by that name.
    if b"\\" in sample or sample.count(b"content") != 1 or not text:
        return None
    head, tail = head + _CONTENT, b'"' + rest
    start, stop = len(head), -len(tail)
    pieces = [part[start:stop] for part in parts[1:]]
    if head + (tail + head).join(pieces) + tail != b"".join(parts[1:]):
        return None
    first, second = _decode_text(parts[0] + b"\n" + sample)
    if second.choices[0].delta.content != text.decode():
        return None
    said = _unquote(pieces)
    return None if said is None else ((first.choices[0].delta.content or "") + said, len(parts))


def _unquote(pieces: list[bytes]) -> str | None:
    """The text of JSON strings without their quotes; each has to be whole by itself."""
    joined = b"".join(pieces)
    if joined.isascii() and b"\\" not in joined:
        return _decode_string(b'"%b"' % joined)
    if any(piece.endswith(b"\\") for piece in pieces):
        return None
    texts = _decode_strings(b'["%b"]' % b'","'.join(pieces))
    return "".join(texts) if len(texts) == len(pieces) else None


class _Answer:
    """The answer so far; blocks stand as their first parts came."""

    def __init__(self) -> None:
        self.usage = NO_USAGE
        self.finish_reason: str | None = None
        self._texts: list[str] = []
        self._thoughts: list[str] = []
        self._calls: dict[int, _ToolCall] = {}
        self._order: list[list[str] | _ToolCall] = []

    def add(self, chunk: _Chunk) -> bool:
        """Take a chunk; whether it was an ordinary one."""
        counts = chunk.usage or (chunk.x_groq.usage if chunk.x_groq else None)
        if counts:
            self.usage = self.usage.updated(counts.usage())
        choices = chunk.choices
        if len(choices) != 1:
            return not choices
        choice = choices[0]
        delta = choice.delta
        if choice.finish_reason:
            self.finish_reason = choice.finish_reason
        thought = delta.reasoning_content or delta.reasoning
        if thought:
            self._add(self._thoughts, thought)
        if delta.content:
            self._add(self._texts, delta.content)
        return delta.tool_calls is None or all(map(self._call, delta.tool_calls))

    def blocks(self, provider_type: str | None) -> str | list[Block]:
        """What has been said; where that is only a text, the text. Thoughts bear the type of their
        provider."""
        if len(self._order) == 1 and self._order[0] is self._texts:
            return "".join(self._texts)
        blocks: list[Block] = []
        for part in self._order:
            if isinstance(part, _ToolCall):
                blocks.append(ToolCall(part.id, part.name, "".join(part.arguments)))
            elif part is self._texts:
                blocks.append(Text("".join(part)))
            else:
                blocks.append(Thought("".join(part), provider_type=provider_type))
        return blocks

    def say(self, text: str) -> None:
        """Take more of its text."""
        if text:
            self._add(self._texts, text)

    def _add(self, parts: list[str], text: str) -> None:
        if not parts:
            self._order.append(parts)
        parts.append(text)

    def _call(self, fragment: _Fragment) -> bool:
        """The first fragment of a call has its id and its whole name, the others have arguments."""
        function = fragment.function or _Function()
        name, call = function.name or "", self._calls.get(fragment.index)
        if call is None:
            known = [each.id for each in self._calls.values()]
            if not fragment.id or fragment.id in known:
                return False
            call = self._calls[fragment.index] = _ToolCall(fragment.id, name)
            self._order.append(call)
        elif (name and name != call.name) or (name and fragment.id not in (None, "", call.id)):
            return False
        if function.arguments:
            call.arguments.append(function.arguments)
        return True


class _ToolCall:
    """A call in the making."""

    __slots__ = ("arguments", "id", "name")

    def __init__(self, identifier: str, name: str) -> None:
        self.id = identifier
        self.name = name
        self.arguments: list[str] = []

"""Events of a stream that are alike but for the text in them.

Nearly all events of an answer have the same bytes around a piece of text; some servers add padding
of changing length. What stands around them in one event is a `Stencil`. An event in which the same
stands around JSON strings says a text and nothing else that is new, by the grammar of JSON, and to
compare bytes takes a third of the time of parsing them. All other events are left to the parser.
"""

from __future__ import annotations

import msgspec
import orjson

from proxy.wire.chat_completions.common import text_and_padding
from proxy.wire.chat_completions.ordinary import UNREADABLE

_MARKS = (b"a text of ours", b"padding of ours")
_decode_string = msgspec.json.Decoder(str).decode


class Stencil:
    """The bytes before, between and behind the strings of an event, each with the quotation marks
    on its side. Where there is no padding, `between` is empty."""

    __slots__ = ("_before", "_begin", "_behind", "_between", "_end", "_longest")

    def __init__(self, before: bytes, between: bytes, behind: bytes, longest: int) -> None:
        """Blocks of more than `longest` bytes do not fit."""
        self._before = before
        self._between = between
        self._behind = behind
        self._begin = len(before) - 1
        self._end = 1 - len(behind)
        self._longest = longest

    def text(self, block: bytes) -> str:
        """The text of a block that is one event that fits; empty for all others."""
        if (
            not block.startswith(self._before)
            or not block.endswith(self._behind)
            or len(block) > self._longest
        ):
            return ""
        try:
            if not self._between:
                return _decode_string(block[self._begin : self._end])
            text, between, padding = block[self._begin : self._end].partition(self._between)
            if not between:
                return ""
            _decode_string(b'"%b' % padding)
            return _decode_string(text + b'"')
        except UNREADABLE:
            return ""


def cut_stencil(block: bytes, longest: int) -> Stencil | None:
    """That of a block which is the event of a text's chunk; None where its strings are not found at
    once, as when they are spelled in another way than ours, or stand there twice."""
    said = text_and_padding(block[6:-2])
    if said is None:
        return None
    around = _around(block, said[0])
    if around is None:
        return None
    before, behind = around
    between = b""
    if said[1]:
        around = _around(behind, said[1])
        if around is None:
            return None
        between, behind = around
    text, padding = _MARKS
    probe = before + text + between + (padding if between else b"") + behind
    expected = (text.decode(), padding.decode() if between else said[1])
    if text_and_padding(probe[6:-2]) != expected:
        return None
    return Stencil(before, between, behind, longest)


def _around(block: bytes, said: object) -> tuple[bytes, bytes] | None:
    """What stands before and behind the string, quotation marks included."""
    if not isinstance(said, str):
        return None
    spelled = orjson.dumps(said)
    if block.count(spelled) != 1:
        return None
    before, _, behind = block.partition(spelled)
    return before + b'"', b'"' + behind

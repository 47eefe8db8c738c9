"""Takes the usage chunk out of a stream again, where we and not the client had asked for it.

Asked with `stream_options.include_usage`, a provider sends one more event at the end, with an empty
list of choices and the usage. All other bytes stay as they came; an event is passed on when it is
complete.
"""

from __future__ import annotations

import msgspec

from proxy.wire.sse import SSEParser

NULL = msgspec.Raw(b"null")


class _Peek(msgspec.Struct):
    choices: msgspec.Raw = NULL
    usage: msgspec.Raw = NULL


_decoder = msgspec.json.Decoder(_Peek)


class UsageFilter:
    """Fed the blocks of a stream as they come; gives back what is to be passed on."""

    def __init__(self) -> None:
        self._parser = SSEParser()
        self._pending = b""

    def feed(self, block: bytes) -> bytes:
        """The complete events in what has come so far, without the usage chunk."""
        self._pending += block
        passed, begin = [], 0
        for event in self._parser.feed(block):
            end = len(self._pending) - (self._parser.consumed - event.end)
            if not (event.data and _is_usage_chunk(event.data)):
                passed.append(self._pending[begin:end])
            begin = end
        self._pending = self._pending[begin:]
        return b"".join(passed)

    def close(self) -> bytes:
        """What is left: the beginning of an event that was never completed."""
        rest, self._pending = self._pending, b""
        return rest


def _is_usage_chunk(data: bytes) -> bool:
    if b'"usage"' not in data:
        return False
    try:
        peek = _decoder.decode(data)
    except msgspec.MsgspecError:
        return False
    empty = bytes(peek.choices).translate(None, b" \t\r\n") == b"[]"
    return empty and bytes(peek.usage) != b"null"

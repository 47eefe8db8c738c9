"""Frames of `application/vnd.amazon.eventstream`, read incrementally.

A frame (smithy.io/2.0/aws/amazon-eventstream.html; numbers are big-endian):

    total length (4)  length of headers (4)  CRC-32 of these eight bytes (4)
    headers: name (1 + n), type (1), value          payload
    CRC-32 of all before it (4)

`FrameReader` gives the frames of a stream, however its bytes are cut. `FrameStream` is a stream of
events in such frames, of which a protocol says what they mean.
"""

from __future__ import annotations

import struct
from abc import abstractmethod
from binascii import crc32
from collections.abc import Callable, Mapping
from types import MappingProxyType

import msgspec

from proxy.errors import UpstreamGarbage
from proxy.types.response import Chunk
from proxy.wire.events import UNREADABLE, StreamReader
from proxy.wire.sse import DEFAULT_MAX_EVENT_BYTES

MAX_HEADERS_BYTES = 128 * 1024
MAX_PAYLOAD_BYTES = 24 * 1024 * 1024
"""What the vendor's own readers take; a frame that claims more is a damaged one."""

PRELUDE_BYTES = 12
CRC_BYTES = 4
_PRELUDE = struct.Struct("!III")
_CRC = struct.Struct("!I")

HeaderValue = bool | int | bytes | str


class Frame(msgspec.Struct, frozen=True):
    """One frame. Times are milliseconds since 1970, UUIDs their 16 bytes."""

    headers: Mapping[str, HeaderValue]
    payload: bytes
    oversize: bool = False
    """It passed the reader's bound: both are empty, its bytes are skipped, not kept."""

    def text(self, name: str) -> str:
        """A header that is a string; empty for anything else."""
        value = self.headers.get(name)
        return value if isinstance(value, str) else ""


_OVERSIZE = Frame({}, b"", oversize=True)


class FrameReader:
    """Takes blocks, gives frames. Memory is bounded by `max_frame_bytes` and one block.

    After a damaged frame nothing tells where the next one begins: `failed` says what is wrong, and
    what is fed from then on is let go. A frame beyond the bound is skipped to its end, and those
    behind it are still good.
    """

    def __init__(self, max_frame_bytes: int = DEFAULT_MAX_EVENT_BYTES) -> None:
        self.failed = ""
        """What is wrong with the frame at which reading ended; empty while none is."""
        self._max = max_frame_bytes
        self._data = bytearray()
        self._total = 0  # of the frame that has begun; 0 until its prelude is there
        self._headers = 0
        self._skip = 0  # how much of an oversize frame is still to come

    def feed(self, block: bytes) -> list[Frame]:
        """The frames that this block completes."""
        frames: list[Frame] = []
        if self.failed:
            return frames
        self._data += block
        try:
            self._read(frames)
        except (ValueError, struct.error) as error:
            self.failed = f"a damaged frame: {error}"
            self._data.clear()
        return frames

    def _read(self, frames: list[Frame]) -> None:
        data, position = self._data, 0
        while True:
            position += self._skipped(len(data) - position)
            if self._skip or len(data) - position < PRELUDE_BYTES:
                break
            if not self._total:
                self._read_prelude(position)
            if self._total > self._max:
                self._skip, self._total = self._total, 0
                frames.append(_OVERSIZE)
                continue
            if len(data) - position < self._total:
                break
            frames.append(self._read_frame(bytes(data[position : position + self._total])))
            position += self._total
            self._total = 0
        del data[:position]

    def _skipped(self, available: int) -> int:
        size = min(self._skip, available)
        self._skip -= size
        return size

    def _read_prelude(self, position: int) -> None:
        prelude = self._data[position : position + PRELUDE_BYTES]
        total, headers, crc = _PRELUDE.unpack(prelude)
        _check(crc, crc32(prelude[:-CRC_BYTES]))
        payload = total - headers - PRELUDE_BYTES - CRC_BYTES
        if headers > MAX_HEADERS_BYTES or not 0 <= payload <= MAX_PAYLOAD_BYTES:
            raise ValueError(f"lengths of {total} and {headers} bytes")
        self._total, self._headers = total, headers

    def _read_frame(self, raw: bytes) -> Frame:
        (crc,) = _CRC.unpack_from(raw, len(raw) - CRC_BYTES)
        _check(crc, crc32(memoryview(raw)[:-CRC_BYTES]))
        headers = raw[PRELUDE_BYTES : PRELUDE_BYTES + self._headers]
        return Frame(read_headers(headers), raw[PRELUDE_BYTES + self._headers : -CRC_BYTES])


def _check(stated: int, computed: int) -> None:
    if stated != computed:
        raise ValueError(f"checksum 0x{stated:08x} where 0x{computed:08x} was expected")


def read_headers(raw: bytes) -> dict[str, HeaderValue]:
    """The headers of a frame.

    Raises:
        ValueError: a type that does not exist, a name given twice, broken UTF-8.
        struct.error: they end too early.
    """
    headers: dict[str, HeaderValue] = {}
    position = 0
    while position < len(raw):
        end = position + 1 + raw[position]
        name = raw[position + 1 : end].decode()
        read = _READERS.get(_UINT8.unpack_from(raw, end)[0])
        if read is None:
            raise ValueError(f"header `{name}` is of no known type")
        value, position = read(raw, end + 1)
        if name in headers:
            raise ValueError(f"header `{name}` stands twice")
        headers[name] = value
    return headers


_UINT8, _UINT16 = struct.Struct("!B"), struct.Struct("!H")


def _number(form: str) -> Callable[[bytes, int], tuple[int, int]]:
    number = struct.Struct(form)

    def read(raw: bytes, start: int) -> tuple[int, int]:
        return number.unpack_from(raw, start)[0], start + number.size

    return read


def _read_bytes(raw: bytes, start: int) -> tuple[bytes, int]:
    begin = start + _UINT16.size
    end = begin + _UINT16.unpack_from(raw, start)[0]
    return raw[begin:end], end


def _read_string(raw: bytes, start: int) -> tuple[str, int]:
    value, end = _read_bytes(raw, start)
    return value.decode(), end


_READERS: Mapping[int, Callable[[bytes, int], tuple[HeaderValue, int]]] = MappingProxyType(
    {
        0: lambda raw, start: (True, start),
        1: lambda raw, start: (False, start),
        2: _number("!b"),
        3: _number("!h"),
        4: _number("!i"),
        5: _number("!q"),
        6: _read_bytes,
        7: _read_string,
        8: _number("!q"),
        9: lambda raw, start: (raw[start : start + 16], start + 16),
    }
)


class FrameStream(StreamReader):
    """A streamed answer whose events come in frames."""

    def __init__(
        self, max_event_bytes: int = DEFAULT_MAX_EVENT_BYTES, *, tell_damage: bool = False
    ) -> None:
        super().__init__(tell_damage=tell_damage)
        self._frames = FrameReader(max_event_bytes)

    def feed(self, block: bytes) -> list[Chunk]:
        """See `StreamReader.feed`."""
        chunks: list[Chunk] = []
        before = self._frames.failed
        for frame in self._frames.feed(block):
            if self.done:
                return chunks
            chunks += self._decode(frame)
        if self._frames.failed and not before:
            chunks += self._lost()
        return chunks

    def close(self) -> list[Chunk]:
        """See `StreamReader.close`. A frame that was cut short is no damage."""
        return self.rest()

    def _decode(self, frame: Frame) -> list[Chunk]:
        if frame.oversize:
            return self._lost()
        try:
            return self.decode_frame(frame)
        except UpstreamGarbage:
            return self._lost()

    def _lost(self) -> list[Chunk]:
        self.damaged = True
        return [Chunk(error=UpstreamGarbage(UNREADABLE))] if self._tell_damage else []

    @abstractmethod
    def decode_frame(self, frame: Frame) -> list[Chunk]:
        """The chunks of one frame; raises UpstreamGarbage when it cannot be read."""

    def rest(self) -> list[Chunk]:
        """What was kept back until the end of the body."""
        return []

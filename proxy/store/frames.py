"""The frame of one record in a journal file: a header of 36 bytes, then the payload.

    magic 4 | version 1 | kind 1 | zero 2 | length 4 | number 4 | exchanges 4 | at_ms 8
    | checksum of the payload 4 | CRC-32 of all before, begun with the file's name 4

The header has a checksum of its own, so that a length can be trusted before the payload is there,
and so that frames can be counted without reading payloads. It is salted with the file's random
name: nobody can send a body that looks like a frame when a reader searches through damaged bytes.
`number` counts the frames of the file and `exchanges` the exchanges among them, this one included;
so the frame after a damaged stretch says exactly how many records were in it.

The payload's checksum is the lower half of its XXH3 (64 bits), which takes a twentieth of the time
of a CRC: both the worker and the writer make it of every body. Version 1, which older programs
wrote, has a CRC-32 there, and is still read.
"""

from __future__ import annotations

import struct
import zlib

from xxhash import xxh3_64_intdigest

from proxy.types.immutable import immutable

MAGIC = b"\xabZPJ"
VERSION = 2
CRC_VERSION = 1
_LOWER_HALF = 0xFFFF_FFFF
_BODY = struct.Struct("<4sBBHIIIQI")
_UNPACK_WHOLE = struct.Struct(_BODY.format + "I").unpack_from
_CHECK = struct.Struct("<I")
HEADER_BYTES = _BODY.size + _CHECK.size


@immutable
class Header:
    """What a valid header says. `at_ms` is the Unix time of the append, in milliseconds."""

    kind: int
    length: int
    number: int
    exchanges: int
    at_ms: int
    checksum: int
    """Of the payload."""
    version: int = VERSION


def file_salt(name: str) -> int:
    """The start value of header checksums in the journal file of that name (with its suffix)."""
    return zlib.crc32(name.encode())


def pack_header(
    salt: int, kind: int, payload: bytes | bytearray, number: int, exchanges: int, at_ms: int
) -> bytes:
    """The header to be written before `payload`."""
    body = _BODY.pack(
        MAGIC,
        VERSION,
        kind,
        0,
        len(payload),
        number,
        exchanges,
        at_ms,
        xxh3_64_intdigest(payload) & _LOWER_HALF,
    )
    return body + _CHECK.pack(zlib.crc32(body, salt))


def unpack_header(buffer: bytes, offset: int, salt: int) -> Header | None:
    """The header at `offset`, where at least `HEADER_BYTES` bytes are; None if it is none."""
    if not buffer.startswith(MAGIC, offset):
        return None
    end = offset + _BODY.size
    if zlib.crc32(buffer[offset:end], salt) != _CHECK.unpack_from(buffer, end)[0]:
        return None
    fields = _BODY.unpack_from(buffer, offset)
    _, version, kind, _, length, number, exchanges, at_ms, checksum = fields
    if version not in (VERSION, CRC_VERSION):
        return None
    return Header(kind, length, number, exchanges, at_ms, checksum, version)


def read_frame(buffer: bytes, at: int, salt: int) -> tuple[int, int, int, int, bytes] | None:
    """The frame at `at`, in one step: kind, number, exchanges, at_ms, payload. None where it is not
    whole and as it should be, or of an older version."""
    start = at + HEADER_BYTES
    if start > len(buffer):
        return None
    magic, version, kind, _, length, number, exchanges, at_ms, checksum, check = _UNPACK_WHOLE(
        buffer, at
    )
    if magic != MAGIC or version != VERSION:
        return None
    if zlib.crc32(buffer[at : start - _CHECK.size], salt) != check:
        return None
    payload = buffer[start : start + length]
    if len(payload) != length or xxh3_64_intdigest(payload) & _LOWER_HALF != checksum:
        return None
    return kind, number, exchanges, at_ms, payload


def find_header(buffer: bytes, offset: int, salt: int) -> int | None:
    """The place of the first valid header at or after `offset`; None if there is none."""
    place = buffer.find(MAGIC, offset)
    while place >= 0 and place + HEADER_BYTES <= len(buffer):
        if unpack_header(buffer, place, salt) is not None:
            return place
        place = buffer.find(MAGIC, place + 1)
    return None


def payload_is_whole(payload: bytes, header: Header) -> bool:
    """Whether `payload` is the one that the header was written for."""
    if len(payload) != header.length:
        return False
    if header.version == CRC_VERSION:
        return zlib.crc32(payload) == header.checksum
    return xxh3_64_intdigest(payload) & _LOWER_HALF == header.checksum

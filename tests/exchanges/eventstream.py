"""Frames of AWS' event streams, for exchanges that we write ourselves.

Layout (docs.aws.amazon.com, "Amazon S3 event stream encoding" and the smithy specification): total
length, length of the headers, CRC-32 of these two; headers; payload; CRC-32 of all before it.
"""

from __future__ import annotations

import json
import struct
from binascii import crc32
from collections.abc import Mapping
from typing import Any

STRING = 7


def encode_frame(headers: Mapping[str, str], payload: bytes) -> bytes:
    """One frame; all headers are strings."""
    fields = b"".join(_header(name, value) for name, value in headers.items())
    prelude = struct.pack(">II", 16 + len(fields) + len(payload), len(fields))
    body = prelude + struct.pack(">I", crc32(prelude)) + fields + payload
    return body + struct.pack(">I", crc32(body))


def encode_event(kind: str, value: Any) -> bytes:
    """An event; its payload is JSON, or a text or bytes as they are."""
    text = value if isinstance(value, str | bytes) else json.dumps(value)
    raw = text.encode() if isinstance(text, str) else text
    content = "application/octet-stream" if text is value else "application/json"
    head = {":event-type": kind, ":content-type": content, ":message-type": "event"}
    return encode_frame(head, raw)


def encode_exception(kind: str, value: Any) -> bytes:
    """A failure in the middle of a stream."""
    head = {
        ":exception-type": kind,
        ":content-type": "application/json",
        ":message-type": "exception",
    }
    return encode_frame(head, json.dumps(value).encode())


def _header(name: str, value: str) -> bytes:
    raw = value.encode()
    return bytes([len(name)]) + name.encode() + struct.pack(">BH", STRING, len(raw)) + raw

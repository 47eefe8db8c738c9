"""What kind of file some bytes are."""

from __future__ import annotations

import re

from proxy.wire.chat_completions.files import AUDIO_MAGIC

_TOKEN = r"[A-Za-z0-9!#$&^_.+-]+"
MIME_TYPE = re.compile(rf"{_TOKEN}/{_TOKEN}(?:\s*;.*)?\Z")
URL_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")

_OTHER_MAGIC: tuple[tuple[int, bytes, str], ...] = (
    (0, b"\xff\xf3", "audio/mpeg"),
    (0, b"\xff\xf2", "audio/mpeg"),
    (4, b"ftypM4A", "audio/m4a"),
    (0, b"M4A ", "audio/m4a"),
    (0, b"MThd", "audio/midi"),
    (0, b"#!AMR\n", "audio/amr"),
    (8, b"AIFF", "audio/x-aiff"),
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"\x89PNG", "image/png"),
    (0, b"GIF8", "image/gif"),
    (8, b"WEBP", "image/webp"),
    (0, b"II*\0", "image/tiff"),
    (0, b"MM\0*", "image/tiff"),
    (0, b"BM", "image/bmp"),
    (0, b"\0\0\1\0", "image/vnd.microsoft.icon"),
    (4, b"ftypheic", "image/heif"),
    (4, b"ftypavif", "image/avif"),
    (0, b"%PDF", "application/pdf"),
    (0, b"PK\x03\x04", "application/zip"),
    (0, b"\x1f\x8b", "application/gzip"),
    (0, b"\x1a\x45\xdf\xa3", "video/webm"),
    (4, b"ftyp", "video/mp4"),
)


def detect_mime_type(content: bytes) -> str | None:
    """The type that the first bytes tell; None when they tell none."""
    for offset, magic, kind in (*AUDIO_MAGIC, *_OTHER_MAGIC):
        if content[offset : offset + len(magic)] == magic:
            return kind
    return None

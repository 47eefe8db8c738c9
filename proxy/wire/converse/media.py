"""Kinds of files, and the protocol's words for their formats."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

IMAGE, DOCUMENT, VIDEO, AUDIO = "image", "document", "video", "audio"
UNNAMED = "application/octet-stream"
"""Of a document that says no format."""

_OFFICE = "application/vnd.openxmlformats-officedocument"
_FORMATS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        IMAGE: {
            "png": "image/png",
            "jpeg": "image/jpeg",
            "gif": "image/gif",
            "webp": "image/webp",
        },
        DOCUMENT: {
            "pdf": "application/pdf",
            "csv": "text/csv",
            "doc": "application/msword",
            "docx": f"{_OFFICE}.wordprocessingml.document",
            "xls": "application/vnd.ms-excel",
            "xlsx": f"{_OFFICE}.spreadsheetml.sheet",
            "html": "text/html",
            "txt": "text/plain",
            "md": "text/markdown",
        },
        VIDEO: {
            "mkv": "video/x-matroska",
            "mov": "video/quicktime",
            "mp4": "video/mp4",
            "webm": "video/webm",
            "flv": "video/x-flv",
            "mpeg": "video/mpeg",
            "wmv": "video/x-ms-wmv",
            "three_gp": "video/3gpp",
        },
        AUDIO: {
            "mp3": "audio/mpeg",
            "opus": "audio/opus",
            "wav": "audio/wav",
            "aac": "audio/aac",
            "flac": "audio/flac",
            "mp4": "audio/mp4",
            "ogg": "audio/ogg",
            "mka": "audio/x-matroska",
            "m4a": "audio/m4a",
            "pcm": "audio/pcm",
            "webm": "audio/webm",
        },
    }
)
_OTHER_SPELLINGS: Mapping[str, str] = MappingProxyType(
    {
        "image/jpg": "image/jpeg",
        "audio/mp3": "audio/mpeg",
        "audio/x-wav": "audio/wav",
        "audio/wave": "audio/wav",
        "audio/x-m4a": "audio/m4a",
        "audio/x-flac": "audio/flac",
        "text/x-markdown": "text/markdown",
        "application/csv": "text/csv",
    }
)
_BY_TYPE: Mapping[tuple[str, str], str] = MappingProxyType(
    {(kind, mime): word for kind, words in _FORMATS.items() for word, mime in words.items()}
)


def kind_of_file(mime_type: str) -> str:
    """The kind of block that carries such a file."""
    kind = mime_type.partition("/")[0]
    return kind if kind in (IMAGE, VIDEO, AUDIO) else DOCUMENT


def type_of_format(kind: str, word: str) -> str:
    """The MIME type; of a format that is not known, one that says its word."""
    if not word:
        return UNNAMED
    family = "application" if kind == DOCUMENT else kind
    return _FORMATS[kind].get(word) or f"{family}/{word}"


def format_of_type(kind: str, mime_type: str) -> str | None:
    """The protocol's word for a format; None for a document whose kind it does not know."""
    mime = mime_type.partition(";")[0].strip().lower()
    word = _BY_TYPE.get((kind, _OTHER_SPELLINGS.get(mime, mime)))
    if word is None and kind != DOCUMENT:
        return mime.partition("/")[2]
    return word

"""Content parts that are files: images, documents, sound."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping

import orjson

from proxy.types.content import Base64File, Block, UrlFile
from proxy.wire.chat_completions.encode_files import (
    AUDIO,
    AUDIO_TEXT,
    DOCUMENT,
    IMAGE,
    IMAGE_TEXT,
    audio_format,
    part_of,
)
from proxy.wire.chat_completions.extra import extra_of, leftover
from proxy.wire.members import object_members
from proxy.wire.values import raw_text

AUDIO_MAGIC: tuple[tuple[int, bytes, str], ...] = (
    (8, b"WAVE", "audio/x-wav"),
    (0, b"ID3", "audio/mpeg"),
    (0, b"\xff\xfb", "audio/mpeg"),
    (0, b"fLaC", "audio/x-flac"),
    (0, b"OggS", "audio/ogg"),
    (0, b"\xff\xf1", "audio/aac"),
    (0, b"\xff\xf9", "audio/aac"),
)
"""Where in a file which bytes stand, and the type that they say."""

Part = Mapping[str, bytes]


def decode_image(part: Part) -> Block | None:
    """`image_url`: a `data:` URL is a file sent along, any other stands elsewhere."""
    given = raw_text(part.get("image_url"))
    if given is not None:
        return _of_address(part, IMAGE, IMAGE_TEXT, given)
    image = _object(part.get("image_url"))
    url = raw_text(image.get("url"))
    if url is None:
        return None
    detail = raw_text(image.get("detail"))
    rest = leftover(image, ("url", "detail", "tensorzero::mime_type"))
    if not url.startswith("data:"):
        mime_type = raw_text(image.get("tensorzero::mime_type"))
        extra = extra_of(part, ("type", "image_url"), "image_url", rest)
        return UrlFile(url, mime_type, detail, extra=extra)
    mime_type, data = _data_url(url)
    return _file(part, "image_url", mime_type, data, rest, detail=detail)


def decode_file(part: Part) -> Block | None:
    """`file` with its data. A file that was uploaded before (`file_id`) has no neutral form."""
    file = _object(part.get("file"))
    url = raw_text(file.get("file_data"))
    if url is None:
        return None
    rest = leftover(file, ("file_data", "filename"))
    filename = raw_text(file.get("filename"))
    if not url.startswith("data:"):
        if "://" not in url:
            return None
        extra = extra_of({"kind": b'"file"', **part}, ("type", "file"), "file", rest)
        return UrlFile(url, filename=filename, extra=extra)
    mime_type, data = _data_url(url)
    return _file(part, "file", mime_type, data, rest, filename=filename)


def decode_document(part: Part) -> Block | None:
    """`document_url`, which is an address or a `data:` URL, with its `document_name`."""
    url = raw_text(part.get("document_url"))
    if url is None:
        return None
    name = raw_text(part.get("document_name"))
    rest = {key: raw for key, raw in part.items() if key != "document_name" or name is None}
    return _of_address(rest, DOCUMENT, DOCUMENT, url, name)


def decode_audio(part: Part) -> Block | None:
    """`input_audio`; what its bytes say of its kind counts more than what `format` says."""
    text = raw_text(part.get("input_audio"))
    if text is not None:
        return _audio_of_text(part, text)
    audio = _object(part.get("input_audio"))
    data = raw_text(audio.get("data"))
    if data is None:
        return None
    given = raw_text(audio.get("format"))
    mime_type = _audio_type(data) or f"audio/{given or 'octet-stream'}"
    rest = leftover(audio, ("data", "format"))
    if given is not None and given != audio_format(mime_type):
        rest = {**rest, "format": orjson.dumps(given)}
    return _file(part, "input_audio", mime_type, data, rest)


FILE_PARTS: Mapping[str, Callable[[Part], Block | None]] = {
    "image_url": decode_image,
    "file": decode_file,
    "input_audio": decode_audio,
    "document_url": decode_document,
}
"""By the part's `type`; None from one of them is a part that it cannot read."""


def _file(
    part: Part,
    kind: str,
    mime_type: str,
    data: str,
    rest: Mapping[str, bytes],
    *,
    detail: str | None = None,
    filename: str | None = None,
) -> Block | None:
    """A file sent along. `kind` stands in its `extra` where its type would make another part."""
    if not mime_type:
        return None
    if part_of(mime_type) != kind:
        part = {"kind": orjson.dumps(kind), **part}
    extra = extra_of(part, ("type", kind), kind, rest)
    return Base64File(data, mime_type, detail, filename, extra)


def _of_address(
    part: Part, member: str, kind: str, url: str, filename: str | None = None
) -> Block | None:
    """A file by its address, or in a `data:` URL, in a part whose member is that text."""
    marked = {"kind": orjson.dumps(kind), **part}
    extra = extra_of(marked, ("type", member), member, {})
    if not url.startswith("data:"):
        return UrlFile(url, filename=filename, extra=extra)
    mime_type, data = _data_url(url)
    return Base64File(data, mime_type, None, filename, extra) if mime_type else None


def _audio_of_text(part: Part, text: str) -> Block | None:
    """Sound whose member is its address, or its data alone."""
    if "://" in text[:10] or text.startswith("data:"):
        return _of_address(part, AUDIO, AUDIO_TEXT, text) if "://" in text[:10] else None
    extra = extra_of({"kind": orjson.dumps(AUDIO_TEXT), **part}, ("type", AUDIO), AUDIO, {})
    mime_type = _audio_type(text)
    return None if mime_type is None else Base64File(text, mime_type, extra=extra)


def _data_url(url: str) -> tuple[str, str]:
    """(type, data); no type where it cannot be read."""
    head, separator, data = url.removeprefix("data:").partition(";base64,")
    if not separator or "/" not in head:
        return "", ""
    return head.partition(";")[0], data


def _audio_type(data: str) -> str | None:
    try:
        head = base64.b64decode(data[:16] + "=" * (-len(data[:16]) % 4))
    except (binascii.Error, ValueError):
        return None
    for offset, magic, kind in AUDIO_MAGIC:
        if head[offset : offset + len(magic)] == magic:
            return kind
    return None


def _object(raw: bytes | None) -> Mapping[str, bytes]:
    return object_members(raw) if raw is not None and raw.startswith(b"{") else {}

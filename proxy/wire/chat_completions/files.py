"""Content parts that are files: images, documents, sound."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping

from proxy.types.content import Base64File, Block, UrlFile
from proxy.wire.lenient import whole_text
from proxy.wire.members import value_of

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


def decode_image(part: Mapping[str, bytes]) -> Block | None:
    """`image_url`: a `data:` URL is a file sent along, any other stands elsewhere."""
    image = _object(part.get("image_url"))
    url = _string(image.get("url"))
    if url is None:
        return None
    detail = _string(image.get("detail"))
    if not url.startswith("data:"):
        return UrlFile(url, _string(image.get("tensorzero::mime_type")), detail)
    return _from_data_url(url, detail=detail)


def decode_file(part: Mapping[str, bytes]) -> Block | None:
    """`file` with its data. A file that was uploaded before (`file_id`) has no neutral form."""
    file = _object(part.get("file"))
    data = _string(file.get("file_data"))
    if data is None:
        return None
    return _from_data_url(data, filename=_string(file.get("filename")))


def decode_audio(part: Mapping[str, bytes]) -> Block | None:
    """`input_audio`; what its bytes say of its kind counts more than what `format` says."""
    audio = _object(part.get("input_audio"))
    data = _string(audio.get("data"))
    if data is None:
        return None
    kind = _audio_type(data) or f"audio/{_string(audio.get('format')) or 'octet-stream'}"
    return Base64File(data, kind)


FILE_PARTS: Mapping[str, Callable[[Mapping[str, bytes]], Block | None]] = {
    "image_url": decode_image,
    "file": decode_file,
    "input_audio": decode_audio,
}
"""By the part's `type`; None from one of them is a part that it cannot read."""


def _from_data_url(
    url: str, *, detail: str | None = None, filename: str | None = None
) -> Base64File | None:
    head, separator, data = url.removeprefix("data:").partition(";base64,")
    if not url.startswith("data:") or not separator or "/" not in head:
        return None
    return Base64File(data, head.partition(";")[0], detail, filename)


def _audio_type(data: str) -> str | None:
    try:
        head = base64.b64decode(data[:16] + "=" * (-len(data[:16]) % 4))
    except (binascii.Error, ValueError):
        return None
    for offset, magic, kind in AUDIO_MAGIC:
        if head[offset : offset + len(magic)] == magic:
            return kind
    return None


def _object(raw: bytes | None) -> Mapping[str, object]:
    value = None if raw is None else value_of(raw)
    return value if isinstance(value, dict) else {}


def _string(value: object) -> str | None:
    return whole_text(value) if isinstance(value, str) else None

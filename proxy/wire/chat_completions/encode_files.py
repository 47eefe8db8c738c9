"""Files as content parts, the way back of `files`."""

from __future__ import annotations

from collections.abc import Mapping
from mimetypes import MimeTypes
from types import MappingProxyType

from proxy.errors import UpstreamUnsupported
from proxy.types.content import Base64File, Json, UrlFile

AUDIO_FORMATS: Mapping[str, str] = MappingProxyType(
    {"mpeg": "mp3", "mp4": "m4a", "wave": "wav", "midi": "mid"}
)
"""By the subtype without `x-`, where the protocol's word is another."""


def encode_url_file(file: UrlFile) -> Json:
    """An image that stands elsewhere; the provider fetches it.

    Raises:
        UpstreamUnsupported: it is known to be no image, and the protocol takes only those by URL.
    """
    if file.mime_type is not None and not file.mime_type.startswith("image/"):
        raise UpstreamUnsupported(
            f"a file of type `{file.mime_type}` cannot be given to this provider by its URL"
        )
    return _image(file.url, file.detail)


def encode_base64_file(file: Base64File) -> Json:
    """An image, sound, or any other document, by its type."""
    kind, _, subtype = file.mime_type.partition("/")
    if kind == "image":
        return _image(_data_url(file), file.detail)
    if kind == "audio":
        word = subtype.removeprefix("x-")
        sound = {"data": file.data, "format": AUDIO_FORMATS.get(word, word)}
        return {"type": "input_audio", "input_audio": sound}
    name = file.filename or f"input{_suffix(file.mime_type)}"
    return {"type": "file", "file": {"file_data": _data_url(file), "filename": name}}


def _image(url: str, detail: str | None) -> Json:
    image = {"url": url} if detail is None else {"url": url, "detail": detail}
    return {"type": "image_url", "image_url": image}


def _data_url(file: Base64File) -> str:
    return f"data:{file.mime_type};base64,{file.data}"


def _suffix(mime_type: str) -> str:
    """The providers go by it; types that nobody knows are called binary."""
    return MimeTypes().guess_extension(mime_type, strict=False) or ".bin"

"""Files as content parts, the way back of `files`."""

from __future__ import annotations

from collections.abc import Mapping
from mimetypes import MimeTypes
from types import MappingProxyType

from proxy.errors import UpstreamUnsupported
from proxy.types.content import Base64File, UrlFile

AUDIO_FORMATS: Mapping[str, str] = MappingProxyType(
    {"mpeg": "mp3", "mp4": "m4a", "wave": "wav", "midi": "mid"}
)
"""By the subtype without `x-`, where the protocol's word is another."""

IMAGE, AUDIO, FILE = "image_url", "input_audio", "file"
DOCUMENT = "document_url"
"""A document by its address or sent along, as some providers have it in place of `file`."""
IMAGE_TEXT, AUDIO_TEXT = "image_url as text", "input_audio as text"
"""The parts of these kinds whose member is the address, or the data, and no object."""


def part_of(mime_type: str) -> str:
    """The kind of part that a file of this type usually becomes."""
    family = mime_type.partition("/")[0]
    return {"image": IMAGE, "audio": AUDIO}.get(family, FILE)


def audio_format(mime_type: str) -> str:
    """The protocol's word for a type of sound."""
    word = mime_type.partition("/")[2].removeprefix("x-")
    return AUDIO_FORMATS.get(word, word)


def encode_url_file(file: UrlFile, kind: str = IMAGE) -> dict[str, object]:
    """An image that stands elsewhere, or another file as a part of the kind given; the provider
    fetches it.

    Raises:
        UpstreamUnsupported: it is known to be no image, and the protocol takes only those by URL.
    """
    if kind == FILE:
        named = {} if file.filename is None else {"filename": file.filename}
        return {"type": FILE, FILE: {**named, "file_data": file.url}}
    if kind == DOCUMENT:
        return _document(file.url, file.filename)
    if kind == AUDIO_TEXT:
        return {"type": AUDIO, AUDIO: file.url}
    if kind == IMAGE_TEXT:
        return {"type": IMAGE, IMAGE: file.url}
    if file.mime_type is not None and not file.mime_type.startswith("image/"):
        raise UpstreamUnsupported(
            f"a file of type `{file.mime_type}` cannot be given to this provider by its URL"
        )
    return _image(file.url, file.detail)


def encode_base64_file(
    file: Base64File, kind: str = "", *, name_it: bool = True
) -> dict[str, object]:
    """An image, sound, or any other document; as what kind of part, its type says unless given.

    With `name_it`, a document without a name gets one.
    """
    kind = kind or part_of(file.mime_type)
    if kind == IMAGE:
        return _image(_data_url(file), file.detail)
    if kind == IMAGE_TEXT:
        return {"type": IMAGE, IMAGE: _data_url(file)}
    if kind == AUDIO_TEXT:
        return {"type": AUDIO, AUDIO: file.data}
    if kind == DOCUMENT:
        return _document(_data_url(file), file.filename)
    if kind == AUDIO:
        sound = {"data": file.data, "format": audio_format(file.mime_type)}
        return {"type": AUDIO, AUDIO: sound}
    document = {"file_data": _data_url(file)}
    if file.filename is not None or name_it:
        document["filename"] = file.filename or f"input{_suffix(file.mime_type)}"
    return {"type": FILE, FILE: document}


def _document(url: str, name: str | None) -> dict[str, object]:
    named = {} if name is None else {"document_name": name}
    return {"type": DOCUMENT, DOCUMENT: url, **named}


def _image(url: str, detail: str | None) -> dict[str, object]:
    image = {"url": url} if detail is None else {"url": url, "detail": detail}
    return {"type": IMAGE, IMAGE: image}


def _data_url(file: Base64File) -> str:
    return f"data:{file.mime_type};base64,{file.data}"


def _suffix(mime_type: str) -> str:
    """The providers go by it; types that nobody knows are called binary."""
    return MimeTypes().guess_extension(mime_type, strict=False) or ".bin"

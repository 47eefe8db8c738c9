"""Content blocks that are files: images, documents, sound."""

from __future__ import annotations

import base64
import binascii
import string
from dataclasses import dataclass

from proxy.types.content import Base64File, File, UrlFile
from proxy.wire.envelope.errors import refuse
from proxy.wire.mime import MIME_TYPE, URL_SCHEME, detect_mime_type
from proxy.wire.serde import (
    check_known,
    describe,
    fail,
    given,
    optional_string,
    read_object,
    read_string,
    read_word,
    required,
)

DETAILS = ("low", "high", "auto")

_EXPECTED = (
    "Expected a base64-encoded data URL with MIME type "
    "(e.g. `data:image/png;base64,SGVsbG8sIFdvcmxkIQ==`), but got a value without the"
)
_BASE64 = frozenset(string.ascii_letters + string.digits + "+/=")

_TYPE_OF_FORMAT = {"wav": "audio/x-wav", "mp3": "audio/mpeg"}


@dataclass(frozen=True, slots=True)
class ImageUrl:
    """An `image_url`, not yet looked into."""

    url: str
    detail: str | None = None
    mime_type: str | None = None

    def as_file(self) -> File:
        """A `data:` URL is a file sent along, any other stands elsewhere."""
        if self.url[:5].lower() != "data:":
            return UrlFile(self.url, self.mime_type, self.detail)
        return file_from_data_url("data:" + self.url[5:], detail=self.detail)


@dataclass(frozen=True, slots=True)
class FileData:
    """A `file` with its data."""

    url: str
    filename: str | None = None

    def as_file(self) -> Base64File:
        return file_from_data_url(self.url, filename=self.filename)


@dataclass(frozen=True, slots=True)
class InputAudio:
    """An `input_audio`; what its bytes say of its type counts more than `format`."""

    data: str
    format: str

    def as_file(self) -> Base64File:
        found = detect_mime_type(_decode_base64(self.data))
        if found is None:
            raise refuse(
                f"Could not detect audio format from file content. Format field was: {self.format}"
            )
        family = found.partition("/")[0]
        if family != "audio":
            raise refuse(
                f"Expected audio file for input_audio, but detected {found} (type: {family})"
            )
        return Base64File(self.data, found)

    def warning(self, found: str) -> str | None:
        """A sentence for the log when `format` says something else than the bytes."""
        expected = _TYPE_OF_FORMAT.get(self.format)
        if expected is None or expected == found:
            return None
        return f"The audio is {found} by its bytes, though its format says `{self.format}`."


def read_image_url(raw: bytes, path: str) -> ImageUrl:
    image = read_object(raw, path, "struct OpenAICompatibleImageUrl")
    check_known(image, path, ("url", "tensorzero::mime_type", "detail"))
    url = read_string(required(image, path, "url"), f"{path}.url")
    if not URL_SCHEME.match(url):
        why = f"invalid value: {describe(image['url'])}, expected relative URL without a base"
        raise fail(f"{path}.url", why)
    mime_type = optional_string(image, path, "tensorzero::mime_type")
    if mime_type is not None and not MIME_TYPE.match(mime_type):
        raise fail(f"{path}.tensorzero::mime_type", f"`{mime_type}` is no MIME type")
    detail = given(image.get("detail"))
    word = None if detail is None else read_word(detail, f"{path}.detail", DETAILS)
    return ImageUrl(url, word, mime_type)


def read_file(raw: bytes, path: str) -> FileData:
    file = read_object(raw, path, "struct OpenAICompatibleFile")
    data = read_string(required(file, path, "file_data"), f"{path}.file_data")
    return FileData(data, optional_string(file, path, "filename"))


def read_input_audio(raw: bytes, path: str) -> InputAudio:
    audio = read_object(raw, path, "struct OpenAICompatibleInputAudio")
    data = read_string(required(audio, path, "data"), f"{path}.data")
    return InputAudio(data, read_string(required(audio, path, "format"), f"{path}.format"))


def file_from_data_url(
    url: str, *, detail: str | None = None, filename: str | None = None
) -> Base64File:
    """`data:MIME;base64,DATA`; parameters of the type are dropped."""
    if not url.startswith("data:"):
        raise refuse(f"{_EXPECTED} `data:` prefix.")
    head, separator, data = url.removeprefix("data:").partition(";base64,")
    if not separator:
        raise refuse(f"{_EXPECTED} `;base64,` separator.")
    if not MIME_TYPE.match(head):
        raise refuse(f"Unknown MIME type `{head}` in data URL")
    return Base64File(data, head.partition(";")[0].strip(), detail, filename)


def _decode_base64(data: str) -> bytes:
    try:
        return base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError) as error:
        why = _base64_fault(data)
        raise refuse(f"Invalid base64 data in input_audio: {why}") from error


def _base64_fault(data: str) -> str:
    for index, symbol in enumerate(data):
        if symbol not in _BASE64:
            offset = len(data[:index].encode())
            return f"Invalid symbol {symbol.encode()[0]}, offset {offset}."
    return "Invalid padding"

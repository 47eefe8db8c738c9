"""Files: images, and documents that are PDF or plain text; the protocol takes no others."""

from __future__ import annotations

import base64
import binascii
from mimetypes import MimeTypes

from proxy.errors import UpstreamUnsupported
from proxy.types.content import Base64File, Json, UrlFile

PDF = "application/pdf"
PLAIN_TEXT = "text/plain"
_TEXTS = ("application/json", "application/xml", "application/x-yaml", "application/yaml")


def is_image(mime_type: str) -> bool:
    return mime_type.startswith("image/")


def is_text(mime_type: str) -> bool:
    """Whether such a file is text, whatever it says."""
    return mime_type.startswith("text/") or mime_type in _TEXTS


def encode_file(file: Base64File | UrlFile) -> dict[str, object]:
    """The block, without what its file has in `extra`.

    Raises:
        UpstreamUnsupported: it is a file of a kind that the protocol does not take.
    """
    return _encode_url(file) if isinstance(file, UrlFile) else _encode_base64(file)


def _encode_url(file: UrlFile) -> dict[str, object]:
    """The provider fetches it. One of which nobody says what it is counts as an image, unless its
    name tells otherwise."""
    kind = file.mime_type or _type_by_name(file.url) or "image/*"
    source = {"type": "url", "url": file.url}
    if is_image(kind):
        return {"type": "image", "source": source}
    if kind != PDF:
        raise _refused(kind, " by its URL")
    return _document(source, file.filename)


def _encode_base64(file: Base64File) -> dict[str, object]:
    kind = file.mime_type.partition(";")[0].strip()
    source = {"type": "base64", "media_type": kind, "data": file.data}
    if is_image(kind):
        return {"type": "image", "source": source}
    if kind == PDF:
        return _document(source, file.filename)
    if is_text(kind):
        text = {"type": "text", "media_type": PLAIN_TEXT, "data": _text_of(file)}
        return _document(text, file.filename)
    raise _refused(kind, "")


def _document(source: Json, title: str | None) -> dict[str, object]:
    named = {} if title is None else {"title": title}
    return {"type": "document", "source": source, **named}


def _text_of(file: Base64File) -> str:
    try:
        return base64.b64decode(file.data, validate=True).decode()
    except (binascii.Error, ValueError) as error:
        raise UpstreamUnsupported(
            f"a file of type `{file.mime_type}` is sent as its text, and this one is none in UTF-8"
        ) from error


def _type_by_name(url: str) -> str | None:
    known, _ = MimeTypes().guess_type(url.partition("?")[0], strict=False)
    return known if known == PDF else None


def _refused(kind: str, how: str) -> UpstreamUnsupported:
    return UpstreamUnsupported(f"a file of type `{kind}` cannot be given to this provider{how}")

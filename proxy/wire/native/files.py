"""Content blocks that are files, in each of the forms in which the API takes them."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping

from proxy.errors import InvalidRequest
from proxy.types.content import Base64File, StoredFile, UrlFile
from proxy.wire.envelope.files import DETAILS
from proxy.wire.mime import MIME_TYPE, URL_SCHEME, detect_mime_type
from proxy.wire.serde import (
    fail,
    given,
    is_string,
    optional_string,
    read_object,
    read_string,
    read_word,
    required,
)

NativeFile = UrlFile | Base64File | StoredFile

Members = Mapping[str, bytes]

_KINDS = ("s3_compatible", "filesystem", "disabled")


def read_file(block: Members) -> NativeFile:
    """A file, by its `file_type`; without one, or where that does not fit, by what it has.

    Raises:
        InvalidRequest: it fits no form, or its data are not what they must be.
    """
    kind = block.get("file_type", b"")
    tagged = _FORMS.get(read_string(kind, "") if is_string(kind) else "")
    for form in (*([tagged] if tagged else []), *_FORMS.values()):
        try:
            file = form(block)
        except InvalidRequest:
            continue
        return _checked(file) if isinstance(file, Base64File) else file
    raise fail("", "data did not match any variant of untagged enum FileTaggedOrUntagged")


def _read_url(block: Members) -> UrlFile:
    detail, filename = _about(block)
    return UrlFile(_url(required(block, "", "url")), _mime_type(block), detail, filename)


def _read_base64(block: Members) -> Base64File:
    """With an empty type when none is given."""
    data = read_string(required(block, "", "data"), "")
    detail, filename = _about(block)
    return Base64File(data, _mime_type(block) or "", detail, filename)


def _read_stored(block: Members) -> StoredFile:
    path = required(block, "", "storage_path")
    _check_storage_path(path)
    mime_type = _mime_type(block)
    if mime_type is None:
        raise fail("", "missing field `mime_type`")
    source = given(block.get("source_url"))
    detail, filename = _about(block)
    return StoredFile(mime_type, path, _url(source) if source else None, detail, filename)


def _read_stored_with_data(block: Members) -> Base64File:
    """Its data need not be fetched again: it is a file sent along."""
    stored = _read_stored(block)
    data = read_string(required(block, "", "data"), "")
    return Base64File(data, stored.mime_type, stored.detail, stored.filename)


_FORMS: Mapping[str, Callable[[Members], NativeFile]] = {
    "url": _read_url,
    "base64": _read_base64,
    "object_storage": _read_stored_with_data,
    "object_storage_pointer": _read_stored,
    "object_storage_error": _read_stored,
}
"""In the order in which a file without a type is tried."""


def _checked(file: Base64File) -> Base64File:
    """The file, with the type that its bytes tell if the caller did not."""
    if file.data.startswith("data:"):
        raise fail(
            "",
            "Invalid base64 data prefix: The `data` field must not contain `data:` prefix. "
            "Data should be pure base64-encoded content only.",
        )
    if file.mime_type:
        return file
    try:
        content = base64.b64decode(file.data, validate=True)
    except (binascii.Error, ValueError) as error:
        why = "Failed to decode base64 data: failed to decode base64"
        raise fail("", f"Invalid base64 data: {why}") from error
    found = detect_mime_type(content)
    if found is None:
        raise fail("", "Invalid mime type: No mime type provided and unable to infer from data")
    return Base64File(file.data, found, file.detail, file.filename)


def _url(raw: bytes) -> str:
    url = read_string(raw, "url")
    if not URL_SCHEME.match(url):
        raise fail("url", "relative URL without a base")
    return url


def _mime_type(block: Members) -> str | None:
    mime_type = optional_string(block, "", "mime_type")
    if mime_type is not None and not MIME_TYPE.match(mime_type):
        raise fail("mime_type", f"`{mime_type}` is no MIME type")
    return mime_type


def _about(block: Members) -> tuple[str | None, str | None]:
    """`detail` and `filename`."""
    detail = given(block.get("detail"))
    word = None if detail is None else read_word(detail, "detail", DETAILS)
    return word, optional_string(block, "", "filename")


def _check_storage_path(raw: bytes) -> None:
    path = read_object(raw, "storage_path", "struct StoragePath")
    read_string(required(path, "", "path"), "path")
    kind = read_object(required(path, "", "kind"), "kind", "a map")
    read_word(required(kind, "", "type"), "type", _KINDS)

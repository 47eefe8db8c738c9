"""Content parts of a request: texts, images, documents and sound, read and written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from mimetypes import MimeTypes

import orjson

from proxy.types.content import Base64File, Block, RawText, Text, Unknown, UrlFile
from proxy.wire.chat_completions.encode_files import encode_base64_file
from proxy.wire.chat_completions.files import decode_audio, decode_file, decode_image
from proxy.wire.lenient import lenient_loads
from proxy.wire.members import list_items, object_members
from proxy.wire.responses.extras import Members, dump_said, read_extra, shown, text_extra
from proxy.wire.values import object_of, raw_text

Raw = Mapping[str, bytes]
"""An object's members by key, values as raw JSON."""

TEXT_PARTS = ("input_text", "output_text", "text")
OWN_PARTS = (*TEXT_PARTS, "input_image", "input_file", "input_audio", "refusal")
_FILE_FIELDS = ("type", "image_url", "detail", "file_url", "file_data", "filename", "input_audio")


def decode_content(content: bytes, item: Members | None = None) -> Iterator[Block]:
    """The blocks of a raw `content`: one for a string, one for each part of a list.

    Of an answer that is sent back, `item` is the message.
    """
    text = raw_text(content)
    if text is not None:
        yield Text(text, None if item is None else text_extra(item, {"type": "output_text"}))
    elif content.startswith(b"["):
        yield from _decode_parts(content, item)
    elif content != b"null":
        yield Unknown(content)


def _decode_parts(content: bytes, item: Members | None) -> Iterator[Block]:
    first: Members | None = item
    for raw in list_items(content):
        block = _decode_part(raw, {} if item is None else first)
        if isinstance(block, Text):
            first = None
        yield block


def _decode_part(raw: bytes, item: Members | None) -> Block:
    if not raw.startswith(b"{"):
        text = raw_text(raw)
        return Unknown(raw) if text is None else Text(text)
    part = object_members(raw)
    kind, text = raw_text(part.get("type")), raw_text(part.get("text"))
    if kind in TEXT_PARTS and text is not None:
        return Text(text, text_extra(item, object_of(lenient_loads(raw)), whole=True))
    block: Block | None = None
    if kind == "input_image":
        block = _decode_image(part)
    elif kind == "input_file":
        block = _decode_file(part)
    elif kind == "input_audio":
        block = decode_audio(part)
    if block is None or any(key not in _FILE_FIELDS for key in part):
        return Unknown(raw)
    return block


def _decode_image(part: Raw) -> Block | None:
    """An image's address stands flat here. One that was uploaded before has no neutral form."""
    url, detail = part.get("image_url", b"null"), part.get("detail", b"null")
    return decode_image({"image_url": b'{"url":%b,"detail":%b}' % (url, detail)})


def _decode_file(part: Raw) -> Block | None:
    """A document; `extra` says so where its type would not."""
    url, name = raw_text(part.get("file_url")), part.get("filename", b"null")
    extra = dump_said({"part": {"type": "input_file"}})
    if url is not None:
        return UrlFile(url, filename=raw_text(name), extra=extra)
    data = part.get("file_data", b"null")
    file = decode_file({"file": b'{"file_data":%b,"filename":%b}' % (data, name)})
    if not isinstance(file, Base64File):
        return None
    return Base64File(file.data, file.mime_type, file.detail, file.filename, extra)


def encode_text(block: Text | RawText, answered: bool, own: bool) -> dict[str, object]:
    """A text of the client's, or one that the model gave.

    `own` says that `block` was read from this protocol, so that it is written as it came.
    """
    if isinstance(block, RawText):
        return _text(block.value, answered)
    extra = read_extra(block.extra)
    part = _text(block.text, answered)
    if not own and "item" not in extra and "more" not in extra:
        return part
    part.update(shown(extra.get("part")))
    if answered and ("citations" in extra or not own):
        part["annotations"] = orjson.Fragment(extra.get("citations", b"[]"))
    return part


def _text(text: str, answered: bool) -> dict[str, object]:
    return {"type": "output_text" if answered else "input_text", "text": text}


def encode_file(file: UrlFile | Base64File) -> dict[str, object]:
    """An image, a sound, or any other document, by its type, or as it came."""
    part = read_extra(read_extra(file.extra).get("part"))
    document = raw_text(part.get("type")) == "input_file"
    kind = (file.mime_type or "image/").partition("/")[0]
    if kind == "image" and not document:
        return _image(file)
    if isinstance(file, UrlFile):
        return _named({"type": "input_file", "file_url": file.url}, file.filename)
    if kind == "audio" and not document:
        return dict(encode_base64_file(file))
    given = document or file.filename is not None
    name = file.filename if given else f"input{_suffix(file.mime_type)}"
    return _named({"type": "input_file", "file_data": _data_url(file)}, name)


def _image(file: UrlFile | Base64File) -> dict[str, object]:
    url = file.url if isinstance(file, UrlFile) else _data_url(file)
    image: dict[str, object] = {"type": "input_image", "image_url": url}
    return image if file.detail is None else {**image, "detail": file.detail}


def _named(part: dict[str, object], name: str | None) -> dict[str, object]:
    return part if name is None else {**part, "filename": name}


def _data_url(file: Base64File) -> str:
    return f"data:{file.mime_type};base64,{file.data}"


def _suffix(mime_type: str) -> str:
    return MimeTypes().guess_extension(mime_type, strict=False) or ".bin"

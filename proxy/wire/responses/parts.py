"""Content parts of a request: texts, images, documents and sound, read and written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from mimetypes import MimeTypes

import orjson

from proxy.types.content import Base64File, Block, File, RawText, Text, Unknown, UrlFile
from proxy.wire.chat_completions.encode_files import encode_base64_file
from proxy.wire.chat_completions.files import decode_audio, decode_file, decode_image
from proxy.wire.lenient import lenient_loads
from proxy.wire.members import list_items, object_members
from proxy.wire.responses.extras import Members, dump_said, read_extra, shown, text_extra
from proxy.wire.values import object_of, raw_text, text_of

Raw = Mapping[str, bytes]
"""An object's members by key, values as raw JSON."""

TEXT_PARTS = ("input_text", "output_text", "text")
OWN_PARTS = (*TEXT_PARTS, "input_image", "input_file", "input_audio", "refusal")
_DECODED = ("input_image", "input_file", "input_audio")


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
        yield _decode_part(raw, {} if item is None else first)
        first = None


def _decode_part(raw: bytes, item: Members | None) -> Block:
    if not raw.startswith(b"{"):
        text = raw_text(raw)
        return Unknown(raw) if text is None else Text(text)
    part = object_members(raw)
    kind, text = raw_text(part.get("type")), raw_text(part.get("text"))
    if kind in TEXT_PARTS and text is not None:
        return Text(text, text_extra(item, object_of(lenient_loads(raw)), whole=True))
    block = _decode_file_part(part) if kind in _DECODED else None
    if block is None:
        return Unknown(raw)
    return replace(block, extra=_part_extra(block, object_of(lenient_loads(raw))))


def _decode_file_part(part: Raw) -> File | None:
    """A file, if it is not one that was uploaded before: that has no neutral form."""
    detail, name = part.get("detail", b"null"), part.get("filename", b"null")
    image, url = part.get("image_url", b"null"), raw_text(part.get("file_url"))
    block: Block | None
    if url is not None:
        block = UrlFile(url, filename=raw_text(name))
    elif image != b"null":
        block = decode_image({"image_url": b'{"url":%b,"detail":%b}' % (image, detail)})
    elif "input_audio" in part:
        block = decode_audio(part)
    else:
        data = part.get("file_data", b"null")
        block = decode_file({"file": b'{"file_data":%b,"filename":%b}' % (data, name)})
        if not isinstance(block, Base64File):
            return None
    return block if isinstance(block, UrlFile | Base64File) else None


def _part_extra(file: File, part: Members) -> bytes | None:
    """All that the part says beside its file, where the block's fields would say it otherwise."""
    if _plain(file) == part:
        return None
    told = {**_carrier(file, text_of(part.get("type"))), "type": None}
    return dump_said(
        {
            "part": {
                key: value for key, value in part.items() if key not in told or told[key] != value
            }
        }
    )


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


def encode_file(file: File, own: bool) -> dict[str, object]:
    """An image, a sound, or any other document, by its type, or, with `own`, as it came."""
    part = shown(read_extra(file.extra).get("part")) if own else {}
    if not part:
        return _plain(file)
    kind = raw_text(read_extra(read_extra(file.extra).get("part")).get("type")) or ""
    return {**_carrier(file, kind), **part}


def _plain(file: File) -> dict[str, object]:
    """By its type."""
    kind = (file.mime_type or "image/").partition("/")[0]
    if kind == "image":
        image = _carrier(file, "input_image")
        return image if file.detail is None else {**image, "detail": file.detail}
    if kind == "audio" and isinstance(file, Base64File):
        return dict(encode_base64_file(file))
    document = _carrier(file, "input_file")
    if isinstance(file, Base64File) and file.filename is None:
        return {**document, "filename": f"input{_suffix(file.mime_type)}"}
    return document if file.filename is None else {**document, "filename": file.filename}


def _carrier(file: File, kind: str) -> dict[str, object]:
    """A part of that type with the file's address or bytes, and nothing else."""
    url = file.url if isinstance(file, UrlFile) else f"data:{file.mime_type};base64,{file.data}"
    if kind == "input_image":
        return {"type": kind, "image_url": url}
    if kind == "input_audio":
        return {"type": kind}
    return {"type": kind, "file_url" if isinstance(file, UrlFile) else "file_data": url}


def _suffix(mime_type: str) -> str:
    return MimeTypes().guess_extension(mime_type, strict=False) or ".bin"

"""Answers that tell of the request: echoes of its text, its messages, its files, its extras."""

from __future__ import annotations

import base64
import binascii
import mimetypes
from collections.abc import Callable, Iterator, Mapping
from urllib.parse import urlsplit

import orjson
from blake3 import blake3

from proxy.providers.dummy.counts import client_error
from proxy.types.content import Base64File, Text, UrlFile
from proxy.types.ids import new_id
from proxy.types.request import ModelRequest


def _random_answer(request: ModelRequest) -> str:
    return _compact({"answer": str(new_id())})


def _echo(request: ModelRequest) -> str:
    turns = [message for message in request.input.messages if message.role == "user"]
    texts = [block.text for block in turns[-1].content if isinstance(block, Text)] if turns else []
    return texts[0] if texts else ""


def _echo_messages(request: ModelRequest) -> str:
    system = request.input.system
    shown = orjson.Fragment(system) if isinstance(system, bytes) else system
    messages = [message.as_json() for message in request.input.messages]
    return _compact({"system": shown, "messages": messages})


def _echo_extra_info(request: ModelRequest) -> str:
    extras = request.extras
    body, headers = orjson.Fragment(extras.body_rules), orjson.Fragment(extras.header_rules)
    return _compact({"extra_body": body, "extra_headers": headers})


def _echo_injected_data(request: ModelRequest) -> str:
    headers = [(name.lower(), value) for name, value in request.extras.headers]
    body = orjson.Fragment(request.extras.body)
    return _compact({"injected_body": body, "injected_headers": headers})


def _extract_files(request: ModelRequest) -> str:
    return _compact([_shown_file(file) for file in _files(request)])


def _require_pdf(request: ModelRequest) -> str:
    """Files that stand elsewhere are judged by what is said of them: a provider fetches nothing."""
    if not any(_is_pdf(file) for file in _files(request)):
        raise client_error("PDF must be provided for require_pdf model")
    return _extract_files(request)


ECHOES: Mapping[str, Callable[[ModelRequest], str]] = {
    "random_answer": _random_answer,
    "echo": _echo,
    "echo_request_messages": _echo_messages,
    "echo_extra_info": _echo_extra_info,
    "echo_injected_data": _echo_injected_data,
    "extract_images": _extract_files,
    "require_pdf": _require_pdf,
}


def _files(request: ModelRequest) -> Iterator[UrlFile | Base64File]:
    for message in request.input.messages:
        for block in message.content:
            if isinstance(block, UrlFile | Base64File):
                yield block


def _is_pdf(file: UrlFile | Base64File) -> bool:
    if file.mime_type is not None:
        return file.mime_type == "application/pdf"
    return isinstance(file, UrlFile) and urlsplit(file.url).path.lower().endswith(".pdf")


def _shown_file(file: UrlFile | Base64File) -> dict[str, object]:
    if isinstance(file, UrlFile):
        shown = {"url": file.url, "mime_type": file.mime_type, "filename": file.filename}
        detail = {} if file.detail is None else {"detail": file.detail}
        return {"Url": {"file_url": {**shown, **detail}}}
    stored: dict[str, object] = {
        "source_url": None,
        "mime_type": file.mime_type,
        "data": file.data,
        "storage_path": {"kind": {"type": "disabled"}, "path": _storage_path(file)},
    }
    extra = {"filename": file.filename, "detail": file.detail}
    stored |= {key: value for key, value in extra.items() if value is not None}
    return {"Base64": stored}


def _storage_path(file: Base64File) -> str:
    try:
        content = base64.b64decode(file.data)
    except (binascii.Error, ValueError):
        content = file.data.encode()
    extension = mimetypes.MimeTypes().guess_extension(file.mime_type, strict=False) or ""
    return f"observability/files/{blake3(content).hexdigest()}{extension}"


def _compact(value: object) -> str:
    return orjson.dumps(value).decode()

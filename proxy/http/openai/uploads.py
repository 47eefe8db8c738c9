"""Uploads as the relay takes them: forms, whose model has to be found, and all other bodies."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import orjson

from proxy.http import web
from proxy.http.spool import SpooledBody, StreamedBody, spool
from proxy.types.ports import Body
from proxy.wire.multipart import Form, FormPart, FormScanner, boundary_of, edit_form
from proxy.wire.splice import CREDENTIALS, BodyPeek

RECORDED_PARTS = 100
RECORDED_CHARACTERS = 4096


@dataclass(frozen=True, slots=True)
class UploadLimits:
    """Of bodies that are not read whole, in bytes. Beyond `memory` a form waits in a file in
    `folder`, which has no name and is gone with its process."""

    memory: int
    most: int
    folder: Path


class FormUpload:
    """A form, read to its end; see `services.relay_call.Upload`."""

    def __init__(self, body: SpooledBody, form: Form) -> None:
        self._body = body
        self._form = form
        self.received = body.length

    @property
    def length(self) -> int | None:
        return self._body.length

    @property
    def repeatable(self) -> bool:
        return True

    @property
    def spent(self) -> bool:
        return False

    def blocks(self) -> AsyncIterator[bytes]:
        return self._body.blocks()

    def peek(self) -> BodyPeek:
        """What routing needs to know of the form; raises InvalidRequest as `Form.text` does."""
        form = self._form
        extensions = {name: _as_json(text) for name, text in form.extensions().items()}
        return BodyPeek(
            model=form.text("model") or "",
            stream=(form.text("stream") or "").lower() == "true",
            include_usage=False,
            has_messages=False,
            members={},
            extensions=extensions,
        )

    def with_model(self, name: str) -> Body:
        edits = edit_form(self._form, model=name or None)
        return self._body.edited(edits) if edits else self._body

    @property
    def sha256(self) -> bytes:
        return self._body.sha256

    def parts(self) -> Sequence[Mapping[str, object]]:
        kept = [part for part in self._form.parts if part.name != CREDENTIALS]
        return [_metadata(part) for part in kept[:RECORDED_PARTS]]

    def close(self) -> None:
        self._body.close()


class PassedUpload(StreamedBody):
    """A body that nobody looks at; see `services.relay_call.Upload`."""

    def with_model(self, name: str) -> Body:
        return self

    def parts(self) -> Sequence[object]:
        return ()

    def close(self) -> None:
        return None


async def read_form(request: web.BaseRequest, limits: UploadLimits) -> FormUpload:
    """The form that a request bears.

    Raises:
        InvalidRequest: it is none.
        PayloadTooLarge: it is longer than the limit.
    """
    scanner = FormScanner(boundary_of(request.headers.get("Content-Type", "")))
    body = await spool(
        request,
        memory_bytes=limits.memory,
        limit=limits.most,
        folder=limits.folder,
        scan=scanner.feed,
    )
    try:
        return FormUpload(body, scanner.finish())
    except BaseException:
        body.close()
        raise


def _metadata(part: FormPart) -> Mapping[str, object]:
    """What is recorded of a part: of a file never its bytes."""
    if part.filename is None:
        text = (part.value or b"").decode(errors="replace").replace("\0", "\ufffd")
        return {"name": part.name, "text": text[:RECORDED_CHARACTERS], "bytes": part.length}
    return {
        "name": part.name,
        "filename": part.filename,
        "content_type": part.content_type,
        "bytes": part.length,
    }


def _as_json(text: str) -> bytes:
    """A field's value as a member of a JSON body would have it."""
    if text.lstrip().startswith("{"):
        try:
            orjson.loads(text)
        except orjson.JSONDecodeError:
            return orjson.dumps(text)
        return text.encode()
    return orjson.dumps(text)

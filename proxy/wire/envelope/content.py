"""What stands in a message's `content`: a string, or a list of blocks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import msgspec

from proxy.errors import InvalidRequest
from proxy.types.content import Base64File, Block, RawText, Template, Text
from proxy.wire.envelope.errors import refuse
from proxy.wire.envelope.files import (
    FileData,
    ImageUrl,
    InputAudio,
    read_file,
    read_image_url,
    read_input_audio,
)
from proxy.wire.members import list_items, object_members
from proxy.wire.serde import (
    check_known,
    fail,
    is_object,
    is_string,
    read_object,
    read_string,
    required,
    unknown_variant,
)

EXTENSION = "tensorzero::"
ARGUMENTS = "tensorzero::arguments"

Members = Mapping[str, bytes]


class ContentReader:
    """Reads the contents of a request's messages, and gathers what deserves a warning."""

    def __init__(self) -> None:
        self.warnings: list[str] = []

    def read(self, content: bytes, role: str) -> list[Block]:
        """The blocks; `role` (`system`, `user`, `assistant`) names templates that have no name.

        Raises:
            InvalidRequest: in the endpoint's own voice.
        """
        if is_string(content):
            return [Text(read_string(content, ""))]
        if not content.startswith(b"["):
            raise refuse(
                "message content must either be a string or an array of length 1 containing "
                "structured TensorZero inputs"
            )
        return list(self._blocks(list_items(content), role))

    def _blocks(self, items: list[bytes], role: str) -> Iterator[Block]:
        for raw in items:
            if not is_object(raw):
                raise refuse(f"Content block `{compact(raw)}` is not an object")
            block = object_members(raw)
            if "type" in block or any(key.startswith(EXTENSION) for key in block):
                yield self._block(block, role)
            else:
                self._deprecated("an object without a type as a content block")
                yield Template(role, raw)

    def _block(self, block: Members, role: str) -> Block:
        try:
            read = _read_block(block)
        except InvalidRequest as error:
            ours = any(key.startswith(EXTENSION) for key in block)
            kind = "TensorZero content block" if ours else "content block"
            raise refuse(f"Invalid {kind}: {error}") from error
        if isinstance(read, _Arguments):
            self._deprecated(f"`{ARGUMENTS}` in a text block")
            return Template(role, read.raw)
        if isinstance(read, ImageUrl | FileData):
            return read.as_file()
        return self._audio(read) if isinstance(read, InputAudio) else read

    def _audio(self, audio: InputAudio) -> Base64File:
        file = audio.as_file()
        warning = audio.warning(file.mime_type)
        if warning is not None:
            self.warnings.append(warning)
        return file

    def _deprecated(self, what: str) -> None:
        self.warnings.append(
            f"Template arguments came as {what}, which is deprecated; "
            "a block of type `tensorzero::template` names its template."
        )


@dataclass(frozen=True, slots=True)
class _Arguments:
    """Template arguments in a text block."""

    raw: bytes


_Read = Text | RawText | Template | ImageUrl | FileData | InputAudio | _Arguments


def _read_block(block: Members) -> _Read:
    """One block, with errors that name a place only inside the block."""
    kind_raw = block.get("type", b"")
    if not is_string(kind_raw):
        raise fail("", "TensorZeroDerive: missing tag field `type`")
    kind = read_string(kind_raw, "")
    reader = _READERS.get(kind)
    if reader is None:
        raise unknown_variant("", kind, _READERS)
    return reader({key: raw for key, raw in block.items() if key != "type"})


def _read_text(block: Members) -> Text | _Arguments:
    text, arguments = block.get("text"), block.get(ARGUMENTS)
    where = 'when using `"type": "text"`'
    if text is not None and arguments is not None:
        raise fail("", f"Only one of `text` or `{ARGUMENTS}` can be set {where}")
    if text is not None:
        if not is_string(text):
            raise fail("", f"`text` must be a string {where}")
        return Text(read_string(text, ""))
    if arguments is None:
        raise fail("", f"Either `text` or `{ARGUMENTS}` must be set {where}")
    if not is_object(arguments):
        raise fail("", f"`{ARGUMENTS}` must be an object {where}")
    return _Arguments(arguments)


def _read_image_url(block: Members) -> ImageUrl:
    check_known(block, "", ("image_url",))
    return read_image_url(required(block, "", "image_url"), "image_url")


def _read_file(block: Members) -> FileData:
    check_known(block, "", ("file",))
    return read_file(required(block, "", "file"), "file")


def _read_input_audio(block: Members) -> InputAudio:
    check_known(block, "", ("input_audio",))
    return read_input_audio(required(block, "", "input_audio"), "input_audio")


def _read_raw_text(block: Members) -> RawText:
    check_known(block, "", ("value",))
    return RawText(read_string(required(block, "", "value"), "value"))


def _read_template(block: Members) -> Template:
    check_known(block, "", ("name", "arguments"))
    name = read_string(required(block, "", "name"), "name")
    arguments = required(block, "", "arguments")
    read_object(arguments, "arguments", "a map")
    return Template(name, arguments)


_READERS: Mapping[str, Callable[[Members], _Read]] = {
    "text": _read_text,
    "image_url": _read_image_url,
    "file": _read_file,
    "input_audio": _read_input_audio,
    "tensorzero::raw_text": _read_raw_text,
    "tensorzero::template": _read_template,
}


def compact(raw: bytes) -> str:
    """The JSON text without whitespace; key order and the spelling of numbers stay."""
    try:
        return msgspec.json.format(raw, indent=-1).decode()
    except (ValueError, RecursionError):
        return raw.decode()

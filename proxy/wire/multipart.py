"""Forms with files (multipart/form-data), read as they come and never held whole.

A form passes on byte for byte. What is read of it is where its parts stand, and the values of its
small text fields, so that a value can be replaced, or a part taken out, where it stands.

The syntax is that of RFC 2046, 5.1.1, and RFC 7578. Lines may end in LF alone: as the first
boundary's line ends, so end the lines before all others. A boundary string that is followed by
anything but white space and the end of its line, or `--`, is data.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum, auto

from proxy.errors import InvalidRequest
from proxy.types.edits import Edit
from proxy.wire.form_headers import PartHead, boundary_of, decode_head

__all__ = ["Form", "FormPart", "FormScanner", "boundary_of", "edit_form"]

EXTENSION = "tensorzero::"
MAX_PARTS = 10_000
MAX_HEAD_BYTES = 16 * 1024
"""The headers of one part."""
MAX_HEADS_BYTES = 2 * 1024 * 1024
"""The headers of all parts."""
MAX_TEXT_BYTES = 64 * 1024
"""The values that are kept, of all text fields."""

_LINE_END = re.compile(rb"[ \t]{0,128}(\r?\n)")
_LINE_BEGIN = re.compile(rb"(-?|[ \t]{0,128}\r?)\Z")


@dataclass(frozen=True, slots=True)
class FormPart:
    """One part, and where it stands in the body (bytes)."""

    name: str
    filename: str | None
    """None: a text field."""
    content_type: str
    encoding: str
    """Of transfer; empty where there is none, as RFC 7578 wants it."""
    value: bytes | None
    """Of a text field; None for a file, and for a text beyond what is kept."""
    begin: int
    """Of the boundary line before it; the next part's, or the last boundary, is at `end`."""
    start: int
    stop: int
    """The content is between these."""
    end: int

    @property
    def length(self) -> int:
        return self.stop - self.start


@dataclass(frozen=True, slots=True)
class Form:
    """All parts of a form, in order."""

    parts: Sequence[FormPart]

    @property
    def files(self) -> list[FormPart]:
        return [part for part in self.parts if part.filename is not None]

    def field(self, name: str) -> FormPart | None:
        """The text field of that name.

        Raises:
            InvalidRequest: there are several.
        """
        found = [part for part in self.parts if part.name == name and part.filename is None]
        if len(found) > 1:
            raise InvalidRequest(f"the form has `{name}` {len(found)} times", param=name)
        return found[0] if found else None

    def text(self, name: str) -> str | None:
        """The value of a text field.

        Raises:
            InvalidRequest: there are several, it is too long, no UTF-8, or encoded for transfer.
        """
        part = self.field(name)
        return None if part is None else _text(part)

    def extensions(self) -> dict[str, str]:
        """The fields that begin with `tensorzero::`, by full name. Raises as `text` does."""
        found: dict[str, FormPart] = {}
        for part in self.parts:
            if not part.name.startswith(EXTENSION) or part.filename is not None:
                continue
            if part.name in found:
                raise InvalidRequest(f"the form has `{part.name}` twice", param=part.name)
            found[part.name] = part
        return {name: _text(part) for name, part in found.items()}


def _text(part: FormPart) -> str:
    if part.value is None:
        raise InvalidRequest(f"`{part.name}` is too long", param=part.name)
    if part.encoding not in ("", "7bit", "8bit", "binary"):
        raise InvalidRequest(f"`{part.name}` must not be encoded for transfer", param=part.name)
    try:
        return part.value.decode()
    except UnicodeDecodeError as error:
        raise InvalidRequest(f"`{part.name}` is not UTF-8", param=part.name) from error


def edit_form(form: Form, *, model: str | None = None) -> list[Edit]:
    """What makes the body of a form fit for a provider.

    Every part whose name begins with `tensorzero::` is taken out; `model`, if given, takes the
    place of the field's value. The edits are in order and do not overlap.

    Raises:
        InvalidRequest: there are several fields `model`.
    """
    edits = [(part.begin, part.end, b"") for part in form.parts if part.name.startswith(EXTENSION)]
    named = form.field("model") if model is not None else None
    if named is not None and model is not None:
        edits.append((named.start, named.stop, model.encode()))
    return sorted(edits)


class _After(Enum):
    """What the bytes after a boundary string make of it."""

    PART = auto()
    LAST = auto()
    DATA = auto()
    UNKNOWN = auto()


@dataclass(slots=True)
class _Open:
    """The part that is being read."""

    head: PartHead
    begin: int
    start: int
    text: bytearray | None
    """None where the value is not kept."""


class FormScanner:
    """Reads one body, given in blocks cut anywhere. `feed` each, then `finish`."""

    def __init__(self, boundary: bytes) -> None:
        self._dashes = b"--" + boundary
        self._newline = b"\n"
        self._seen_boundary = False
        # A line end before the body, so that its first boundary begins a line as all others do.
        self._held = b"\n"
        self._offset = -1
        """Of the first byte held, in the body."""
        self._at = 0
        """The first byte of what is held that has not been taken."""
        self._seek = 0
        """Where a boundary, or a header line, can begin at the earliest."""
        self._step: Callable[[], bool] = self._skip_preamble
        self._begin = 0
        self._heads_bytes = 0
        self._text_bytes = 0
        self._open: _Open | None = None
        self._parts: list[FormPart] = []

    def feed(self, block: bytes) -> None:
        """Take the next block.

        Raises:
            InvalidRequest: it is no form, or one beyond the bounds of this module.
        """
        self._held += block
        while self._step():
            pass
        taken, self._at = self._at, 0
        self._held = self._held[taken:]
        self._offset += taken
        self._seek -= taken

    def finish(self) -> Form:
        """The body has ended.

        Raises:
            InvalidRequest: it ended before the last boundary.
        """
        if self._step == self._skip_epilogue:
            return Form(tuple(self._parts))
        boundary = self._dashes.decode()
        if self._seen_boundary:
            raise InvalidRequest(f"the form ended before its last boundary, `{boundary}--`")
        raise InvalidRequest(f"the form lacks the boundary of its content type, `{boundary}`")

    # Each step returns whether the next can be taken with what is held.

    def _skip_preamble(self) -> bool:
        return self._find_boundary()

    def _skip_epilogue(self) -> bool:
        self._at = self._seek = len(self._held)
        return False

    def _read_head(self) -> bool:
        """Find the empty line after the headers."""
        while (end := self._held.find(b"\n", self._seek)) >= 0:
            line = self._held[self._seek : end]
            self._seek = end + 1
            if line in (b"", b"\r"):
                self._bound_head(self._seek - self._at)
                self._open_part()
                return True
        self._bound_head(len(self._held) - self._at)
        return False

    def _bound_head(self, size: int) -> None:
        if size > MAX_HEAD_BYTES or self._heads_bytes + size > MAX_HEADS_BYTES:
            raise InvalidRequest("the headers of the form's parts are too large")

    def _open_part(self) -> None:
        if len(self._parts) >= MAX_PARTS:
            raise InvalidRequest(f"the form has more than {MAX_PARTS} parts")
        self._heads_bytes += self._seek - self._at
        head = decode_head(self._held[self._at : self._seek])
        text = bytearray() if head.filename is None else None
        self._open = _Open(head, self._begin, self._offset + self._seek, text)
        # The line end before an empty content may be the one that ends the headers.
        self._at = self._seek = max(self._at, self._seek - len(self._newline))
        self._step = self._read_content

    def _read_content(self) -> bool:
        return self._find_boundary()

    def _take(self, end: int) -> None:
        """What is held up to this place is content, or preamble."""
        part = self._open
        if part is not None and part.text is not None:
            part.text += self._held[max(self._at, part.start - self._offset) : end]
            if self._text_bytes + len(part.text) > MAX_TEXT_BYTES:
                part.text = None
        self._at = self._seek = end

    def _close_part(self, part: _Open, position: int) -> None:
        """The line end before the next boundary stands at this place of what is held."""
        value = None if part.text is None else bytes(part.text)
        self._text_bytes += len(value or b"")
        self._parts.append(
            FormPart(
                name=part.head.name,
                filename=part.head.filename,
                content_type=part.head.content_type,
                encoding=part.head.encoding,
                value=value,
                begin=part.begin,
                start=part.start,
                stop=max(part.start, self._offset + position),
                end=self._begin,
            )
        )

    # Boundaries.

    def _find_boundary(self) -> bool:
        """Look for the next one; what certainly stands before it is taken."""
        delimiter = self._newline + self._dashes
        position = self._held.find(delimiter, self._seek)
        if position < 0:
            self._take(max(self._at, len(self._held) - len(delimiter) + 1))
            return False
        after, end = self._after(position + len(delimiter))
        if after is _After.DATA:
            self._seek = position + 1
            return True
        self._take(position)
        if after is _After.UNKNOWN:
            return False
        self._begin = self._offset + position + len(delimiter) - len(self._dashes)
        if self._open is not None:
            self._close_part(self._open, position)
            self._open = None
        self._at = self._seek = end
        self._step = self._read_head if after is _After.PART else self._skip_epilogue
        return True

    def _after(self, position: int) -> tuple[_After, int]:
        """What a boundary string that ends here is, and where its line ends."""
        if self._held.startswith(b"--", position):
            self._seen_boundary = True
            return _After.LAST, position + 2
        line = _LINE_END.match(self._held, position)
        if line is not None:
            self._newline = self._newline if self._seen_boundary else line[1]
            self._seen_boundary = True
            return _After.PART, line.end()
        if _LINE_BEGIN.match(self._held, position):
            return _After.UNKNOWN, position
        return _After.DATA, position

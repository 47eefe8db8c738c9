"""The headers of forms: the boundary of a body, and what a part says of itself.

RFC 7578, 4.2 and 4.3; quoting as browsers (`%22`), RFC 2045 (`\\"`) and RFC 5987 (`name*=`) do it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote

from proxy.errors import InvalidRequest

MAX_BOUNDARY_BYTES = 256
"""RFC 2046 allows 70; some clients make longer ones."""

_PARAMETER = re.compile(r';\s*([^\s=;"]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^;"]*))\s*', re.DOTALL)
_ESCAPED = re.compile(r'\\(["\\])')
_BROWSER_ESCAPES = (("%22", '"'), ("%0D", "\r"), ("%0A", "\n"))


@dataclass(frozen=True, slots=True)
class PartHead:
    """What the headers of one part say. Without a name, `name` is empty."""

    name: str
    filename: str | None
    content_type: str
    encoding: str


def boundary_of(content_type: str) -> bytes:
    """The boundary of a form, from the content type of its body.

    Raises:
        InvalidRequest: it is no form, or has no usable boundary.
    """
    kind, parameters = _parse(content_type)
    if kind != "multipart/form-data":
        raise InvalidRequest("a form is expected here: `Content-Type: multipart/form-data`")
    boundary = parameters.get("boundary", "")
    if not boundary:
        raise InvalidRequest("the content type of a form must have a `boundary`")
    if len(boundary) > MAX_BOUNDARY_BYTES or not (boundary.isascii() and boundary.isprintable()):
        raise InvalidRequest("the `boundary` of the form is not valid")
    return boundary.encode()


def decode_head(raw: bytes) -> PartHead:
    """Read the headers of a part, the empty line after them included.

    Raises:
        InvalidRequest: they are no headers, or contradict themselves.
    """
    headers: dict[str, str] = {}
    for line in _unfolded(raw):
        name, colon, value = line.partition(":")
        name = name.lower()
        if not colon or not name or name != name.strip():
            raise InvalidRequest("a part of the form has a malformed header")
        if name in headers and name.startswith("content-"):
            raise InvalidRequest(f"a part of the form has two headers `{name}`")
        headers[name] = value.strip()
    kind, parameters = _parse(headers.get("content-disposition", ""))
    if kind != "form-data":
        parameters = {}
    return PartHead(
        name=_named(parameters, "name") or "",
        filename=_named(parameters, "filename"),
        content_type=headers.get("content-type", ""),
        encoding=headers.get("content-transfer-encoding", "").lower(),
    )


def _unfolded(raw: bytes) -> list[str]:
    """The lines, those that begin with white space joined to the one before."""
    lines: list[str] = []
    for line in raw.decode("utf-8", "replace").replace("\0", "�").split("\n"):
        line = line.removesuffix("\r")
        if line[:1] in (" ", "\t") and lines:
            lines[-1] += " " + line.strip()
        elif line:
            lines.append(line)
    return lines


def _parse(value: str) -> tuple[str, dict[str, str]]:
    """`kind; name=value…` to the kind and its parameters, both names in lower case.

    Raises:
        InvalidRequest: a parameter is malformed or stands there twice.
    """
    kind, semicolon, rest = value.partition(";")
    rest = semicolon + rest
    parameters: dict[str, str] = {}
    position = 0
    while found := _PARAMETER.match(rest, position):
        name, quoted, plain = found[1].lower(), found[2], found[3]
        if name in parameters:
            raise InvalidRequest(f"`{name}` stands twice in a header of the form")
        parameters[name] = plain.strip() if quoted is None else _ESCAPED.sub(r"\1", quoted)
        position = found.end()
    if rest[position:].strip("; \t"):
        raise InvalidRequest("a header of the form has a malformed parameter")
    return kind.strip().lower(), parameters


def _named(parameters: dict[str, str], key: str) -> str | None:
    """A parameter as a browser or RFC 5987 spells it."""
    plain = parameters.get(key)
    if plain is None:
        charset, _, rest = parameters.get(key + "*", "").partition("'")
        text = rest.partition("'")[2]
        return _unquoted(text, charset) if charset else None
    for escape, character in _BROWSER_ESCAPES:
        plain = plain.replace(escape, character)
    return plain


def _unquoted(text: str, charset: str) -> str:
    try:
        return unquote(text, charset, "replace").replace("\0", "�")
    except LookupError:
        return text

"""Text as Postgres and MessagePack take it: no NUL, no halves of surrogate pairs."""

from __future__ import annotations

import re
from typing import Any

REPLACEMENT = "\ufffd"
_UNFIT = re.compile("[\x00\ud800-\udfff]")
_ESCAPED_UNFIT = re.compile(rb"\\u(?:0000|[dD][89a-fA-F][0-9a-fA-F]{2})")
_ESCAPES = re.compile(
    rb"\\(?:(u0000|u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F][0-9a-fA-F]{2})"
    rb"|u[dD][c-fC-F][0-9a-fA-F]{2})|u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|.)",
    re.DOTALL,
)
"""Every escape in JSON text, whole pairs of surrogates as one; group 1 has those that are unfit."""


def clean_text(text: str) -> str:
    """The text, with U+FFFD in place of what Postgres cannot hold."""
    return _UNFIT.sub(REPLACEMENT, text) if _UNFIT.search(text) else text


def readable(body: bytes) -> tuple[str, bool]:
    """Bytes as text, and whether the text says all: exactly these bytes, in UTF-8, without NUL."""
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return clean_text(body.decode(errors="replace")), False
    if "\x00" in text:
        return text.replace("\x00", REPLACEMENT), False
    return text, True


def without_surrogates(value: Any) -> Any:
    """The same value, with U+FFFD for each half of a surrogate pair in any text in it."""
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, list | tuple):
        return [without_surrogates(item) for item in value]
    if hasattr(value, "__struct_fields__"):
        return [without_surrogates(getattr(value, name)) for name in value.__struct_fields__]
    return value


def may_hold_unfit_escapes(json: bytes) -> bool:
    """Whether JSON text has escapes that `jsonb` may refuse: U+0000, halves of surrogate pairs."""
    return _ESCAPED_UNFIT.search(json) is not None


def clean_json(json: bytes) -> str:
    """JSON text, with U+FFFD for what `json` columns hold but nobody can read out of them as text:
    U+0000 and halves of surrogate pairs. All else stays as it is spelled."""
    if may_hold_unfit_escapes(json):
        json = _ESCAPES.sub(_fit, json)
    text = json.decode(errors="replace")
    return text.replace("\x00", REPLACEMENT) if "\x00" in text else text


def _fit(escape: re.Match[bytes]) -> bytes:
    return rb"\ufffd" if escape[1] else escape[0]

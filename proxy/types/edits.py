"""What was changed in a body, so that the changed one need not be kept beside it."""

from __future__ import annotations

from collections.abc import Sequence

Edit = tuple[int, int, bytes]
"""Bytes from one offset to another, and what takes their place."""


def apply_edits(body: bytes, edits: Sequence[Edit]) -> bytes:
    """The body with all of the edits, which are in order and do not overlap."""
    if len(edits) == 1:
        start, end, new = edits[0]
        return b"%b%b%b" % (body[:start], new, body[end:])
    pieces: list[bytes] = []
    position = 0
    for start, end, new in edits:
        pieces += (body[position:start], new)
        position = end
    pieces.append(body[position:])
    return b"".join(pieces)

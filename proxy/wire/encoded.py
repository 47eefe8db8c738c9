"""What becomes of a neutral request in a protocol."""

from __future__ import annotations

from typing import NamedTuple


class EncodedBody(NamedTuple):
    """A body, and the names of what it leaves out because the protocol has no place for it."""

    body: bytes
    ignored: tuple[str, ...] = ()

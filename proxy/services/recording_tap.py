"""What is kept of a body that passes by: its beginning, its length, a digest when it is long."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec


class RecordingTap(msgspec.Struct, eq=False):
    """Keeps at most `limit` bytes of the blocks given to it, and counts them all."""

    _limit: int = 0
    blocks: list[bytes] = msgspec.field(default_factory=list)
    total: int = 0
    _digest: Any = None
    """A hash under way, once the body has become too long to be kept."""

    def keep_nothing(self) -> None:
        """Called before the first block: only length and digest are wanted."""
        self._limit = 0

    def restart(self, body: bytes) -> None:
        """Forget what was given so far: this stands in its place."""
        self.blocks, self.total, self._digest = [], 0, None
        if body:
            self.add(body)

    def add(self, block: bytes) -> None:
        self.total = total = self.total + len(block)
        if total <= self._limit:
            self.blocks.append(block)
        else:
            self._add_beyond(block)

    def _add_beyond(self, block: bytes) -> None:
        if self._digest is None:
            self._digest = hashlib.sha256()
            for kept in self.blocks:
                self._digest.update(kept)
            room = self._limit - (self.total - len(block))
            if room > 0:
                self.blocks.append(block[:room])
        self._digest.update(block)

    def lend(self, most: int) -> int:
        """How many bytes may be put into `blocks` without asking, at most about `most`; they count
        as given until `settle` says what is left. 0 or less: none."""
        room = min(most, self._limit - self.total)
        if room > 0:
            self.total += room
        return room

    def settle(self, room: int) -> None:
        """Take back what is left of the room that was lent. It is less than nothing when the last
        block was larger than what had been left before it."""
        self.total -= room
        if self.total > self._limit:
            block = self.blocks.pop()
            self.total -= len(block)
            self.add(block)

    def sha256(self) -> bytes:
        """The digest of the whole body when it was longer than the limit, else nothing."""
        return b"" if self._digest is None else self._digest.digest()

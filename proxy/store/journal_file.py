"""One journal file, as the writer reads it: frame by frame, past damage, up to a torn end.

Three positions run through a file: `seen` (counted), `taken` (handed to the writer) and `settled`
(in Postgres or put aside for good). The last is kept beside the file, so that a restart goes on
from there; a repeat of a little is harmless.
"""

from __future__ import annotations

import fcntl
import logging
import os
import struct
import zlib
from pathlib import Path

import msgspec

from proxy.store.frames import (
    HEADER_BYTES,
    MAGIC,
    Header,
    file_salt,
    find_header,
    payload_is_whole,
    read_frame,
    unpack_header,
)
from proxy.types.exchange import RecordKind
from proxy.types.immutable import immutable

PROGRESS_SUFFIX = ".done"
CHUNK_BYTES = 256 * 2**10
LARGEST_CHUNK = 2 * 2**20
"""What waits is read in one go, up to so much: of large records few then lie across an end."""
PATIENCE_S = 1.0
"""What looks damaged in the file of a living owner is looked at again for so long: a reader may
see half of a write, or a record that is being taken back."""

_PROGRESS = struct.Struct("<4sIIQ")
_PROGRESS_MAGIC = b"\xabZPD"
_CHECK = struct.Struct("<I")

log = logging.getLogger(__name__)


@immutable
class Position:
    """A place between two frames, with the frames and the exchanges before it."""

    offset: int = 0
    number: int = 0
    exchanges: int = 0


class Frame(msgspec.Struct, frozen=True, gc=False):
    """One record as it stands in the journal."""

    kind: int
    payload: bytes
    at_ms: int
    file: str
    offset: int


@immutable
class Damage:
    """Bytes that are no frames. `exchanges` were in them, as far as the neighbours tell."""

    start: int
    after: Position
    exchanges: int
    reason: str


class Window:
    """Bytes of a file, read in large pieces: of which `waiting` are worth reading now."""

    def __init__(self, descriptor: int, waiting: int) -> None:
        self._descriptor = descriptor
        self._size = min(max(waiting, HEADER_BYTES), LARGEST_CHUNK)
        self._chunk = b""
        self._start = 0

    def fetch(self, offset: int, length: int) -> bytes:
        """`length` bytes from `offset`; fewer only where the file ends."""
        skip = offset - self._start
        if skip < 0 or skip + length > len(self._chunk):
            self._chunk = os.pread(self._descriptor, max(length, self._size), offset)
            self._start, skip = offset, 0
        return self._chunk[skip : skip + length]

    def piece(self, offset: int) -> tuple[bytes, int]:
        """What has been read of the file, and where in it `offset` is; it has a header at least,
        unless the file ends."""
        self.fetch(offset, HEADER_BYTES)
        return self._chunk, offset - self._start


class JournalFile:
    """A file of the journal. `adopted`: it was there before this writer was."""

    def __init__(self, path: Path, *, adopted: bool) -> None:
        self.path = path
        self.name = path.name
        self.adopted = adopted
        self.size = 0
        self.ended = False
        """The owner is gone, and `size` is final."""
        self._salt = file_salt(path.name)
        self._progress = path.with_name(path.name + PROGRESS_SUFFIX)
        self.settled = self.taken = self.seen = self.start = load_progress(self._progress)
        self._suspect: tuple[int, float] | None = None
        self._descriptor: int | None = None
        self.oldest_ms = 0
        """When the first frame that is not taken was appended, as far as it is known."""

    @property
    def found(self) -> int:
        """Exchanges found in it, without those that an earlier writer settled."""
        return self.seen.exchanges - self.start.exchanges

    @property
    def waiting(self) -> int:
        """Exchanges found in it that are not settled."""
        return self.seen.exchanges - self.settled.exchanges

    def look(self) -> None:
        """See how long it is, and whether its owner is gone.

        Raises:
            FileNotFoundError: somebody has deleted it.
        """
        if self.ended:
            return
        descriptor = self._open()
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self.ended = True
        except BlockingIOError:
            pass
        status = os.fstat(descriptor)
        if not status.st_nlink:
            raise FileNotFoundError(self.path)
        self.size = status.st_size
        if self.ended:
            self.close()

    def close(self) -> None:
        """Let go of it; it can still be read."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def read(self, records: int, budget: int, now: float) -> tuple[list[Frame], list[Damage]]:
        """Take frames, at most so many records, and no more once `budget` bytes are reached."""
        frames: list[Frame] = []
        damages: list[Damage] = []
        try:
            window = Window(self._open(), self.size - self.taken.offset)
            while len(frames) < records and budget > 0:
                budget = self._take_whole(window, frames, records, budget)
                if len(frames) >= records or budget <= 0 or self.taken.offset >= self.size:
                    break
                step = self._step(window, now)
                if isinstance(step, Frame):
                    frames.append(step)
                    budget -= len(step.payload)
                elif step is not None:
                    damages.append(step)
                else:
                    break
        finally:
            self._close_ended()
        if self.seen.offset < self.taken.offset:
            self.seen = self.taken
        if frames:
            self.oldest_ms = frames[-1].at_ms
        return frames, damages

    def read_bytes(self, start: int, end: int) -> bytes:
        """The bytes as they stand in the file."""
        with self.path.open("rb") as file:
            file.seek(start)
            return file.read(end - start)

    def survey(self, most: int) -> int:
        """Count frames by their headers alone, at most so many; returns how many it looked at."""
        descriptor = self._open()
        count = 0
        try:
            while count < most and self.seen.offset < self.size:
                raw = os.pread(descriptor, HEADER_BYTES, self.seen.offset)
                header = unpack_header(raw, 0, self._salt) if len(raw) == HEADER_BYTES else None
                if header is None or _end(self.seen, header) > self.size:
                    break
                if self.seen.offset == self.taken.offset:
                    self.oldest_ms = header.at_ms
                self.seen = Position(_end(self.seen, header), header.number, header.exchanges)
                count += 1
        finally:
            self._close_ended()
        return count

    def settle(self, position: Position) -> None:
        """Note that all before `position` is settled."""
        self.settled = position
        try:
            store_progress(self._progress, position)
        except OSError as error:
            # A full disk must not keep a settled file from being deleted. Repeats are harmless.
            log.warning("%s: its progress could not be noted: %s", self.name, error)

    def delete_if_done(self) -> bool:
        """Delete the file if all of it is settled and nobody can append any more."""
        if not self.ended or self.settled.offset < self.size:
            return False
        self.path.unlink(missing_ok=True)
        self._progress.unlink(missing_ok=True)
        return True

    def _open(self) -> int:
        """Its descriptor, which is kept for as long as its owner lives: it is looked at often."""
        if self._descriptor is None:
            self._descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        return self._descriptor

    def _close_ended(self) -> None:
        if self.ended:
            self.close()

    def _take_whole(self, window: Window, frames: list[Frame], records: int, budget: int) -> int:
        """Take the frames that stand whole and in order in one piece of the file, in one go; what
        is left of the budget. What else there is, `_step` looks at."""
        file, salt, place = self.name, self._salt, self.taken.offset
        piece, at = window.piece(place)
        shift, last = place - at, None
        while len(frames) < records and budget > 0:
            found = read_frame(piece, at, salt)
            if found is None:
                break
            kind, number, exchanges, at_ms, payload = found
            frames.append(Frame(kind, payload, at_ms, file, shift + at))
            budget -= len(payload)
            at += HEADER_BYTES + len(payload)
            last = number, exchanges
        if last is not None:
            self.taken = Position(shift + at, *last)
            self._suspect = None
        return budget

    def _step(self, window: Window, now: float) -> Frame | Damage | None:
        """The next frame or damaged stretch, now taken; None when there is nothing more yet."""
        place = self.taken
        raw = window.fetch(place.offset, HEADER_BYTES)
        if len(raw) < HEADER_BYTES:
            return self._torn(place, "not a whole header")
        header = unpack_header(raw, 0, self._salt)
        if header is None:
            return self._damaged_header(window, place, now)
        payload = window.fetch(place.offset + HEADER_BYTES, header.length)
        if len(payload) < header.length:
            return self._torn(place, "not a whole record")
        after = Position(_end(place, header), header.number, header.exchanges)
        if not payload_is_whole(payload, header):
            return self._skip(place, after, "the checksum of a record is wrong", now)
        self.taken = after
        self._suspect = None
        return Frame(header.kind, payload, header.at_ms, self.name, place.offset)

    def _torn(self, place: Position, what: str) -> Damage | None:
        """An unfinished end: its owner is still at it, or died at it and acknowledged nothing."""
        if not self.ended or place.offset >= self.size:
            return None
        log.warning(
            "%s: the last %d bytes are %s; it was never acknowledged",
            self.name,
            self.size - place.offset,
            what,
        )
        self.taken = Position(self.size, place.number, place.exchanges)
        return None

    def _damaged_header(self, window: Window, place: Position, now: float) -> Damage | None:
        if not self.ended and not self._patience_is_over(place, now):
            return None
        found = self._find_next(window, place)
        if found is not None:
            offset, header = found
            is_exchange = header.kind == RecordKind.EXCHANGE
            after = Position(offset, header.number - 1, header.exchanges - is_exchange)
        elif self.ended:
            record = window.fetch(place.offset, len(MAGIC)) == MAGIC
            after = Position(self.size, place.number + record, place.exchanges + record)
        else:
            return None
        return self._skip(place, after, "a header is damaged", now)

    def _find_next(self, window: Window, place: Position) -> tuple[int, Header] | None:
        """The next place that has a valid header, and that header."""
        offset = place.offset + 1
        while True:
            chunk = window.fetch(offset, CHUNK_BYTES)
            found = find_header(chunk, 0, self._salt)
            if found is not None:
                header = unpack_header(chunk, found, self._salt)
                assert header is not None
                return offset + found, header
            if len(chunk) < CHUNK_BYTES:
                return None
            offset += CHUNK_BYTES - HEADER_BYTES + 1

    def _skip(self, place: Position, after: Position, reason: str, now: float) -> Damage | None:
        if not self.ended and not self._patience_is_over(place, now):
            return None
        self.taken = after
        self._suspect = None
        return Damage(place.offset, after, after.exchanges - place.exchanges, reason)

    def _patience_is_over(self, place: Position, now: float) -> bool:
        if self._suspect is None or self._suspect[0] != place.offset:
            self._suspect = (place.offset, now + PATIENCE_S)
        return now >= self._suspect[1]


def _end(place: Position, header: Header) -> int:
    return place.offset + HEADER_BYTES + header.length


def load_progress(path: Path) -> Position:
    """How far a file was settled; its beginning, when nothing (or nothing whole) says so."""
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        return Position()
    body = raw[: _PROGRESS.size]
    if len(raw) != _PROGRESS.size + _CHECK.size or not body.startswith(_PROGRESS_MAGIC):
        return Position()
    if _CHECK.unpack_from(raw, _PROGRESS.size)[0] != zlib.crc32(body):
        return Position()
    _, number, exchanges, offset = _PROGRESS.unpack(body)
    return Position(offset, number, exchanges)


def store_progress(path: Path, position: Position) -> None:
    """One small write in place: whoever is killed meanwhile leaves the old or the new."""
    body = _PROGRESS.pack(_PROGRESS_MAGIC, position.number, position.exchanges, position.offset)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        os.pwrite(descriptor, body + _CHECK.pack(zlib.crc32(body)), 0)
    finally:
        os.close(descriptor)

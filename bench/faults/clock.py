"""The wall clock of the product's host, which can be set: libfaketime, read from a file."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from bench.faults.errors import NotHere

LIBRARY = "libfaketimeMT.so.1"
PLACES = ("/usr/lib", "/usr/local/lib", "/lib")


class Clock:
    """A clock beside the true one. It starts at twenty minutes to midnight (UTC): an hour later is
    another day. Clocks that cannot be set (monotonic ones) go on as they do."""

    def __init__(self, folder: Path) -> None:
        """Raises NotHere without libfaketime."""
        self._file = folder / "clock"
        self._library = _find_library()
        now = datetime.now(UTC)
        start = now.replace(hour=23, minute=40, second=0)
        if start < now:
            start += timedelta(days=1)
        self._start_s = round((start - now).total_seconds())
        self.set(0)

    @property
    def environment(self) -> dict[str, str]:
        return {
            "LD_PRELOAD": self._library,
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_CACHE_DURATION": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }

    def set(self, seconds: int) -> None:
        """So far from where it started, plus what has gone by; noticed within a second."""
        self._file.write_text(f"{self._start_s + seconds:+d}\n")


def _find_library() -> str:
    for place in PLACES:
        for pattern in (f"faketime/{LIBRARY}", f"*/faketime/{LIBRARY}"):
            for found in Path(place).glob(pattern):
                return str(found)
    raise NotHere("libfaketime is not installed (Debian: apt-get install faketime)")

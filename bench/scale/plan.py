"""Which calls there are: their times and ids, each computed from its number alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple
from uuid import UUID

MINUTE_MS = 60_000
DAY_MS = 24 * 60 * MINUTE_MS
POSTGRES_EPOCH_MS = 946_684_800_000
FAILED_EVERY = 33
"""One call in so many fails, and is an exchange without an inference."""
BLOCK, EPISODES = 64, 16
"""Every other block of so many calls is so many episodes; in the others each call is one."""
USERS = 200_000

_MASK = (1 << 128) - 1
_FACTOR = 0x9E3779B97F4A7C15F39CC0605CEDC835
_RANDOM_BITS = (0xFFF << 64) | ((1 << 62) - 1)
_VERSION_7 = (7 << 76) | (2 << 62)


class Identity(NamedTuple):
    """What tells one call from all others, as bytes in the form of COPY."""

    id: bytes
    at: bytes
    """`created_at`, microseconds since 2000."""
    episode: bytes
    call: bytes
    """The id of its model call, of the same millisecond."""
    response: bytes
    """The provider's id of the answer, text."""
    user: bytes
    """Six digits."""


def mixed(number: int, salt: int) -> int:
    """128 bits that look random, and are the same every time."""
    value = ((number << 8 | salt) + 1) * _FACTOR & _MASK
    value ^= value >> 61
    value = value * _FACTOR & _MASK
    return value ^ value >> 57


def uuid7_at(millis: int, bits: int) -> bytes:
    """A UUIDv7 of that Unix time."""
    return (millis << 80 | _VERSION_7 | bits & _RANDOM_BITS).to_bytes(16, "big")


def moment(millis: int) -> bytes:
    """`timestamptz` in binary."""
    return ((millis - POSTGRES_EPOCH_MS) * 1000).to_bytes(8, "big", signed=True)


def midnight_ms(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() * 1000)


@dataclass(frozen=True, slots=True)
class Plan:
    """So many inferences, evenly over so many days that end at a moment (Unix milliseconds)."""

    rows: int
    days: int
    end_ms: int

    @property
    def calls(self) -> int:
        """Inferences, and the calls that failed."""
        return self.rows + self.rows // (FAILED_EVERY - 1)

    @property
    def start_ms(self) -> int:
        return self.end_ms - self.days * DAY_MS

    def dates(self) -> list[date]:
        """The days (UTC) of which there are calls."""
        first, last = (datetime.fromtimestamp(each / 1000, UTC).date() for each in self._ends())
        return [first + timedelta(day) for day in range((last - first).days + 1)]

    def _ends(self) -> tuple[int, int]:
        return self.start_ms, self.at_ms(self.calls - 1)

    def at_ms(self, number: int) -> int:
        return self.start_ms + number * self.days * DAY_MS // self.calls

    def between(self, lower_ms: int, upper_ms: int) -> range:
        """The numbers of the calls from one moment up to another."""
        return range(self._first_at(lower_ms), self._first_at(upper_ms))

    def _first_at(self, millis: int) -> int:
        span = self.days * DAY_MS
        number = -(-(millis - self.start_ms) * self.calls // span)
        return min(max(number, 0), self.calls)

    def identity(self, number: int) -> Identity:
        millis, bits, leader = self.at_ms(number), mixed(number, 0), leader_of(number)
        return Identity(
            uuid7_at(millis, bits),
            moment(millis),
            uuid7_at(self.at_ms(leader), mixed(leader, 1)),
            uuid7_at(millis, mixed(number, 2)),
            b"chatcmpl-%029x" % (bits >> 12),
            b"%06d" % (mixed(leader, 3) % USERS),
        )

    def last_inference(self, number: int) -> int:
        """This call, or the one before where this one failed."""
        return number - has_failed(number)

    def uuids(self, number: int) -> tuple[UUID, UUID]:
        """Of an inference and its episode."""
        made = self.identity(number)
        return UUID(bytes=made.id), UUID(bytes=made.episode)


def leader_of(number: int) -> int:
    """The first call of the episode."""
    block, place = divmod(number, BLOCK)
    return number if block % 2 else block * BLOCK + place % EPISODES


def has_failed(number: int) -> bool:
    return number % FAILED_EVERY == FAILED_EVERY - 1


# Feedback.

KINDS = ("boolean", "float", "comment", "demonstration")
SHARES = {"boolean": range(11), "float": range(11, 18), "comment": (18,), "demonstration": (19,)}
"""Of twenty feedbacks in a row, which are of what kind."""


class Given(NamedTuple):
    """One feedback: for which call, when (Unix milliseconds), and bits to draw the rest from."""

    call: int
    millis: int
    bits: int


def feedback(plan: Plan, kind: str, rows: range) -> Iterator[Given]:
    """Those of a kind among the feedbacks of these numbers; there are as many as inferences."""
    for number in rows:
        if number % 20 in SHARES[kind]:
            bits = mixed(number, 4)
            call = plan.last_inference(number * plan.calls // plan.rows)
            millis = plan.at_ms(call) + MINUTE_MS // 20 + bits % (10 * MINUTE_MS)
            yield Given(call, min(millis, plan.end_ms), bits >> 16)

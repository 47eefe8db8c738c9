"""Identifiers: all of ours are UUIDv7, so that a row's time is inside its id (RFC 9562, 5.7)."""

from __future__ import annotations

import builtins
import time
from datetime import UTC, datetime
from typing import Protocol
from uuid import UUID

from uuid_utils import uuid7

from proxy.errors import InvalidRequest

EARLIEST_EPISODE_S = 1_579_751_960
"""Episode ids before this second are refused, as TensorZero does."""

WORKFLOW_EVALUATION_S = 10_000_000_000
"""Episode ids from this second on (the year 2286) belong to workflow evaluation runs."""


class Identifier(Protocol):
    """An id as the hot path carries it: made in a fifth of the time that a `UUID` takes."""

    @property
    def bytes(self) -> builtins.bytes:
        """The 16 bytes."""


def new_identifier() -> Identifier:
    """A fresh UUIDv7; `str` gives its text."""
    return uuid7()


def new_id() -> UUID:
    """A fresh UUIDv7."""
    return UUID(int=uuid7().int)


def id_millis(identifier: UUID) -> int:
    """The Unix time inside a UUIDv7, in milliseconds."""
    return identifier.int >> 80


def id_time(identifier: UUID) -> datetime:
    """The time inside a UUIDv7, as an aware datetime of millisecond precision, in UTC."""
    return datetime.fromtimestamp(id_millis(identifier) / 1000, tz=UTC)


def parse_episode_id(text: str, *, now: float | None = None) -> UUID:
    """Read an episode id that a caller sent.

    Raises:
        InvalidRequest: with TensorZero's message, when it is no UUIDv7 of a plausible time.
    """
    try:
        episode = UUID(text)
    except ValueError as error:
        raise InvalidRequest(
            f"Invalid Episode ID: UUID parsing failed: {text!r} is not a UUID", param="episode_id"
        ) from error
    if episode.version not in (1, 6, 7):
        raise InvalidRequest(f"Failed to parse UUID as v7: {episode}", param="episode_id")
    if episode.version != 7:
        raise InvalidRequest(
            f"Invalid Episode ID: Version must be 7, got {episode.version}", param="episode_id"
        )
    seconds = id_millis(episode) // 1000
    if seconds >= WORKFLOW_EVALUATION_S:
        raise InvalidRequest(
            f"Workflow evaluation run not found for episode id: {episode}", param="episode_id"
        )
    if seconds < EARLIEST_EPISODE_S:
        raise InvalidRequest("Invalid Episode ID: Timestamp is too early", param="episode_id")
    if seconds > int(time.time() if now is None else now):
        raise InvalidRequest("Invalid Episode ID: Timestamp is in the future", param="episode_id")
    return episode

"""Why a fault could not be tried."""

from __future__ import annotations


class StageError(Exception):
    """The scene could not be set, or fell apart by itself."""


class NotHere(Exception):
    """This machine, or this user, cannot produce the fault; the text says what is missing."""

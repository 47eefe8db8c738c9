"""What keeps the benchmark from going on."""

from __future__ import annotations


class BenchError(Exception):
    """The benchmark cannot go on; the text says why."""


class Missing(BenchError):
    """A subject is not on this machine; it is left out, with this text."""

"""The configuration at the start, read by a child while the main process loads the other code.

Parsers, rules and validators take time and memory for which nobody who serves has any use; with
the child they go. It is forked of a process without threads, and leaves the values and no more.
"""

from __future__ import annotations

import os
import pickle
import signal
from collections.abc import Mapping
from typing import NoReturn

from proxy.config.loaded import LoadedConfig
from proxy.errors import ConfigError, Problem


class Reading:
    """A child at work."""

    def __init__(self, pid: int, answer: int, pattern: str, environ: Mapping[str, str]) -> None:
        self.pid = pid
        self._answer = answer
        self._pattern = pattern
        self._environ = environ

    def result(self) -> LoadedConfig:
        """Wait for it; to be called once.

        Raises:
            ConfigError: with all that is wrong.
        """
        with os.fdopen(self._answer, "rb") as answer:
            said = answer.read()
        _, status = os.waitpid(self.pid, 0)
        if status:
            # It was killed, or has met a fault of ours: here that is seen as it is.
            return load_config(self._pattern, self._environ)
        outcome: LoadedConfig | list[Problem] = pickle.loads(said)
        if isinstance(outcome, list):
            raise ConfigError(outcome)
        return outcome


def begin_reading(pattern: str, environ: Mapping[str, str]) -> Reading:
    """To be called without any thread beside."""
    answer, theirs = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(answer)
        _read(theirs, pattern, environ)
    os.close(theirs)
    return Reading(pid, answer, pattern, environ)


def _read(answer: int, pattern: str, environ: Mapping[str, str]) -> NoReturn:
    """The whole life of the child. It must not return into what it was forked of."""
    code = 1
    try:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        try:
            outcome: LoadedConfig | list[Problem] = load_config(pattern, environ)
        except ConfigError as error:
            outcome = error.problems
        with os.fdopen(answer, "wb") as writing:
            pickle.dump(outcome, writing, pickle.HIGHEST_PROTOCOL)
        code = 0
    finally:
        os._exit(code)


def load_config(pattern: str, environ: Mapping[str, str]) -> LoadedConfig:
    """See `proxy.config.load`, which is loaded for the first reading in this process.

    Raises:
        ConfigError: with all that is wrong.
    """
    from proxy.config import load

    return load.load_config(pattern, environ)

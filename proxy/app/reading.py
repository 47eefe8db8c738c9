"""The configuration, read by another process: at the start, and at each reload.

Parsers, rules and validators take time and memory for which nobody who serves has any use; with
the process that has them, they go. It leaves the values and no more. At the start it is forked of
a process without threads, which loads the other code meanwhile; later, a new interpreter is begun.
"""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import traceback
from collections.abc import Mapping
from typing import TYPE_CHECKING, NoReturn

from proxy.errors import ConfigError, Problem

if TYPE_CHECKING:
    from proxy.config.loaded import LoadedConfig

_BEGIN = """\
import pickle, sys
sys.path[:], pattern, environ = pickle.load(sys.stdin.buffer)
from proxy.app.reading import tell
tell(pattern, environ)
"""


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
        # If it was killed, another one is asked.
        return load_config(self._pattern, self._environ) if status else _understood(said)


def begin_reading(pattern: str, environ: Mapping[str, str]) -> Reading:
    """To be called without any thread beside, and before the code is loaded."""
    answer, theirs = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(answer)
        _read(theirs, pattern, environ)
    os.close(theirs)
    return Reading(pid, answer, pattern, environ)


def load_config(pattern: str, environ: Mapping[str, str]) -> LoadedConfig:
    """As `proxy.config.load.load_config`, in an interpreter of its own, which takes half a second.

    Raises:
        ConfigError: with all that is wrong.
        RuntimeError: it failed, and has said why.
    """
    done = subprocess.run(
        [sys.executable, "-c", _BEGIN],
        input=pickle.dumps((sys.path, pattern, dict(environ))),
        stdout=subprocess.PIPE,
        process_group=0,  # What ends this process in order, such as Ctrl-C, is no business of its.
    )
    if done.returncode:
        raise RuntimeError(f"reading the configuration ended with {done.returncode}")
    return _understood(done.stdout)


def tell(pattern: str, environ: Mapping[str, str]) -> None:
    """In that interpreter: the outcome goes to its standard output, where nothing else may go."""
    with os.fdopen(os.dup(1), "wb") as answer:
        os.dup2(2, 1)
        answer.write(_outcome(pattern, environ))


def _read(answer: int, pattern: str, environ: Mapping[str, str]) -> NoReturn:
    """The whole life of the child. It must not return into what it was forked of."""
    code = 1
    try:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        with os.fdopen(answer, "wb") as writing:
            writing.write(_outcome(pattern, environ))
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def _outcome(pattern: str, environ: Mapping[str, str]) -> bytes:
    """The values, or what is wrong."""
    from proxy.config import load

    try:
        outcome: LoadedConfig | list[Problem] = load.load_config(pattern, environ)
    except ConfigError as error:
        outcome = error.problems
    return pickle.dumps(outcome, pickle.HIGHEST_PROTOCOL)


def _understood(said: bytes) -> LoadedConfig:
    outcome: LoadedConfig | list[Problem] = pickle.loads(said)
    if isinstance(outcome, list):
        raise ConfigError(outcome)
    return outcome

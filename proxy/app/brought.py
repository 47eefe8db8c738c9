"""Variants that requests bring along, validated by a process that has what validates.

Few callers ever send one. For the first that does, a child is begun, which takes half a second; it
stays, and answers the next in a millisecond. It ends when its standard input does, which is when
this process has ended or nobody needs it any more.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import subprocess
import sys
import threading
import traceback
from typing import TYPE_CHECKING, TypeAlias

from proxy.config.surroundings import Surroundings
from proxy.errors import ConfigError, Problem

if TYPE_CHECKING:
    from proxy.config.schema import VariantConfig

    Outcome: TypeAlias = VariantConfig | list[Problem] | str
    """The values, all that is wrong with them, or a fault of the child's."""

_BEGIN = """\
import pickle, sys
sys.path[:] = pickle.load(sys.stdin.buffer)
from proxy.app.brought import answer
answer()
"""


class VariantReader:
    """Asks the child. May be used by several threads."""

    def __init__(self) -> None:
        self._child: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()

    def read(self, raw: bytes, around: Surroundings) -> VariantConfig:
        """See `proxy.config.dynamic.read_variant`.

        Raises:
            ConfigError: it is no variant, or not one of this function; all faults at once.
            RuntimeError: the child met a fault, or has ended, and another one, too.
        """
        question = pickle.dumps((raw, around), pickle.HIGHEST_PROTOCOL)
        with self._lock:
            outcome = self._ask(question)
        if isinstance(outcome, list):
            raise ConfigError(outcome)
        if isinstance(outcome, str):
            raise RuntimeError(outcome)
        return outcome

    def close(self) -> None:
        """End the child. Another question begins another one."""
        child, self._child = self._child, None
        if child is None:
            return
        assert child.stdin is not None and child.stdout is not None
        child.kill()
        with contextlib.suppress(OSError):
            child.stdin.close()
        child.stdout.close()
        child.wait()

    def __del__(self) -> None:
        self.close()

    def _ask(self, question: bytes) -> Outcome:
        for _ in range(2):
            child = self._child = self._child or _begin()
            assert child.stdin is not None and child.stdout is not None
            try:
                child.stdin.write(question)
                child.stdin.flush()
                outcome: Outcome = pickle.load(child.stdout)
                return outcome
            except (OSError, EOFError, pickle.UnpicklingError):
                self.close()
        raise RuntimeError("the process that reads variants has ended, twice")


def _begin() -> subprocess.Popen[bytes]:
    child = subprocess.Popen(
        [sys.executable, "-c", _BEGIN],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        process_group=0,  # What ends this process in order, such as Ctrl-C, is no business of its.
    )
    assert child.stdin is not None
    pickle.dump(sys.path, child.stdin)
    return child


def answer() -> None:
    """In the child: answer all questions."""
    from proxy.config.dynamic import read_variant

    with os.fdopen(os.dup(1), "wb") as said, contextlib.suppress(EOFError):
        os.dup2(2, 1)
        while True:
            raw, around = pickle.load(sys.stdin.buffer)
            try:
                outcome: Outcome = read_variant(raw, around)
            except ConfigError as error:
                outcome = error.problems
            except Exception as error:
                traceback.print_exc()
                outcome = f"a variant could not be read: {type(error).__name__}"
            pickle.dump(outcome, said, pickle.HIGHEST_PROTOCOL)
            said.flush()

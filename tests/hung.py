"""A test that never ends is made to fail, and says what it waited for.

Without this one such test holds the whole run up, and whoever ended it would learn nothing. The
limit is far above what any test takes on the slowest machine; `make prove` has none.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
import threading
import traceback
from collections.abc import Iterator
from types import FrameType
from typing import Any

import pytest

LIMIT_SECONDS = 300.0
AGAIN_SECONDS = 10.0
"""An interrupt can hit a callback, from which the loop goes on."""


@contextlib.contextmanager
def fails_when_hung(seconds: float = LIMIT_SECONDS) -> Iterator[None]:
    """Interrupt what is done within, in the main thread, when it takes longer.

    Raises:
        pytest.fail.Exception: it did; the text has what each task and thread waited for.
    """
    ended = threading.Event()

    def watch() -> None:
        wait = seconds
        while not ended.wait(wait):
            signal.pthread_kill(main, signal.SIGUSR2)
            wait = AGAIN_SECONDS

    def fail(number: int, frame: FrameType | None) -> None:
        if not ended.is_set():
            pytest.fail(f"not ended after {seconds:.0f} s\n{what_waits()}")

    main = threading.main_thread().ident
    assert main is not None
    previous = signal.signal(signal.SIGUSR2, fail)
    watcher = threading.Thread(target=watch, name="watch for a hung test", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        ended.set()
        watcher.join()
        signal.signal(signal.SIGUSR2, previous)


def what_waits() -> str:
    """Where each thread is, and what each task of the loop that runs here awaits."""
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    lines = []
    for ident, frame in sys._current_frames().items():
        lines += [f"\nthread {names.get(ident)}:\n", *traceback.format_stack(frame)[-12:]]
    with contextlib.suppress(RuntimeError):
        for task in asyncio.all_tasks():
            lines += [f"\ntask {task.get_name()}:\n", *_awaited(task.get_coro())]
    return "".join(lines)


def _awaited(coroutine: Any) -> Iterator[str]:
    """Each frame from a task's coroutine down to what it awaits at last."""
    while (frame := getattr(coroutine, "cr_frame", None)) is not None:
        yield from traceback.format_list([traceback.extract_stack(frame, 1)[0]])
        coroutine = coroutine.cr_await
    if coroutine is not None:
        yield f"  {coroutine!r}\n"

"""One worker process and the line to it, as the main process holds them."""

from __future__ import annotations

import asyncio
import logging
import time
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection

from proxy.app.firsts import FirstWorker
from proxy.app.spec import Prepare, Prepared, Word, WorkerSpec

log = logging.getLogger(__name__)


class Member:
    """A worker from its start to its death."""

    def __init__(
        self, slot: int, number: int, control: Connection, first: FirstWorker | None = None
    ) -> None:
        self.slot = slot
        self.number = number
        """Of the configuration that it serves, as far as it has been told."""
        self.control = control
        self.first = first
        """Where it is a child of this process: else it is one of the image."""
        self.ready = False
        self.born = time.monotonic()
        self._asked = 0
        """The number of the configuration that it was last asked to build."""
        self._answer: asyncio.Future[str | None] | None = None
        self._gone = False
        self._sender = ThreadPoolExecutor(1, thread_name_prefix=f"to-worker-{slot}")

    def say(self, word: Word | WorkerSpec) -> None:
        """Send in order, off the loop: what a worker is slow to read must hold nobody up.

        To one that is gone, nothing is said.
        """
        if not self._gone:
            self._sender.submit(self._send, word)

    def ask(self, word: Prepare) -> asyncio.Future[str | None]:
        """Why it cannot build this, "" when it can, None when it died without an answer."""
        self._asked = word.number
        self._answer = asyncio.get_running_loop().create_future()
        self.say(word)
        return self._answer

    def answered(self, word: Prepared) -> None:
        """An answer that comes too late is not one to the question that was asked since."""
        if word.number == self._asked:
            self._settle(word.problem)

    def close(self) -> None:
        """It is dead."""
        self._gone = True
        # Behind what is being sent: were it closed meanwhile, its number could be another file's.
        self._sender.submit(self.control.close)
        self._sender.shutdown(wait=False)
        self._settle(None)

    def _settle(self, answer: str | None) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(answer)

    def _send(self, word: Word | WorkerSpec) -> None:
        try:
            if not self._gone:
                self.control.send(word)
        except (OSError, ValueError):
            log.debug("worker %d is gone already", self.slot)

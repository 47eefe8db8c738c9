"""Live reload: loaded once by the main process, taken by all workers or by none.

Asked for by SIGHUP, or by a change of content that has lasted for one look at the files, so that
nothing half written is read. A configuration that cannot be used changes nothing: the log, the
metrics and `/status` say what is wrong with it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from proxy.app.fleet import Fleet
from proxy.app.host import Host
from proxy.app.reading import load_config
from proxy.app.spec import Prepare
from proxy.app.telemetry import plan_catalogue
from proxy.config.fixed import hold_fixed
from proxy.config.loaded import LoadedConfig
from proxy.config.watch import ConfigWatch, credential_files
from proxy.errors import ConfigError

POLL_SECONDS = 1.0
ANSWER_SECONDS = 10.0
"""How long a worker may take to build a configuration."""
NO_ROOM = "it has more names than there is room for metrics: restart to serve it"

log = logging.getLogger(__name__)


class Reloader:
    """Keeps `current` what all workers serve."""

    def __init__(self, pattern: str, started: LoadedConfig, environ: Mapping[str, str]) -> None:
        self.current = started
        self._pattern = pattern
        self._started = started
        self._environ = environ
        self._asked = asyncio.Event()
        self._number = 0
        self._watch = ConfigWatch(pattern, self._named_by(started))
        self._seen = self._in_force = self._watch.digest()
        self._waiting: list[str] = []
        self._since = _now()
        self._last: dict[str, Any] | None = None

    def request(self) -> None:
        """Reload now, whatever the files say; asked for meanwhile, once more afterwards."""
        self._asked.set()

    def report(self) -> dict[str, Any]:
        """What `/status` says."""
        return {
            "hash": self.current.snapshot.hash.hex(),
            "since": self._since,
            "files": list(dict.fromkeys(map(str, self.current.files))),
            "waits_for_restart": self._waiting,
            "last_reload": self._last,
        }

    async def run(self, host: Host, fleet: Fleet) -> None:
        """Until cancelled."""
        before: bytes | None = None
        while True:
            asked = await self._wait()
            digest = await asyncio.to_thread(self._watch.digest)
            settled = digest != self._seen and digest == before
            before = digest
            if asked or settled:
                await self._reload(host, fleet)

    async def _wait(self) -> bool:
        """Whether somebody asked, within the time between two looks."""
        try:
            async with asyncio.timeout(POLL_SECONDS):
                await self._asked.wait()
        except TimeoutError:
            return False
        self._asked.clear()
        return True

    async def _reload(self, host: Host, fleet: Fleet) -> None:
        result, problems = "refused", list[str]()
        try:
            result, problems = await self._try(host, fleet)
        except ConfigError as error:
            problems = [str(problem) for problem in error.problems]
        except Exception as error:
            log.exception("a reload failed inside")
            problems = [f"a fault of this program: {type(error).__name__}"]
        for problem in problems:
            log.error("the configuration is refused: %s", problem)
        self._last = {"at": _now(), "result": result, "errors": problems}
        host.reloaded(result)
        fleet.report(self.report())

    async def _try(self, host: Host, fleet: Fleet) -> tuple[str, list[str]]:
        """The result, and what is wrong if it is `refused`; else it is in force.

        Raises:
            ConfigError: the files cannot be used.
        """
        loaded = await self._load()
        effective, waiting = hold_fixed(loaded, self._started)
        known = host.telemetry.catalogue
        catalogue = await asyncio.to_thread(plan_catalogue, effective, known)
        if catalogue.size > host.telemetry.cells.capacity:
            return "refused", [NO_ROOM]
        self._number += 1
        word = Prepare(self._number, effective, catalogue)
        problems = await fleet.prepare(word, ANSWER_SECONDS)
        if problems:
            fleet.decide(word, take=False)
            return "refused", problems
        # The main process learns the series first: it sums them up when a worker dies.
        host.adopt(effective, catalogue)
        fleet.decide(word, take=True)
        return self._taken(effective, waiting), []

    async def _load(self) -> LoadedConfig:
        """The files as they are. What changes from here on, while they are read or later, is seen
        as another change: their content is remembered first.

        Raises:
            ConfigError: they cannot be used.
        """
        while True:
            self._seen = await asyncio.to_thread(self._watch.digest)
            loaded = await asyncio.to_thread(load_config, self._pattern, self._environ)
            named = self._named_by(loaded)
            if named == self._watch.more:
                return loaded
            # Files were read that had not been looked at: look, and read again.
            self._watch.more = named

    def _taken(self, loaded: LoadedConfig, waiting: list[str]) -> str:
        """Note what is in force, and say whether that is another than before."""
        same_text = self.current.snapshot.hash == loaded.snapshot.hash
        same = same_text and self._seen == self._in_force
        self.current, self._waiting, self._in_force = loaded, waiting, self._seen
        if not same:
            self._since = _now()
        for warning in loaded.warnings:
            log.warning("%s", warning)
        for key in waiting:
            log.warning("`%s` differs; it waits for a restart", key)
        note = " (its content is the same)" if same_text else ""
        log.info("the configuration %s is in force%s", loaded.snapshot.hash.hex()[:12], note)
        return "unchanged" if same else "applied"

    def _named_by(self, loaded: LoadedConfig) -> list[Path]:
        return [*loaded.files, *credential_files(loaded.config, self._environ)]


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")

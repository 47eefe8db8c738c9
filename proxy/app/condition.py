"""How a worker and its host are, for `/health`, `/ready` and `/status`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from proxy.errors import RecordingRefused
from proxy.types.ports import Recorder


class WorkerCondition:
    """Implements `http.operations.Condition`. `report` is given by the composition root."""

    def __init__(
        self,
        recorder: Recorder,
        postgres_up: Callable[[], bool],
        report: Callable[[], dict[str, Any]],
        config: Mapping[str, Any],
    ) -> None:
        self.started = False
        self.draining = False
        self._recorder = recorder
        self._postgres_up = postgres_up
        self._report = report
        self.config = config
        """What the main process says of the configuration and its reloads."""

    def journal_accepts(self) -> bool:
        try:
            self._recorder.admit()
        except RecordingRefused:
            return False
        return True

    def postgres_ok(self) -> bool:
        return self._postgres_up()

    def ready(self) -> bool:
        return self.started and not self.draining and self.journal_accepts()

    def report(self) -> dict[str, Any]:
        own = {"draining": self.draining, "ready": self.ready()}
        return {**own, **self._report(), "config": dict(self.config)}

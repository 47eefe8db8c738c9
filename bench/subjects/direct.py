"""The provider itself, with nothing before it: what all the rest of the bench can do."""

from __future__ import annotations

from dataclasses import replace

from bench.loads.target import Target
from bench.scenarios import Scenario
from bench.subjects.base import Subject, Surroundings


class Direct(Subject):
    """No process of its own."""

    def __init__(self, at: Surroundings) -> None:
        super().__init__("direct", at.port, None)
        self._tls_port = at.tls_port
        self._authority = str(at.authority)

    def target(self, scenario: Scenario) -> Target:
        plain = super().target(scenario)
        if not scenario.tls:
            return plain
        return replace(plain, port=self._tls_port, authority=self._authority)

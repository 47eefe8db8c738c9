"""What all subjects have in common."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bench import measure
from bench.checking import Kind
from bench.loads.target import Target
from bench.measure import Account, Cores
from bench.programs import Program
from bench.scenarios import Scenario

PATH = "/v1/chat/completions"


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a subject is told when it is made."""

    cores: Cores
    folder: Path
    port: int
    """Of the provider."""
    tls_port: int
    """Of the provider, over TLS, as `localhost`."""
    storm_port: int
    """Of the provider, as an origin of its own."""
    authority: Path
    pinned: bool = True
    """Whether servers have one core to themselves, and no other."""

    @property
    def server_cores(self) -> tuple[int, ...]:
        return (self.cores.server,) if self.pinned else self.cores.allowed

    @property
    def environment(self) -> dict[str, str]:
        """For every server: the authority it is to trust, as an operator would name it."""
        return {"SSL_CERT_FILE": str(self.authority)}


class Subject:
    """A server under test, with no records and one way to be asked; others override."""

    def __init__(self, name: str, port: int, program: Program | None) -> None:
        self.name = name
        """As in the tables."""
        self.workers = 1
        """Each gets the same load: more of them serve more connections."""
        self.records = False
        self.port = port
        self.program = program

    def target(self, scenario: Scenario) -> Target:
        return Target(self.port, PATH, "bench", self.checks(), scenario.script)

    def checks(self) -> Kind:
        return "bytes"

    def cpu(self) -> Account:
        return measure.cpu(self.program.pid, None) if self.program else Account(0, 0, 0)

    def memory(self) -> Account:
        return measure.memory(self.program.pid, None) if self.program else Account(0, 0, 0)

    def settle(self, answered: int) -> None:
        """Wait until the work that `answered` more calls left behind is done."""

    def recorded(self) -> tuple[int, int] | None:
        """Calls answered, and rows of them in its database; None where it has none."""
        return None

    def scrape(self) -> str:
        """Its metrics; nothing where it has none."""
        return ""

    def stop(self) -> None:
        if self.program:
            self.program.stop()

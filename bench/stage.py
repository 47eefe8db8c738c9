"""The provider, the subjects and a temporary folder; all gone when the stage is left."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType

from bench import measure
from bench.certificates import make_certificates
from bench.measure import Cores
from bench.programs import Program, free_port
from bench.subjects import registry
from bench.subjects.base import Subject, Surroundings
from bench.subjects.product import Product


class Stage:
    """Starts subjects when they are asked for, and keeps them."""

    def __init__(self, cores: Cores) -> None:
        self._exits = ExitStack()
        folder = Path(tempfile.mkdtemp(prefix="bench-"))
        self._exits.callback(shutil.rmtree, folder, ignore_errors=True)
        # Postgres runs under another account where this runs as root, and must get to its data.
        folder.chmod(0o711)
        self._certificates = make_certificates(folder)
        self.at = Surroundings(
            cores, folder, free_port(), free_port(), free_port(), self._certificates.authority
        )
        self.subjects: dict[str, Subject] = {}

    def __enter__(self) -> Stage:
        try:
            self._start_provider()
        except BaseException:
            self._exits.close()
            raise
        return self

    def _start_provider(self) -> None:
        at = self.at
        ports = ("--port", at.port), ("--storm-port", at.storm_port), ("--tls-port", at.tls_port)
        command = [
            *(sys.executable, "-m", "bench.provider"),
            *(str(word) for pair in ports for word in pair),
            *("--certificate", str(self._certificates.server)),
        ]
        program = Program(command, cores=[at.cores.rest], log=at.folder / "provider.log")
        self._exits.callback(program.stop)
        program.wait_listening(at.port)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._exits.close()

    def get(self, name: str) -> Subject:
        """A subject that serves, started at the first question. Raises Missing, BenchError."""
        if name not in self.subjects:
            subject = registry.start(name, self.at)
            self._exits.callback(subject.stop)
            _attend(subject)
            self.subjects[name] = subject
        return self.subjects[name]

    @contextmanager
    def fresh(self, name: str) -> Iterator[Subject]:
        """One that has served nobody yet, and is stopped afterwards."""
        subject = registry.start(name, self.at)
        try:
            _attend(subject)
            yield subject
        finally:
            subject.stop()

    def provider_counts(self) -> dict[str, int]:
        """How often each script was begun."""
        return {name: int(count) for name, count in self._tell("counts").items()}

    def release(self) -> None:
        """Let held streams go on."""
        self._tell("release")

    def _tell(self, what: str) -> dict[str, int]:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.at.port}/{what}") as answer:
            told: dict[str, int] = json.load(answer)
        return told


def _attend(subject: Subject) -> None:
    if subject.program is not None:
        subject.program.wait_listening(subject.port)
    if isinstance(subject, Product):
        subject.attend()


def open_stage() -> Stage:
    """On the first and the last core that this process may use; it goes to the last itself."""
    cores = measure.choose_cores()
    measure.move([0], cores.rest)
    return Stage(cores)

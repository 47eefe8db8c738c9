"""Start-up: from the command to the first good answer, and what a server takes when it rests."""

from __future__ import annotations

import http.client
import time
from collections.abc import Callable
from dataclasses import replace

from bench.errors import BenchError
from bench.kinds.base import Run, memory_figures, result
from bench.programs import START_S
from bench.results import Result
from bench.scenarios import Scenario
from bench.stage import Stage
from bench.subjects import registry
from bench.subjects.base import Subject, Surroundings
from bench.subjects.product import Options, Product

POLL_S = 0.004
REST_S = 2.0


def measure(run: Run, scenario: Scenario, name: str) -> list[Result]:
    """Of the product three times: with a new Postgres of its own, with that again, and with one
    that runs and is migrated. Servers may use all cores: nobody else wants any."""
    at = replace(run.stage.at, pinned=False)
    if name == "product":
        return [_measure_product(run, scenario, at)]
    subject, took = _start(lambda: registry.start(name, at), scenario)
    try:
        figures = {"start_s": took} | _rest(subject)
    finally:
        subject.stop()
    return [result(run, scenario, subject, figures, [])]


def _measure_product(run: Run, scenario: Scenario, at: Surroundings) -> Result:
    state = at.folder / f"start-{run.number}"
    figures = {}
    for figure in ("start_new_s", "start_again_s"):
        subject, figures[figure] = _start(lambda: Product(at, Options(state=state)), scenario)
        subject.stop()
    url = existing_database(run.stage, scenario)
    subject, figures["start_s"] = _start(lambda: Product(at, _existing(at, url)), scenario)
    try:
        figures |= _rest(subject)
    finally:
        subject.stop()
    return result(run, scenario, subject, figures, [])


def _existing(at: Surroundings, url: str) -> Options:
    return Options(state=at.folder / "existing-state", database_url=url)


def existing_database(stage: Stage, scenario: Scenario) -> str:
    """A migrated database on the running Postgres of the stage's own product."""
    product = stage.get("product")
    assert isinstance(product, Product) and product.cluster is not None
    url = product.cluster.url("bench")
    if not (stage.at.folder / "existing-state").exists():
        product.ledger.create_database()
        subject, _ = _start(lambda: Product(stage.at, _existing(stage.at, url)), scenario)
        subject.stop()
    return url


def _start(make: Callable[[], Subject], scenario: Scenario) -> tuple[Subject, float]:
    """The subject, and seconds until it gave a right answer."""
    subject = make()
    try:
        assert subject.program is not None
        ask = Asking(subject, scenario)
        deadline = time.monotonic() + START_S
        while not ask.once():
            subject.program.check()
            if time.monotonic() > deadline:
                raise BenchError(f"{subject.name} did not answer:\n{subject.program.said()}")
            time.sleep(POLL_S)
        return subject, time.perf_counter() - subject.program.began_at
    except BaseException:
        subject.stop()
        raise


def _rest(subject: Subject) -> dict[str, float]:
    """Memory and CPU when nothing happens."""
    time.sleep(REST_S / 2)
    before = subject.cpu()
    time.sleep(REST_S)
    spent = subject.cpu() - before
    return memory_figures(subject, "idle") | {"idle_cpu_percent": 100 * spent.ours / REST_S}


class Asking:
    """One call, tried until it is answered rightly."""

    def __init__(self, subject: Subject, scenario: Scenario) -> None:
        self._target = subject.target(scenario)
        self._check = self._target.build_check()
        self._body = self._target.plays.request_body(self._target.model)

    def once(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self._target.port, timeout=30)
        headers = {"Content-Type": "application/json", "Authorization": "Bearer sk-not-a-key"}
        try:
            connection.request("POST", self._target.path, self._body, headers)
            answer = connection.getresponse()
            return answer.status == 200 and not self._check(answer.read())
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

"""The first workers are children of the main process, and are replaced all the same."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.harness import Proxy
from tests.unit.app.fleets import configuration

WAIT_S = 30.0


@pytest.fixture
def proxy(tmp_path: Path) -> Iterator[Proxy]:
    path = tmp_path / "routes.yaml"
    path.write_text(json.dumps(configuration("a")))
    made = Proxy(path, tmp_path / "state", workers=2, arguments=("--no-database",)).start()
    try:
        yield made
    finally:
        if made.process is not None and made.process.poll() is None:
            made.kill_all()


def main_pid(proxy: Proxy) -> int:
    assert proxy.process is not None
    return proxy.process.pid


def replaced(proxy: Proxy, dead: int) -> list[int]:
    """The workers, when there are two again."""
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        found = proxy.worker_pids()
        if len(found) == 2 and dead not in found:
            return found
        time.sleep(0.02)
    raise AssertionError("nobody took its place")


def test_main_process_and_workers_share_what_was_loaded(proxy: Proxy) -> None:
    main, *others = proxy.tree()
    assert {each.pid for each in others} == set(proxy.worker_pids()), "there is nobody else"
    assert {each.ppid() for each in others} == {main.pid}
    assert {tuple(each.cmdline()) for each in others} == {tuple(main.cmdline())}, (
        "none of them loaded the code again"
    )
    assert proxy.stop() == 0


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="needs /proc")
def test_what_the_configuration_needs_is_loaded_once_for_all(proxy: Proxy) -> None:
    maps = Path(f"/proc/{main_pid(proxy)}/maps").read_text()
    assert "minijinja" in maps, "there is a template, though the main process renders none"
    assert "pydantic" not in maps
    assert proxy.stop() == 0


def test_those_that_die_are_replaced_by_workers_of_an_image(proxy: Proxy) -> None:
    images = set()
    for _ in range(3):
        victim = min(proxy.worker_pids())
        os.kill(victim, signal.SIGKILL)
        now = replaced(proxy, victim)
        images |= {psutil.Process(pid).ppid() for pid in now} - {main_pid(proxy)}
        assert not psutil.pid_exists(victim), "it was waited for"
    assert len(images) == 1, "which stands from the first death on"
    assert "exit code -9" in proxy.log.read_text()
    assert proxy.stop() == 0


def test_a_first_worker_lives_on_when_the_image_dies(proxy: Proxy) -> None:
    first, victim = sorted(proxy.worker_pids())
    os.kill(victim, signal.SIGKILL)
    (other,) = set(replaced(proxy, victim)) - {first}
    psutil.Process(other).parent().kill()  # type: ignore[union-attr]
    assert first in replaced(proxy, other)
    assert proxy.stop() == 0


def test_they_end_when_the_main_process_is_killed(proxy: Proxy) -> None:
    workers = proxy.worker_pids()
    os.kill(main_pid(proxy), signal.SIGKILL)
    _, alive = psutil.wait_procs([psutil.Process(pid) for pid in workers], timeout=WAIT_S)
    assert not alive


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_a_signal_to_the_whole_group_is_the_main_process_s_business(
    tmp_path: Path, number: signal.Signals
) -> None:
    path = tmp_path / "routes.yaml"
    path.write_text(json.dumps(configuration("a")))
    proxy = Proxy(path, tmp_path / "state", workers=2, arguments=("--no-database",))
    proxy.start(wait=False)
    main = psutil.Process(main_pid(proxy))
    try:
        deadline = time.monotonic() + WAIT_S
        while len(workers := main.children()) < 2 and time.monotonic() < deadline:
            time.sleep(0.001)
        for each in workers:  # While they wait for their specs, or begin, or serve already.
            each.send_signal(number)
        assert len(replaced(proxy, 0)) == 2
        assert {each.pid for each in workers} == set(proxy.worker_pids())
    finally:
        proxy.stop()


def test_one_that_hangs_is_killed_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "routes.yaml"
    drain = {"zeroproxy": {"drain": {"timeout_s": 0.1}}}
    path.write_text(json.dumps(configuration("a") | drain))
    proxy = Proxy(path, tmp_path / "state", arguments=("--no-database",)).start()
    (worker,) = proxy.worker_pids()
    os.kill(worker, signal.SIGSTOP)
    assert proxy.stop() == 0
    assert "did not leave in time" in proxy.log.read_text()
    assert not psutil.pid_exists(worker)

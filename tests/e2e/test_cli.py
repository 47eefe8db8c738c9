"""The command line: exit codes, help, clear errors, the first call as printed, the wheel."""

from __future__ import annotations

import json
import os
import re
import shlex
import socket
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from proxy import __version__
from tests.harness import ROOT, Proxy, free_port, write_config

MISSING_KEY = {"models": {"m": {"providers": {}}}}


def run(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    inherited = {
        key: value
        for key, value in os.environ.items()
        if key not in ("DATABASE_URL", "TENSORZERO_POSTGRES_URL")
    }
    return subprocess.run(
        [sys.executable, "-m", "proxy", *arguments],
        cwd=ROOT,
        env=inherited | environ,
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_the_version_is_printed() -> None:
    assert run("version").stdout.strip() == __version__


@pytest.mark.parametrize("command", ["", "serve", "validate", "migrate"])
def test_help_helps(command: str) -> None:
    done = run(*filter(None, [command]), "--help")
    assert done.returncode == 0
    assert "Exit codes" in done.stdout or command in ("validate", "migrate")


def test_a_valid_configuration_is_valid_for_scripts_too() -> None:
    assert run("validate", "routes.yaml").returncode == 0
    done = run("validate", "routes.yaml", "--json")
    assert json.loads(done.stdout)["valid"] is True


def test_a_refused_configuration_has_its_exit_code_and_its_problems(tmp_path: Path) -> None:
    path = write_config(tmp_path / "bad.yaml", MISSING_KEY)
    done = run("validate", str(path))
    assert done.returncode == 3
    assert "models.m" in done.stderr and "routing" in done.stderr
    as_json = json.loads(run("validate", str(path), "--json").stdout)
    assert as_json["valid"] is False
    assert {"file", "key", "message", "remedy"} == set(as_json["problems"][0])
    assert run("serve", "--config", str(path)).returncode == 3


def test_a_missing_file_is_named() -> None:
    done = run("serve", "--config", "nowhere.yaml")
    assert done.returncode == 3
    assert "nowhere.yaml" in done.stderr


def test_a_taken_port_is_named_with_a_way_out() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = run("serve", "--no-database", "--port", str(port))
    assert done.returncode == 4
    assert str(port) in done.stderr and "--port" in done.stderr


def test_an_unreachable_database_is_named_without_its_password(tmp_path: Path) -> None:
    dsn = f"postgresql://me:hunter2@127.0.0.1:{free_port()}/nothing"
    done = run(
        "serve", "--port", "0", DATABASE_URL=dsn, ZEROPROXY_STATE_DIR=str(tmp_path / "state")
    )
    assert done.returncode == 4
    assert "DATABASE_URL" in done.stderr
    assert "hunter2" not in done.stderr + done.stdout


def test_migrate_says_what_it_did(database: str) -> None:
    done = run("migrate", "--json", DATABASE_URL=database)
    assert done.returncode == 0
    assert json.loads(done.stdout) == {"applied": []}


def test_the_first_call_works_as_printed_and_data_survives(open_folder: Path) -> None:
    proxy = Proxy(ROOT / "routes.yaml", open_folder / "state").start()
    printed = re.search(r"^\s+(curl .*)$", proxy.tail(), re.M)
    assert printed is not None
    done = subprocess.run(shlex.split(printed[1]), capture_output=True, timeout=30, check=True)
    assert json.loads(done.stdout)["choices"][0]["message"]["content"].startswith("Megumin")
    proxy.settle()
    assert proxy.stop() == 0
    proxy.start()
    assert proxy.metric("zeroproxy_exchanges_adopted_total") == 0
    assert proxy.get("/status")[0] == 200
    assert proxy.stop() == 0


def test_without_a_database_calls_are_served_and_feedback_says_why_not(tmp_path: Path) -> None:
    proxy = Proxy(ROOT / "routes.yaml", tmp_path / "state", arguments=("--no-database",)).start()
    assert proxy.chat("demo")[0] == 200
    status, _, body = proxy.post("/feedback", {"metric_name": "thumbs_up", "value": True})
    assert status == 400
    assert "recording" in json.loads(body)["error"]
    assert proxy.stop() == 0


def test_the_wheel_serves_outside_the_checkout_beside_other_packages(
    tmp_path: Path, open_folder: Path
) -> None:
    """Its own code and its SQL come from the wheel; libraries from where the tests have them."""
    subprocess.run(
        [
            sys.executable,
            "-m",
            "build",
            "--wheel",
            "--no-isolation",
            "-o",
            str(tmp_path),
            str(ROOT),
        ],
        check=True,
        capture_output=True,
        timeout=300,
    )
    wheel = next(tmp_path.glob("zeroproxy-*.whl"))
    home = tmp_path / "elsewhere"
    venv.create(home, with_pip=True, system_site_packages=False)
    python = home / "bin" / "python"
    subprocess.run(
        [str(python), "-m", "pip", "install", "--quiet", "--no-deps", str(wheel)],
        check=True,
        capture_output=True,
        timeout=300,
    )
    libraries = Path(pytest.__file__).parent.parent
    paths = subprocess.run(
        [str(python), "-c", "import site; print(site.getsitepackages()[0])"],
        check=True,
        capture_output=True,
        text=True,
    )
    # After the wheel's own folder, so that nothing of a checkout comes first.
    (Path(paths.stdout.strip()) / "libraries.pth").write_text(f"{libraries}\n")
    state = open_folder / "state"
    port = free_port()
    config = write_config(tmp_path / "routes.yaml", _dummy())
    environ = {"PATH": os.environ["PATH"], "ZEROPROXY_STATE_DIR": str(state), "HOME": str(tmp_path)}
    log = (tmp_path / "log").open("wb")
    process = subprocess.Popen(
        [str(home / "bin" / "zeroproxy"), "serve", "--config", str(config), "--port", str(port)],
        cwd=tmp_path,
        env=environ,
        stdout=log,
        stderr=log,
    )
    proxy = Proxy(config, state, port=port, process=process)
    state.with_name("state.log").symlink_to(tmp_path / "log")
    try:
        proxy.wait_ready()
        assert proxy.chat("m")[0] == 200
        assert proxy.settle()["written"] == 1
        where = subprocess.run(
            [str(python), "-c", "import proxy; print(proxy.__file__)"],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
        )
        assert str(home) in where.stdout
        assert proxy.stop() == 0
    finally:
        log.close()
        if proxy.process is not None:
            proxy.kill_all()


def _dummy() -> dict[str, object]:
    providers = {"p": {"type": "dummy", "model_name": "good"}}
    return {"models": {"m": {"routing": ["p"], "providers": providers}}}

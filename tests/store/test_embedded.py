"""The embedded Postgres: first starts that are killed, second owners, servers left behind."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import asyncpg
import psutil
import pytest

from proxy.errors import EmbeddedPostgresError
from proxy.store.embedded import EmbeddedPostgres
from proxy.store.postgres_binaries import Account
from proxy.store.postgres_keeper import keep_running

ROOT = Path(__file__).resolve().parents[2]
PROVE = bool(os.environ.get("PROVE"))
KILLED_STARTS = 30 if PROVE else 3
OWNER = """
import asyncio, sys, time
from pathlib import Path
from proxy.store.embedded import EmbeddedPostgres
print(asyncio.run(EmbeddedPostgres(Path(sys.argv[1])).start()), flush=True)
time.sleep(600)
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that another account can reach, too, as the product's own is."""
    with tempfile.TemporaryDirectory(prefix="zp-emb-", ignore_cleanup_errors=True) as made:
        Path(made).chmod(0o711)
        yield Path(made) / "postgres"
        for process in servers(Path(made)):
            process.kill()


def servers(below: Path) -> list[psutil.Process]:
    """Postmasters of data folders below this one."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        arguments = process.info["cmdline"] or []
        if "-D" in arguments and arguments[arguments.index("-D") + 1].startswith(str(below)):
            found.append(process)
    return found


def owner(folder: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", OWNER, str(folder)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def started(process: subprocess.Popen[bytes]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().decode().strip()


def kill(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.communicate()


async def ask(dsn: str, statement: str) -> object:
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()


async def test_data_survives_a_restart(folder: Path) -> None:
    server = EmbeddedPostgres(folder)
    dsn = await server.start()
    await ask(dsn, "CREATE TABLE kept AS SELECT 7 AS n")
    await server.stop()
    assert not server.is_running()
    assert await ask(await server.start(), "SELECT n FROM kept") == 7
    await server.stop()
    assert not servers(folder.parent)


async def test_a_second_owner_is_told_who_is_the_first(folder: Path) -> None:
    first = EmbeddedPostgres(folder)
    await first.start()
    with pytest.raises(EmbeddedPostgresError, match=rf"pid {os.getpid()}\b.*ZEROPROXY_STATE_DIR"):
        await EmbeddedPostgres(folder).start()
    await first.stop()
    second = EmbeddedPostgres(folder)
    await second.start()
    await second.stop()


async def test_a_second_process_is_told_the_pid_of_the_first(folder: Path) -> None:
    first = owner(folder)
    started(first)
    second = await asyncio.to_thread(owner(folder).communicate)
    assert f"pid {first.pid}) already serves from {folder.parent}" in second[1].decode()
    server = EmbeddedPostgres(folder)
    with pytest.raises(EmbeddedPostgresError, match=rf"pid {first.pid}\b"):
        await server.start()
    await server.stop()
    assert servers(folder.parent), "who was refused does not stop the other's server"
    kill(first)


async def test_two_starts_at_once_have_one_clear_winner(folder: Path) -> None:
    both = [EmbeddedPostgres(folder), EmbeddedPostgres(folder)]
    results = await asyncio.gather(*[each.start() for each in both], return_exceptions=True)
    for each in both:
        await each.stop()
    refused = [each for each in results if isinstance(each, EmbeddedPostgresError)]
    assert len(refused) == 1
    assert "already serves" in str(refused[0])


async def test_a_killed_first_start_leaves_a_next_one_that_works(folder: Path) -> None:
    source = random.Random(8)
    begun = time.monotonic()
    process = owner(folder)
    started(process)
    whole = time.monotonic() - begun
    kill(process)
    for number in range(KILLED_STARTS):
        target = folder.with_name(f"postgres-{number}")
        process = owner(target)
        await asyncio.sleep(source.random() * whole)
        kill(process)
        server = EmbeddedPostgres(target)
        assert await ask(await server.start(), "SELECT 1") == 1
        await server.stop()
        assert not list(target.glob("init-*"))
    print(f"\n{KILLED_STARTS} first starts killed at random moments: every next one works")


async def test_a_server_that_outlived_its_owner_is_taken_over_and_stopped(folder: Path) -> None:
    process = owner(folder)
    dsn = started(process)
    assert dsn.startswith("postgresql://")
    await ask(dsn, "CREATE TABLE kept AS SELECT 8 AS n")
    kill(process)
    left = servers(folder.parent)
    assert left, "a killed owner leaves its server"
    server = EmbeddedPostgres(folder)
    assert await ask(await server.start(), "SELECT n FROM kept") == 8
    assert servers(folder.parent) == left, "it is the same server"
    await server.stop()
    psutil.wait_procs(left, timeout=5)
    assert not servers(folder.parent), "the new owner's end is the server's, too"


async def test_a_killed_server_recovers(folder: Path) -> None:
    process = owner(folder)
    await ask(started(process), "CREATE TABLE kept AS SELECT 9 AS n")
    for each in servers(folder.parent):
        each.kill()
    kill(process)
    server = EmbeddedPostgres(folder)
    assert await ask(await server.start(), "SELECT n FROM kept") == 9
    await server.stop()


async def test_a_server_that_dies_is_started_again_while_somebody_keeps_it(folder: Path) -> None:
    server = EmbeddedPostgres(folder)
    dsn = await server.start()
    await ask(dsn, "CREATE TABLE kept AS SELECT 10 AS n")
    keeping = asyncio.create_task(keep_running(server, every_s=0.05))
    for _ in range(2):
        killed = servers(folder.parent)
        for each in killed:
            each.kill()
        while servers(folder.parent) in ([], killed) or not await answers(dsn):
            await asyncio.sleep(0.05)
        assert await ask(dsn, "SELECT n FROM kept") == 10, "at the address that it had"
    keeping.cancel()
    await asyncio.wait([keeping])
    await server.stop()
    assert not servers(folder.parent)


async def answers(dsn: str) -> bool:
    try:
        return await ask(dsn, "SELECT true") is True
    except (OSError, asyncpg.PostgresError):
        return False


async def test_data_of_another_version_is_left_alone(folder: Path) -> None:
    server = EmbeddedPostgres(folder)
    await server.start()
    await server.stop()
    version = next(folder.parent.rglob("PG_VERSION"))
    version.write_text("12\n")
    with pytest.raises(EmbeddedPostgresError, match="is of PostgreSQL 12"):
        await server.start()


async def test_others_cannot_read_the_data(folder: Path) -> None:
    server = EmbeddedPostgres(folder)
    await server.start()
    assert next(folder.parent.rglob("PG_VERSION")).parent.stat().st_mode & 0o077 == 0
    await server.stop()


async def test_the_whole_program_ends_its_server_after_an_earlier_kill(folder: Path) -> None:
    """SIGTERM after an earlier `kill -9`, with the program as a user runs it."""
    from tests.harness import Proxy

    state = folder.parent / "state"
    proxy = Proxy(ROOT / "routes.yaml", state)
    await asyncio.to_thread(proxy.start)
    await asyncio.to_thread(proxy.kill_main)
    time.sleep(0.2)
    assert servers(folder.parent)
    await asyncio.to_thread(proxy.start)
    assert proxy.chat("demo")[0] == 200
    assert await asyncio.to_thread(proxy.stop) == 0
    assert not servers(folder.parent)


async def test_a_signal_during_the_first_start_ends_it_in_order(folder: Path) -> None:
    from tests.harness import Proxy

    state = folder.parent / "state"
    for pause in (0.3, 0.8, 1.2):
        proxy = Proxy(ROOT / "routes.yaml", state)
        proxy.start(wait=False)
        await asyncio.sleep(pause)
        assert proxy.process is not None
        proxy.process.send_signal(signal.SIGTERM)
        code = await asyncio.to_thread(proxy.process.wait, 30)
        assert code in (0, -signal.SIGTERM), proxy.tail()
        assert not servers(folder.parent), pause
    proxy = Proxy(ROOT / "routes.yaml", state)
    await asyncio.to_thread(proxy.start)
    assert await asyncio.to_thread(proxy.stop) == 0


async def test_pid_files_that_name_a_stranger_do_not_stop_a_start(folder: Path) -> None:
    """After a crash of the machine its pid may be anybody's, also one of the same account."""
    server = EmbeddedPostgres(folder)
    dsn = await server.start()
    await ask(dsn, "CREATE TABLE kept AS SELECT 10 AS n")
    pid_file = next(folder.parent.rglob("postmaster.pid"))
    socket_lock = next(folder.parent.rglob(".s.PGSQL.5432.lock"))
    texts = {path: path.read_text() for path in (pid_file, socket_lock)}
    await server.stop()
    status = pid_file.parent.stat()
    stranger = subprocess.Popen(["sleep", "600"], **as_user(status.st_uid))
    try:
        for path, text in texts.items():
            path.write_text(f"{stranger.pid}\n" + text.partition("\n")[2])
            if os.geteuid() == 0:
                os.chown(path, status.st_uid, status.st_gid)
        assert await ask(await server.start(), "SELECT n FROM kept") == 10
        await server.stop()
        assert stranger.poll() is None, "the stranger was left alone"
    finally:
        kill(stranger)


def as_user(uid: int) -> dict[str, Any]:
    return {"user": uid} if os.geteuid() == 0 else {}


async def test_a_server_left_behind_that_hangs_is_replaced(folder: Path) -> None:
    process = owner(folder)
    await ask(started(process), "CREATE TABLE kept AS SELECT 11 AS n")
    kill(process)
    left = servers(folder.parent)
    for each in left:
        each.suspend()
    server = EmbeddedPostgres(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("proxy.store.embedded.STOPPING", (("fast", 1), ("immediate", 1)))
        patch.setattr("proxy.store.embedded.ANSWER_SECONDS", 1.0)
        dsn = await server.start()
    assert await ask(dsn, "SELECT n FROM kept") == 11
    assert servers(folder.parent) != left
    await server.stop()


async def test_a_server_left_behind_with_other_settings_is_restarted(folder: Path) -> None:
    process = owner(folder)
    started(process)
    kill(process)
    server = EmbeddedPostgres(folder, max_connections=23)
    assert await ask(await server.start(), "SHOW max_connections") == "23"
    await server.stop()


async def test_a_deep_folder_gets_a_short_socket(folder: Path) -> None:
    deep = folder.joinpath(*["deep" * 5] * 5)
    server = EmbeddedPostgres(deep)
    dsn = await server.start()
    assert await ask(dsn, "SELECT 1") == 1
    sockets = Path(unquote(urlsplit(dsn).query.partition("host=")[2].partition("&")[0]))
    assert deep not in sockets.parents
    assert sockets.stat().st_mode & 0o077 == 0
    await server.stop()
    sockets.rmdir()


async def test_settings_are_safe_ones(folder: Path) -> None:
    server = EmbeddedPostgres(folder)
    dsn = await server.start()
    assert await ask(dsn, "SHOW listen_addresses") == ""
    assert await ask(dsn, "SHOW fsync") == "on"
    assert server.is_running()
    await server.stop()


async def test_a_missing_wheel_says_what_to_set(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("proxy.store.postgres_binaries.PACKAGE", "no_such_package")
    with pytest.raises(EmbeddedPostgresError, match="DATABASE_URL"):
        await EmbeddedPostgres(folder).start()


as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root has an account for Postgres")


@as_root
async def test_what_root_writes_is_out_of_the_accounts_reach(folder: Path) -> None:
    """The account could otherwise put links there, and have root write where they point."""
    server = EmbeddedPostgres(folder)
    await server.start()
    data = folder / "data"
    assert data.stat().st_uid != 0
    for path in (folder, folder / "owner.lock", folder / "start.log"):
        assert path.stat().st_uid == 0, path
        assert path.stat().st_mode & 0o022 == 0, path
    await server.stop()


@as_root
async def test_data_out_of_the_accounts_reach_stands_elsewhere_and_stays_there(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = folder.parent / "root"
    monkeypatch.setattr("proxy.store.postgres_home.ROOTS_FOLDER", elsewhere)
    closed = folder.parent / "closed"
    closed.mkdir(mode=0o700)
    server = EmbeddedPostgres(closed / "postgres")
    await ask(await server.start(), "CREATE TABLE kept AS SELECT 12 AS n")
    await server.stop()
    assert closed.stat().st_mode & 0o077 == 0, "it was not opened"
    closed.chmod(0o711)
    again = EmbeddedPostgres(closed / "postgres")
    assert await ask(await again.start(), "SELECT n FROM kept") == 12
    await again.stop()


@as_root
async def test_data_that_went_out_of_reach_is_not_replaced_by_new(folder: Path) -> None:
    server = EmbeddedPostgres(folder)
    await server.start()
    await server.stop()
    folder.parent.chmod(0o700)
    with pytest.raises(EmbeddedPostgresError, match="cannot reach"):
        await server.start()


@as_root
async def test_programs_out_of_the_accounts_reach_are_copied_once(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copies = folder.parent / "root"
    monkeypatch.setattr("proxy.store.postgres_binaries.ROOTS_FOLDER", copies)
    monkeypatch.setattr(Account, "may_run", lambda account, program: False)
    server = EmbeddedPostgres(folder)
    for _ in range(2):
        assert await ask(await server.start(), "SELECT 1") == 1
        assert servers(copies.parent)[0].exe().startswith(str(copies))
        await server.stop()
    assert len(list(copies.iterdir())) == 1

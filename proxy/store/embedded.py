"""A Postgres of our own, for those who have none: started, adopted, stopped.

Its data stands in `FOLDER/data` and survives restarts. Whoever holds the lock of the folder owns
the server. It outlives a `kill -9` of its owner, so the next owner takes over what still runs; and
a first start that is killed leaves nothing that a second one could stumble over: the data folder
gets its name when it is complete.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import hashlib
import logging
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from urllib.parse import quote

import asyncpg

from proxy.errors import EmbeddedPostgresError
from proxy.store.postgres_binaries import Account, Binaries, find_binaries
from proxy.store.queries import query
from proxy.store.state_dir import ROOTS_FOLDER

DATABASE = "tensorzero"
SUPERUSER = "postgres"
PORT = 5432
LONGEST_SOCKET_PATH = 100
"""Of 107 bytes that a socket's path may have, all but the room for its lock file."""

START_SECONDS = 60.0
STOP_SECONDS = 20
POLL_S = 0.05

SETTINGS = {
    "listen_addresses": "",
    "port": str(PORT),
    "unix_socket_permissions": "0700",
    "shared_buffers": "128MB",
    "max_wal_size": "1GB",
    "log_min_messages": "warning",
    "logging_collector": "on",
    "log_filename": "postgresql-%a.log",
    "log_truncate_on_rotation": "on",
    "log_rotation_age": "1d",
    "log_rotation_size": "0",
    "timezone": "UTC",
    "log_timezone": "UTC",
}

log = logging.getLogger(__name__)


class EmbeddedPostgres:
    """The server of one folder. One owner at a time; `start` says who has it otherwise."""

    def __init__(self, folder: Path, *, max_connections: int = 60) -> None:
        self._folder = folder
        self._max_connections = max_connections
        self._binaries: Binaries | None = None
        self._home = folder
        self._lock: int | None = None
        self._process: subprocess.Popen[bytes] | None = None

    async def start(self, timeout_s: float = START_SECONDS) -> str:
        """Initialise if need be, start or take over, and give the address of the database.

        Raises:
            EmbeddedPostgresError: another process owns the folder, or Postgres does not start.
        """
        await asyncio.to_thread(self._start, timeout_s)
        await self._ensure_database()
        return self.dsn(DATABASE)

    async def stop(self) -> None:
        """Stop it and let go of the folder; at once if it does not stop in good time."""
        await asyncio.to_thread(self._stop)

    def is_running(self) -> bool:
        return self._binaries is not None and self._running_pid() is not None

    def dsn(self, database: str) -> str:
        """The address of a database, over the unix socket."""
        return (
            f"postgresql://{SUPERUSER}@/{database}?host={quote(str(self._sockets()))}&port={PORT}"
        )

    # Starting.

    def _start(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        self._own_folder()
        try:
            self._binaries = find_binaries()
            self._home = self._reachable(self._binaries.account)
            self._initialise(self._binaries)
            self._check_version(self._binaries)
            if not self._taken_over():
                self._launch(self._binaries, deadline)
        except BaseException:
            self._release()
            raise

    def _own_folder(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / "owner.lock"
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            owner = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip() or "unknown"
            os.close(descriptor)
            raise EmbeddedPostgresError(
                f"another zeroproxy (pid {owner}) already serves from {self._folder.parent}; stop "
                "it, or set ZEROPROXY_STATE_DIR to a folder of this one's own, or DATABASE_URL"
            ) from error
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        self._lock = descriptor

    def _reachable(self, account: Account | None) -> Path:
        """Where the data stands: in the folder, or, where Postgres' account cannot get there,
        below the folder that root's state has, under a name that belongs to this folder."""
        if account is None:
            self._folder.chmod(0o700)
            return self._folder
        home = self._folder
        if not account.may_reach(home):
            digest = hashlib.sha256(str(self._folder.resolve()).encode()).hexdigest()[:16]
            ROOTS_FOLDER.mkdir(parents=True, exist_ok=True)
            ROOTS_FOLDER.chmod(0o711)
            home = ROOTS_FOLDER / f"postgres-{digest}"
            log.info("Postgres' account cannot reach %s; its data is in %s", self._folder, home)
        home.mkdir(exist_ok=True)
        os.chown(home, account.uid, account.gid)
        home.chmod(0o700)
        return home

    @property
    def _data(self) -> Path:
        return self._home / "data"

    def _initialise(self, binaries: Binaries) -> None:
        for left in self._home.glob("init-*"):
            shutil.rmtree(left, ignore_errors=True)
        if self._data.is_dir():
            return
        making = self._home / f"init-{os.getpid()}"
        log.info("initialising the embedded Postgres")
        arguments = ["--auth=trust", "--encoding=UTF8", "--locale=C", "-U", SUPERUSER]
        binaries.run("initdb", [*arguments, "-D", str(making)], seconds=300)
        making.rename(self._data)

    def _check_version(self, binaries: Binaries) -> None:
        found = (self._data / "PG_VERSION").read_text().strip()
        if found != str(binaries.major):
            raise EmbeddedPostgresError(
                f"the data in {self._data} is of PostgreSQL {found}, this program brings "
                f"{binaries.major}: move the folder away to begin anew, or dump it with the older "
                "version of this program (pg_dump over its socket) and restore it"
            )

    def _taken_over(self) -> bool:
        """Whether a server of an earlier owner runs well and is ours now."""
        if self._running_pid() is None:
            return False
        lines = self._pid_lines()
        if len(lines) >= 8 and lines[7].strip() == "ready" and lines[4] == str(self._sockets()):
            log.info("taking over the Postgres that an earlier run left behind")
            return True
        self._stop_server()
        return False

    def _launch(self, binaries: Binaries, deadline: float) -> None:
        self._make_sockets(binaries.account)
        options = SETTINGS | {
            "unix_socket_directories": str(self._sockets()),
            "max_connections": str(self._max_connections),
            "log_directory": str(self._home / "log"),
        }
        arguments = ["-D", str(self._data)]
        for name, value in options.items():
            arguments += ["-c", f"{name}={value}"]
        while True:
            self._process = binaries.start("postgres", arguments, self._home / "start.log")
            if self._wait_ready(deadline):
                return
            # The children of a killed postmaster may hold its memory for another moment.
            if time.monotonic() > deadline:
                raise EmbeddedPostgresError(f"Postgres does not start: {self._last_words()}")
            time.sleep(0.5)

    def _wait_ready(self, deadline: float) -> bool:
        """True when it is ready, False when it has ended or the time is over."""
        assert self._process is not None
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                return False
            lines = self._pid_lines()
            ours = bool(lines) and lines[0].strip() == str(self._process.pid)
            if ours and len(lines) >= 8 and lines[7].strip() == "ready":
                return True
            time.sleep(POLL_S)
        return False

    def _last_words(self) -> str:
        with contextlib.suppress(OSError):
            text = (self._home / "start.log").read_text(errors="replace")
            return text.strip()[-1000:] or "it says nothing"
        return "it says nothing"

    # Sockets.

    def _sockets(self) -> Path:
        """The folder of the socket: the data's, or a short one where that name is too long."""
        name = f"/.s.PGSQL.{PORT}.lock"
        if len(os.fsencode(str(self._home) + name)) <= LONGEST_SOCKET_PATH:
            return self._home
        digest = hashlib.sha256(os.fsencode(str(self._home))).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"zeroproxy-{os.geteuid()}-{digest}"

    def _make_sockets(self, account: Account | None) -> None:
        folder = self._sockets()
        if folder == self._home:
            return
        owner = os.geteuid() if account is None else account.uid
        folder.mkdir(exist_ok=True, mode=0o700)
        if account is not None and folder.stat().st_uid == 0:
            os.chown(folder, account.uid, account.gid)
        status = folder.lstat()
        if status.st_uid != owner or status.st_mode & 0o077:
            raise EmbeddedPostgresError(f"{folder} is not ours alone; remove it")

    # The running server.

    def _pid_lines(self) -> list[str]:
        with contextlib.suppress(OSError, UnicodeDecodeError):
            return (self._data / "postmaster.pid").read_text().splitlines()
        return []

    def _running_pid(self) -> int | None:
        """The postmaster's pid, if it lives and is one; a stale file is removed."""
        lines = self._pid_lines()
        if not lines or not lines[0].strip().isdigit():
            return None
        pid = int(lines[0])
        if _is_postmaster(pid, self._data):
            return pid
        with contextlib.suppress(OSError):
            (self._data / "postmaster.pid").unlink()
        return None

    async def _ensure_database(self) -> None:
        try:
            connection = await asyncpg.connect(self.dsn("postgres"), timeout=10)
        except (OSError, asyncpg.PostgresError) as error:
            raise EmbeddedPostgresError(f"Postgres runs, but does not answer: {error}") from error
        try:
            if not await connection.fetchval(query("fetch_database_exists"), DATABASE):
                await connection.execute(query("create_database"))
        finally:
            await connection.close()

    # Stopping.

    def _stop(self) -> None:
        try:
            if self._binaries is not None and self._running_pid() is not None:
                self._stop_server()
        finally:
            self._release()

    def _stop_server(self) -> None:
        assert self._binaries is not None
        for mode in ("fast", "immediate"):
            arguments = ["-D", str(self._data), "-m", mode, "-w", "-t", str(STOP_SECONDS), "stop"]
            self._binaries.run("pg_ctl", arguments, seconds=STOP_SECONDS + 10, check=False)
            if self._process is not None:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self._process.wait(1)
            if self._running_pid() is None:
                return
        raise EmbeddedPostgresError("Postgres does not stop")

    def _release(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def _is_postmaster(pid: int, data: Path) -> bool:
    """Whether the process is a server of this data; pids are used again."""
    command = Path(f"/proc/{pid}/cmdline")
    try:
        arguments = command.read_bytes().split(b"\0")
    except OSError:
        return False if Path("/proc/self").exists() else _lives(pid)
    return os.fsencode(str(data)) in arguments


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True

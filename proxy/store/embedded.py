"""A Postgres of our own, for those who have none: started, adopted, stopped.

Its data stands in `FOLDER/data` and survives restarts. Whoever holds the lock of the folder owns
the server. It outlives a `kill -9` of its owner, so the next owner takes over what still runs; and
a first start that is killed leaves nothing that a second one could stumble over: the data folder
gets its name when it is complete.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import subprocess
import threading
import time
from pathlib import Path
from urllib.parse import quote

import asyncpg

from proxy.errors import EmbeddedPostgresError
from proxy.store.folder_lock import FolderTaken, lock_folder
from proxy.store.postgres_binaries import Binaries, find_account, find_binaries
from proxy.store.postgres_home import PORT, Home, open_home
from proxy.store.postmaster import Postmaster, find_postmaster, remove_strangers_pid
from proxy.store.queries import query

DATABASE = "tensorzero"
SUPERUSER = "postgres"

START_SECONDS = 60.0
INITIALISE_SECONDS = 300.0
ANSWER_SECONDS = 5.0
STOPPING = (("fast", 15), ("immediate", 5))
"""Ways to stop it, and seconds for each: in order, then without a last checkpoint."""

POLL_S = 0.01
"""A start is waited for by whoever waits for the first answer."""
AGAIN_S = 0.2

SETTINGS = {
    "listen_addresses": "",
    "port": str(PORT),
    "unix_socket_permissions": "0700",
    "fsync": "on",
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

PASSING_TROUBLE = ('lock file "', "pre-existing shared memory block")
"""What Postgres says while another server, or a dead one's children, are on their way out."""

log = logging.getLogger(__name__)


class EmbeddedPostgres:
    """The server of one folder. One owner at a time; `start` says who has it otherwise."""

    def __init__(self, folder: Path, *, max_connections: int = 60) -> None:
        self._folder = folder.resolve()
        self._max_connections = max_connections
        self._home = Home(self._folder, None)
        self._binaries: Binaries | None = None
        self._lock: int | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._taken_over = False
        # Starting and stopping run in threads; a stop that comes during a start waits for it.
        self._turn = threading.Lock()

    async def start(self, timeout_s: float = START_SECONDS) -> str:
        """Initialise if need be, start or take over, and give the address of the database.

        Raises:
            EmbeddedPostgresError: another process owns the folder, or Postgres does not start.
        """
        await asyncio.to_thread(self._start, timeout_s)
        try:
            await self._ensure_answer(timeout_s)
        except BaseException:
            await self.stop()
            raise
        return self.dsn(DATABASE)

    async def stop(self) -> None:
        """Stop it and let go of the folder; at once if it does not stop in good time."""
        await asyncio.to_thread(self._stop)

    async def revive(self, timeout_s: float = START_SECONDS) -> None:
        """Start it again where it has died since `start`; its address stays the same.

        Raises:
            EmbeddedPostgresError: it does not start.
        """
        await asyncio.to_thread(self._revive, timeout_s)

    def is_running(self) -> bool:
        return self._lock is not None and find_postmaster(self._home.data) is not None

    def dsn(self, database: str) -> str:
        """The address of a database, over the unix socket."""
        sockets = quote(str(self._home.sockets))
        return f"postgresql://{SUPERUSER}@/{database}?host={sockets}&port={PORT}"

    # Starting.

    def _start(self, seconds: float) -> None:
        with self._turn:
            self._own_folder()
            try:
                self._prepare()
                self._serve(time.monotonic() + seconds)
            except OSError as error:
                self._release()
                raise EmbeddedPostgresError(
                    f"the embedded Postgres in {self._folder} cannot be started: {error}"
                ) from error
            except BaseException:
                self._release()
                raise

    def _own_folder(self) -> None:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._lock = lock_folder(self._folder / "owner.lock")
        except FolderTaken as error:
            raise EmbeddedPostgresError(
                f"another zeroproxy ({error}) already serves from {self._folder.parent}; stop "
                "it, or set ZEROPROXY_STATE_DIR to a folder of this one's own, or DATABASE_URL"
            ) from error
        except OSError as error:
            raise EmbeddedPostgresError(
                f"{self._folder} cannot be used ({error.strerror}); set ZEROPROXY_STATE_DIR to a "
                "folder that this user may write, or DATABASE_URL"
            ) from error

    def _prepare(self) -> None:
        self._home = open_home(self._folder, find_account())
        self._binaries = find_binaries(self._home.account)
        self._home.make_folders()
        self._home.remove_leftovers()
        if not self._home.data.is_dir():
            self._initialise(self._binaries)
        self._check_version(self._binaries)

    def _initialise(self, binaries: Binaries) -> None:
        log.info("initialising the embedded Postgres")
        making = self._home.make_data_folder()
        arguments = ["--auth=trust", "--encoding=UTF8", "--locale=C", "-U", SUPERUSER]
        try:
            binaries.run("initdb", [*arguments, "-D", str(making)], seconds=INITIALISE_SECONDS)
        except EmbeddedPostgresError:
            self._home.remove_leftovers()
            raise
        self._home.adopt_data(making)

    def _check_version(self, binaries: Binaries) -> None:
        found = (self._home.data / "PG_VERSION").read_text().strip()
        if found != str(binaries.major):
            raise EmbeddedPostgresError(
                f"the data in {self._home.data} is of PostgreSQL {found}, this program brings "
                f"{binaries.major}: move the folder away to begin anew, or dump it with the older "
                "version of this program (pg_dump over its socket) and restore it"
            )

    def _serve(self, deadline: float) -> None:
        """Take over what runs, else launch; again while an earlier server is on its way out."""
        assert self._binaries is not None
        while not self._take_over(deadline):
            remove_strangers_pid(self._home.data)
            self._home.remove_sockets()
            arguments = self._arguments()
            self._process = self._binaries.start("postgres", arguments, self._home.start_log)
            if self._wait_ready(deadline) is not None:
                return
            said = _end_of(self._home.start_log)
            if not any(each in said for each in PASSING_TROUBLE) or time.monotonic() > deadline:
                raise EmbeddedPostgresError(f"Postgres does not start: {self._last_words(said)}")
            time.sleep(AGAIN_S)

    def _take_over(self, deadline: float) -> bool:
        """Whether a server of an earlier owner runs, as we would run it, and is ours now."""
        assert self._binaries is not None
        left = find_postmaster(self._home.data)
        self._taken_over = False
        if left is None:
            return False
        if left.command != " ".join(self._binaries.command("postgres", self._arguments())):
            log.info("restarting the Postgres of an earlier run, which had other settings")
            self._end_server()
            return False
        self._taken_over = self._wait_ready(deadline) is not None
        if self._taken_over:
            log.info("taking over the Postgres that an earlier run left behind")
        return self._taken_over

    def _arguments(self) -> list[str]:
        options = SETTINGS | {
            "unix_socket_directories": str(self._home.sockets),
            "max_connections": str(self._max_connections),
            "log_directory": str(self._home.logs),
        }
        settings = [("-c", f"{name}={value}") for name, value in options.items()]
        return ["-D", str(self._home.data), *(word for pair in settings for word in pair)]

    def _wait_ready(self, deadline: float) -> Postmaster | None:
        """The server once it takes connections; None when it has ended.

        Raises:
            EmbeddedPostgresError: the time is over. It goes on: to stop it now would throw away
                what it has recovered, and a later start takes it over.
        """
        while time.monotonic() < deadline:
            ended = self._process is None or self._process.poll() is not None
            running = find_postmaster(self._home.data)
            if running is not None and running.ready:
                return running
            if running is None and ended:
                return None
            time.sleep(POLL_S)
        raise EmbeddedPostgresError(
            "Postgres is not ready yet, after a crash perhaps; it goes on in the background. "
            f"Start again in a while, or see {self._home.logs}"
        )

    def _last_words(self, said: str) -> str:
        """What it said at first, and in its own log, which it opens a little later."""
        logs = sorted(self._home.logs.glob("*.log"), key=lambda path: path.stat().st_mtime)
        return "\n".join(filter(None, [said, *map(_end_of, logs[-1:])])) or "it says nothing"

    # The database.

    async def _ensure_answer(self, seconds: float) -> None:
        try:
            await self._ensure_database()
        except EmbeddedPostgresError:
            if not self._taken_over:
                raise
            log.warning("the Postgres of an earlier run does not answer; restarting it")
            await asyncio.to_thread(self._restart, seconds)
            await self._ensure_database()

    async def _ensure_database(self) -> None:
        try:
            connection = await asyncpg.connect(
                self.dsn("postgres"), timeout=ANSWER_SECONDS, command_timeout=ANSWER_SECONDS * 6
            )
            try:
                if not await connection.fetchval(query("fetch_database_exists"), DATABASE):
                    await connection.execute(query("create_database"))
            finally:
                await connection.close(timeout=ANSWER_SECONDS)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            raise EmbeddedPostgresError(f"Postgres runs, but does not answer: {error}") from error

    def _restart(self, seconds: float) -> None:
        with self._turn:
            self._end_server()
            self._serve(time.monotonic() + seconds)

    def _revive(self, seconds: float) -> None:
        with self._turn:
            if not self.is_running() and self._lock is not None:
                self._ended(1)
                try:
                    self._serve(time.monotonic() + seconds)
                except OSError as error:
                    raise EmbeddedPostgresError(f"it cannot be started: {error}") from error

    # Stopping.

    def _stop(self) -> None:
        with self._turn:
            if self._lock is None:
                return
            try:
                self._end_server()
            finally:
                self._release()

    def _end_server(self) -> None:
        """Fast, then immediate, then by force; what is on disk is safe in every case."""
        for mode, seconds in STOPPING:
            left = find_postmaster(self._home.data)
            if left is None or self._binaries is None:
                break
            arguments = ["-D", str(self._home.data), "-m", mode, "-w", "-t", str(seconds), "stop"]
            self._binaries.run("pg_ctl", arguments, seconds=seconds + 10, check=False)
            if self._ended(1):
                break
        else:
            left = find_postmaster(self._home.data)
            if left is not None:
                log.warning("Postgres does not stop; killing it")
                os.kill(left.pid, signal.SIGKILL)
                if not self._ended(10):
                    raise EmbeddedPostgresError("Postgres does not stop")
        self._process = None

    def _ended(self, seconds: float) -> bool:
        """Whether the server is gone, or goes within that time."""
        deadline = time.monotonic() + seconds
        if self._process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(seconds)
        while find_postmaster(self._home.data) is not None:
            if time.monotonic() > deadline:
                return False
            time.sleep(POLL_S)
        return True

    def _release(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def _end_of(path: Path) -> str:
    with contextlib.suppress(OSError):
        return path.read_text(errors="replace").strip()[-1000:]
    return ""

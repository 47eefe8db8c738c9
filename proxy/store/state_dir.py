"""Where this program keeps what must survive it: journals, quarantine, its own Postgres."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from proxy.errors import StartupError

ROOTS_FOLDER = Path("/var/lib/zeroproxy")


def state_dir(environ: Mapping[str, str]) -> Path:
    """The state folder, made if it is missing.

    ZEROPROXY_STATE_DIR, else the XDG state folder, else, as root, /var/lib/zeroproxy. Others may
    pass through it (Postgres, as another account), but what holds prompts is closed to them.

    Raises:
        StartupError: it cannot be made or written.
    """
    folder = _wanted(environ)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if folder.stat().st_uid == os.geteuid():
            folder.chmod(0o711)
        for private in ("journal", "quarantine", "run"):
            (folder / private).mkdir(exist_ok=True, mode=0o700)
    except OSError as error:
        raise StartupError(
            f"the state folder {folder} cannot be used ({error.strerror}); "
            "set ZEROPROXY_STATE_DIR to a folder that this user may write"
        ) from error
    return folder.resolve()


def _wanted(environ: Mapping[str, str]) -> Path:
    given = environ.get("ZEROPROXY_STATE_DIR")
    if given:
        return Path(given).expanduser()
    if os.geteuid() == 0:
        return ROOTS_FOLDER
    xdg = environ.get("XDG_STATE_HOME")
    home = Path(environ.get("HOME") or Path.home())
    return (Path(xdg) if xdg else home / ".local" / "state") / "zeroproxy"

"""Where this program keeps what must survive it: journals, quarantine, its own Postgres."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from proxy.errors import StartupError

ROOTS_FOLDER = Path("/var/lib/zeroproxy")


def state_dir(environ: Mapping[str, str]) -> Path:
    """The state folder, made if it is missing.

    ZEROPROXY_STATE_DIR, else, as root, /var/lib/zeroproxy, else the XDG state folder. As root
    others may pass through it (Postgres has an account of its own), but what holds prompts is
    closed to them. A folder that exists keeps its permissions: it may be anything, even /tmp.

    Raises:
        StartupError: it cannot be made or written.
    """
    try:
        folder = _wanted(environ)
    except RuntimeError as error:
        raise StartupError(f"there is no home folder ({error}); set ZEROPROXY_STATE_DIR") from error
    try:
        if not folder.is_dir():
            folder.mkdir(parents=True, exist_ok=True)
            folder.chmod(0o711 if os.geteuid() == 0 else 0o700)
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
    xdg = environ.get("XDG_STATE_HOME", "")
    home = Path(environ.get("HOME") or Path.home())
    # The specification wants a relative path ignored.
    return (Path(xdg) if xdg.startswith("/") else home / ".local" / "state") / "zeroproxy"

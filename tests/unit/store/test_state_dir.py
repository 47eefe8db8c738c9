"""Where state stands, and who may read it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from proxy.errors import StartupError
from proxy.store.state_dir import ROOTS_FOLDER, _wanted, state_dir

PRIVATE = ("journal", "quarantine", "run")


def test_what_holds_prompts_is_closed_to_others(tmp_path: Path) -> None:
    folder = state_dir({"ZEROPROXY_STATE_DIR": str(tmp_path / "a" / "state")})
    assert folder == (tmp_path / "a" / "state").resolve()
    for name in PRIVATE:
        assert (folder / name).stat().st_mode & 0o077 == 0, name
    # Nobody but the account of Postgres, where we are root, has business in the folder itself.
    assert folder.stat().st_mode & 0o077 == (0o011 if os.geteuid() == 0 else 0)


def test_a_folder_that_exists_keeps_its_permissions(tmp_path: Path) -> None:
    tmp_path.chmod(0o1777)
    state_dir({"ZEROPROXY_STATE_DIR": str(tmp_path)})
    assert tmp_path.stat().st_mode & 0o7777 == 0o1777


def test_the_default_is_roots_folder_or_the_xdg_state_folder(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert _wanted({"XDG_STATE_HOME": "/x", "HOME": "/h"}) == ROOTS_FOLDER
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert _wanted({"XDG_STATE_HOME": "/x", "HOME": "/h"}) == Path("/x/zeroproxy")
    assert _wanted({"HOME": "/h"}) == Path("/h/.local/state/zeroproxy")
    assert _wanted({"XDG_STATE_HOME": "relative", "HOME": "/h"}) == _wanted({"HOME": "/h"})


def test_a_folder_that_cannot_be_made_says_what_to_set(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StartupError, match="ZEROPROXY_STATE_DIR"):
        state_dir({"ZEROPROXY_STATE_DIR": str(tmp_path / "file" / "state")})

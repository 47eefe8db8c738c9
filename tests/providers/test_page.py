"""docs/providers.md says what the cases prove, and what it shows to be done can be done."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.providers.adding import apply_edit
from tests.providers.page import PAGE, render_page

REPOSITORY = Path(__file__).resolve().parents[2]


def test_the_page_is_that_of_the_cases() -> None:
    assert PAGE.read_text(encoding="utf-8") == render_page(), "run: python -m tests.providers.page"


def test_a_new_vendor_is_a_row_its_type_and_a_recording(tmp_path: Path) -> None:
    copy = tmp_path / "proxy"
    shutil.copytree(REPOSITORY / "proxy", copy, ignore=shutil.ignore_patterns("__pycache__"))
    apply_edit(copy)
    path = os.pathsep.join((str(tmp_path), str(REPOSITORY)))
    done = subprocess.run(
        [sys.executable, "-P", "-m", "tests.providers.adding", str(tmp_path)],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert json.loads(done.stdout) == [None, [], []]

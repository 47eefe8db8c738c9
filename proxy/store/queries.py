"""SQL by name: `sql/queries/NAME.sql`, one statement each; `sql/migrations/NNNN_NAME.sql`."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import proxy


def sql_folder() -> Path:
    """Where the SQL is: inside an installed wheel, or beside the package in a checkout."""
    package = Path(proxy.__file__).resolve().parent
    installed = package / "_sql"
    return installed if installed.is_dir() else package.parent / "sql"


@lru_cache(maxsize=256)
def query(name: str) -> str:
    """The statement of that name; the files do not change while the program runs."""
    return (sql_folder() / "queries" / f"{name}.sql").read_text(encoding="utf-8")

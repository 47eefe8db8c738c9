"""The way to a prompt on the embedded Postgres of a running program."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

from proxy.errors import EmbeddedPostgresError
from proxy.store.embedded import DATABASE, SUPERUSER
from proxy.store.postgres_binaries import find_account, find_binaries
from proxy.store.postgres_home import PORT, open_home
from proxy.store.postmaster import find_postmaster


def psql_command(folder: Path) -> list[str]:
    """The command that opens `psql` on the server of this folder.

    Raises:
        EmbeddedPostgresError: no server runs there.
    """
    account = find_account()
    home = open_home(folder, account)
    if find_postmaster(home.data) is None:
        raise EmbeddedPostgresError(
            f"no embedded Postgres runs in {folder}: start `zeroproxy serve` first "
            "(with DATABASE_URL, use your own psql)"
        )
    binaries = find_binaries(account)
    address = f"postgresql://{SUPERUSER}@/{DATABASE}?host={quote(str(home.sockets))}&port={PORT}"
    return [str(binaries.folder / "psql"), address]

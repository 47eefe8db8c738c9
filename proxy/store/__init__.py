"""The store: what makes finished exchanges safe, and brings them into Postgres.

In: records from the workers, through the port `Recorder`. Out: rows.

- `journal` appends on the worker's side (`frames`, `group_commit`, `recorder`); `journal_reader`
  and `journal_file` read on the writer's.
- `writer` turns records into `rows` (`exchange_rows`, `inference_rows`, `row_values`, `bodies`),
  which are bytes as COPY takes them (`copy_values`), and copies them into all tables at once
  (`copy`, `copy_at_once`, `tables`);
  `quarantine` takes what Postgres refuses; `accounts` are the books.
- `migrate`, `partitions`, `retention`, `queries`, `pool`: the schema and the way to it.
- `embedded` is the Postgres of those who have none (`postgres_binaries`, `postgres_home`,
  `postmaster`, `folder_lock`, `state_dir`; `psql` is the way to a prompt on it).

Only this room imports asyncpg. Not allowed here: protocols of providers, HTTP, decisions.
"""

from __future__ import annotations

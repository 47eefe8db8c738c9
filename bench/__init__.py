"""What the product costs, beside the cheapest thing that could stand in its place.

In: nothing but this checkout. Out: `results/`, which README.md and docs/performance.md quote.

- `canned` holds the bytes that everybody agrees on; `checking` says whether an answer is right.
- `upstream` and `provider` play the provider; `loads/` are the applications, a process of its own.
- `bare` is the measure: aiohttp passing bytes on, and nothing else. `subjects/` starts what is
  measured, one file each; `measure` reads the kernel's accounts of it.
- `scenarios` are data; `kinds/` measures one, by its kind of load; `rounds` runs all in turn.
- `results`, `figures`, `estimates` and `bounds` make figures and verdicts of it; `report`, `plot`
  and `page` show them.

The figure that counts is CPU time per request or per streamed chunk, of all processes of the
server, from the first request until the last record is written. Subjects run in random order
inside each round and are compared inside it, because a machine changes its speed by the minute.
The server has one core to itself; everything else (provider, load, Postgres) shares another.

Not allowed here: reaching into the product. It is started as a user would start it. (Only
`store_shapes`, which measures the writing of rows alone, imports the room it measures.)
Linux only: the accounts are those of /proc.
"""

from __future__ import annotations

"""What a fault costs the callers, and that it costs no record: at 60 % of what the host can do.

    python -m bench.faults [--only NAME ...] [--missing] [--list]

- `faults_of_*` hold the faults, as data and one small function each; `catalogue` lists them all.
- `stage` sets the scene of one fault: provider, Postgres (`database`, perhaps behind `cable`),
  the product as a user starts it (`product`), perhaps on a small disk (`disk`).
- `crowd` plays the applications, open loop: whatever happens, the next call is made when it is
  due. What came back stands in its `ledger`.
- `samples` looks at memory and backlog twice a second; `run` puts a fault in the middle of a load
  and says when all was as before; `verdict` compares the outcome with what was promised.
- `page` puts the table into `docs/operations.md`.

The rule that is proved: an answer whose end a caller saw is in Postgres, once, whatever happened.
Not allowed here: reaching into the product. It is started, killed and asked as a user can (only the
embedded Postgres is borrowed, which `database` stops and starts as an operator's own).
Linux only. Small disks need root, clocks that jump need libfaketime; without, the line says so.
"""

from __future__ import annotations

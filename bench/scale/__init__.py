"""Ten million inferences and as many feedbacks: what writing and reading cost when tables are full.

In: this checkout, room on a disk. Out: `bench/results/scale.json` and `.md`, the section "Scale" of
docs/operations.md, and by `paper` its section "Capacity".

- `plan` says which call is made when, and all its ids, from a number; so nothing need be kept.
- `shapes` are the calls that there are, as values of the product; `patterns` are the rows that the
  product itself makes of them, with holes for what differs from call to call.
- `cluster` is an embedded Postgres in a folder that stays; `load` fills it by COPY, one transaction
  a partition.
- `writing`, `reading`, `retention` and `sizes` measure, `questions` are the queries, `explained`
  reads plans; `kept` remembers what is done, so that a run can be gone on with.
- `page` and `paper` show it.

Unlike most of `bench` this imports the product's `store`, the room that it measures: nobody could
send ten million calls through its door in an evening.
"""

from __future__ import annotations

"""Telemetry: numbers, logs, and how late the event loop is.

In: calls from every room, on the hot path. Out: `/metrics` for all processes of this program.

- `cells` is memory shared by the processes: one row of numbers for each, right after any of them
  has died.
- `catalogue` says which series exist and where their cells are; `families` are the metrics.
- `metrics` is the facade the other rooms use: cells are looked up once, then only added to.
- `collector` renders the numbers of all processes for Prometheus, a piece at a time.
- `logging` and `loop_lag` say what they are.

Labels come from the configuration only: what a caller sends never becomes a label.
"""

from __future__ import annotations

"""The page of all metrics, from their definitions: `python -m proxy.telemetry.describe FILE`."""

from __future__ import annotations

import sys
from pathlib import Path

from proxy.telemetry import families as f
from proxy.telemetry.catalogue import Family

HEAD = """# Metrics

`GET /metrics` of any worker answers for all processes, those that have died included. Labels come
from the configuration only; what it does not name is counted under `other`. TensorZero's metrics
keep its names. (Made by `python -m proxy.telemetry.describe docs/metrics.md`.)

| metric | kind | labels | meaning |
| --- | --- | --- | --- |
"""


def describe_metrics() -> str:
    """The page, in Markdown."""
    return HEAD + "".join(_line(family) for family in sorted(_shown(), key=lambda each: each.name))


def _shown() -> list[Family]:
    latencies = f.build_latencies((1.0,), (1.0,))
    made = [getattr(latencies, name) for name in latencies.__slots__]
    plain = [value for value in vars(f).values() if isinstance(value, Family)]
    every = [*made, *plain, *f.EXCHANGES.values()]
    return [family for family in every if not family.name.startswith(f.SCRATCH)]


def _line(family: Family) -> str:
    labels = ", ".join(f"`{label}`" for label in family.labels)
    return f"| `{family.name}` | {family.kind} | {labels} | {family.help} |\n"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(describe_metrics(), encoding="utf-8")

"""The phases of a run, in order; each leaves something that JSON can hold."""

from __future__ import annotations

import argparse
import shutil
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench.results import Result
from bench.scale.bodies import measure_bodies
from bench.scale.cluster import Cluster
from bench.scale.kept import Kept
from bench.scale.load import Loader, settle
from bench.scale.reading import read_all
from bench.scale.retention import measure_retention
from bench.scale.sizes import measure_checkpoints, measure_sizes
from bench.scale.writing import Rounds

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Scene:
    """What a phase works with."""

    cluster: Cluster
    kept: Kept
    folder: Path
    options: argparse.Namespace
    say: Say


async def load(scene: Scene) -> None:
    """Fill the tables; what is filled already stays."""
    kept, began = scene.kept, time.monotonic()
    kept.keep("loading", {"begun": True})
    free_before = shutil.disk_usage(scene.folder).free
    loader = Loader(scene.cluster, kept.plan, scene.say)
    await loader.run(scene.options.connections)
    loaded = time.monotonic()
    await settle(scene.cluster, scene.say)
    taken = free_before - shutil.disk_usage(scene.folder).free
    kept.forget("loading")
    kept.keep(
        "load",
        {
            "seconds": round(loaded - began, 1),
            "settling_seconds": round(time.monotonic() - loaded, 1),
            "rows": loader.copied,
            "disk_bytes": taken,
        },
    )


async def sizes(scene: Scene) -> None:
    tables, indexes = await measure_sizes(scene.cluster)
    found = {"tables": list(map(asdict, tables)), "indexes": list(map(asdict, indexes))}
    scene.kept.keep("sizes", found)


async def reading(scene: Scene) -> None:
    rows = {each["name"]: each["rows"] for each in scene.kept.get("sizes")["tables"]}
    asked = scene.options.times
    found = await read_all(scene.cluster, scene.kept.plan, rows, asked, scene.say)
    scene.kept.keep("reading", list(map(asdict, found)))


async def writing(scene: Scene) -> None:
    """Round 0 warms up and is not counted; each round is kept as it ends."""
    kept, options = scene.kept, scene.options
    counts = (options.exchanges, options.feedback)
    rounds = Rounds(scene.cluster, kept.plan, scene.folder / "writer", counts)
    await rounds.prepare()
    done: list[dict[str, Any]] = kept.get("rounds") if kept.has("rounds") else []
    before = await measure_checkpoints(scene.cluster)
    first = max((each["round"] for each in done), default=0) + 1
    if first <= options.rounds:
        await rounds.run(0)
    for number in range(first, options.rounds + 1):
        results = await rounds.run(number)
        done += [asdict(each) for each in results]
        kept.keep("rounds", done)
        scene.say(f"round {number} of {options.rounds}: {_rates(results)}")
    bodies = await measure_bodies(
        scene.cluster, scene.folder / "writer", max(options.exchanges // 4, 100)
    )
    kept.keep("bodies", asdict(bodies))
    after = await measure_checkpoints(scene.cluster)
    kept.keep("checkpoints", {name: after[name] - before[name] for name in after})
    kept.keep("writing", done)


def _rates(results: list[Result]) -> str:
    parts = (f"{each.scenario}, {each.subject} {each.figures['rate']:,.0f}/s" for each in results)
    return "; ".join(parts)


async def retention(scene: Scene) -> None:
    found = await measure_retention(scene.cluster, scene.folder / "writer", scene.say)
    scene.kept.keep("retention", asdict(found))


Phase = Callable[[Scene], Awaitable[None]]
MEASURES: dict[str, Phase] = {
    "sizes": sizes,
    "reading": reading,
    "writing": writing,
    "retention": retention,
}

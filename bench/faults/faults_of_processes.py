"""What kills us: a worker, the main process; and a clock that is set."""

from __future__ import annotations

import asyncio
import time

from bench.faults.run import Fault
from bench.faults.stage import Setup, Stage
from bench.faults.verdict import Limits

WORKER_KILLS = 4
MAIN_KILLS = 2
BETWEEN_S = 3.0
HOUR_S = 3600


async def kill_workers(stage: Stage) -> None:
    for number in range(WORKER_KILLS):
        await asyncio.to_thread(stage.product.kill_worker, number)
        await asyncio.sleep(BETWEEN_S)
    stage.notes.append(f"{WORKER_KILLS} kills")


async def kill_main(stage: Stage) -> None:
    away_s = 0.0
    for _ in range(MAIN_KILLS):
        killed = time.monotonic()
        await asyncio.to_thread(stage.product.kill_main)
        await asyncio.to_thread(stage.product.start)
        away_s += time.monotonic() - killed
        await asyncio.sleep(BETWEEN_S)
    stage.notes.append(
        f"{MAIN_KILLS} kills, started again at once: away for {away_s / MAIN_KILLS:.1f} s each time"
    )


async def set_clock(stage: Stage) -> None:
    assert stage.clock is not None
    for offset in (HOUR_S, -HOUR_S, 0):
        stage.clock.set(offset)
        await asyncio.sleep(6)
    stage.notes.append("an hour ahead, over midnight; two back; one ahead")


FAULTS = (
    Fault(
        "kill-worker",
        "`kill -9` of a worker",
        kill_workers,
        # What was under way at that worker is cut; it is seen in the second of the kill, or, where
        # the kernel hands new connections to the dead one's socket, in the next.
        Limits(failing_s=3 * WORKER_KILLS, failed_share=0.05, recovery_s=5),
    ),
    Fault(
        "kill-main",
        "`kill -9` of the main process, started again",
        kill_main,
        # Refused callers knock at once, and take the cores from the start.
        Limits(failing_s=10 * MAIN_KILLS, recovery_s=10),
    ),
    Fault(
        "clock",
        "the clock jumps by an hour, forwards and backwards",
        set_clock,
        Limits(recovery_s=10),
        Setup(clock=True),
    ),
)

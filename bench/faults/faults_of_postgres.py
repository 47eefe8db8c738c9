"""What happens to Postgres, and to the way there. Calls should not notice any of it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from bench.faults.run import Fault
from bench.faults.stage import Setup, Stage
from bench.faults.verdict import Limits

RESTARTS = 2
AWAY_S = 2.0
BETWEEN_S = 4.0
HANGING_S = 40.0
FULL_S = 15.0
SPARE_BYTES = 2 * 2**20
STALLED_S = 15.0
UNPLUGGED_S = 5.0
RESETS = 10
DISK_MB = 3000


async def restart(stage: Stage) -> None:
    await _away_and_back(stage, stage.database.stop)


async def kill(stage: Stage) -> None:
    await _away_and_back(stage, stage.database.kill)


async def _away_and_back(stage: Stage, end: Callable[[], Awaitable[None]]) -> None:
    for _ in range(RESTARTS):
        await end()
        await asyncio.sleep(AWAY_S)
        await stage.database.start()
        await asyncio.sleep(BETWEEN_S)
    stage.notes.append(f"{RESTARTS} times, {AWAY_S:g} s between")


async def kill_embedded(stage: Stage) -> None:
    for _ in range(RESTARTS):
        await stage.database.kill()
        await asyncio.sleep(2 * BETWEEN_S)
    stage.notes.append(f"{RESTARTS} times")


async def hang(stage: Stage) -> None:
    await asyncio.to_thread(stage.database.suspend)
    try:
        await asyncio.sleep(HANGING_S)
    finally:
        await asyncio.to_thread(stage.database.resume)


async def fill_disk(stage: Stage) -> None:
    assert stage.postgres_disk is not None
    await asyncio.to_thread(stage.postgres_disk.hold_full, FULL_S, SPARE_BYTES)
    if await asyncio.to_thread(stage.database.runs):
        stage.notes.append("Postgres stayed up")
    else:
        stage.notes.append("Postgres went down, and was started again when there was room")
        await stage.database.stop()
        await stage.database.start()


async def cut_network(stage: Stage) -> None:
    cable = stage.cable
    assert cable is not None
    cable.stall()
    await asyncio.sleep(STALLED_S)
    cable.flow()
    await asyncio.sleep(BETWEEN_S)
    cable.unplug()
    await asyncio.sleep(UNPLUGGED_S)
    await cable.plug()
    for _ in range(RESETS):
        await asyncio.sleep(0.5)
        cable.reset()
    stage.notes.append(f"{STALLED_S:g} s stalled, {UNPLUGGED_S:g} s refused, {RESETS} times reset")


UNNOTICED = Limits(recovery_s=45)

FAULTS = (
    Fault("postgres-restart", "Postgres restarted", restart, UNNOTICED),
    Fault("postgres-kill", "Postgres killed with `kill -9`", kill, UNNOTICED),
    Fault(
        "embedded-postgres-kill",
        "the embedded Postgres killed with `kill -9`; the product starts it again",
        kill_embedded,
        UNNOTICED,
        Setup(embedded=True),
    ),
    Fault("postgres-hang", f"Postgres hanging for {HANGING_S:g} s (SIGSTOP)", hang, UNNOTICED),
    Fault(
        "postgres-disk-full",
        f"disk full under Postgres for {FULL_S:g} s",
        fill_disk,
        UNNOTICED,
        Setup(postgres_disk_mb=DISK_MB),
    ),
    Fault(
        "postgres-network",
        "network to Postgres cut",
        cut_network,
        UNNOTICED,
        Setup(cable=True),
    ),
)

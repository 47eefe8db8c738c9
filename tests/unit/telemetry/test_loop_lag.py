from __future__ import annotations

import asyncio
import time

from proxy.telemetry.loop_lag import LoopLag


async def test_a_blocked_loop_is_seen_as_late_by_the_time_it_was_blocked() -> None:
    seen: list[float] = []
    lag = LoopLag(seen.append, interval=0.01)
    lag.start()
    await asyncio.sleep(0.03)
    time.sleep(0.25)
    await asyncio.sleep(0.03)
    lag.stop()
    assert max(seen) > 0.2
    assert min(seen) >= 0.0


async def test_a_free_loop_is_measured_again_and_again() -> None:
    seen: list[float] = []
    lag = LoopLag(seen.append, interval=0.005)
    lag.start()
    while len(seen) < 5:
        await asyncio.sleep(0.005)
    lag.stop()
    assert sorted(seen)[0] < 0.1


async def test_nothing_is_measured_after_the_end() -> None:
    seen: list[float] = []
    lag = LoopLag(seen.append, interval=0.005)
    lag.start()
    lag.stop()
    await asyncio.sleep(0.05)
    assert seen == []

"""A provider that browns out: half of the calls fail, some of them by not being answered."""

from __future__ import annotations

import asyncio

from bench.faults.run import Fault
from bench.faults.stage import Setup, Stage
from bench.faults.verdict import Limits

ILL_S = 20.0
TIMEOUT_MS = 3000


async def brown_out(stage: Stage) -> None:
    provider, ledger = stage.provider, stage.crowd.ledger
    calls_before = ledger.calls()
    asked_before = await asyncio.to_thread(provider.tell, "POST", "/ill")
    await asyncio.sleep(ILL_S)
    asked = await asyncio.to_thread(provider.tell, "POST", "/well") - asked_before
    stage.asked_per_call = asked / (ledger.calls() - calls_before)
    stage.notes.append(f"the provider was asked {stage.asked_per_call:.2f} times for each call")


FAULTS = (
    Fault(
        "brown-out",
        f"every second answer of the provider is 503, 429 or none, for {ILL_S:g} s",
        brown_out,
        # A fifth of the calls of ten seconds may be repeated; the ten before the fault count, too.
        Limits(
            failing_s=int(ILL_S) + TIMEOUT_MS // 1000 + 2,
            failed_share=0.6,
            recovery_s=TIMEOUT_MS / 1000 + 3,
            asked_per_call=1.3,
        ),
        Setup(retries=2, timeout_ms=TIMEOUT_MS),
    ),
)

"""Every recorded exchange of an inference API, played from a local server, compared on both sides.

A seeded sample runs by default; PROVE=1 plays everything and prints the shares by provider.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from proxy.net.aiohttp_transport import AiohttpTransport
from proxy.net.watchdog import Watchdog
from tests.fake_upstream import FakeUpstream
from tests.recorded.agreement import Agreement, counted
from tests.recorded.exceptions import UNSPOKEN
from tests.recorded.exchanges import PROVE, recorded_rows, rows_to_play
from tests.recorded.judges import WIRES, load_judge
from tests.recorded.judges.base import Judge, Row
from tests.recorded.playing import Outcome, Player, play

EACH = 12
"""Rows of a provider's API in the short form."""
SHOWN = 40
AT_ONCE = 8


async def play_rows(rows: Sequence[Row], judge: Judge) -> list[Outcome]:
    """All outcomes, in order."""
    gate = asyncio.Semaphore(AT_ONCE)
    transport = AiohttpTransport(Watchdog(), lambda size: None)
    async with FakeUpstream(Player(list(rows))) as upstream:

        async def one(number: int, row: Row) -> Outcome:
            async with gate:
                return await play(number, row, judge, transport, upstream)

        try:
            return await asyncio.gather(*(one(number, row) for number, row in enumerate(rows)))
        finally:
            await transport.close()


def show(agreement: Agreement) -> None:
    print(f"\n{agreement.render()}")
    for each in agreement.disagreements[: SHOWN if PROVE else 0]:
        print(f"  differs: {each}")


@pytest.mark.parametrize("wire", WIRES)
async def test_requests_and_answers_agree_with_what_was_recorded(wire: str) -> None:
    judge = load_judge(wire)
    rows = rows_to_play(judge.apis, EACH)
    agreement = counted(await play_rows(rows, judge))
    show(agreement)
    broken = agreement.broken()
    assert not broken, "\n".join(map(str, broken[:SHOWN]))


def test_every_inference_api_is_judged_or_named_as_an_exception() -> None:
    judged = {api for wire in WIRES for api in load_judge(wire).apis}
    seen = {row["api"] for row in recorded_rows()}
    unnamed = seen - judged - set(UNSPOKEN)
    assert not unnamed
    for api in sorted(seen & set(UNSPOKEN)):
        print(f"\n{api}: {UNSPOKEN[api]}")

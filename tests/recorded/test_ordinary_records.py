"""What the record needs to know of recorded chat completions is the same both ways."""

from __future__ import annotations

from tests.recorded.exchanges import PROVE, named, rows_to_play
from tests.recorded.judges.base import response_body
from tests.unit.wire.chat_completions.test_ordinary import holds, holds_of_a_request

EACH = 100_000 if PROVE else 60


def test_recorded_exchanges_mean_the_same_both_ways() -> None:
    seen = {"whole": [0, 0], "stream": [0, 0], "request": [0, 0]}
    for row in rows_to_play(("chat_completions",), EACH):
        body, stream = response_body(row), row["stream"]
        asked = ((row.get("request") or {}).get("body") or "").encode()
        try:
            if body and row["response"]["status"] == 200:
                ordinary = holds(body, stream=stream)
                _count(seen["stream" if stream else "whole"], ordinary)
            if asked:
                _count(seen["request"], holds_of_a_request(asked))
        except AssertionError as error:
            raise AssertionError(named(row)) from error
    print(f"ordinary, of all: {seen}")
    assert all(ordinary for ordinary, _ in seen.values())


def _count(numbers: list[int], ordinary: bool) -> None:
    numbers[0] += ordinary
    numbers[1] += 1

"""The calls of the full tables: their times and ids, and rows that are the product's."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime
from itertools import pairwise
from uuid import UUID

import pytest

from bench.scale.draining import fresh_feedback
from bench.scale.feedback import FEEDBACK_TABLES, feedback_rows
from bench.scale.load import parts_of
from bench.scale.patterns import Patterns
from bench.scale.plan import DAY_MS, KINDS, Plan, feedback, has_failed, midnight_ms
from bench.scale.shapes import FAILED, SERVED, build_exchange, place_of
from proxy.store.rows import RowMapper
from proxy.store.tables import COLUMNS
from proxy.types.ids import id_millis, new_id
from proxy.wire.chat_completions.decode import ChatCompletionsDecoder

END = int(datetime(2026, 3, 14, 9, 30, tzinfo=UTC).timestamp() * 1000)
PLAN = Plan(20_000, 30, END)


@pytest.fixture(scope="module")
def patterns() -> Patterns:
    return Patterns()


@pytest.mark.parametrize("rows", [1, 31, 32, 33, 5000, 20_000, 10_000_000])
def test_there_are_as_many_inferences_as_were_asked_for(rows: int) -> None:
    calls = Plan(rows, 30, END).calls
    failed = calls // 33 if rows > 1e6 else sum(map(has_failed, range(calls)))
    assert calls - failed == rows


def test_an_id_is_a_uuid7_of_its_time_and_no_two_are_alike() -> None:
    seen: set[bytes] = set()
    for number in range(2000):
        made = PLAN.identity(number)
        for identifier in (made.id, made.call):
            read = UUID(bytes=identifier)
            assert read.version == 7 and read.variant == "specified in RFC 4122"
            assert id_millis(read) == PLAN.at_ms(number)
        seen |= {made.id, made.call, made.response}
    assert len(seen) == 6000


def test_calls_are_spread_over_the_days_and_end_at_the_end() -> None:
    assert PLAN.at_ms(0) == END - 30 * DAY_MS
    assert PLAN.at_ms(PLAN.calls - 1) < END
    assert PLAN.dates()[0] == date(2026, 2, 12) and PLAN.dates()[-1] == date(2026, 3, 14)
    assert len(PLAN.dates()) == 31


def test_half_of_the_calls_are_in_episodes_of_several() -> None:
    sizes = Counter(PLAN.identity(number).episode for number in range(1280))
    assert Counter(sizes.values()) == {1: 640, 4: 160}


@pytest.mark.parametrize("table", [*COLUMNS])
def test_the_partitions_of_a_table_hold_every_call_once(table: str) -> None:
    parts = parts_of(PLAN, table)
    numbers = [part.numbers for part in parts]
    assert numbers[0].start == 0 and numbers[-1].stop == PLAN.calls
    assert all(one.stop == other.start for one, other in pairwise(numbers))
    for part in parts:
        assert PLAN.at_ms(part.numbers.start) >= midnight_ms(part.day)
    assert parts[-1].name == f"{table}_2026_03" + "_14" * (len(parts) > 2)


def test_a_row_is_to_the_byte_what_the_product_writes(patterns: Patterns) -> None:
    mapper = RowMapper({"chat_completions": ChatCompletionsDecoder()})
    for number in range(0, PLAN.calls, 41):
        exchange = build_exchange(patterns.shapes[place_of(number)], PLAN.identity(number))
        wanted = mapper.map(exchange).rows
        for table in COLUMNS:
            rows = b"".join(patterns.rows(PLAN, table, range(number, number + 1)))
            assert rows == wanted.get(table, b""), (number, table)


def test_all_kinds_of_calls_come_up() -> None:
    places = {place_of(number) for number in range(PLAN.calls)}
    assert len(places) > 0.95 * (SERVED + FAILED)
    failed = [number for number in range(PLAN.calls) if place_of(number) >= SERVED]
    assert all(map(has_failed, failed))


def test_there_are_as_many_feedbacks_as_inferences_and_they_come_after() -> None:
    counts = {}
    for kind in KINDS:
        given = list(feedback(PLAN, kind, range(PLAN.rows)))
        counts[kind] = len(given)
        assert all(not has_failed(each.call) for each in given)
        assert all(PLAN.at_ms(each.call) <= each.millis <= PLAN.end_ms for each in given)
    assert sum(counts.values()) == PLAN.rows
    assert counts["boolean"] == PLAN.rows * 11 // 20
    small = Plan(200, 30, END)
    assert {kind: len(list(feedback_rows(small, kind))) for kind in KINDS} == {
        "boolean": 110,
        "float": 70,
        "comment": 10,
        "demonstration": 10,
    }


def test_feedback_of_this_moment_is_of_all_kinds() -> None:
    made = list(fresh_feedback(40, iter([new_id().bytes] * 40)))
    assert {each.metric_type for each in made} == set(FEEDBACK_TABLES)

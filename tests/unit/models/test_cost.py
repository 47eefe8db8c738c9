"""Dollars from a provider's own counts."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from proxy.config.schema import EmbeddingProviderConfig, ProviderConfig
from proxy.models.cost import (
    Prices,
    build_prices,
    cost_of,
    cost_of_stream,
    dump_prices,
    recorded_cost,
    total_cost,
)

INPUT = {"pointer": "/usage/prompt_tokens", "cost_per_million": 1.25}
OUTPUT = {"pointer": "/usage/completion_tokens", "cost_per_million": 10.0, "required": True}
CACHED = {"pointer": "/usage/details/cached", "cost_per_million": -1.125}


def prices_of(*entries: dict[str, Any]) -> Prices:
    section = {"type": "dummy", "model_name": "good", "cost": list(entries)}
    prices = build_prices(TypeAdapter(ProviderConfig).validate_python(section))
    assert prices is not None
    return prices


def cost(entries: list[dict[str, Any]], answer: Any) -> Decimal | None:
    return cost_of(prices_of(*entries), orjson.dumps(answer))


def stream_cost(entries: list[dict[str, Any]], *chunks: Any) -> Decimal | None:
    return cost_of_stream(prices_of(*entries), [orjson.dumps(chunk) for chunk in chunks])


class TestAnswer:
    def test_counts_times_rates_are_exact_decimals(self):
        usage = {"prompt_tokens": 5054, "completion_tokens": 99, "details": {"cached": 1000}}
        found = cost([INPUT, OUTPUT, CACHED], {"usage": usage})
        assert found == Decimal("0.0061825")

    def test_a_missing_count_is_nothing(self):
        answer = {"usage": {"completion_tokens": 3}}
        assert cost([INPUT, OUTPUT, CACHED], answer) == Decimal("0.00003")

    def test_a_missing_count_that_is_required_makes_the_cost_unknown(self):
        assert cost([INPUT, OUTPUT], {"usage": {"prompt_tokens": 3}}) is None

    def test_a_rate_may_be_for_one(self):
        entry = {"pointer": "/searches", "cost_per_unit": 0.01}
        assert cost([entry], {"searches": 3}) == Decimal("0.03")

    def test_a_discount_that_exceeds_the_price_is_not_believed(self):
        assert cost([CACHED], {"usage": {"details": {"cached": 1}}}) is None

    @pytest.mark.parametrize("count", [None, True, "many", [1], {}, "1e3", "NaN", ""])
    def test_a_count_that_is_no_number_makes_the_cost_unknown(self, count):
        assert cost([INPUT], {"usage": {"prompt_tokens": count}}) is None

    @pytest.mark.parametrize("count", [2, 2.0, "2", "2.0", "+2"])
    def test_a_count_may_be_spelled_as_a_fraction_or_as_text(self, count):
        assert cost([INPUT], {"usage": {"prompt_tokens": count}}) == Decimal("0.0000025")

    @pytest.mark.parametrize("count", [10**30, 1e300])
    def test_what_no_column_holds_is_unknown(self, count):
        body = f'{{"n": {count!r}}}'.encode()
        assert cost_of(prices_of({"pointer": "/n", "cost_per_unit": 1.0}), body) is None

    @pytest.mark.parametrize("body", [b"", b"<html>", b'{"usage": '])
    def test_an_answer_that_is_no_json_has_an_unknown_cost(self, body):
        assert cost_of(prices_of(INPUT), body) is None

    def test_pointers_enter_lists_and_odd_names(self):
        answer = {"a/b": [{"~": 7}]}
        entry = {"pointer": "/a~1b/0/~0", "cost_per_unit": 1.0}
        assert cost([entry], answer) == 7
        assert cost([entry | {"pointer": "/a~1b/00/~0"}], answer) == 0
        assert cost([entry | {"pointer": "/a~1b/-"}], answer) == 0


class TestStream:
    def test_growing_counts_are_not_added_up(self):
        chunks = [{"usage": {"completion_tokens": n}} for n in (1, 7, 4)]
        assert stream_cost([OUTPUT], *chunks) == Decimal("0.00007")

    def test_counts_may_come_in_different_chunks(self):
        chunks = ({"usage": {"prompt_tokens": 2}}, {}, {"usage": {"completion_tokens": 3}})
        assert stream_cost([INPUT, OUTPUT], *chunks) == Decimal("0.0000325")

    def test_the_end_mark_and_empty_usages_are_passed_over(self):
        chunks = [b'{"usage":null}', b'{"usage":{"prompt_tokens":4}}', b"[DONE]"]
        assert cost_of_stream(prices_of(INPUT), chunks) == Decimal("0.000005")

    def test_without_any_chunk_a_required_count_is_missing(self):
        assert stream_cost([OUTPUT]) is None
        assert stream_cost([INPUT]) == 0

    def test_streams_may_have_pointers_of_their_own(self):
        entry = {
            "pointer_nonstreaming": "/usage/n",
            "pointer_streaming": "/delta/usage/n",
            "cost_per_unit": 1.0,
        }
        answer = {"usage": {"n": 1}, "delta": {"usage": {"n": 2}}}
        assert (cost([entry], answer), stream_cost([entry], answer)) == (1, 2)


class TestConfiguration:
    def test_without_costs_nothing_is_known(self):
        section = {"type": "dummy", "model_name": "good"}
        assert build_prices(TypeAdapter(ProviderConfig).validate_python(section)) is None

    def test_an_empty_list_says_that_calls_are_free(self):
        assert cost([], {"usage": {"prompt_tokens": 9}}) == 0

    def test_embeddings_have_costs_too(self):
        section = {"type": "dummy", "model_name": "good", "cost": [INPUT]}
        prices = build_prices(TypeAdapter(EmbeddingProviderConfig).validate_python(section))
        assert prices is not None
        assert cost_of(prices, b'{"usage": {"prompt_tokens": 4}}') == Decimal("0.000005")


def test_several_calls_cost_their_sum_unless_one_is_unknown():
    assert total_cost([Decimal(1), Decimal("0.5")]) == Decimal("1.5")
    assert total_cost([Decimal(1), None]) is None
    assert total_cost([]) is None


@given(st.integers(0, 2**62), st.integers(1, 10**9))
def test_no_digit_is_lost(count, millionths):
    entry = {"pointer": "/n", "cost_per_million": millionths / 10**6}
    found = cost([entry], {"n": count})
    exact = Decimal(count) * Decimal(repr(millionths / 10**6)) / 10**6
    assert found == (exact if exact < 10**11 else None)


EVENTS = (
    '{"usage": null}',
    '{"usage": {"prompt_tokens": 7, "completion_tokens": 2}}',
    '{"\\u0075sage": {"prompt_tokens": 9}}',
    '{"choices": [{"delta": {"content": "\\"usage\\" is a word"}}]}',
    '{"choices": [], "x-cost": 5}',
    '"usage"',
    '{"usage": {"prompt_tokens": "many"}}',
    "[DONE]",
    "{",
)
ANY_CHUNK = {"pointer": "", "cost_per_unit": 1.0}
ODD_NAME = {"pointer": "/x-cost", "cost_per_unit": 1.0}


@given(
    st.lists(st.sampled_from(EVENTS), min_size=1, max_size=5),
    st.lists(st.sampled_from([INPUT, OUTPUT, ANY_CHUNK, ODD_NAME]), max_size=3),
)
def test_a_recorded_stream_costs_what_all_its_events_tell(events, entries):
    prices = prices_of(*entries)
    assert recorded_cost(dump_prices(prices), [], events) == cost_of_stream(prices, events)

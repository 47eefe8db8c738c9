"""Counts of several calls together."""

from __future__ import annotations

from proxy.types.usage import NO_USAGE, Usage, total_usage


def test_counts_are_added_up() -> None:
    total = total_usage([Usage(1, 2, cache_read=3), Usage(10, 20, cache_read=30)])
    assert (total.input_tokens, total.output_tokens, total.cache_read) == (11, 22, 33)


def test_one_unknown_count_leaves_the_sum_unknown() -> None:
    total = total_usage([Usage(1, 2), Usage(None, 20)])
    assert (total.input_tokens, total.output_tokens) == (None, 22)


def test_caches_that_are_not_told_do_not_count() -> None:
    assert total_usage([Usage(1, 2, cache_read=3), Usage(1, 2)]).cache_read == 3


def test_of_nothing_nothing_is_known() -> None:
    assert total_usage([]) == NO_USAGE

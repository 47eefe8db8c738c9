from __future__ import annotations

import random
from uuid import UUID

import pytest

from proxy.inference.sampling import Pool, by_name, uniform

KNOWN = [
    ("extract", "0199a000-0000-7000-8000-000000000000", 0x8A3E5249),
    ("extract", "0199a000-0000-7000-8000-000000000001", 0x60CC1BBD),
    ("generate_haiku", "01963691-9d3c-7793-a8be-3937ebb849c1", 0xA1127AB3),
    ("basic_test", "0192ced0-9486-7491-9b60-42dd2ef9194e", 0x0E5C2B67),
    ("weather_helper", "01aaaaaa-bbbb-7ccc-8ddd-eeeeeeeeeeee", 0x08B902DA),
    ("f", "0199ffff-ffff-7fff-bfff-ffffffffffff", 0x190F2128),
]


@pytest.mark.parametrize(("function", "episode", "first"), KNOWN)
def test_u_agrees_with_the_values_observed_on_the_real_engine(
    function: str, episode: str, first: int
) -> None:
    assert uniform(function, UUID(episode)) == first / 2**32


def test_without_weights_the_draw_is_even_and_the_same_u_serves_the_smaller_pool() -> None:
    assert list(Pool(["a", "b", "c"]).draw(0.5)) == ["b", "c", "a"]
    assert list(Pool(["a", "b", "c"]).draw(0.99)) == ["c", "b", "a"]


def test_with_weights_the_first_name_beyond_the_mark_is_drawn() -> None:
    pool = Pool(["a", "b"], {"a": 0.9, "b": 0.1})
    assert next(pool.draw(0.89)) == "a"
    assert next(pool.draw(0.9)) == "b"


def test_a_weight_of_nothing_is_never_drawn() -> None:
    assert list(Pool(["a", "b"], {"a": 0.0, "b": 1.0}).draw(0.0)) == ["b"]


def test_fallbacks_come_in_their_order_when_the_candidates_have_failed() -> None:
    pool = Pool(["a"], {"a": 1.0}, fallbacks=["z", "y"])
    assert list(pool.draw(0.3)) == ["a", "z", "y"]


def test_names_stand_in_the_order_of_their_bytes() -> None:
    assert by_name(["é", "b", "B", "a"]) == ["B", "a", "b", "é"]


def test_a_million_episodes_fall_ninety_to_ten() -> None:
    """Chi-square with one degree of freedom: p > 0.001 below 10.83."""
    source = random.Random(20260101)
    pool = Pool(["control", "treatment"], {"control": 0.9, "treatment": 0.1})
    total = 1_000_000
    control = 0
    for _ in range(total):
        episode = UUID(int=source.getrandbits(128))
        control += next(pool.draw(uniform("haiku", episode))) == "control"
    expected = 0.9 * total
    chi = (control - expected) ** 2 / expected + (control - expected) ** 2 / (total - expected)
    print(f"\n1,000,000 episodes: {control} control, chi-square {chi:.3f} (p > 0.001 below 10.83)")
    assert chi < 10.83

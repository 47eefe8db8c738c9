"""Rows of `dicl_examples`: what dynamic in-context learning searches."""

from __future__ import annotations

import random
from collections.abc import Iterator
from struct import pack

from bench.scale.plan import Plan, mixed, moment, uuid7_at
from proxy.store.copy_values import FIELDS, bytes_field

EXAMPLE_COLUMNS = (
    "id",
    "function_name",
    "variant_name",
    "namespace",
    "input",
    "output",
    "embedding",
    "created_at",
)
DIMENSIONS = 1536
FUNCTIONS = 4
ONE_IN = 500
"""Examples are so many times fewer than inferences."""
_VECTORS = 64


def examples_of(plan: Plan) -> int:
    """All that there are, in `FUNCTIONS` functions."""
    return max(plan.rows // ONE_IN, FUNCTIONS)


def a_vector(chance: random.Random) -> list[float]:
    return [chance.gauss(0, 1) for _ in range(DIMENSIONS)]


def example_rows(plan: Plan) -> Iterator[bytes]:
    """Few vectors, each turned by another number of places: far from each other, and quickly made.
    Raises nothing; the table is there only where the server has pgvector."""
    chance = random.Random(7)
    vectors = [a_vector(chance) for _ in range(_VECTORS)]
    for number in range(examples_of(plan)):
        turned = number // _VECTORS % DIMENSIONS
        vector = vectors[number % _VECTORS]
        values = vector[turned:] + vector[:turned]
        fields = (
            uuid7_at(plan.end_ms, mixed(number, 9)),
            b"answer_%d" % (number % FUNCTIONS),
            b"dicl",
            b"",
            b'{"messages":[{"role":"user","content":"question %d"}]}' % number,
            b'[{"type":"text","text":"answer %d"}]' % number,
            pack(f">hh{DIMENSIONS}f", DIMENSIONS, 0, *values),
            moment(plan.end_ms),
        )
        yield FIELDS(len(fields)) + b"".join(map(bytes_field, fields))

"""What is copied all at once goes into the same columns, in the same order, as table by table."""

from __future__ import annotations

import re

import pytest

from proxy.store.queries import query
from proxy.store.tables import COLUMNS


@pytest.mark.parametrize("table", COLUMNS)
def test_a_copy_names_the_columns_in_the_order_of_their_values(table: str) -> None:
    named = re.fullmatch(
        r"COPY tensorzero\.(\w+) \(([\w\s,]+)\)\s+FROM STDIN \(FORMAT binary\)\s*",
        query(f"copy_{table}"),
    )
    assert named is not None and named[1] == table
    assert tuple(re.findall(r"\w+", named[2])) == tuple(COLUMNS[table])

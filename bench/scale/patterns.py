"""Rows by the million: what the product makes of a call, with holes for what is particular to it.

One exchange of each shape goes through the product's own `RowMapper`, with ids that occur nowhere
else; wherever these bytes stand in its rows, there is a hole. So a row costs a microsecond, and is
to the byte what the product would have written of that call.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from operator import itemgetter

from bench.scale.plan import Identity, Plan, moment, uuid7_at
from bench.scale.shapes import Shape, build_exchange, build_shapes, place_of
from proxy.store.rows import RowMapper
from proxy.wire.chat_completions.decode import ChatCompletionsDecoder

MARKED_MS = 1_734_567_890_123
MARKED = Identity(
    uuid7_at(MARKED_MS, 0xA51_93C7_5B2D_8E6F_1A4C_39),
    moment(MARKED_MS),
    uuid7_at(MARKED_MS, 0x5E2_C81B_7D36_94AF_0C5E_D7),
    uuid7_at(MARKED_MS, 0x3B9_6D2E_A418_5FC7_93B0_6A),
    b"chatcmpl-%029x" % 0x1B5D_93F7_2C68_E04A_D517_839C_26E4_B,
    b"918273",
)
REQUEST_ID = MARKED.call.hex().encode()

Fill = Callable[[Identity], bytes]


def compile_row(row: bytes) -> Fill:
    """A function from a call to its row."""
    marks = {mark: place for place, mark in enumerate(MARKED)}
    parts = re.split(b"(" + b"|".join(map(re.escape, [*marks, REQUEST_ID])) + b")", row)
    holes = [marks[part] for part in parts[1::2] if part != REQUEST_ID]
    # The provider's request id is the call's id, spelled out.
    spelled = [part == REQUEST_ID for part in parts[1::2]]
    text = b"".join(
        part.replace(b"%", b"%%") if not place % 2 else b"%b" for place, part in enumerate(parts)
    )
    if any(spelled):
        return _with_spelled(text, [*map(marks.get, parts[1::2])])
    pick = itemgetter(*holes)
    return lambda who: text % pick(who)


def _with_spelled(text: bytes, holes: list[int | None]) -> Fill:
    end = len(MARKED)
    pick = itemgetter(*(end if hole is None else hole for hole in holes))
    return lambda who: text % pick((*who, who.call.hex().encode()))


class Patterns:
    """The rows of every shape, by table."""

    def __init__(self) -> None:
        self.shapes = build_shapes()
        mapper = RowMapper({"chat_completions": ChatCompletionsDecoder()})
        self._fills = [self._compile(mapper, shape) for shape in self.shapes]

    def _compile(self, mapper: RowMapper, shape: Shape) -> dict[str, Fill]:
        mapped = mapper.map(build_exchange(shape, MARKED))
        assert mapped.decode_failures == 0
        return {table: compile_row(row) for table, row in mapped.rows.items()}

    def rows(self, plan: Plan, table: str, numbers: range) -> Iterator[bytes]:
        """Those that these calls have in the table."""
        fills, identity = [each.get(table) for each in self._fills], plan.identity
        for number in numbers:
            fill = fills[place_of(number)]
            if fill is not None:
                yield fill(identity(number))

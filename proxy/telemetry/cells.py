"""Numbers in memory that all processes of this program share.

A file mapped by everybody: a header, one row of float64 cells for each process (slot 0 is the main
process, 1…N the workers), and one row for the departed. A process writes only its own row, so
nothing is locked. When a worker has died, the main process adds its counters to the departed row
and clears its row; a sequence number tells readers to look again, so that they see them once.
"""

from __future__ import annotations

import mmap
import os
import tempfile
import time
from collections.abc import Collection
from pathlib import Path

_HEADER = 8
_MAGIC, _SLOTS, _CAPACITY, _SEQUENCE = range(4)
_MAGIC_VALUE = 20261.0


class Cell:
    """One number of one process. A write is one store: readers never see half of it."""

    __slots__ = ("_view", "index")

    def __init__(self, view: memoryview[float], index: int) -> None:
        self._view = view
        self.index = index
        """Its place among the cells."""

    def add(self, amount: float) -> None:
        self._view[self.index] += amount

    def set(self, value: float) -> None:
        self._view[self.index] = value

    def get(self) -> float:
        return self._view[self.index]


class SharedCell(Cell):
    """A number of this process that can also be read for all the others."""

    __slots__ = ("_cells", "_column")

    def __init__(self, cells: Cells, slot: int, column: int) -> None:
        super().__init__(cells.view, cells.offset(slot, column))
        self._cells = cells
        self._column = column

    def values(self) -> list[float]:
        """One number a slot, in order; the departed are not among them."""
        return self._cells.read(self._column)


class Cells:
    """The mapped file."""

    def __init__(self, path: Path) -> None:
        with path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), 0)
        self.view: memoryview[float] = memoryview(self._map).cast("d")
        if self.view[_MAGIC] != _MAGIC_VALUE:
            raise ValueError(f"{path} holds no cells")
        self.slots = int(self.view[_SLOTS])
        self.capacity = int(self.view[_CAPACITY])

    @classmethod
    def create(cls, path: Path, slots: int, capacity: int) -> Cells:
        """A fresh file for `slots` processes and `capacity` numbers each, all 0.

        It takes the place of an older one, which stays whole for those who have it mapped: were it
        cut instead, their next look at it would kill them (SIGBUS).
        """
        size = (_HEADER + (slots + 1) * capacity) * 8
        descriptor, fresh = tempfile.mkstemp(dir=path.parent, prefix=f"{path.name}.")
        try:
            os.ftruncate(descriptor, size)
            header = memoryview(bytearray(_HEADER * 8)).cast("d")
            header[_MAGIC], header[_SLOTS], header[_CAPACITY] = _MAGIC_VALUE, slots, capacity
            os.pwrite(descriptor, header, 0)
            Path(fresh).replace(path)
        except BaseException:
            Path(fresh).unlink()
            raise
        finally:
            os.close(descriptor)
        return cls(path)

    def offset(self, slot: int, column: int) -> int:
        if not (0 <= slot <= self.slots and 0 <= column < self.capacity):
            raise IndexError(f"no cell at slot {slot}, column {column}")
        return _HEADER + slot * self.capacity + column

    def cell(self, slot: int, column: int) -> Cell:
        return Cell(self.view, self.offset(slot, column))

    def shared(self, slot: int, column: int) -> SharedCell:
        return SharedCell(self, slot, column)

    def read(self, column: int) -> list[float]:
        """A column of all living slots."""
        start = self.offset(0, column)
        end = start + self.slots * self.capacity
        return list(self.view[start : end : self.capacity])

    def total(self, column: int) -> float:
        """One number, summed over all processes, dead ones included."""
        while True:
            before = self.view[_SEQUENCE]
            departed = self.view[self.offset(self.slots, column)]
            total = sum(self.read(column)) + departed
            if before % 2 == 0 and self.view[_SEQUENCE] == before:
                return total
            time.sleep(0.0001)

    def totals(self, first: int, columns: int) -> list[float]:
        """`columns` numbers from `first` on, each summed over all processes, dead ones, too."""
        while True:
            before = self.view[_SEQUENCE]
            rows = [
                self.view[start : start + columns].tolist()
                for start in (self.offset(slot, first) for slot in range(self.slots + 1))
            ]
            if before % 2 == 0 and self.view[_SEQUENCE] == before:
                return [sum(column) for column in zip(*rows, strict=True)]
            time.sleep(0.0001)

    def retire(self, slot: int, gauges: Collection[int], columns: int) -> None:
        """Add a dead process's first `columns` to the departed; its `gauges` are dropped."""
        self.view[_SEQUENCE] += 1
        try:
            source, target = self.offset(slot, 0), self.offset(self.slots, 0)
            for column in range(min(columns, self.capacity)):
                value = self.view[source + column]
                if value:
                    if column not in gauges:
                        self.view[target + column] += value
                    self.view[source + column] = 0.0
        finally:
            self.view[_SEQUENCE] += 1

    def close(self) -> None:
        self.view.release()
        self._map.close()

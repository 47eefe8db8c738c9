"""Values that are cheap to make are as good as frozen ones, save that only mypy guards them."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace

from proxy.types.immutable import immutable


@immutable
class Point:
    x: int
    y: int = 0
    marks: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class FrozenPoint:
    x: int
    y: int = 0
    marks: tuple[str, ...] = field(default=(), repr=False)


def test_it_compares_hashes_and_shows_itself_like_a_frozen_dataclass() -> None:
    point, frozen = Point(1, 2, ("a",)), FrozenPoint(1, 2, ("a",))
    assert point == Point(1, 2, ("a",))
    assert point != Point(1, 3, ("a",))
    assert hash(point) == hash(frozen)
    assert repr(point) == repr(frozen).replace("FrozenPoint", "Point")
    assert [each.name for each in fields(Point)] == [each.name for each in fields(FrozenPoint)]


def test_it_is_copied_with_other_values_and_matched_by_its_fields() -> None:
    assert replace(Point(1), y=5) == Point(1, 5)
    match Point(3, 4):
        case Point(x, y):
            assert (x, y) == (3, 4)


def test_it_has_no_room_for_other_attributes() -> None:
    assert not hasattr(Point(1), "__dict__")

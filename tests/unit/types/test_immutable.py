"""Values that are cheap to make are as good as frozen dataclasses."""

from __future__ import annotations

import pickle
from dataclasses import dataclass, field, fields, replace

import pytest

from proxy.types.immutable import immutable


@immutable
class Point:
    x: int
    y: int = 0
    marks: tuple[str, ...] = field(default=(), repr=False)
    notes: list[str] = field(default_factory=list, repr=False)

    @property
    def far(self) -> bool:
        return self.x > 100


@immutable
class Word:
    text: str


@dataclass(frozen=True, slots=True)
class FrozenPoint:
    x: int
    y: int = 0
    marks: tuple[str, ...] = field(default=(), repr=False)
    notes: list[str] = field(default_factory=list, repr=False)


def test_it_compares_hashes_and_shows_itself_like_a_frozen_dataclass() -> None:
    point, frozen = Point(1, 2, ("a",)), FrozenPoint(1, 2, ("a",))
    assert point == Point(1, 2, ("a",))
    assert point != Point(1, 3, ("a",))
    assert repr(point) == repr(frozen).replace("FrozenPoint", "Point")
    assert hash(Word("a")) == hash(Word("a"))
    assert {Word("a"), Word("a")} == {Word("a")}
    assert [each.name for each in fields(Point)] == [each.name for each in fields(FrozenPoint)]


def test_it_is_copied_with_other_values_and_matched_by_its_fields() -> None:
    assert replace(Point(1), y=5) == Point(1, 5)
    match Point(3, 4):
        case Point(x, y):
            assert (x, y) == (3, 4)


def test_it_has_no_room_for_other_attributes() -> None:
    assert not hasattr(Point(1), "__dict__")


def test_it_is_not_changed() -> None:
    with pytest.raises(AttributeError):
        Word("a").text = "b"  # type: ignore[misc]


def test_each_has_defaults_of_its_own_and_what_its_class_adds() -> None:
    one, other = Point(1), Point(101)
    assert one.notes == other.notes == []
    assert one.notes is not other.notes
    assert (one.far, other.far) == (False, True)


def test_it_can_be_handed_to_another_process() -> None:
    assert pickle.loads(pickle.dumps(Point(1, 2, ("a",)))) == Point(1, 2, ("a",))


def test_a_class_that_is_more_than_its_fields_is_refused() -> None:
    class Uncompared:
        x: int = field(default=0, compare=False)

    class Unfilled:
        x: int = field(default=0, init=False)

    class Afterwards:
        x: int = 0

        def __post_init__(self) -> None:
            raise AssertionError

    for each in (Uncompared, Unfilled, Afterwards):
        with pytest.raises(TypeError, match="make it a dataclass"):
            immutable(each)

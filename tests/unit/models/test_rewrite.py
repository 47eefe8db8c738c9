"""What `extra_body` and `extra_headers` write over a request."""

from __future__ import annotations

import orjson
import pytest

from proxy.errors import InvalidRequest
from proxy.models.rewrite import HeaderRewrite, Rewrite, rewrite_body, rewrite_headers

BODY = b'{"model": "m", "list": [1, {"a": 1.0}], "deep": {"x": 1.50}, "text": "t"}'


def put(*pointer: str, value: object = 9) -> bytes:
    return rewrite_body(BODY, [Rewrite(pointer, value)])


def delete(*pointer: str) -> bytes:
    return rewrite_body(BODY, [Rewrite(pointer, delete=True)])


def test_a_member_is_replaced_and_all_others_keep_their_bytes() -> None:
    assert put("text") == BODY.replace(b'"t"', b"9")
    assert put("deep", "x") == BODY.replace(b'{"x": 1.50}', b'{"x":9}')


def test_objects_on_the_way_are_made() -> None:
    assert put("new", "er", "est").endswith(b'"new":{"er":{"est":9}}}')


def test_items_of_lists_are_replaced_and_added() -> None:
    assert b'"list": [9,{"a":1.0}]' in put("list", "0")
    assert b'"list": [1,{"a":9}]' in put("list", "1", "a")
    assert b'"list": [1,{"a":1.0},9]' in put("list", "-")


@pytest.mark.parametrize(
    "pointer",
    [
        (),
        ("0",),
        ("new", "0"),
        ("new", "0", "a"),
        ("list", "2"),
        ("list", "01"),
        ("list", "x"),
        ("list", "-", "a"),
        ("text", "a"),
        ("text", "a", "b"),
    ],
)
def test_where_nothing_can_be_written_is_an_error_that_names_the_pointer(
    pointer: tuple[str, ...],
) -> None:
    with pytest.raises(InvalidRequest) as raised:
        put(*pointer)
    end = f"` with pointer: `{''.join(f'/{token}' for token in pointer)}`"
    assert str(raised.value).startswith("Error replacing extra body: `")
    assert str(raised.value).endswith(end)


def test_what_is_there_is_deleted() -> None:
    assert delete("text") == BODY.replace(b', "text": "t"', b"")
    assert delete("deep", "x") == BODY.replace(b'{"x": 1.50}', b"{}")
    assert b'"list": [{"a":1.0}]' in delete("list", "0")


@pytest.mark.parametrize(
    "pointer",
    [("no",), ("no", "where"), ("deep", "no", "where"), ("list", "7"), ("list", "x", "y")],
)
def test_what_is_not_there_need_not_be_deleted(pointer: tuple[str, ...]) -> None:
    kept = delete(*pointer)
    assert orjson.loads(kept) == orjson.loads(BODY)
    assert kept.startswith(BODY[:12])


def test_headers_are_replaced_whatever_their_case_and_deleted() -> None:
    given = [("Accept", "a"), ("X-Old", "o")]
    rules = [HeaderRewrite("accept", "b"), HeaderRewrite("x-old", None)]
    assert rewrite_headers(given, rules) == [("accept", "b")]


def test_a_rules_value_is_not_changed_by_the_rules_after_it() -> None:
    """It is the configuration's, and the next request's."""
    first, second = Rewrite(("new",), {"a": {}}), Rewrite(("new", "a", "b"), 1)
    inside = Rewrite(("deep", "y"), {"c": {}})
    rules = [first, second, inside, Rewrite(("deep", "y", "c", "d"), 2)]
    assert rewrite_body(BODY, rules) == rewrite_body(BODY, rules)
    assert first.value == {"a": {}} and inside.value == {"c": {}}


def test_what_was_deleted_and_is_written_again_stands_at_the_end() -> None:
    rules = [Rewrite(("list",), delete=True), Rewrite(("list",), 1), Rewrite(("x",), 2)]
    expected = BODY.replace(b' "list": [1, {"a": 1.0}],', b"")[:-1] + b',"list":1,"x":2}'
    assert rewrite_body(BODY, rules) == expected
    gone = [Rewrite(("new", "a"), 1), Rewrite(("new",), delete=True)]
    assert rewrite_body(BODY, gone) == BODY


def test_thousands_of_rules_are_applied_in_one_go() -> None:
    rules = [Rewrite((f"m{n}",), n) for n in range(20_000)]
    assert orjson.loads(rewrite_body(BODY, rules))["m19999"] == 19_999
    headers = [HeaderRewrite(f"x-{n}", "v") for n in range(20_000)]
    assert len(rewrite_headers([("a", "b")], headers)) == 20_001

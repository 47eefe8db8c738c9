"""What would be lost of a request that is put into neutral form."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from proxy.wire.chat_completions.carried import find_uncarried

CUSTOM = {"id": "c", "type": "custom", "custom": {"name": "x", "input": "y"}}


@pytest.mark.parametrize(
    ("more", "found"),
    [
        ({}, None),
        ({"n": 1, "logprobs": False, "audio": {"voice": "v"}, "user": "u"}, None),
        ({"logprobs": True}, "logprobs"),
        ({"n": 2}, "n"),
        ({"messages": [{"role": "user", "content": "", "name": "A"}]}, "messages[0].name"),
        ({"messages": [{"role": "function", "content": "", "name": "f"}]}, None),
        (
            {"messages": [{"role": "user"}, {"role": "assistant", "tool_calls": [CUSTOM]}]},
            None,
        ),
        (
            {
                "messages": [
                    {"role": "assistant", "content": "x", "refusal": None, "annotations": [{}]},
                    {"role": "assistant", "content": "x", "audio": None, "tool_calls": []},
                ]
            },
            None,
        ),
    ],
)
def test_a_member_that_has_no_place_is_named(more: dict[str, Any], found: str | None) -> None:
    body: dict[str, Any] = {"messages": [], **more}
    assert find_uncarried({key: orjson.dumps(value) for key, value in body.items()}) == found

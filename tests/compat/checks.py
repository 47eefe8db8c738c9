"""The words that expectations are written in: each gives a check of a result."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tests.compat.case import Check, Result

PREFIX = "Invalid request to OpenAI-compatible endpoint: "


def fits(found: Any, wanted: Any) -> bool:
    """Whether `found` has all that `wanted` has; lists must be as long."""
    if isinstance(wanted, Mapping):
        return isinstance(found, Mapping) and all(
            key in found and fits(found[key], value) for key, value in wanted.items()
        )
    if isinstance(wanted, list):
        return (
            isinstance(found, list)
            and len(found) == len(wanted)
            and all(fits(one, other) for one, other in zip(found, wanted, strict=True))
        )
    return bool(found == wanted) and isinstance(found, bool) == isinstance(wanted, bool)


def has(**wanted: Any) -> Check:
    """The answer's body has these members."""

    def check(result: Result) -> None:
        assert fits(result.json, wanted), (result.json, wanted)

    return check


def says(message: str, **more: Any) -> Check:
    """The error's message is exactly this. Beside it may stand `param`, which is ours."""

    def check(result: Result) -> None:
        error = {key: value for key, value in result.json["error"].items() if key != "param"}
        assert error == {"message": message}, (result.json, message)
        assert fits(result.json["error"], more), (result.json, more)

    return check


def refuses(message: str) -> Check:
    """The same, in the endpoint's own voice."""
    return says(PREFIX + message)


def mentions(*words: str) -> Check:
    """The error's message has these parts."""

    def check(result: Result) -> None:
        for word in words:
            assert word in result.error, (word, result.error)

    return check


def native(message: str) -> Check:
    """An error in the form of the native API. Beside it may stand `param`, which is ours."""

    def check(result: Result) -> None:
        body = {key: value for key, value in result.json.items() if key != "param"}
        assert body == {"error": message}, (result.json, message)

    return check


def sent(**wanted: Any) -> Check:
    """The provider's request has these members."""

    def check(result: Result) -> None:
        assert fits(result.sent, wanted), (result.sent, wanted)

    return check


def unsent(*names: str) -> Check:
    """The provider's request has none of these, nor anything of ours."""

    def check(result: Result) -> None:
        left = [name for name in result.sent if name in names or name.startswith("tensorzero::")]
        assert not left, (left, result.sent)

    return check


def said(*messages: Mapping[str, Any]) -> Check:
    """The provider's request has exactly these messages."""

    def check(result: Result) -> None:
        assert result.sent["messages"] == list(messages), result.sent["messages"]

    return check


def sent_header(name: str, value: str | None) -> Check:
    """The provider's request has this header, or none of that name."""

    def check(result: Result) -> None:
        assert result.reached[-1].headers.get(name) == value, result.reached[-1].headers

    return check


def quiet(result: Result) -> None:
    """Nothing reached the provider."""
    assert not result.reached


def header(name: str, value: str) -> Check:
    """The answer has this header."""

    def check(result: Result) -> None:
        assert result.headers.get(name) == value, result.headers

    return check


def content(text: str | None) -> Check:
    """The assistant's text."""

    def check(result: Result) -> None:
        assert result.message["content"] == text, result.message

    return check


def logged(*words: str, times: int = 1) -> Check:
    """The log has that many new lines with these words."""

    def check(result: Result) -> None:
        found = [line for line in result.log.splitlines() if all(word in line for word in words)]
        assert len(found) == times, result.log

    return check


def stored(**wanted: Any) -> Check:
    """The inference's row has these values."""

    def check(result: Result) -> None:
        assert result.row is not None, "nothing was stored"
        assert fits(result.row, wanted), (result.row, wanted)

    return check


def recorded(times: int) -> Check:
    """So many exchanges are kept of the request."""

    def check(result: Result) -> None:
        assert result.count_recorded() == times

    return check


def that(sentence: str, holds: Callable[[Result], object]) -> Check:
    """Anything else; the sentence says what was expected."""

    def check(result: Result) -> None:
        assert holds(result), f"not so: {sentence}\n{result.status} {result.text[:3000]}"

    return check

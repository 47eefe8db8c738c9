"""Errors inside answers of status 200, and the events with which a stream ends."""

from __future__ import annotations

from proxy.wire.chat_completions import errors as chat

FINAL_EVENTS = frozenset({"response.completed", "response.incomplete", "response.failed", "error"})


def find_error(data: bytes, event: bytes = b"") -> int | None:
    """The HTTP status that the error in a 200 stands for; None if there is no error.

    `data` is the data of a stream's event, whose name is `event`, or a whole body: a response that
    failed bears its error as a member.
    """
    if event == b"response.failed":
        return chat.DEFAULT_STATUS
    return chat.find_error(data, event)

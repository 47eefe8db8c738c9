"""Errors: what they say, those inside answers of status 200, and the events that end a stream."""

from __future__ import annotations

from collections.abc import Mapping

from proxy.errors import UpstreamGarbage
from proxy.types.fault import Fault
from proxy.types.ports import Headers
from proxy.wire.chat_completions.errors import read_error as read_plain_error
from proxy.wire.chat_completions.errors import status_of
from proxy.wire.lenient import lenient_dumps, lenient_loads
from proxy.wire.values import object_of

FINAL_EVENTS = frozenset({"response.completed", "response.incomplete", "response.failed", "error"})

_ERROR_EVENTS = ("response.failed", "error")
_FAULTS_OF_THE_REQUEST = (
    "bio_policy",
    "invalid_prompt",
    "misalignment_policy",
    "invalid_image",
    "invalid_base64_image",
    "unsupported_image",
    "empty_image",
    "image_",
    "failed_to_download_image",
)
"""How the codes begin that blame the prompt or its images."""


def find_error(data: bytes, event: bytes = b"") -> int | None:
    """The HTTP status that the error in a 200 stands for; None if there is no error.

    `data` is the data of a stream's event, whose name is `event`, or a whole body. An event `error`
    or `response.failed` is one, so is a response of status `failed`, or whose `error` says
    something although it did not end well. One that gives no hint of a status counts as 500.
    """
    named = event.decode("utf-8", "replace")
    if named not in _ERROR_EVENTS and b'"error"' not in data and b'failed"' not in data:
        return None
    try:
        value = lenient_loads(data)
    except UpstreamGarbage:
        value = None
    return error_status(object_of(value), named)


def error_status(value: Mapping[str, object], event: str = "") -> int | None:
    """As `find_error`, for JSON that is decoded already."""
    response = object_of(value.get("response")) or value
    error = response.get("error") or value.get("error")
    named = event in _ERROR_EVENTS or value.get("type") in _ERROR_EVENTS
    ended_well = response.get("status") in ("completed", "incomplete")
    failed = response.get("status") == "failed" or (error and not ended_well)
    if not named and not failed:
        return None
    code = object_of(error or value).get("code")
    if isinstance(code, str) and code.startswith(_FAULTS_OF_THE_REQUEST):
        return 400
    return status_of(error, value)


def read_error(status: int, headers: Headers, body: bytes) -> Fault:
    """What an error's body says, or the event that tells of one. Raises nothing."""
    try:
        value = object_of(lenient_loads(body))
    except UpstreamGarbage:
        value = {}
    error = object_of(value.get("response")).get("error")
    if error:
        body = lenient_dumps({"error": error})
    return read_plain_error(status, headers, body)

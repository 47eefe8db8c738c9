"""Errors: what they say, and those inside answers of status 200 (a body's, or a stream's event)."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from proxy.errors import UpstreamGarbage
from proxy.types.fault import Fault
from proxy.types.ports import Headers
from proxy.wire.faults import kind_of, told_waiting, waiting_time
from proxy.wire.lenient import lenient_loads
from proxy.wire.values import object_of, objects_of, text_of

DEFAULT_STATUS = 500
MAX_MESSAGE = 500
"""Bytes of a body that is no error in this protocol, given as its message."""

NOTHING = msgspec.Raw(b"")
ERROR_OBJECT = msgspec.Raw(b'"error"')


class _Marks(msgspec.Struct):
    """The members by which an error is known."""

    error: msgspec.Raw = NOTHING
    object: msgspec.Raw = NOTHING


_marks = msgspec.json.Decoder(_Marks)

_STATUS_KEYS = ("status_code", "http_status", "code", "status")
_STATUS_OF_WORD: tuple[tuple[str, int], ...] = (
    ("context_length", 400),
    ("content_filter", 400),
    ("invalid_request", 400),
    ("authentication", 401),
    ("insufficient_quota", 429),
    ("rate_limit", 429),
    ("permission", 403),
    ("not_found", 404),
    ("overloaded", 503),
    ("unavailable", 503),
    ("timeout", 504),
)


def find_error(data: bytes, event: bytes = b"") -> int | None:
    """The HTTP status that the error in a 200 stands for; None if there is no error.

    `data` is the data of a stream's event, whose name is `event`, or a whole body. A null or empty
    `error` is none, nor is one beside a complete message. An error that gives no hint of a status
    counts as 500.
    """
    named = event == b"error"
    if not named and not _may_be_error(data):
        return None
    try:
        value = lenient_loads(data)
    except UpstreamGarbage:
        value = None
    if not isinstance(value, dict):
        return DEFAULT_STATUS if named else None
    error = value.get("error")
    if named or value.get("object") == "error" or (error and not _has_message(value)):
        return status_of(error, value)
    return None


def _may_be_error(data: bytes) -> bool:
    """Whether it is worth a closer look. Reading the two members takes a fraction of the time that
    looking for their letters does, in a long body."""
    try:
        seen = _marks.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return b'"error"' in data
    return seen.error is not NOTHING or seen.object == ERROR_OBJECT


def _has_message(body: Mapping[str, object]) -> bool:
    choices = body.get("choices")
    if not isinstance(choices, list):
        return False
    return any(isinstance(choice, dict) and choice.get("message") for choice in choices)


def status_of(error: object, body: Mapping[str, object]) -> int:
    """The status that an `error` member, or the body around it, states or hints at; else 500."""
    for source in (error, body):
        if not isinstance(source, dict):
            continue
        for key in _STATUS_KEYS:
            status = _as_status(source.get(key))
            if status is not None:
                return status
    return _status_of_words(error if isinstance(error, dict) else body)


def _as_status(value: object) -> int | None:
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) == 3:
        value = int(value)
    if isinstance(value, int) and 400 <= value <= 599:
        return value
    return None


def _status_of_words(source: Mapping[str, object]) -> int:
    words = " ".join(str(source.get(key, "")).lower() for key in ("code", "type", "status"))
    for word, status in _STATUS_OF_WORD:
        if word in words:
            return status
    return DEFAULT_STATUS


def read_error(status: int, headers: Headers, body: bytes) -> Fault:
    """What an error's body says. Raises nothing."""
    try:
        value = object_of(lenient_loads(body))
    except UpstreamGarbage:
        value = {}
    error = value.get("error")
    source = error if isinstance(error, dict) else value
    message = error if isinstance(error, str) else source.get("message") or source.get("detail")
    words = [_word(source.get(key)) for key in ("code", "type", "status")]
    code = next(filter(None, words), "")
    said = _inner_words(source) or _sentence(message) or _beginning(body)
    kind = kind_of(status, " ".join(words), said)
    waiting = waiting_time(headers)
    return Fault(kind, status, code, said, told_waiting(said) if waiting is None else waiting)


def _word(value: object) -> str:
    """Codes are words or numbers."""
    return str(value) if isinstance(value, int) and value is not True else text_of(value)


def _sentence(message: object) -> str:
    """A message is a text, or (of servers that check bodies against a schema) a list of faults with
    a `msg` each, perhaps as the `detail` of an object."""
    if isinstance(message, dict):
        message = message.get("detail") or message.get("message")
    for fault in objects_of(message):
        return text_of(fault.get("msg"))
    return text_of(message)


def _inner_words(error: Mapping[str, object]) -> str:
    """Those that stand behind a gateway give the error of the provider itself as `metadata.raw`."""
    raw = text_of(object_of(error.get("metadata")).get("raw"))
    try:
        value = object_of(lenient_loads(raw.encode()))
    except UpstreamGarbage:
        return raw
    inner = value.get("error")
    said = _sentence(inner if isinstance(inner, str) else object_of(inner).get("message"))
    return said if said in raw else raw


def _beginning(body: bytes) -> str:
    return body[:MAX_MESSAGE].decode("utf-8", "replace").strip()

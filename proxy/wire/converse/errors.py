"""Errors: what they say, and those inside answers of status 200.

An error's name stands in a header of the answer, in the body's `__type`, or, in a stream, in the
headers of a frame. Names and statuses are those of the vendor's service models.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from proxy.errors import UpstreamGarbage
from proxy.types.fault import Fault, FaultKind
from proxy.types.ports import Headers
from proxy.wire.converse.raws import answered_object, as_object, to_object
from proxy.wire.eventstream import Frame
from proxy.wire.faults import kind_of, waiting_time
from proxy.wire.lenient import lenient_dumps, whole_text
from proxy.wire.values import raw_integer, raw_text

DEFAULT_STATUS = 500
MODEL_FAILED = 424
"""What the service answers when the model behind it failed, which is no fault of the request's."""
NAME_HEADER = "x-amzn-errortype"

_SUFFIXES = ("exception", "error")
_NAMES: Mapping[str, tuple[int, FaultKind]] = MappingProxyType(
    {
        "accessdenied": (403, "permission"),
        "expiredtoken": (403, "authentication"),
        "incompletesignature": (403, "authentication"),
        "internaldependency": (530, "server"),
        "internalfailure": (500, "server"),
        "internalserver": (500, "server"),
        "internalstreamfailure": (500, "server"),
        "invalidclienttokenid": (403, "authentication"),
        "invalidsignature": (403, "authentication"),
        "missingauthenticationtoken": (403, "authentication"),
        "modelnotready": (429, "overloaded"),
        "modeltimeout": (408, "timeout"),
        "requestexpired": (400, "authentication"),
        "resourcenotfound": (404, "not_found"),
        "servicequotaexceeded": (400, "quota"),
        "serviceunavailable": (503, "overloaded"),
        "throttling": (429, "rate_limit"),
        "toomanyrequests": (429, "rate_limit"),
        "unknownoperation": (404, "not_found"),
        "unrecognizedclient": (403, "authentication"),
    }
)
_STATUSES: Mapping[str, int] = MappingProxyType(
    {"conflict": 400, "model": 424, "modelstream": 424, "serialization": 400, "validation": 400}
)
"""Of errors whose kind depends on what they say."""
_TOO_LONG = (
    "input tokens exceed",
    "too many input tokens",
    "maximum input length",
    "too large for",
)


def find_error(data: bytes, event: bytes = b"") -> int | None:
    """The HTTP status that the error in a 200 stands for; None if there is no error.

    `data` is a whole body, or the payload of an exception whose name is `event`.
    """
    if event:
        return status_of(event.decode("utf-8", "replace"))
    if b'"__type"' not in data and b'"message"' not in data[:4096]:
        return None
    try:
        members = answered_object(data)
    except UpstreamGarbage:
        return None
    inner = as_object(members.get("Output"))  # so the vendor's front end says it has no such path
    name = raw_text(members.get("__type")) or raw_text(inner.get("__type"))
    if name is None and ("output" in members or raw_text(members.get("message")) is None):
        return None
    return status_of(name or "")


def status_of(name: str) -> int:
    """The status of an error by its name; 500 where it tells none."""
    short = _short(name)
    known = _NAMES.get(short)
    return known[0] if known is not None else _STATUSES.get(short, DEFAULT_STATUS)


def read_error(status: int, headers: Headers, body: bytes) -> Fault:
    """What an error says. Raises nothing."""
    try:
        members = answered_object(body)
    except UpstreamGarbage:
        members = {}
    named = next((value for name, value in headers if name.lower() == NAME_HEADER), "")
    code = _plain(raw_text(members.get("__type")) or named or raw_text(members.get("code")) or "")
    said = _message(members) or body[:500].decode("utf-8", "replace").strip()
    # What a hosted model answered to the service that called it says more than that service does.
    original = raw_integer(members.get("OriginalStatusCode") or members.get("originalStatusCode"))
    failed = DEFAULT_STATUS if status == MODEL_FAILED else status
    kind = _kind(original or failed, code, said)
    return Fault(kind, status, code, said, waiting_time(headers))


def error_in(frame: Frame) -> tuple[int, bytes] | None:
    """Of a frame that is an error: the status that it stands for, and what it says as a body that
    `read_error` understands."""
    kind = frame.text(":message-type")
    if kind == "exception":
        name = frame.text(":exception-type")
        try:
            members = answered_object(frame.payload)
        except UpstreamGarbage:
            text = whole_text(frame.payload.decode("utf-8", "replace"))
            members = {"message": lenient_dumps(text)}
    elif kind == "error":
        name = frame.text(":error-code")
        members = {"message": lenient_dumps(whole_text(frame.text(":error-message")))}
    else:
        return None
    return status_of(name), to_object({"__type": lenient_dumps(whole_text(name)), **members})


def _kind(status: int, code: str, message: str) -> FaultKind:
    known = _NAMES.get(_short(code))
    if known is not None:
        return known[1]
    if any(word in message.lower() for word in _TOO_LONG):
        return "context_length"
    return kind_of(status, code, message)


def _message(members: Mapping[str, bytes]) -> str:
    for name in ("message", "Message", "OriginalMessage", "originalMessage"):
        text = raw_text(members.get(name))
        if text:
            return text
    return ""


def _plain(name: str) -> str:
    """The name without the namespace before it and the address behind it."""
    return name.rpartition("#")[2].partition(":")[0]


def _short(name: str) -> str:
    """What is the same in all spellings of a name."""
    short = _plain(name).lower()
    for suffix in _SUFFIXES:
        short = short.removesuffix(suffix)
    return short

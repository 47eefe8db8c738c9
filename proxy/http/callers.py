"""What a request's headers say, remembered: an application sends the same ones with every call.

Only the length of the body changes from call to call, so it is left out of what is looked up. Who
adds a header that is new each time (of a trace, say) is read anew each time; so is who tells us
something, such as an episode, for that is seldom said twice.
"""

from __future__ import annotations

import msgspec

from proxy.http import web
from proxy.http.auth import Keys
from proxy.http.headers import OURS_PREFIX, request_headers
from proxy.http.openai.extensions import NO_EXTENSIONS
from proxy.http.ready_request import ReadyRequest
from proxy.http.request_heads import RequestHead
from proxy.models.credentials import CallCredentials
from proxy.types.ports import FixedHeaders

KEPT = 256
"""Callers that are remembered; then all are forgotten."""
LONGEST = 4096
"""Bytes of headers that are remembered."""

_LENGTH = (b"Content-Length", b"content-length")
_OURS = OURS_PREFIX.encode()

RawHeaders = tuple[tuple[bytes, bytes], ...]


class Caller(msgspec.Struct, frozen=True):
    """What is the same for all calls that bear the same headers."""

    headers: FixedHeaders
    """Those that go on to a provider."""
    credentials: CallCredentials
    """With the caller's own token, for `client::`. Nobody sees it but the provider."""
    user_agent: str
    says_more: bool
    """Whether there are headers with a meaning of our own (`extensions`)."""

    def __repr__(self) -> str:
        return "Caller(…)"


class Callers:
    """The callers of one worker, under one configuration."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys
        self._known: dict[RequestHead | RawHeaders, Caller] = {}
        self._length_at = 0
        """Where the length stood in the last request: most clients keep their order."""

    def read(self, request: web.BaseRequest) -> Caller:
        """What the headers of a request say."""
        if isinstance(request, ReadyRequest):
            head = request.head
            return self._known.get(head) or self._read(request, head, head.message.raw_headers)
        raw = request.raw_headers
        at = self._length_at
        if at >= len(raw) or raw[at][0] not in _LENGTH:
            at = self._length_at = _place_of_length(raw)
        constant = raw[:at] + raw[at + 1 :]
        return self._known.get(constant) or self._read(request, constant, constant)

    def _read(
        self, request: web.BaseRequest, key: RequestHead | RawHeaders, constant: RawHeaders
    ) -> Caller:
        caller = Caller(
            tuple(request_headers(constant)),
            CallCredentials(self._keys.caller_bearer(request), NO_EXTENSIONS.credentials),
            request.headers.get("User-Agent", ""),
            any(name.lower().startswith(_OURS) for name, _ in constant),
        )
        size = sum(len(name) + len(value) for name, value in constant)
        if size <= LONGEST and not caller.says_more:
            if len(self._known) >= KEPT:
                self._known.clear()
            self._known[key] = caller
        return caller


def _place_of_length(raw: RawHeaders) -> int:
    """Behind the last header where there is no length."""
    places = (place for place, (name, _) in enumerate(raw) if name in _LENGTH)
    return next(places, len(raw))

"""What the record and the relay need to know of a provider's headers, read once."""

from __future__ import annotations

from functools import lru_cache
from operator import itemgetter

import msgspec

from proxy.services.call_details import REQUEST_IDS
from proxy.types.ports import Headers


class AnswerHead(msgspec.Struct, frozen=True, gc=False):
    """The headers that mean something here."""

    content_type: str = ""
    """As the provider wrote it."""
    encoding: str = ""
    """`content-encoding`, in lower case."""
    request_id: str = ""
    """The provider's own name of the call."""

    @property
    def kind(self) -> str:
        """The content type in lower case."""
        return self.content_type.lower()


NO_HEAD = AnswerHead()

_name_of = itemgetter(0)


class _Places(msgspec.Struct, frozen=True, gc=False):
    """Where in a list of headers those stand that mean something; -1 where there is none."""

    content_type: int
    encoding: int
    request_ids: tuple[int, ...]


def read_head(headers: Headers) -> AnswerHead:
    """Of a header given twice the last counts."""
    if not headers:
        return NO_HEAD
    places = _places_in(tuple(map(_name_of, headers)))
    kind, encoding, request_id = places.content_type, places.encoding, ""
    for place in places.request_ids:
        request_id = request_id or headers[place][1]
    return AnswerHead(
        "" if kind < 0 else headers[kind][1],
        "" if encoding < 0 else headers[encoding][1].strip().lower(),
        request_id,
    )


@lru_cache(maxsize=1024)
def _places_in(names: tuple[str, ...]) -> _Places:
    """A provider's answers mostly have the same headers in the same order."""
    lowered = [name.lower() for name in names]

    def last(wanted: str) -> int:
        return max((place for place, name in enumerate(lowered) if name == wanted), default=-1)

    identifiers = tuple(place for name in REQUEST_IDS if (place := last(name)) >= 0)
    return _Places(last("content-type"), last("content-encoding"), identifiers)

"""What the record and the relay need to know of a provider's headers, read once."""

from __future__ import annotations

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


def read_head(headers: Headers) -> AnswerHead:
    """Of a header given twice the last counts."""
    given = {name.lower(): value for name, value in headers}
    request_id = ""
    for name in REQUEST_IDS:
        request_id = request_id or given.get(name, "")
    encoding = given.get("content-encoding")
    return AnswerHead(
        given.get("content-type", ""), encoding.strip().lower() if encoding else "", request_id
    )

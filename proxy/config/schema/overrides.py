"""`extra_body` and `extra_headers`: what is put into, or cut out of, requests to a provider."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from proxy.config.schema.base import Many, Section, Shown, problem
from proxy.config.schema.form import BeforeValidator, Field

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z")
OF_THE_CONNECTION = frozenset(
    {
        "connection",
        "content-length",
        "expect",
        "keep-alive",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
"""Headers that say where a request ends, or belong to one hop: written over, they would let a
provider take the rest of one request for the beginning of the next."""
_ESCAPE = re.compile(r"~(?![01])")
_EITHER = "give the entry a `value`, or `delete: true`"


def _check_pointer(value: object) -> object:
    if isinstance(value, str) and ((value and value[0] != "/") or _ESCAPE.search(value)):
        raise problem(
            "invalid JSON pointer", "begin with `/` and write `~0` for `~`, `~1` for `/` in a name"
        )
    return value


def _check_name(value: object) -> object:
    if isinstance(value, str) and not _TOKEN.match(value):
        raise problem("not a header name", "use letters, digits and `-`, with no colon or space")
    if isinstance(value, str) and value.lower() in OF_THE_CONNECTION:
        raise problem(
            f"`{value}` belongs to the connection to the provider and cannot be set",
            "leave it out: it is made for each request",
        )
    return value


def _check_header_value(value: object) -> object:
    if isinstance(value, str) and re.search(r"[\r\n\0]", value):
        raise problem("a header value cannot hold a line break", "write it on one line")
    return value


def _check_either(data: object) -> object:
    if isinstance(data, dict) and not {"value", "delete"} & data.keys():
        raise problem("neither `value` nor `delete` is given", _EITHER)
    return data


Pointer = Annotated[str, BeforeValidator(_check_pointer), Shown("JSON pointer")]


class ExtraBodyRule(Section):
    """One change of the request body. With both `value` and `delete`, `value` wins."""

    pointer: Pointer = Field(description="The place in the request body (RFC 6901).")
    value: Any = Field(None, description="Written at that place; missing parents are created.")
    delete: Literal[True] | None = Field(None, description="Cuts that place out instead.")

    @property
    def deletes(self) -> bool:
        """Whether the place is cut out; a `value` of null is a value."""
        return "value" not in self.model_fields_set


class ExtraHeaderRule(Section):
    """One change of the request headers. With both `value` and `delete`, `value` wins."""

    name: Annotated[str, BeforeValidator(_check_name)] = Field(description="The header's name.")
    value: Annotated[str, BeforeValidator(_check_header_value)] | None = Field(
        None, description="Sent as its value; replaces what the proxy would send."
    )
    delete: Literal[True] | None = Field(None, description="Leaves the header out instead.")

    @property
    def deletes(self) -> bool:
        """Whether the header is left out."""
        return self.value is None


ExtraBody = Many[Annotated[ExtraBodyRule, BeforeValidator(_check_either)]]
ExtraHeaders = Many[Annotated[ExtraHeaderRule, BeforeValidator(_check_either)]]

"""The row of `exchanges`, and what all rows of an exchange have in common."""

from __future__ import annotations

from operator import attrgetter
from struct import Struct
from struct import error as StructError
from typing import Any, NamedTuple

import msgspec
import orjson

from proxy.store.clean import clean_text
from proxy.store.copy_values import (
    FALSE,
    FIELDS,
    ID_BYTES,
    INT4,
    LENGTH,
    NULL,
    TRUE,
    Remembered,
    bool_field,
    bytes_field,
    jsonb_field,
    optional_bytes,
    optional_text,
    text_field,
    time_of,
)
from proxy.store.row_values import LARGEST_INT, LONGEST_NAME, duration, indexed_name, tags_column
from proxy.store.tables import COLUMNS
from proxy.types.exchange import Attempt, Exchange

DEFAULT_FUNCTION = "tensorzero::default"

_FIELDS = FIELDS(len(COLUMNS["exchanges"]))
_ID = 4 + ID_BYTES
_ID_AND_TIME = _ID + 4 + 8
_IDS = Struct(">i16siqi16s").pack
_NUMBERS = Struct(">iiiiiqiqii").pack
_FROM_PROVIDER, _FROM_NOBODY = bytes_field(b"provider"), bytes_field(b"none")
_NO_DIGESTS_NOR_PARTS = 3 * NULL


class Heading(msgspec.Struct, frozen=True, gc=False):
    """What the rows of an exchange have in common, as fields of theirs."""

    ids: bytes
    """`id`, `created_at`, `episode_id`."""
    id_and_time: bytes
    """`id`, `created_at`."""
    id: bytes
    served: bytes
    """The columns of `exchanges` from `method` to `response_content_type`."""
    named: bytes
    """`function_name`, `variant_name`, `snapshot_hash`."""
    tags: bytes
    day: int
    """Of `created_at`, since 1970."""


class _Served(NamedTuple):
    """What is the same in many exchanges."""

    method: str
    path: str
    endpoint: str
    lane: str
    relay: str
    stream: bool
    status: int
    end_reason: str
    error: str
    function_name: str
    variant_assigned: str
    variant_served: str
    variant_pinned: bool
    model_name: str
    provider_name: str
    user_agent: str
    api_key_name: str
    config_hash: bytes
    response_content_type: str


_served_of: Any = attrgetter(*_Served._fields)


class _Asked(NamedTuple):
    """What is the same in many attempts."""

    variant_name: str
    model_name: str
    provider_name: str
    status: int
    error: str
    fault: str
    detail: str


_asked_of: Any = attrgetter(*_Asked._fields)


class ExchangeRows:
    """Makes them; keeps the fields that come again and again."""

    def __init__(self) -> None:
        self._served = Remembered(_served_fields, lambda both: sum(map(len, both)))
        self._tags = Remembered(_tags_field)
        self._asked = Remembered(_attempt_head)

    def heading(self, exchange: Exchange) -> Heading:
        """Raises ValueError: an id is no UUID, or the tags are no JSON."""
        identifier, episode = exchange.id, exchange.episode_id
        moment, day = time_of(identifier)
        if len(episode) != ID_BYTES:
            raise ValueError(f"an episode id of {len(episode)} bytes")
        ids = _IDS(ID_BYTES, identifier, 8, moment, ID_BYTES, episode)
        return Heading(
            ids,
            ids[:_ID_AND_TIME],
            ids[:_ID],
            *self._served[_served_of(exchange)],
            self._tags[exchange.tags],
            day,
        )

    def row(
        self,
        exchange: Exchange,
        heading: Heading,
        asked: bytes | None,
        answered: bytes | None,
        response_id: str,
        usage_found: bool,
        whole: bool,
    ) -> bytes:
        """`asked` and `answered` are its columns of bytes, `response_id` is the provider's; `whole`
        says whether all of the answer was stored."""
        attempts = self._attempts(exchange.attempts)
        request_id = exchange.upstream_request_id
        named = 0 < len(response_id) <= LONGEST_NAME
        return b"".join(
            (
                _FIELDS,
                heading.ids,
                heading.served,
                heading.tags,
                _numbers(exchange),
                NULL if exchange.ttft_ms is None else INT4[duration(exchange.ttft_ms)],
                LENGTH(len(attempts)),
                attempts,
                _FROM_PROVIDER if usage_found else _FROM_NOBODY,
                TRUE if whole else FALSE,
                text_field(request_id) if request_id else NULL,
                # An id is in an index, too; what is no id in length is none.
                text_field(response_id) if named else NULL,
                _digests_and_parts(exchange),
                LENGTH(len(asked)) if asked else NULL,
                asked or b"",
                LENGTH(len(answered)) if answered else NULL,
                answered or b"",
            )
        )

    def _attempts(self, attempts: list[Attempt]) -> bytes:
        """JSON; what makes one attempt differ from another is mostly its times."""
        return b"[%b]" % b",".join([self._attempt(each) for each in attempts])

    def _attempt(self, attempt: Attempt) -> bytes:
        return b'%b,"started_ms":%d,"duration_ms":%d,"waited_ms":%d}' % (
            self._asked[_asked_of(attempt)],
            attempt.started_ms,
            attempt.duration_ms,
            attempt.waited_ms,
        )


def _served_fields(key: tuple[Any, ...]) -> tuple[bytes, bytes]:
    """`Heading.served` and `Heading.named`."""
    served = _Served(*key)
    snapshot_hash = optional_bytes(served.config_hash)
    fields = (
        text_field(served.method),
        text_field(served.path),
        text_field(served.endpoint),
        text_field(served.lane),
        optional_text(served.relay),
        bool_field(served.stream),
        INT4[served.status],
        text_field(served.end_reason),
        optional_text(served.error),
        optional_text(served.function_name),
        optional_text(served.variant_assigned),
        optional_text(served.variant_served),
        bool_field(served.variant_pinned),
        optional_text(served.model_name),
        optional_text(served.provider_name),
        optional_text(served.user_agent),
        optional_text(served.api_key_name),
        snapshot_hash,
        optional_text(served.response_content_type),
    )
    named = bool(served.function_name)
    function = indexed_name(served.function_name) if named else DEFAULT_FUNCTION
    variant = indexed_name(served.variant_served if named else served.model_name)
    return b"".join(fields), text_field(function) + text_field(variant) + snapshot_hash


def _tags_field(tags: bytes) -> bytes:
    return jsonb_field(tags_column(tags).encode())


def _attempt_head(key: tuple[Any, ...]) -> bytes:
    """The beginning of an attempt's JSON, without its bracket at the end."""
    asked = _Asked(*key)
    members = asked._asdict().items()
    return orjson.dumps(
        {name: clean_text(value) if isinstance(value, str) else value for name, value in members}
    )[:-1]


def _numbers(exchange: Exchange) -> bytes:
    counts = 8, exchange.request_bytes, 8, exchange.response_bytes, 4, len(exchange.attempts)
    try:
        return _NUMBERS(4, exchange.processing_time_ms, 4, exchange.overhead_us, *counts)
    except StructError:
        times = exchange.processing_time_ms, exchange.overhead_us
        spent, overhead = (min(each, LARGEST_INT) for each in times)
        return _NUMBERS(4, spent, 4, overhead, *counts)


def _digests_and_parts(exchange: Exchange) -> bytes:
    if not (exchange.request_sha256 or exchange.response_sha256 or exchange.request_parts):
        return _NO_DIGESTS_NOR_PARTS
    parts = clean_text(exchange.request_parts.decode()).encode()
    return (
        optional_bytes(exchange.request_sha256)
        + optional_bytes(exchange.response_sha256)
        + (bytes_field(parts) if parts else NULL)
    )

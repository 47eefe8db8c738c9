"""What the writer holds of a record between the journal and Postgres."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from struct import error as StructError
from types import MappingProxyType
from uuid import UUID

import msgspec

from proxy.store.copy_values import ID_BYTES, MILLIS_BYTES, MILLIS_OF_A_DAY
from proxy.store.journal import SUFFIX
from proxy.store.journal_file import Frame
from proxy.store.rows import RowMapper
from proxy.types.exchange import ConfigSnapshot, Exchange, Feedback, RecordKind

KIND_NAMES = {
    RecordKind.EXCHANGE: "exchange",
    RecordKind.FEEDBACK: "feedback",
    RecordKind.CONFIG: "config",
}
NO_ROWS: Mapping[str, bytes] = MappingProxyType({})


class Item(msgspec.Struct, eq=False):
    """One record, decoded; `rows` are an exchange's, by table, ready to be copied."""

    frame: Frame
    id: bytes = b""
    """The record's own; empty when it does not tell it."""
    rows: Mapping[str, bytes] = NO_ROWS
    days: Collection[int] = ()
    """Of the rows, since 1970."""
    feedback: Feedback | None = None
    config: ConfigSnapshot | None = None
    decode_failures: int = 0
    is_plain: bool = False
    """What was decoded is left out: Postgres did not take it."""

    @property
    def name(self) -> str:
        """Its id, or where it stands."""
        if len(self.id) == ID_BYTES:
            return str(UUID(bytes=self.id))
        return f"{self.frame.file.removesuffix(SUFFIX)}-{self.frame.offset}"

    @property
    def is_exchange(self) -> bool:
        return self.frame.kind == RecordKind.EXCHANGE

    @property
    def must_wait(self) -> bool:
        """Whether it is feedback whose target is still to be found."""
        return self.feedback is not None and not self.feedback.target_known

    @property
    def kind(self) -> str:
        return KIND_NAMES.get(self.frame.kind, f"unknown kind {self.frame.kind}")


class Expired(Exception):
    """The record is older than what is kept."""


class ItemDecoder:
    """Decodes frames. Records older than `retention_days` are not worth writing."""

    def __init__(
        self,
        mapper: RowMapper,
        retention_days: int | None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._mapper = mapper
        self._retention_ms = None if retention_days is None else retention_days * MILLIS_OF_A_DAY
        self._now = now
        self._oldest = b""
        """The first bytes of ids of the earliest moment that is kept."""
        self._exchange = msgspec.msgpack.Decoder(Exchange).decode
        self._feedback = msgspec.msgpack.Decoder(Feedback).decode
        self._config = msgspec.msgpack.Decoder(ConfigSnapshot).decode

    def look_at_clock(self) -> None:
        """See what is beyond the retention by now; to be called now and then."""
        if self._retention_ms is not None:
            millis = max(0, int(self._now() * 1000) - self._retention_ms)
            self._oldest = millis.to_bytes(MILLIS_BYTES, "big")

    def fill(self, item: Item) -> None:
        """Decode the item's frame. Where that fails, the item has its id, if that could be read.

        Raises:
            Expired: it is an exchange beyond the retention.
            Exception: it cannot be decoded or mapped, whatever the reason.
        """
        frame = item.frame
        if frame.kind == RecordKind.EXCHANGE:
            self._add_rows(item, self._exchange(frame.payload))
        elif frame.kind == RecordKind.FEEDBACK:
            item.feedback = self._feedback(frame.payload)
            item.id = UUID(bytes=item.feedback.id).bytes
        elif frame.kind == RecordKind.CONFIG:
            item.config = self._config(frame.payload)
        else:
            raise ValueError(f"a record of unknown kind {frame.kind}")

    def make_plain(self, item: Item) -> bool:
        """Leave out what was decoded and keep the raw bodies; whether that changes anything."""
        if item.is_plain or not item.rows:
            return False
        item.is_plain = True
        item.rows = self._mapper.map_plain(self._exchange(item.frame.payload)).rows
        return True

    def _add_rows(self, item: Item, exchange: Exchange) -> None:
        item.id = exchange.id
        if exchange.id < self._oldest and len(exchange.id) == ID_BYTES:
            raise Expired
        try:
            mapped = self._mapper.map(exchange)
        except StructError as error:
            raise OverflowError("a number that its column cannot hold") from error
        item.decode_failures = mapped.decode_failures
        item.rows = mapped.rows
        item.days = mapped.days

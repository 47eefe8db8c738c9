"""What the writer holds of a record between the journal and Postgres."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from operator import itemgetter
from types import MappingProxyType
from uuid import UUID

import msgspec

from proxy.store.journal import SUFFIX
from proxy.store.journal_file import Frame
from proxy.store.rows import RowMapper
from proxy.store.tables import COLUMNS, PLAIN
from proxy.types.exchange import ConfigSnapshot, Exchange, Feedback, RecordKind
from proxy.types.ids import id_time

KIND_NAMES = {
    RecordKind.EXCHANGE: "exchange",
    RecordKind.FEEDBACK: "feedback",
    RecordKind.CONFIG: "config",
}


@dataclass(slots=True)
class Item:
    """One record, decoded; `rows` are an exchange's, by table, ready to be copied."""

    frame: Frame
    name: str
    rows: dict[str, list[tuple[object, ...]]] = field(default_factory=dict)
    days: set[date] = field(default_factory=set)
    feedback: Feedback | None = None
    config: ConfigSnapshot | None = None
    decode_failures: int = 0
    is_plain: bool = False

    @property
    def is_exchange(self) -> bool:
        return self.frame.kind == RecordKind.EXCHANGE

    def make_plain(self) -> bool:
        """Leave out what was decoded and keep the raw bodies; whether that changes anything."""
        if self.is_plain or not self.rows:
            return False
        self.is_plain = True
        for table, values in PLAIN.items():
            columns = COLUMNS[table]
            self.rows[table] = [
                tuple(values.get(column, old) for column, old in zip(columns, row, strict=True))
                for row in self.rows.get(table, [])
            ]
        return True

    @property
    def kind(self) -> str:
        return KIND_NAMES.get(self.frame.kind, f"unknown kind {self.frame.kind}")


_TUPLES = MappingProxyType({table: itemgetter(*columns) for table, columns in COLUMNS.items()})


class Expired(Exception):
    """The record is older than what is kept."""


class ItemDecoder:
    """Decodes frames. Records older than `retention_days` are not worth writing."""

    def __init__(
        self,
        mapper: RowMapper,
        retention_days: int | None,
        now: Callable[[], datetime] = lambda: datetime.now(tz=UTC),
    ) -> None:
        self._mapper = mapper
        self._retention = None if retention_days is None else timedelta(days=retention_days)
        self._now = now
        self._exchange = msgspec.msgpack.Decoder(Exchange)
        self._feedback = msgspec.msgpack.Decoder(Feedback)
        self._config = msgspec.msgpack.Decoder(ConfigSnapshot)

    def decode(self, frame: Frame) -> Item:
        """The item of a frame.

        Raises:
            Expired: it is an exchange beyond the retention.
            Exception: it cannot be decoded or mapped, whatever the reason.
        """
        item = Item(frame, fallback_name(frame))
        if frame.kind == RecordKind.EXCHANGE:
            self._add_rows(item, self._exchange.decode(frame.payload))
        elif frame.kind == RecordKind.FEEDBACK:
            item.feedback = self._feedback.decode(frame.payload)
            item.name = str(UUID(bytes=item.feedback.id))
        elif frame.kind == RecordKind.CONFIG:
            item.config = self._config.decode(frame.payload)
        else:
            raise ValueError(f"a record of unknown kind {frame.kind}")
        return item

    def _add_rows(self, item: Item, exchange: Exchange) -> None:
        identifier = UUID(bytes=exchange.id)
        item.name = str(identifier)
        if self._retention is not None and self._now() - id_time(identifier) > self._retention:
            raise Expired
        mapped = self._mapper.map(exchange)
        item.decode_failures = mapped.decode_failures
        for table, rows in mapped.rows.items():
            item.rows[table] = [_TUPLES[table](row) for row in rows]
            for row in rows:
                created_at = row["created_at"]
                assert isinstance(created_at, datetime)
                item.days.add(created_at.date())


def fallback_name(frame: Frame) -> str:
    """The name of a record that does not tell its own: where it stands."""
    return f"{frame.file.removesuffix(SUFFIX)}-{frame.offset}"

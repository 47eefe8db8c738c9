"""The recorder of a worker and the books of the writer, wired to the shared numbers."""

from __future__ import annotations

from proxy.app.spec import WorkerSpec
from proxy.app.telemetry import Telemetry
from proxy.store.accounts import RecorderCells, WriterCells
from proxy.store.journal import Journal, segment_size
from proxy.store.recorder import JournalRecorder
from proxy.telemetry import families as f
from proxy.telemetry.metrics import Metrics
from proxy.types.exchange import ConfigSnapshot, Exchange, Feedback

MAIN_SLOT = 0


class NoRecorder:
    """Recording is switched off: everything is admitted, nothing is kept."""

    def admit(self) -> None:
        return None

    def exchange(self, exchange: Exchange) -> None:
        return None

    async def feedback(self, feedback: Feedback) -> None:
        return None

    async def config(self, snapshot: ConfigSnapshot) -> None:
        return None


def build_recorder(
    spec: WorkerSpec, telemetry: Telemetry
) -> tuple[JournalRecorder, Journal] | tuple[NoRecorder, None]:
    """A worker's recorder and the journal that is to be closed at its end."""
    settings = spec.loaded.config.zeroproxy.recording
    if spec.journal_folder is None:
        return NoRecorder(), None
    journal = Journal(
        spec.journal_folder,
        segment_bytes=segment_size(settings.max_journal_bytes, spec.workers),
        durability=settings.durability,
    )
    recorder = JournalRecorder(
        journal,
        max_bytes=settings.max_journal_bytes,
        when_full=settings.when_full,
        cells=_recorder_cells(telemetry),
    )
    return recorder, journal


def _recorder_cells(telemetry: Telemetry) -> RecorderCells:
    metrics, cells, catalogue = telemetry.metrics, telemetry.cells, telemetry.catalogue
    return RecorderCells(
        shed=metrics.cell(f.EXCHANGES["shed"]),
        feedback_shed=metrics.cell(f.FEEDBACK, "shed"),
        journal_bytes=cells.cell(MAIN_SLOT, catalogue.column(f.JOURNAL_BYTES)),
        journal_ticks=cells.cell(MAIN_SLOT, catalogue.column(f.JOURNAL_TICKS)),
    )


def writer_cells(metrics: Metrics) -> WriterCells:
    """The books of the writer, as series of the main process."""
    return WriterCells(
        produced=metrics.cell(f.EXCHANGES["produced"]),
        adopted=metrics.cell(f.EXCHANGES["adopted"]),
        written=metrics.cell(f.EXCHANGES["written"]),
        quarantined=metrics.cell(f.EXCHANGES["quarantined"]),
        expired=metrics.cell(f.EXCHANGES["expired"]),
        journalled=metrics.cell(f.JOURNALLED),
        oldest_seconds=metrics.cell(f.OLDEST_UNWRITTEN),
        written_until=metrics.cell(f.WRITTEN_UNTIL),
        journal_bytes=metrics.cell(f.JOURNAL_BYTES),
        journal_ticks=metrics.cell(f.JOURNAL_TICKS),
        postgres_up=metrics.cell(f.POSTGRES_UP),
        decode_failures=metrics.cell(f.DECODE_FAILURES),
        feedback_written=metrics.cell(f.FEEDBACK, "written"),
        feedback_rejected=metrics.cell(f.FEEDBACK, "rejected"),
        feedback_pending=metrics.cell(f.FEEDBACK_PENDING),
        failures_unavailable=metrics.cell(f.WRITER_FAILURES, "unavailable"),
        failures_refused=metrics.cell(f.WRITER_FAILURES, "refused"),
    )

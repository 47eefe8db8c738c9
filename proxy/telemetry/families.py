"""The metrics, as data. TensorZero's have its names and labels; ours begin with `zeroproxy_`."""

from __future__ import annotations

from dataclasses import dataclass

from proxy.telemetry.catalogue import Family

OVERHEAD_BUCKETS = (
    0.00005, 0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1.0,
)  # fmt: skip
GAP_BUCKETS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 5.0, 30.0)
LAG_BUCKETS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1.0, 5.0)
BATCH_BUCKETS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 30.0)


def _counter(name: str, text: str, *labels: str) -> Family:
    return Family(name, "counter", text, labels)


def _gauge(name: str, text: str, *labels: str) -> Family:
    return Family(name, "gauge", text, labels)


def _histogram(name: str, text: str, buckets: tuple[float, ...], *labels: str) -> Family:
    return Family(name, "histogram", text, labels, buckets)


_CALL = ("endpoint", "function_name", "model_name", "metric_name")
_ROUTE = ("function_name", "variant_name", "model_name", "provider_name")

REQUESTS = _counter("tensorzero_requests_total", "Requests, by what they were for.", *_CALL)
INFERENCES = _counter("tensorzero_inferences_total", "Inferences, by what they were for.", *_CALL)
INPUT_TOKENS = _counter("tensorzero_input_tokens_total", "Input tokens of all inferences.")
OUTPUT_TOKENS = _counter("tensorzero_output_tokens_total", "Output tokens of all inferences.")

TOKENS = _counter(
    "zeroproxy_tokens_total", "Tokens, by model and kind.", "model_name", "provider_name", "kind"
)
IN_FLIGHT = _gauge("zeroproxy_requests_in_flight", "Calls under way.", "endpoint")
RESPONSES = _counter(
    "zeroproxy_responses_total", "Answers to clients, by class of status.", "endpoint", "status"
)
STREAM_ENDS = _counter(
    "zeroproxy_stream_ends_total", "Calls that ended, by why.", "endpoint", "reason"
)
REJECTED = _counter(
    "zeroproxy_rejected_requests_total", "Requests that never got in, by why.", "reason"
)
ATTEMPTS = _counter(
    "zeroproxy_attempts_total",
    "Attempts at providers, by outcome.",
    "model_name",
    "provider_name",
    "outcome",
)
RETRIES_REFUSED = _counter(
    "zeroproxy_retries_refused_total", "Retries that an origin's budget did not cover.", "origin"
)
IGNORED = _counter(
    "zeroproxy_ignored_parameters_total",
    "Parameters that a provider's protocol has no place for, left out of a request.",
    "provider_type",
    "parameter",
)
GAP = _histogram(
    "zeroproxy_inter_block_seconds",
    "Time between two blocks of a provider's stream.",
    GAP_BUCKETS,
    "model_name",
    "provider_name",
)
OVERHEAD = _histogram(
    "zeroproxy_overhead_seconds",
    "Time of a call that was not spent waiting for a provider.",
    OVERHEAD_BUCKETS,
    "endpoint",
)
LOOP_LAG = _histogram(
    "zeroproxy_event_loop_lag_seconds",
    "How late the event loop ran what was due.",
    LAG_BUCKETS,
    "process",
)
RECEIVED_BYTES = _counter(
    "zeroproxy_upstream_received_bytes_total", "Bytes of answers received from providers."
)
EXCHANGES = {
    state: _counter(f"zeroproxy_exchanges_{state}_total", text)
    for state, text in {
        "produced": "Exchanges finished by workers.",
        "adopted": "Exchanges found at start in the journals of the dead.",
        "written": "Exchanges written to Postgres.",
        "shed": "Exchanges dropped at the journal's bound.",
        "quarantined": "Exchanges that Postgres refuses, put aside.",
        "expired": "Exchanges older than the retention, not written.",
    }.items()
}
JOURNALLED = _gauge("zeroproxy_exchanges_journalled", "Exchanges in journals, not yet written.")
OLDEST_UNWRITTEN = _gauge(
    "zeroproxy_oldest_unwritten_seconds", "Age of the oldest exchange that is not yet written."
)
JOURNAL_BYTES = _gauge("zeroproxy_journal_bytes", "Bytes of all journals on disk.")
JOURNAL_LIMIT = _gauge("zeroproxy_journal_limit_bytes", "How far the journals may grow.")
DEFAULT_ROWS = _gauge(
    "zeroproxy_default_partition_rows", "Rows in default partitions, where none should be."
)
POSTGRES_UP = _gauge("zeroproxy_postgres_up", "Whether the writer last reached Postgres.")
WRITER_BATCH = _histogram(
    "zeroproxy_writer_batch_seconds", "Time to write one batch to Postgres.", BATCH_BUCKETS
)
WRITER_FAILURES = _counter(
    "zeroproxy_writer_failures_total", "Batches that could not be written at once.", "reason"
)
DECODE_FAILURES = _counter(
    "zeroproxy_decode_failures_total", "Recorded bodies that could not be decoded."
)
FEEDBACK = _counter("zeroproxy_feedback_total", "Feedback, by what became of it.", "state")
FEEDBACK_PENDING = _gauge("zeroproxy_feedback_pending", "Feedback whose target is awaited.")
WORKERS = _gauge("zeroproxy_workers", "Workers alive.")
WORKER_RESTARTS = _counter(
    "zeroproxy_worker_restarts_total", "Workers that died and were replaced."
)
BUILD_INFO = _gauge("zeroproxy_build_info", "The program's version.", "version")
CONFIG_INFO = _gauge("zeroproxy_config_info", "The configuration in force, by its hash.", "hash")
RELOADS = _counter("zeroproxy_config_reloads_total", "Attempts to reload, by result.", "result")
RELOAD_OK = _gauge(
    "zeroproxy_config_last_reload_successful", "Whether the last attempt to reload succeeded."
)
RELOAD_TIME = _gauge(
    "zeroproxy_config_last_reload_success_timestamp_seconds",
    "Unix time at which the configuration in force was taken.",
)
SCRATCH = "zeroproxy_internal_"
"""Families of this prefix are shared by processes, but not shown."""


@dataclass(frozen=True, slots=True)
class Latencies:
    """The histograms whose buckets the configuration chooses."""

    tensorzero_overhead: Family
    request: Family
    provider: Family
    first_token: Family


def build_latencies(buckets: tuple[float, ...], tensorzero_buckets: tuple[float, ...]) -> Latencies:
    """The latency families with the configured buckets, in seconds."""
    return Latencies(
        _histogram(
            "tensorzero_inference_latency_overhead_seconds",
            "Time of an inference that was not spent in the model.",
            tensorzero_buckets,
            "function_name",
            "variant_name",
        ),
        _histogram(
            "zeroproxy_request_duration_seconds",
            "Time from a request to the end of its answer.",
            buckets,
            "endpoint",
            "function_name",
            "variant_name",
        ),
        _histogram(
            "zeroproxy_provider_duration_seconds",
            "Time of one attempt at a provider.",
            buckets,
            "model_name",
            "provider_name",
        ),
        _histogram(
            "zeroproxy_time_to_first_token_seconds",
            "Time from a request to the first token of its stream.",
            buckets,
            *_ROUTE,
        ),
    )


JOURNAL_TICKS = _gauge(SCRATCH + "journal_ticks", "Measurements of the journals so far.")
WRITTEN_UNTIL = _gauge(
    SCRATCH + "written_until", "Unix time before which all that was journalled is written."
)
BUDGET_EPOCH = _gauge(SCRATCH + "budget_epoch", "The second of a ring's entry.", "origin", "place")
BUDGET_REQUESTS = _gauge(SCRATCH + "budget_requests", "Requests in it.", "origin", "place")
BUDGET_RETRIES = _gauge(SCRATCH + "budget_retries", "Retries in it.", "origin", "place")

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from proxy.errors import UpstreamError
from proxy.telemetry import families as f
from proxy.telemetry.catalogue import SPARE_WIDTH, Catalogue
from proxy.telemetry.cells import Cells
from proxy.telemetry.collector import Renderer
from proxy.telemetry.metrics import OTHER, Metrics
from proxy.types.exchange import EndReason
from tests.unit.telemetry.naming import NAMES, catalogue, create, open_metrics


class Page:
    """`/metrics` as Prometheus reads it."""

    def __init__(self, cells: Cells, columns: Catalogue) -> None:
        self.text = Renderer(cells, columns).render().decode()
        self.metrics: dict[str, Metric] = {
            metric.name: metric for metric in text_string_to_metric_families(self.text)
        }

    def value(self, name: str, **labels: str) -> float:
        [found] = [
            sample.value
            for metric in self.metrics.values()
            for sample in metric.samples
            if sample.name == name and sample.labels == labels
        ]
        return found

    def labels(self) -> set[tuple[str, str]]:
        return {
            item
            for metric in self.metrics.values()
            for sample in metric.samples
            for item in sample.labels.items()
        }


@pytest.fixture
def cells(tmp_path: Path) -> Iterator[Cells]:
    made = create(tmp_path / "cells")
    yield made
    made.close()


def call(metrics: Metrics, seconds: float, **changed: str) -> None:
    """One call of `haiku`, all the way, with what the caller changed."""
    named = {
        "function_name": "haiku",
        "variant_name": "classic",
        "model_name": "small",
        "provider_name": "alpha",
    } | changed
    route = metrics.for_route(**named)
    route.attempt("ok", seconds)
    route.first_token(seconds / 2)
    route.gap(seconds / 10)
    provider = named.pop("provider_name")
    metrics.ended(
        endpoint="chat_completions",
        reason=EndReason.COMPLETE,
        status=200,
        seconds=seconds,
        overhead=seconds / 100,
        **named,
    )
    metrics.tokens(
        named["model_name"], provider, [("input", 7), ("output", 3), ("reasoning", None)]
    )


def test_a_call_is_counted_under_its_function_variant_model_and_provider(cells: Cells) -> None:
    columns = catalogue()
    call(open_metrics(cells, 1, columns), 0.5)
    page = Page(cells, columns)
    variant = {"function_name": "haiku", "variant_name": "classic"}
    provider = {"model_name": "small", "provider_name": "alpha"}
    request = {"endpoint": "chat_completions", **variant}
    assert page.value("zeroproxy_request_duration_seconds_count", **request) == 1
    assert page.value("zeroproxy_request_duration_seconds_bucket", le="0.1", **request) == 0
    assert page.value("zeroproxy_request_duration_seconds_bucket", le="1.0", **request) == 1
    assert page.value("zeroproxy_request_duration_seconds_sum", **request) == 0.5
    assert page.value("zeroproxy_time_to_first_token_seconds_count", **variant, **provider) == 1
    assert page.value("zeroproxy_inter_block_seconds_count", **provider) == 1
    assert page.value("zeroproxy_attempts_total", outcome="ok", **provider) == 1
    assert page.value("zeroproxy_tokens_total", kind="input", **provider) == 7
    assert page.value("tensorzero_input_tokens_total") == 7
    assert page.value("tensorzero_output_tokens_total") == 3
    assert page.value("tensorzero_inference_latency_overhead_seconds_count", **variant) == 1
    inference = {"endpoint": "inference", "function_name": "haiku"}
    assert page.value("tensorzero_requests_total", **inference) == 1
    assert page.value("tensorzero_inferences_total", **inference) == 1


@pytest.mark.parametrize("error", UpstreamError.__subclasses__())
def test_a_failed_attempt_is_counted_under_the_kind_of_its_error(
    cells: Cells, error: type[UpstreamError]
) -> None:
    columns = catalogue()
    route = open_metrics(cells, 1, columns).for_route("haiku", "classic", "small", "alpha")
    route.attempt(error.kind, 0.1)
    provider = {"model_name": "small", "provider_name": "alpha"}
    page = Page(cells, columns)
    assert page.value("zeroproxy_attempts_total", outcome=error.kind, **provider) == 1
    assert page.value("zeroproxy_attempts_total", outcome=OTHER, **provider) == 0


def test_a_model_s_own_call_belongs_to_the_default_function(cells: Cells) -> None:
    columns = catalogue()
    changed = {"function_name": "tensorzero::default", "variant_name": "large"}
    call(open_metrics(cells, 1, columns), 0.5, **changed, model_name="large")
    named = {"function_name": "tensorzero::default", "model_name": "large"}
    page = Page(cells, columns)
    assert page.value("tensorzero_inferences_total", endpoint="inference", **named) == 1


def test_one_page_sums_all_processes_and_keeps_what_the_dead_counted(cells: Cells) -> None:
    columns = catalogue()
    for slot in (1, 2):
        call(open_metrics(cells, slot, catalogue()), 0.05)
    cells.retire(1, columns.gauges(), columns.size)
    request = {
        "endpoint": "chat_completions",
        "function_name": "haiku",
        "variant_name": "classic",
    }
    page = Page(cells, columns)
    assert page.value("zeroproxy_request_duration_seconds_count", **request) == 2
    assert page.value("tensorzero_input_tokens_total") == 14


def test_calls_in_flight_are_there_while_they_are(cells: Cells) -> None:
    columns = catalogue()
    metrics = open_metrics(cells, 1, columns)
    with metrics.in_flight("chat_completions"), metrics.in_flight("chat_completions"):
        during = Page(cells, columns)
    after = Page(cells, columns)
    endpoint = {"endpoint": "chat_completions"}
    assert during.value("zeroproxy_requests_in_flight", **endpoint) == 2
    assert after.value("zeroproxy_requests_in_flight", **endpoint) == 0


def test_every_histogram_is_cumulative_and_ends_with_its_count(cells: Cells) -> None:
    columns = catalogue()
    metrics = open_metrics(cells, 1, columns)
    for seconds in (0.0, 0.01, 0.02, 0.1, 0.5, 1.0, 7.0, 1e6):
        call(metrics, seconds)
    page, seen = Page(cells, columns), 0
    for metric in page.metrics.values():
        if metric.type != "histogram":
            continue
        series: dict[tuple[tuple[str, str], ...], dict[str, float]] = {}
        counts: dict[tuple[tuple[str, str], ...], float] = {}
        for sample in metric.samples:
            bound = sample.labels.pop("le", "")
            key = tuple(sorted(sample.labels.items()))
            if bound:
                series.setdefault(key, {})[bound] = sample.value
            elif sample.name.endswith("_count"):
                counts[key] = sample.value
        assert series.keys() == counts.keys()
        for key, buckets in series.items():
            seen += 1
            bounds = [float(bound) for bound in buckets]
            assert bounds == sorted(bounds)
            assert list(buckets.values()) == sorted(buckets.values())
            assert buckets["+Inf"] == counts[key]
    assert seen > 20


def test_a_value_on_a_bound_counts_below_it(cells: Cells) -> None:
    columns = catalogue()
    call(open_metrics(cells, 1, columns), 0.1)
    request = {
        "endpoint": "chat_completions",
        "function_name": "haiku",
        "variant_name": "classic",
    }
    page = Page(cells, columns)
    assert page.value("zeroproxy_request_duration_seconds_bucket", le="0.1", **request) == 1
    assert page.value("zeroproxy_request_duration_seconds_bucket", le="0.01", **request) == 0


STRANGE = 'caller"s\n{text}'


@pytest.mark.parametrize(
    "changed",
    [
        {"function_name": STRANGE},
        {"function_name": "", "variant_name": STRANGE, "model_name": STRANGE},
        {
            "function_name": "tensorzero::default",
            "variant_name": STRANGE,
            "model_name": STRANGE,
            "provider_name": STRANGE,
        },
        {
            "function_name": "letter",
            "variant_name": "only",
            "model_name": "vendor::not-in-the-table",
            "provider_name": "vendor",
        },
    ],
)
def test_what_a_caller_names_never_becomes_a_label(cells: Cells, changed: dict[str, str]) -> None:
    columns = catalogue()
    metrics = open_metrics(cells, 1, columns)
    before = Page(cells, columns).labels()
    call(metrics, 0.5, **changed)
    metrics.retry_refused("https://" + STRANGE)
    page = Page(cells, columns)
    assert page.labels() == before
    assert page.value("zeroproxy_retries_refused_total", origin=OTHER) == 1
    assert page.value("tensorzero_input_tokens_total") == 7


def test_the_ways_of_a_configuration_are_all_in_the_catalogue_from_the_start(
    cells: Cells,
) -> None:
    """Else processes would number a late series differently, and add apples to pears."""
    columns = catalogue()
    metrics, size = open_metrics(cells, 1, columns), columns.size
    for (function, variant), model in NAMES.function_models.items():
        for provider in NAMES.models.get(model, ("vendor",)):
            call(
                metrics,
                0.1,
                function_name=function,
                variant_name=variant,
                model_name=model,
                provider_name=provider,
            )
    for model, providers in NAMES.models.items():
        for provider in providers:
            call(metrics, 0.1, function_name="", variant_name=model, model_name=model,
                 provider_name=provider)  # fmt: skip
    for reason in EndReason:
        for function, model in (("haiku", "small"), ("", "large"), ("", STRANGE)):
            metrics.ended(
                endpoint="chat_completions",
                function_name=function,
                variant_name="",
                model_name=model,
                reason=reason,
                status=0,
                seconds=1.0,
                overhead=1.0,
            )
    metrics.feedback_request("thumbs_up")
    assert columns.size == size


def test_two_processes_number_the_series_of_a_configuration_alike() -> None:
    first, second = catalogue(), catalogue()
    assert first.series == second.series
    ends = [each.column + each.family.width for each in first.series]
    assert [each.column for each in first.series] == [SPARE_WIDTH, *ends[:-1]]


def test_what_processes_tell_each_other_is_not_shown(cells: Cells) -> None:
    columns = catalogue()
    metrics = open_metrics(cells, 1, columns)
    metrics.shared(f.BUDGET_REQUESTS, "other", "1").add(3)
    metrics.cell(f.JOURNAL_TICKS).set(4)
    assert any(each.family.name.startswith(f.SCRATCH) for each in columns.series)
    assert f.SCRATCH not in Page(cells, columns).text


def test_names_are_ours_or_tensorzero_s_and_every_one_has_a_help_text(cells: Cells) -> None:
    page = Page(cells, catalogue())
    for name, metric in page.metrics.items():
        assert re.match(r"(zeroproxy|tensorzero)_[a-z_]+$", name)
        assert metric.documentation.endswith(".")
        assert metric.type in ("counter", "gauge", "histogram")


def test_version_and_configuration_are_named(cells: Cells) -> None:
    columns = catalogue()
    metrics = open_metrics(cells, 0, columns)
    metrics.cell(f.BUILD_INFO, "1.2.3").set(1)
    metrics.cell(f.CONFIG_INFO, "ab" * 6).set(1)
    page = Page(cells, columns)
    assert page.value("zeroproxy_build_info", version="1.2.3") == 1
    assert page.value("zeroproxy_config_info", hash="abababababab") == 1


def test_what_a_variant_asks_beside_its_model_is_counted_as_a_call_of_that_model(
    cells: Cells, caplog: pytest.LogCaptureFixture
) -> None:
    """Vectors for its examples, say; or a variant that a request brought along."""
    columns = catalogue()
    metrics = open_metrics(cells, 1, columns)
    for variant in ("classic", "brought along"):
        metrics.for_route("haiku", variant, "large", "alpha").attempt("ok", 0.1)
    page = Page(cells, columns)
    assert not caplog.records
    provider = {"model_name": "large", "provider_name": "alpha"}
    assert page.value("zeroproxy_attempts_total", outcome="ok", **provider) == 2

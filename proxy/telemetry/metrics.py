"""The facade that the other rooms use. Cells are looked up once and then only added to.

What the configuration does not name is counted under `other`: a caller's text is never a label.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from itertools import repeat
from operator import sub

from proxy.telemetry import families as f
from proxy.telemetry.catalogue import Catalogue, Family
from proxy.telemetry.cells import Cell, Cells, SharedCell
from proxy.types.exchange import EndReason

OTHER = "other"
INFERENCE = "inference"
STATUSES = ("0", "2xx", "3xx", "4xx", "5xx")
REJECTIONS = ("unauthorized", "not_found", "too_large", "malformed", "journal_full")
OUTCOMES = (
    "ok",
    "status",
    "error_in_body",
    "connect",
    "reset",
    "timeout",
    "garbage",
    "client",
    "credential",
    "unsupported",
    OTHER,
)
TOKEN_KINDS = ("input", "output", "cache_read", "cache_write", "reasoning")
IGNORABLE = (
    "detail",
    "frequency_penalty",
    "json_mode",
    "metadata",
    "parallel_tool_calls",
    "prediction",
    "presence_penalty",
    "prompt_cache_key",
    "prompt_cache_retention",
    "reasoning",
    "reasoning_effort",
    "safety_identifier",
    "seed",
    "service_tier",
    "stop_sequences",
    "store",
    "thinking_budget_tokens",
    "usage",
    "user",
    "verbosity",
    OTHER,
)
"""Parameters that one protocol or another has no place for."""


KEPT = 4096
"""Names given by calls for which the way to their cells is remembered."""

ROUNDER = 1.5 * 2.0**32
"""Added and subtracted, it rounds to a multiple of 2^-20 (a microsecond). Sums of such numbers are
exact up to 2^33, in whatever order they are added: when a dead process's sum moves to the departed,
the total stays the same to the last bit. If it fell by one bit, Prometheus would see a counter that
was reset, and count all of it again."""


class Histogram:
    """One histogram of this process; `observe` costs a bisection and a few additions."""

    __slots__ = ("_bounds", "_first", "_sum", "_view")

    def __init__(self, cells: Cells, slot: int, family: Family, column: int) -> None:
        self._bounds = family.buckets
        self._view = cells.view
        self._first = cells.offset(slot, column)
        self._sum = self._first + len(family.buckets) + 1

    @property
    def place(self) -> tuple[Sequence[float], int, int]:
        """Its bounds, and where its first bucket and its sum stand among the cells."""
        return self._bounds, self._first, self._sum

    def observe(self, value: float) -> None:
        self._view[self._first + bisect_left(self._bounds, value)] += 1
        self._view[self._sum] += (value + ROUNDER) - ROUNDER

    def observe_steps(self, times: Sequence[float]) -> None:
        """Observe the time from each of these to the next; for many at once this is cheaper."""
        steps = map(sub, times[1:], times)
        buckets = list(map(bisect_left, repeat(self._bounds), steps))
        for bucket in set(buckets):
            self._view[self._first + bucket] += buckets.count(bucket)
        self._view[self._sum] += (times[-1] - times[0] + ROUNDER) - ROUNDER


class RouteCells:
    """What one way through the configuration counts: function, variant, model, provider."""

    __slots__ = ("_attempts", "_provider", "first_token", "gap", "gaps")

    def __init__(
        self,
        attempts: dict[str, Cell],
        provider: Histogram,
        first_token: Histogram,
        gap: Histogram,
    ) -> None:
        self._attempts = attempts
        self._provider = provider
        self.first_token = first_token.observe
        self.gap = gap.observe
        self.gaps = gap.observe_steps

    def attempt(self, outcome: str, seconds: float) -> None:
        """Count an attempt; `outcome` is `ok` or an error's kind."""
        (self._attempts.get(outcome) or self._attempts[OTHER]).add(1)
        self._provider.observe(seconds)


class _Ends:
    """What the end of a call counts, of one endpoint, function, variant and model.

    Its numbers are written here one by one: a method for each costs more than they do.
    """

    __slots__ = ("_cells", "_endpoint", "_metrics", "_places", "_view")

    def __init__(
        self, metrics: Metrics, endpoint: str, function: str, variant: str, model: str
    ) -> None:
        latencies = metrics.latencies
        request = metrics.histogram(latencies.request, endpoint, function, variant)
        own_overhead = metrics.histogram(latencies.tensorzero_overhead, function, variant)
        overhead = metrics.histogram(f.OVERHEAD, endpoint)
        self._metrics = metrics
        self._endpoint = endpoint
        self._view = metrics.view
        self._places = (
            *request.place,
            *own_overhead.place,
            *overhead.place,
            metrics.cell(f.REQUESTS, INFERENCE, function, model, "").index,
            metrics.cell(f.INFERENCES, INFERENCE, function, model, "").index,
        )
        self._cells: dict[tuple[EndReason, int], tuple[int, int]] = {}

    def count(self, reason: EndReason, status: int, seconds: float, overhead: float) -> None:
        view = self._view
        (
            bounds,
            request,
            request_sum,
            own_bounds,
            own,
            own_sum,
            all_bounds,
            overall,
            overall_sum,
            requests,
            inferences,
        ) = self._places
        view[request + bisect_left(bounds, seconds)] += 1
        view[request_sum] += (seconds + ROUNDER) - ROUNDER
        rounded = (overhead + ROUNDER) - ROUNDER
        view[own + bisect_left(own_bounds, overhead)] += 1
        view[own_sum] += rounded
        view[overall + bisect_left(all_bounds, overhead)] += 1
        view[overall_sum] += rounded
        kind = status // 100
        ends, answers = self._cells.get((reason, kind)) or self._find_cells(reason, kind, status)
        view[ends] += 1
        view[answers] += 1
        view[requests] += 1
        view[inferences] += 1

    def _find_cells(self, reason: EndReason, kind: int, status: int) -> tuple[int, int]:
        metrics = self._metrics
        found = self._cells[reason, kind] = (
            metrics.cell(f.STREAM_ENDS, self._endpoint, reason.value).index,
            metrics.cell(f.RESPONSES, self._endpoint, _status_class(status)).index,
        )
        return found


class _InFlight:
    """A gauge that is one higher inside a `with`."""

    __slots__ = ("_index", "_view")

    def __init__(self, view: memoryview[float], cell: Cell) -> None:
        self._view = view
        self._index = cell.index

    def __enter__(self) -> None:
        self._view[self._index] += 1

    def __exit__(self, *error: object) -> None:
        self._view[self._index] -= 1


class Metrics:
    """The numbers of one process. `names` is what the configuration knows (see `labels`)."""

    def __init__(
        self,
        cells: Cells,
        slot: int,
        catalogue: Catalogue,
        latencies: f.Latencies,
        names: Names,
    ) -> None:
        self._cells = cells
        self.view = cells.view
        self._slot = slot
        self._catalogue = catalogue
        self.latencies = latencies
        self._names = names
        self._routes: dict[tuple[str, str, str, str], RouteCells] = {}
        self._ends: dict[tuple[str, str, str, str], _Ends] = {}
        self._in_flight: dict[str, _InFlight] = {}
        self._asked: dict[tuple[str, str, str, str], RouteCells] = {}
        """The same cells as in `_routes`, by the names that calls bear: at most `KEPT` of them, for
        callers can invent names. So it is with `_ended`."""
        self._ended: dict[tuple[str, str, str, str], _Ends] = {}
        self._tokens: dict[tuple[str, str], dict[str, tuple[Cell, ...]]] = {}
        self._cached: dict[tuple[str, tuple[str, ...]], Cell] = {}

    # Cells by name.

    def cell(self, family: Family, *values: str) -> Cell:
        """This process's cell of a series."""
        key = (family.name, values)
        cell = self._cached.get(key)
        if cell is None:
            cell = self._cells.cell(self._slot, self._catalogue.column(family, values))
            self._cached[key] = cell
        return cell

    def shared(self, family: Family, *values: str) -> SharedCell:
        """This process's cell of a series, through which those of the others can be read."""
        return self._cells.shared(self._slot, self._catalogue.column(family, values))

    def histogram(self, family: Family, *values: str) -> Histogram:
        column = self._catalogue.column(family, values)
        return Histogram(self._cells, self._slot, family, column)

    # The hot path.

    def in_flight(self, endpoint: str) -> _InFlight:
        """To be used in a `with`; `endpoint` is one of few."""
        gauge = self._in_flight.get(endpoint)
        if gauge is None:
            gauge = self._in_flight[endpoint] = _InFlight(
                self.view, self.cell(f.IN_FLIGHT, endpoint)
            )
        return gauge

    def for_route(
        self, function_name: str, variant_name: str, model_name: str, provider_name: str
    ) -> RouteCells:
        asked = (function_name, variant_name, model_name, provider_name)
        cells = self._asked.get(asked)
        return self._cells_of_route(asked) if cells is None else cells

    def _cells_of_route(self, asked: tuple[str, str, str, str]) -> RouteCells:
        key = self._names.route(*asked)
        cells = self._routes.get(key)
        if cells is None:
            cells = self._routes[key] = self._route(key)
        if len(self._asked) < KEPT:
            self._asked[asked] = cells
        return cells

    def ended(
        self,
        *,
        endpoint: str,
        function_name: str,
        variant_name: str,
        model_name: str,
        reason: EndReason,
        status: int,
        seconds: float,
        overhead: float,
    ) -> None:
        """Count a call that has ended."""
        asked = (endpoint, function_name, variant_name, model_name)
        ends = self._ended.get(asked) or self._ends_of(asked)
        ends.count(reason, status, seconds, overhead)

    def _ends_of(self, asked: tuple[str, str, str, str]) -> _Ends:
        endpoint, function_name, variant_name, model_name = asked
        function, variant = self._names.variant(function_name, variant_name)
        model = self._names.model(model_name) if function == DEFAULT else ""
        key = (endpoint, function, variant, model)
        ends = self._ends.get(key)
        if ends is None:
            ends = self._ends[key] = _Ends(self, *key)
        if len(self._ended) < KEPT:
            self._ended[asked] = ends
        return ends

    def rejected(self, reason: str) -> None:
        """Count a request that never got in."""
        self.cell(f.REJECTED, reason).add(1)

    def retry_refused(self, origin: str) -> None:
        self.cell(f.RETRIES_REFUSED, self._names.origin(origin)).add(1)

    def ignored(self, provider_type: str, parameters: Sequence[str]) -> None:
        """Count what was left out of a request because its protocol has no place for it."""
        for parameter in parameters:
            self.cell(f.IGNORED, *self._names.ignored(provider_type, parameter)).add(1)

    def feedback_request(self, metric_name: str) -> None:
        """Count a request for feedback; `metric_name` is a configured or a reserved one."""
        self.cell(f.REQUESTS, "feedback", "", "", metric_name).add(1)

    def tokens(
        self, model_name: str, provider_name: str, counts: Sequence[tuple[str, int | None]]
    ) -> None:
        """Count the tokens of a model call: (kind, number or None) pairs."""
        cells = self._tokens.get((model_name, provider_name))
        if cells is None:
            cells = self._token_cells(model_name, provider_name)
        for kind, count in counts:
            if count:
                for cell in cells[kind]:
                    cell.add(count)

    def _token_cells(self, model_name: str, provider_name: str) -> dict[str, tuple[Cell, ...]]:
        """By kind, those that a count is added to."""
        labels = self._names.provider(model_name, provider_name)
        cells: dict[str, tuple[Cell, ...]] = {
            kind: (self.cell(f.TOKENS, *labels, kind),) for kind in TOKEN_KINDS
        }
        cells["input"] += (self.cell(f.INPUT_TOKENS),)
        cells["output"] += (self.cell(f.OUTPUT_TOKENS),)
        if len(self._tokens) < KEPT:
            self._tokens[model_name, provider_name] = cells
        return cells

    def _route(self, key: tuple[str, str, str, str]) -> RouteCells:
        _, _, model, provider = key
        return RouteCells(
            {outcome: self.cell(f.ATTEMPTS, model, provider, outcome) for outcome in OUTCOMES},
            self.histogram(self.latencies.provider, model, provider),
            self.histogram(self.latencies.first_token, *key),
            self.histogram(f.GAP, model, provider),
        )


DEFAULT = "tensorzero::default"


class Names:
    """The names that may be labels, taken from a configuration."""

    def __init__(
        self,
        functions: dict[str, tuple[str, ...]],
        models: dict[str, tuple[str, ...]],
        function_models: dict[tuple[str, str], str],
        origins: tuple[str, ...],
        metrics: tuple[str, ...],
        provider_types: tuple[str, ...] = (),
    ) -> None:
        self.functions = functions
        """Variants by function."""
        self.models = models
        """Providers by model."""
        self.function_models = function_models
        """The model's label by function and variant."""
        self.origins = origins
        self.metrics = metrics
        self.provider_types = provider_types
        self._routes = frozenset(self.all_routes())

    def model(self, name: str) -> str:
        return name if name in self.models else OTHER

    def provider(self, model: str, provider: str) -> tuple[str, str]:
        if provider in self.models.get(model, ()):
            return model, provider
        return OTHER, OTHER

    def variant(self, function: str, variant: str) -> tuple[str, str]:
        """Labels of a call's end; a plain model's calls belong to the default function."""
        if function in self.functions:
            known = variant in self.functions[function]
            return function, variant if known else ""
        return DEFAULT, self.model(variant) if variant else ""

    def route(
        self, function: str, variant: str, model: str, provider: str
    ) -> tuple[str, str, str, str]:
        """Labels of an attempt. What a variant asks beside its own model (for vectors, say), or one
        that a request brought along, is counted as a call of that model."""
        known = self.provider(model, provider)
        labels = (*self.variant(function, variant or OTHER), *known)
        return labels if labels in self._routes else (DEFAULT, known[0], *known)

    def origin(self, origin: str) -> str:
        return origin if origin in self.origins else OTHER

    def ignored(self, provider_type: str, parameter: str) -> tuple[str, str]:
        """Labels of a parameter that was left out of a request."""
        return (
            provider_type if provider_type in self.provider_types else OTHER,
            parameter if parameter in IGNORABLE else OTHER,
        )

    def all_routes(self) -> list[tuple[str, str, str, str]]:
        """Every way through the configuration, in a fixed order."""
        routes = []
        for function, variants in self.functions.items():
            for variant in variants:
                model = self.function_models[function, variant]
                for provider in self.models.get(model, (OTHER,)):
                    routes.append((function, variant, *self.provider(model, provider)))
        for model, providers in self.models.items():
            routes += [(DEFAULT, model, model, provider) for provider in providers]
        routes.append((DEFAULT, OTHER, OTHER, OTHER))
        return routes


def _status_class(status: int) -> str:
    return f"{status // 100}xx" if 200 <= status < 600 else "0"

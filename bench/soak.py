"""A million requests at 60 % of what the product can do: does its memory grow, is a record lost?

One server from the first request to the last, because one that has been started again is another
one. So this cannot go on where it was interrupted; it takes minutes, not hours.
"""

from __future__ import annotations

from collections.abc import Sequence

from bench.estimates import slope
from bench.generator import Generator
from bench.kinds.base import Run, generator
from bench.kinds.open import capacity
from bench.loads.target import Command
from bench.results import Result
from bench.rounds import say
from bench.scenarios import SCENARIOS
from bench.stage import Stage
from bench.subjects.product import Product

SHARE = 0.6
CONNECTIONS = 256
SAMPLES = 400
WARM_SHARE = 0.1
MB = 1024 * 1024

Sample = tuple[float, float]
"""Requests answered, bytes (PSS of all our processes)."""


def run_soak(stage: Stage, requests: int) -> list[Result]:
    """The verdict first, then every sample. Raises BenchError when the server does not last."""
    product = stage.get("product")
    assert isinstance(product, Product)
    scenario = SCENARIOS["unary"]
    run = Run(stage, 1, 0, 0)
    with generator(run, scenario, product) as load:
        rate = SHARE * capacity(run, scenario, product, load)
        say(f"{requests:,} requests at {rate:,.0f} a second: about {requests / rate / 60:.0f} min")
        tell_s = max(requests / rate / SAMPLES, 0.05)
        command = Command(
            "open", CONNECTIONS, count=requests, rate=rate, tell_s=tell_s, seed=run.number
        )
        load.begin(command)
        samples, last = _watch(product, load, requests)
    product.settle(int(str(last["answered"])))
    answered, rows = product.recorded() or (0, 0)
    counted = [each for each in samples if each[0] >= WARM_SHARE * requests]
    grows = slope(counted)
    figures = {
        "requests": float(str(last["answered"])),
        "asked_rate": rate,
        "p50_ms": float(str(last["p50_ms"])),
        "p99_ms": float(str(last["p99_ms"])),
        "slope_bytes": grows.value,
        "slope_bytes_low": grows.low,
        "slope_bytes_high": grows.high,
        "first_mb": counted[0][1] / MB,
        "last_mb": counted[-1][1] / MB,
        "lost": float(answered - rows),
    }
    errors = last["first_errors"]
    assert isinstance(errors, list)
    verdict = Result("soak", product.name, 1, figures, int(str(last["errors"])), errors)
    return [verdict, *_kept(samples, product.name)]


def _watch(
    product: Product, load: Generator, requests: int
) -> tuple[list[Sample], dict[str, object]]:
    """Memory at each line of progress, until the last line."""
    samples: list[Sample] = []
    while "progress" in (line := dict(load.line())):
        answered = float(str(line["progress"]))
        samples.append((answered, product.memory().ours * MB))
        if len(samples) % (SAMPLES // 20) == 0:
            say(f"{answered:,.0f} of {requests:,}: {samples[-1][1] / MB:.1f} MB")
    return samples, line


def _kept(samples: Sequence[Sample], subject: str) -> list[Result]:
    return [
        Result("soak samples", subject, at, {"at_requests": requests, "pss_bytes": size})
        for at, (requests, size) in enumerate(samples, 1)
    ]

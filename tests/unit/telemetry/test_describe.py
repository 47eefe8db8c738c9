from __future__ import annotations

from proxy.telemetry.describe import describe_metrics
from tests.harness import ROOT


def test_the_page_of_metrics_is_up_to_date() -> None:
    page = (ROOT / "docs" / "metrics.md").read_text()
    assert page == describe_metrics(), "python -m proxy.telemetry.describe docs/metrics.md"

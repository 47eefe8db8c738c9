"""The dashboard and the alerts, against a real Prometheus that scrapes our own numbers."""

from __future__ import annotations

import json
import math
import re
import shutil
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import yaml

from proxy.app.telemetry import Telemetry, create_cells, open_telemetry, plan_catalogue
from proxy.config.load import load_config
from proxy.telemetry.families import SCRATCH
from tests.harness import ROOT, free_port

DASHBOARD = ROOT / "deploy" / "grafana" / "zeroproxy.json"
RULES = ROOT / "deploy" / "prometheus" / "rules.yml"
SCRAPES = 4
START_SECONDS = 15.0
VALUES = (0.0003, 0.004, 0.04, 0.4, 4.0)
METRIC = re.compile(r"\b(?:zeroproxy|tensorzero)_\w+")

needs_prometheus = pytest.mark.skipif(
    shutil.which("prometheus") is None or shutil.which("promtool") is None,
    reason="Prometheus is not installed (Debian: apt install prometheus)",
)


def dashboard() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(DASHBOARD.read_text())
    return loaded


def panels() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = dashboard()["panels"]
    return found


def queries() -> list[tuple[str, str, str]]:
    """(panel, expression, legend) of every target."""
    return [
        (panel["title"], target["expr"], target["legendFormat"])
        for panel in panels()
        for target in panel.get("targets", ())
    ]


def alerts() -> list[dict[str, Any]]:
    groups = yaml.safe_load(RULES.read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def substituted(expression: str, function: str = ".*") -> str:
    """What Grafana sends: its variables replaced."""
    return expression.replace("$__rate_interval", "10s").replace("$function", function)


@pytest.fixture(scope="module")
def telemetry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Telemetry]:
    path = tmp_path_factory.mktemp("cells") / "cells"
    loaded = load_config(str(ROOT / "routes.yaml"), {})
    catalogue = plan_catalogue(loaded)
    create_cells(path, catalogue, workers=1)
    opened = open_telemetry(path, loaded, 1, catalogue)
    yield opened
    opened.cells.close()


def grow(telemetry: Telemetry) -> None:
    """A second's worth of everything that can be counted."""
    metrics = telemetry.metrics
    for series in list(telemetry.catalogue.series):
        family = series.family
        if family.name.startswith(SCRATCH):
            continue
        if family.kind == "histogram":
            histogram = metrics.histogram(family, *series.values)
            for value in VALUES:
                histogram.observe(value)
        elif family.kind == "counter":
            metrics.cell(family, *series.values).add(3)
        else:
            metrics.cell(family, *series.values).set(1)


class Server(ThreadingHTTPServer):
    """`/metrics` of a proxy that is at work: the numbers grow with every scrape."""

    def __init__(self, telemetry: Telemetry) -> None:
        renderer = telemetry.renderer()

        class Page(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                grow(telemetry)
                body = renderer.render()
                self.send_response(200)
                self.send_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                pass

        super().__init__(("127.0.0.1", 0), Page)


class Prometheus:
    """A running server, asked over its HTTP API."""

    def __init__(self, port: int) -> None:
        self._base = f"http://127.0.0.1:{port}/api/v1/"

    def get(self, path: str, **parameters: str) -> Any:
        url = self._base + path + "?" + urllib.parse.urlencode(parameters)
        with urllib.request.urlopen(url, timeout=5) as answer:
            return json.load(answer)["data"]

    def query(self, expression: str) -> list[dict[str, Any]]:
        result: list[dict[str, Any]] = self.get("query", query=expression)["result"]
        return result

    def wait_scraped(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                [seen] = self.query('sum_over_time(up{job="zeroproxy"}[1m])')
                if float(seen["value"][1]) >= SCRAPES:
                    return
            except (OSError, ValueError):
                pass
            assert time.monotonic() < deadline, "Prometheus has not scraped in time"
            time.sleep(0.2)


@pytest.fixture(scope="module")
def prometheus(
    telemetry: Telemetry, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Prometheus]:
    server = Server(telemetry)
    serving = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    serving.start()
    folder = tmp_path_factory.mktemp("prometheus")
    port = free_port()
    try:
        with running_prometheus(folder, port, server.server_port):
            asked = Prometheus(port)
            asked.wait_scraped()
            yield asked
    finally:
        server.shutdown()
        server.server_close()
        serving.join()


@contextmanager
def running_prometheus(folder: Path, port: int, target: int) -> Iterator[None]:
    """Prometheus as a process, with our rules, scraping `target` every second."""
    config = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(RULES)],
        "scrape_configs": [
            {"job_name": "zeroproxy", "static_configs": [{"targets": [f"127.0.0.1:{target}"]}]}
        ],
    }
    file = folder / "prometheus.yml"
    file.write_text(json.dumps(config))
    command = [
        "prometheus",
        f"--config.file={file}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--log.level=warn",
    ]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            yield
        except AssertionError as error:
            error.add_note((folder / "log").read_text()[-2000:])
            raise
        finally:
            process.kill()
            process.wait(10)


@needs_prometheus
def test_every_panel_shows_data_under_the_labels_of_its_legend(prometheus: Prometheus) -> None:
    empty = []
    for title, expression, legend in queries():
        results = prometheus.query(substituted(expression))
        wanted = set(re.findall(r"{{(\w+)}}", legend))
        shown = [float(result["value"][1]) for result in results if wanted <= set(result["metric"])]
        if not any(map(math.isfinite, shown)):
            empty.append((title, expression, results[:2]))
    assert not empty


@needs_prometheus
def test_choosing_one_function_leaves_only_its_series(prometheus: Prometheus) -> None:
    chosen = [query for query in queries() if "$function" in query[1] and "{{function" in query[2]]
    assert len(chosen) > 5
    for _, expression, _ in chosen:
        results = prometheus.query(substituted(expression, "haiku"))
        assert {result["metric"]["function_name"] for result in results} == {"haiku"}


@needs_prometheus
def test_the_function_variable_offers_the_functions_of_the_configuration(
    prometheus: Prometheus,
) -> None:
    variables = {each["name"]: each for each in dashboard()["templating"]["list"]}
    definition = variables["function"]["definition"]
    [(metric, label)] = re.findall(r"label_values\((\w+), (\w+)\)", definition)
    offered = prometheus.get(f"label/{label}/values", **{"match[]": metric})
    assert offered == ["haiku", "hello", "tensorzero::default"]
    assert variables["datasource"]["query"] == "prometheus"


@needs_prometheus
def test_every_alert_and_annotation_is_evaluated_without_an_error(prometheus: Prometheus) -> None:
    for annotation in dashboard()["annotations"]["list"]:
        prometheus.query(substituted(annotation["expr"]))
    rules = [rule for group in prometheus.get("rules")["groups"] for rule in group["rules"]]
    assert len(rules) == len(alerts())
    assert {rule["health"] for rule in rules} == {"ok"}


@needs_prometheus
@pytest.mark.parametrize("arguments", [["check", "rules", "rules.yml"],
                                       ["test", "rules", "rules.test.yml"]])  # fmt: skip
def test_the_alerts_pass_their_own_tests(arguments: list[str]) -> None:
    done = subprocess.run(
        ["promtool", *arguments], cwd=RULES.parent, capture_output=True, text=True, timeout=20
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_metric_that_is_asked_for_is_one_that_we_show(telemetry: Telemetry) -> None:
    grow(telemetry)
    page = telemetry.renderer().render().decode()
    shown = {line.partition("{")[0].partition(" ")[0] for line in page.splitlines()}
    expressions = [expression for _, expression, _ in queries()]
    expressions += [rule["expr"] for rule in alerts()]
    expressions += [each["expr"] for each in dashboard()["annotations"]["list"]]
    for expression in expressions:
        assert set(METRIC.findall(expression)) <= shown, expression


def test_every_alert_says_what_it_means_and_what_to_do() -> None:
    tested = (RULES.parent / "rules.test.yml").read_text()
    for rule in alerts():
        assert rule["labels"]["severity"] in ("warning", "critical")
        assert rule["annotations"]["summary"]
        assert len(rule["annotations"]["description"]) > 100
        assert f'alertname="{rule["alert"]}"' in tested


def test_no_panel_lies_on_another() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in panels():
        place = panel["gridPos"]
        cells = {
            (place["x"] + right, place["y"] + down)
            for right in range(place["w"])
            for down in range(place["h"])
        }
        assert place["x"] + place["w"] <= 24
        assert not cells & taken, panel["title"]
        taken |= cells
    assert len({panel["id"] for panel in panels()}) == len(panels())

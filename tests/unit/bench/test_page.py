"""The pages quote what was measured, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from bench import page
from bench.bounds import judge_all
from bench.documents import RESULTS, load_all
from bench.plot import draw_bench, draw_peers
from bench.report import render_report
from tests.unit.bench.made import SETTING, document, results


def test_the_pages_say_what_the_results_say() -> None:
    for path, text in page.render_pages(load_all(RESULTS)).items():
        assert path.read_text() == text, f"{path.name} is old; `python -m bench.page` writes it"


def test_the_table_of_the_readme_is_short_and_names_the_peers_that_were_measured() -> None:
    own = results("unary", "cpu_us", product=[9.0], bare=[10.0])
    beside = own + results("unary", "cpu_us", litellm=[800.0], tensorzero=[11.0])
    documents = {
        "bench": document(own),
        "peers": replace(document(beside), setting=replace(SETTING, target="peers")),
    }
    table = page.render_readme(documents)
    assert "TensorZero's engine | LiteLLM's proxy |" in table
    assert "| 1 KB in and out, CPU | **0.90 ×** | 1.10 × | 80 × |" in table
    assert "nginx" not in table


def test_a_page_without_a_place_is_refused() -> None:
    with pytest.raises(ValueError, match="no place"):
        page.put_between("# A page", "figures")


def test_writing_a_page_again_changes_nothing(tmp_path: Path) -> None:
    once = page.put_between(f"a\n{page.BEGIN}\nold\n{page.END}\nb\n", "new")
    assert once == f"a\n{page.BEGIN}\n\nnew\n\n{page.END}\nb\n"
    assert page.put_between(once, "new") == once


def test_a_report_has_every_figure_beside_its_ratio() -> None:
    made = document(results("unary", "cpu_us", product=[9.0], bare=[10.0]))
    report = render_report(made, judge_all({"bench": made}))
    assert "| CPU µs per request, all processes | 10.0 (10.0-10.0) | 9.0 (9.0-9.0) |" in report
    assert "| - | **0.90 (0.90-0.90)** |" in report


def test_the_plots_are_pictures_with_a_bar_for_each_median() -> None:
    made = document(
        results("unary", "cpu_us", product=[9.0], bare=[10.0], litellm=[800.0], nginx=[1.0])
    )
    for picture, bars in ((draw_bench(made), 1), (draw_peers(made), 3)):
        root = ElementTree.fromstring(picture)
        assert len(root.findall("{http://www.w3.org/2000/svg}rect")) == bars

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from bench.documents import Document, load_document
from bench.results import Journal, Result
from tests.unit.bench.made import SETTING, results

SUBJECTS = {"unary": ("bare", "product")}


def test_a_run_goes_on_where_it_was_interrupted(tmp_path: Path) -> None:
    path = tmp_path / "results" / "peers.jsonl"
    first = Journal(path, SETTING)
    for result in results("unary", "cpu_us", product=[1.0, 2.0], bare=[3.0]):
        first.add(result)
    with path.open("a") as file:
        file.write('{"scenario": "unary", "subj')
    again = Journal(path, replace(SETTING, date="2026-01-02"))
    again.keep_whole(SUBJECTS)
    assert again.has("unary", 1)
    assert not again.has("unary", 2), "a round without one of its subjects is run again"
    again.add(Result("unary", "product", 2, {"cpu_us": 4.0}))
    assert [each.figures["cpu_us"] for each in Journal(path, SETTING).results] == [1.0, 3.0, 4.0]


def test_what_another_program_has_measured_is_forgotten(tmp_path: Path) -> None:
    path = tmp_path / "peers.jsonl"
    Journal(path, SETTING).add(Result("unary", "bare", 1, {}))
    assert Journal(path, replace(SETTING, sources="changed")).results == []


def test_a_document_comes_back_as_it_was_written(tmp_path: Path) -> None:
    made = results("unary", "cpu_us", product=[1.0], bare=[2.0])
    document = Document(SETTING, made, {"product": (7, 7)}, {"nginx": "is not installed"})
    path = tmp_path / "latest.json"
    path.write_text(document.dump())
    assert load_document(path).dump() == document.dump()


def test_lost_records_and_wrong_answers_are_problems() -> None:
    wrong = Result("unary", "bare", 1, {}, 2, ["said something else"])
    document = Document(SETTING, [wrong], {"product": (7, 6)})
    assert document.problems() == [
        "bare, unary, round 1: 2 wrong answers, such as said something else",
        "product: 7 calls answered, but 6 rows recorded",
    ]


def test_a_provider_that_is_hardly_faster_is_a_warning() -> None:
    direct = Result("unary", "direct", 0, {"rate": 100.0})
    slow, fast = (results("unary", "rate", bare=[rate]) for rate in (30.0, 40.0))
    assert Document(SETTING, [direct, *slow]).warnings() == []
    assert len(Document(SETTING, [direct, *fast]).warnings()) == 1

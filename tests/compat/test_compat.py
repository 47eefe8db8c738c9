"""Every line of the compatibility page, over HTTP, against one running proxy."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import uuid
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from proxy.config.load import load_config
from tests.compat.case import INFERENCE, Case, Result
from tests.compat.cases import SECTIONS, all_cases
from tests.compat.models import KEYED_SHORTHANDS
from tests.compat.page import PAGE, render_page
from tests.compat.setup import build_config, upstream_thread, usual
from tests.conftest import fresh_database
from tests.fake_upstream import FakeUpstream
from tests.harness import Proxy, write_config

ROW = "SELECT * FROM tensorzero.{} WHERE id = $1"
RECORDED = "SELECT count(*) FROM tensorzero.exchanges WHERE user_agent = $1"
PROVE = os.environ.get("PROVE") == "1"


class Bench:
    """The running proxy, the provider behind it, and the database."""

    def __init__(self, proxy: Proxy, upstream: FakeUpstream, dsn: str) -> None:
        self.proxy = proxy
        self.upstream = upstream
        self.dsn = dsn
        self.made: dict[str, Any] = {}

    def run(self, case: Case) -> Result:
        """Make the case's request, and gather what came of it."""
        self.upstream.script = case.provider or usual
        agent = f"compat-{uuid.uuid4().hex}"
        body = self._body(case)
        reached, logged = len(self.upstream.seen), self.proxy.log.stat().st_size
        status, headers, body, cut = self._exchange(case, body, agent)
        with self.proxy.log.open("rb") as log:
            log.seek(logged)
            lines = log.read().decode(errors="replace")
        seen = self.upstream.seen[reached:]
        count = partial(self._count, agent)
        row = partial(self._find, "chat_inferences")
        return Result(status, headers, body, seen, lines, cut, row, self._find, count)

    def _body(self, case: Case) -> bytes:
        """The request's body, with the ids of the inference that was made before."""
        body = case.body if isinstance(case.body, bytes) else json.dumps(case.body).encode()
        if case.earlier:
            made = self._made(json.dumps(case.earlier))
            for name in ("inference_id", "episode_id"):
                body = body.replace(b"{{%s}}" % name.encode(), made[name].encode())
        return body

    def _made(self, asked: str) -> Any:
        """The inference that was asked for in these words, made once."""
        if asked not in self.made:
            status, _, answered = self.proxy.post(INFERENCE, asked.encode())
            assert status == 200, answered
            self.proxy.settle()
            self.made[asked] = json.loads(answered)
        return self.made[asked]

    def _exchange(
        self, case: Case, body: bytes, agent: str
    ) -> tuple[int, dict[str, str], bytes, bool]:
        connection = http.client.HTTPConnection("127.0.0.1", self.proxy.port, timeout=60)
        try:
            headers = {"content-type": "application/json", "user-agent": agent}
            connection.request(case.method, case.path, body, headers | dict(case.headers))
            answer = connection.getresponse()
            got = {name.lower(): value for name, value in answer.getheaders()}
            try:
                return answer.status, got, answer.read(), False
            except http.client.IncompleteRead as error:
                return answer.status, got, error.partial, True
        finally:
            connection.close()

    def _find(self, table: str, identifier: str) -> Mapping[str, Any] | None:
        self.proxy.settle()
        row = asyncio.run(_fetch(self.dsn, ROW.format(table), uuid.UUID(identifier)))
        return None if row is None else {**row, "tags": json.loads(row["tags"])}

    def _count(self, agent: str) -> int:
        self.proxy.settle()
        row = asyncio.run(_fetch(self.dsn, RECORDED, agent))
        assert row is not None
        return int(row[0])


async def _fetch(dsn: str, query: str, *values: Any) -> asyncpg.Record | None:
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetchrow(query, *values)
    finally:
        await connection.close()


@pytest.fixture(scope="module")
def bench(postgres_dsn: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """One proxy for all cases, without any key of a provider in its environment."""
    folder = tmp_path_factory.mktemp("compat")
    keyless = dict.fromkeys(KEYED_SHORTHANDS.values(), "")
    with fresh_database(postgres_dsn) as dsn, upstream_thread() as upstream:
        config = write_config(folder / "config.yaml", build_config(upstream.api_base))
        proxy = Proxy(config, folder / "state", dsn, environ=keyless)
        try:
            yield Bench(proxy.start(), upstream, dsn)
        finally:
            proxy.kill_all()


def _named(case: Case) -> str:
    return f"{case.section}: {case.line}"


@pytest.mark.parametrize(
    "case", [case for case in all_cases() if case.unbuilt_config is None], ids=_named
)
def test_the_line_is_true(case: Case, bench: Bench) -> None:
    if case.long and not PROVE:
        pytest.skip("long; `make prove` runs it")
    result = bench.run(case)
    if case.status:
        assert result.status == case.status, result.text[:3000]
    assert result.cut == case.cut, "the body's end"
    for check in case.checks:
        check(result)


@pytest.mark.parametrize(
    "case", [case for case in all_cases() if case.unbuilt_config is not None], ids=_named
)
def test_the_configuration_loads_and_says_what_is_not_built(case: Case, tmp_path: Path) -> None:
    assert case.unbuilt_config is not None
    sections, words = case.unbuilt_config
    loaded = load_config(str(write_config(tmp_path / "config.yaml", sections)), {})
    assert any(words in said and "not built yet" in said for said in loaded.warnings)


def test_the_page_is_that_of_the_cases() -> None:
    assert PAGE.read_text(encoding="utf-8") == render_page(), "run: python -m tests.compat.page"


def test_a_line_either_holds_or_does_not() -> None:
    for section in SECTIONS:
        reasons: dict[str, set[tuple[str, str]]] = {}
        for case in section.cases:
            reasons.setdefault(case.line, set()).add((case.not_yet, case.differs))
        assert all(len(each) == 1 for each in reasons.values()), reasons

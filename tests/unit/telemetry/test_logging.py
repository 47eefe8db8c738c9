from __future__ import annotations

import json
import logging
import re
import sys
from collections.abc import Iterator
from datetime import datetime

import pytest

from proxy.telemetry.logging import configure

BEARER = "Authorization: Bearer {}"
SECRETS = {
    BEARER: "eyJhbGciOi.J9-_~+/x==",
    "proxy-authorization: Basic {}": "dXNlcjpwYXNzd29yZA==",
    "Authorization: {} was refused": "a-key-without-a-scheme",
    "sent {{'Authorization': 'Token {}'}}": "abcdefg",
    "the key {} is not valid": "AIzaSyA1234567890abcdef",
    "the key {} was refused": "sk-proj-Abc_123-def456",
    "upstream said: invalid key {}": "gsk_0123456789abcdef",
    "no connection to postgresql://app:{}@db.internal:5432/zp?sslmode=require": "s3cr:t@w0rd",
    "cache at redis://:{}@cache:6379/0": "onlypassword",
    "host=db user=app password={} dbname=zp": "hunter2",
    "OPENAI_API_KEY={} is not accepted": "abc123",
    "headers: {{'x-api-key': '{}'}}": "two words, one secret",
    'answer: {{"client_secret": "{}", "ok": false}}': "a;b,c",
    "GET https://api.test/v1?api_key={}&page=2": "0123",
}


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    quiet = {name: logging.getLogger(name).level for name in ("asyncio", "aiohttp", "uvloop")}
    yield
    root.handlers = handlers
    root.setLevel(level)
    for name, old in quiet.items():
        logging.getLogger(name).setLevel(old)


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, str]]:
    captured = capsys.readouterr()
    assert captured.out == ""
    return [json.loads(line) for line in captured.err.splitlines()]


def test_each_record_is_one_line_of_json(capsys: pytest.CaptureFixture[str]) -> None:
    configure("json", "info", "worker-2")
    log = logging.getLogger("proxy.services.relay")
    log.info('first\nsecond "quoted" \N{SNOWMAN} %d', 7)
    log.warning("next")
    log.debug("not at this level")
    first, second = lines(capsys)
    assert first["message"] == 'first\nsecond "quoted" \N{SNOWMAN} 7'
    assert first["level"] == "info"
    assert first["process"] == "worker-2"
    assert first["logger"] == "proxy.services.relay"
    assert datetime.fromisoformat(first["time"]).utcoffset() is not None
    assert second["level"] == "warning"


@pytest.mark.parametrize("form", ["json", "pretty"])
@pytest.mark.parametrize(("sentence", "secret"), SECRETS.items())
def test_a_secret_in_a_message_is_not_logged(
    form: str, sentence: str, secret: str, capsys: pytest.CaptureFixture[str]
) -> None:
    configure(form, "info", "main")
    logging.getLogger("test").info("%s", sentence.format(secret))
    written = capsys.readouterr().err
    assert secret not in written
    assert "[redacted]" in written


@pytest.mark.parametrize(("sentence", "secret"), SECRETS.items())
def test_a_secret_in_an_exception_or_in_its_cause_is_not_logged(
    sentence: str, secret: str, capsys: pytest.CaptureFixture[str]
) -> None:
    configure("json", "info", "main")
    try:
        try:
            raise ConnectionError(sentence.format(secret))
        except ConnectionError as error:
            raise RuntimeError("could not start") from error
    except RuntimeError:
        logging.getLogger("test").exception("failed")
    [line] = lines(capsys)
    assert secret not in line["message"]
    assert "ConnectionError" in line["message"]
    assert "could not start" in line["message"]


def test_what_is_no_secret_stays_readable(capsys: pytest.CaptureFixture[str]) -> None:
    configure("json", "info", "main")
    sentences = [
        "task-12345678 asked for max_tokens=100",
        "postgresql://db.internal:5432/zp is away",
        "model gpt-4o-mini answered 401 after 12 ms",
        "https://api.test:8443/v1/chat/completions",
        "basic authentication is used, authorization failed for worker 3",
    ]
    for sentence in sentences:
        logging.getLogger("test").info(sentence)
    assert [line["message"] for line in lines(capsys)] == sentences


def test_text_that_is_no_unicode_is_logged_all_the_same(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure("json", "info", "main")
    logging.getLogger("test").info("header %s", b"caf\xe9".decode("utf-8", "surrogateescape"))
    [line] = lines(capsys)
    assert line["message"] == r"header caf\udce9"


def test_people_get_one_readable_line(capsys: pytest.CaptureFixture[str]) -> None:
    configure("pretty", "info", "main")
    logging.getLogger("test").warning("disk is nearly full")
    written = capsys.readouterr().err
    assert re.fullmatch(r"\d\d:\d\d:\d\d warning main +disk is nearly full\n", written)


@pytest.mark.parametrize(("terminal", "json_lines"), [(True, False), (False, True)])
def test_auto_is_pretty_on_a_terminal_and_json_elsewhere(
    terminal: bool,
    json_lines: bool,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal)
    configure("auto", "info", "main")
    logging.getLogger("test").info("hello")
    assert capsys.readouterr().err.startswith("{") == json_lines


def test_libraries_stay_quiet_below_warnings(capsys: pytest.CaptureFixture[str]) -> None:
    configure("json", "debug", "main")
    logging.getLogger("asyncio").info("using selector")
    logging.getLogger("asyncio").warning("slow callback")
    assert [line["message"] for line in lines(capsys)] == ["slow callback"]

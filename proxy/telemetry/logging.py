"""Structured logs on standard error: JSON lines for machines, one readable line for people."""

from __future__ import annotations

import logging
import re
import sys
import time
from datetime import UTC, datetime

import orjson

NOISY = ("asyncio", "aiohttp", "uvloop", "azure", "botocore", "google", "msal", "urllib3")
"""Libraries of which only warnings are wanted."""
SECRETS = re.compile(
    r"(?i)\b(?P<scheme>bearer\s+)[\w.~+/=-]{8,}"
    r"|\b(?P<header>authorization['\"]?\s?[=:]\s?['\"]?)(?:[\w-]+\s)?[^\s'\"]+"
    r"|\b(?P<prefix>sk-|gsk_|xai-|AIza|AKIA|ASIA|ya29\.)[\w-]{8,}"
    r"|(?P<userinfo>://[^/\s:@]*:)[^\s/]+(?=@)"
    r"|\b(?P<param>\w*(?:password|passwd|pwd|secret|api[-_]?key|token)['\"]?\s?[=:]\s?)"
    r"(?:'[^']*'|\"[^\"]*\"|(?:bearer\s+)?[^\s&;]+)"
)


def redact(text: str) -> str:
    """The text without what looks like a key or a password."""
    return SECRETS.sub(lambda match: f"{_kept(match)}[redacted]", text)


def _kept(match: re.Match[str]) -> str:
    return next((part for part in match.groups() if part), "")


class _Formatter(logging.Formatter):
    def __init__(self, process: str) -> None:
        super().__init__()
        self._process = process

    def _text(self, record: logging.LogRecord) -> str:
        text = record.getMessage()
        if record.exc_info:
            text += "\n" + self.formatException(record.exc_info)
        return redact(text).encode("utf-8", "backslashreplace").decode()


class JsonFormatter(_Formatter):
    """One JSON object a line: time, level, process, logger, message."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "process": self._process,
            "logger": record.name,
            "message": self._text(record),
        }
        return orjson.dumps(line).decode()


class PrettyFormatter(_Formatter):
    """Time, level, process, message."""

    def format(self, record: logging.LogRecord) -> str:
        moment = time.strftime("%H:%M:%S", time.gmtime(record.created))
        level = record.levelname.lower()
        return f"{moment} {level:7} {self._process:9} {self._text(record)}"


def configure(form: str, level: str, process: str) -> None:
    """Set up logging for this process; `form` is `auto`, `json` or `pretty`."""
    pretty = form == "pretty" or (form == "auto" and sys.stderr.isatty())
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(PrettyFormatter(process) if pretty else JsonFormatter(process))
    root = logging.getLogger()
    root.handlers = [handler]
    set_level(level)


def set_level(level: str) -> None:
    """Log from this level on; libraries do so from warnings on at the earliest."""
    root = logging.getLogger()
    root.setLevel(level.upper())
    for noisy in NOISY:
        logging.getLogger(noisy).setLevel(max(root.level, logging.WARNING))

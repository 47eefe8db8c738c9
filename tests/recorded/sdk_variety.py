"""Made-up exchanges judged as recorded ones are, without a server in between."""

from __future__ import annotations

import datetime
import enum
import json
import random
import traceback
from collections.abc import Iterable, Sequence
from typing import Any

from proxy.providers.base import Attempt
from tests.fake_upstream import split
from tests.recorded.exchanges import PROVE, SEED
from tests.recorded.invented import Inventor, base64_text
from tests.recorded.judges.base import Judge, Row, request_path, response_body, unlike
from tests.recorded.playing import LIMITS
from tests.recorded.streams import answer_of, chunks_of, provider_of

SHOWN = 10


class TypedInventor(Inventor):
    """Knows times, bytes and enumerations, too."""

    def scalar(self, hint: Any, name: str) -> Any:
        """See `Inventor.scalar`."""
        if hint is datetime.datetime:
            return f"2026-0{self.source.randint(1, 9)}-11T10:20:30.{self.source.randrange(10**6)}Z"
        if hint is bytes:
            return base64_text(self.source)
        if isinstance(hint, type) and issubclass(hint, enum.Enum):
            return self.source.choice([each.value for each in hint])
        return super().scalar(hint, name)


def how_many(short: int) -> int:
    """Exchanges to make up; with PROVE many more."""
    return short * 40 if PROVE else short


def chance(name: str) -> random.Random:
    """A source of chance that is the same every time."""
    return random.Random(f"{SEED} {name}")


def row_of(
    provider: str, api: str, path: str, *, request: object = None, answer: str = "{}", stream: bool
) -> Row:
    """An exchange as the recordings have it."""
    body = json.dumps({} if request is None else request, ensure_ascii=False)
    return {
        "id": "made up",
        "provider": provider,
        "api": api,
        "stream": stream,
        "features": (),
        "request": {"path": path, "body": body},
        "response": {"status": 200, "body": answer},
    }


def request_lines(judge: Judge, row: Row) -> list[str]:
    """What our request says otherwise than the made-up one."""
    attempt = Attempt(judge.secret(row), LIMITS, lambda: False)
    try:
        encoded = provider_of(judge, row).encode_chat(judge.read_request(row), attempt)
        body = encoded.request.sealed().body
        assert isinstance(body, bytes)
    except Exception:
        return [traceback.format_exc(limit=-2)]
    return judge.request_differences(row, body, request_path(row))


def answer_lines(judge: Judge, row: Row, source: random.Random) -> list[str]:
    """What we read otherwise than the SDK does, or otherwise when the stream is cut."""
    body, provider = response_body(row), provider_of(judge, row)
    reference = judge.reference(row, body)
    assert reference is not None
    try:
        if not row["stream"]:
            return unlike(reference, judge.reading(provider.decode_chat(body)))
        chunks = chunks_of(provider, [body])
        cuts = sorted(source.randrange(1, len(body)) for _ in range(3))
        cut = [] if chunks_of(provider, split(body, cuts)) == chunks else [f"cut at {cuts}"]
        return unlike(reference, judge.reading(answer_of(chunks))) + cut
    except Exception:
        return [traceback.format_exc(limit=-2)]


def shown(found: Iterable[tuple[Row, Sequence[str]]]) -> str:
    """The first exchanges that disagree; nothing if all agree."""
    broken = [(row, lines) for row, lines in found if lines][:SHOWN]
    return "\n".join("\n  ".join((_short(row), *lines[:SHOWN])) for row, lines in broken)


def _short(row: Any) -> str:
    return f"{row['request']['body'][:1500]}\n{row['response']['body'][:1500]}"

"""One exchange played: the recorded request through our neutral form to a local server, and the
recorded answer, which that server gives, back through the transport into a neutral answer.

What reads the answer is the same as in production, save for what a client sees of it: whole bodies
by `decode_chat`, streams by `open_chat_stream` and the accumulator.
"""

from __future__ import annotations

import asyncio
import json
import random
import traceback
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from proxy.errors import (
    UpstreamError,
    UpstreamErrorInBody,
    UpstreamReset,
    UpstreamStatus,
    ZeroProxyError,
)
from proxy.net.aiohttp_transport import AiohttpTransport
from proxy.providers.base import Attempt, HttpProvider
from proxy.types.ports import Headers, Limits
from proxy.types.response import Answer
from proxy.types.secrets import AwsAccess, Secret
from proxy.wire.accumulate import ChunkAccumulator
from tests.fake_upstream import FakeUpstream, Seen, Wire, split
from tests.recorded.judges.base import Judge, Row, request_json, response_body, unlike

LIMITS = Limits(connect=20.0, first_token=60.0, idle=60.0, total=120.0)
PLAY = "x-play"
"""The header of a request that says which row's answer is to be played."""
KINDS = {
    "sse": "text/event-stream",
    "eventstream": "application/vnd.amazon.eventstream",
    "ndjson": "application/x-ndjson",
}
RANDOM_CUTS = 4


class Player:
    """The local server's script: plays the answer of the row that the request names."""

    def __init__(self, rows: list[Row]) -> None:
        self._rows = rows
        self.seen: dict[int, Seen] = {}

    async def __call__(self, seen: Seen, wire: Wire) -> None:
        number = int(seen.headers[PLAY])
        self.seen[number] = seen
        row = self._rows[number]
        await wire.head(row["response"]["status"], response_headers(row))
        body = response_body(row)
        for piece in split(body, cuts_of(row, len(body))):
            await wire.chunk(piece)
            await asyncio.sleep(0)
        await wire.end()


def response_headers(row: Row) -> dict[str, str]:
    """The recorded ones, save those of the recorded connection, and a content type in any case."""
    skipped = ("transfer-encoding", "content-length", "content-encoding", "connection")
    recorded = row["response"].get("headers") or {}
    usual = {"content-type": KINDS.get(row["framing"] or "", "application/json")}
    return usual | {
        name.lower(): value.replace("\r", " ").replace("\n", " ")
        for name, value in recorded.items()
        if name.lower() not in skipped and value.isascii()
    }


def cuts_of(row: Row, size: int) -> list[int]:
    """Where the answer was cut on its way, or some places that are always the same."""
    sizes = row["response"].get("chunk_sizes")
    if sizes:
        return [sum(sizes[:count]) for count in range(1, len(sizes))]
    source = random.Random(row["id"])
    return sorted(source.randrange(size) for _ in range(RANDOM_CUTS)) if size else []


class ReadingSink:
    """A transport's sink that reads an answer as the services do; `error` is why there is none."""

    def __init__(self, provider: HttpProvider, *, stream: bool) -> None:
        self.started = self.finished = False
        self.status = 0
        self.headers: Headers = ()
        self.answer: Answer | None = None
        self.error: UpstreamError | None = None
        self._provider = provider
        self._stream = stream
        self._decoder = provider.open_chat_stream()
        self._accumulator = ChunkAccumulator()
        self._held: list[bytes] = []

    def on_head(self, status: int, headers: Headers) -> None:
        self.status, self.headers = status, headers

    def on_block(self, block: bytes) -> None:
        if self._streams:
            self._take(block)
        else:
            self._held.append(block)

    def on_end(self, error: UpstreamError | None) -> None:
        try:
            if error is not None:
                raise error
            self._finish()
        except UpstreamError as found:
            self.error = found

    @property
    def _streams(self) -> bool:
        return self._stream and 200 <= self.status < 300

    def _take(self, block: bytes | None) -> None:
        chunks = self._decoder.close() if block is None else self._decoder.feed(block)
        for chunk in chunks:
            if chunk.error is not None:
                raise chunk.error
            self._accumulator.add(chunk)
            self.started = True
        if self._decoder.error_status is not None:
            self.answer = self._accumulator.answer()
            raise UpstreamErrorInBody(
                self._decoder.error_status, tuple(self.headers), self._decoder.error_body
            )

    def _finish(self) -> None:
        body = b"".join(self._held)
        if not 200 <= self.status < 300:
            raise UpstreamStatus(self.status, tuple(self.headers), body)
        if not self._streams:
            self.answer = self._provider.decode_chat(body)
            return
        self._take(None)
        self.answer = self._accumulator.answer()
        if not self._decoder.complete:
            raise UpstreamReset("the stream ended before its answer was whole")


@dataclass
class Outcome:
    """What came of one row."""

    row: Row
    exception: str | None = None
    """Why it is not compared at all."""
    no_request: str | None = None
    """Why only its answer is."""
    request: list[str] | None = None
    """The differences; None when the request was not compared."""
    answer: list[str] | None = None
    """The same of the answer."""
    without_sdk: bool = False
    ignored: tuple[str, ...] = field(default=())


async def play(
    number: int, row: Row, judge: Judge, transport: AiohttpTransport, upstream: FakeUpstream
) -> Outcome:
    """Send the row's request, read its answer, compare both. The upstream's script is a `Player`
    whose rows have this one at `number`."""
    outcome = Outcome(row, judge.serves(row), why_no_request(row))
    if outcome.exception is not None:
        return outcome
    provider = judge.provider(row, f"http://127.0.0.1:{upstream.port}")
    sink = None
    if outcome.no_request is None:
        try:
            secret = addressed(judge.secret(row), f"http://127.0.0.1:{upstream.port}")
            attempt = Attempt(secret, LIMITS, lambda: False, headers=((PLAY, str(number)),))
            sent = await send(row, judge, provider, attempt, transport)
            outcome.ignored, sink = sent.ignored, sent.sink
            outcome.request = sent.lines or _request_lines(number, row, judge, upstream, sink)
        except Exception:
            outcome.request = [crash()]
    try:
        sink = sink or read_directly(row, provider)
        outcome.answer = compare_answer(row, judge, sink, outcome)
    except Exception:
        outcome.answer = [crash()]
    return outcome


def crash() -> str:
    """The exception at hand as a line: one row's failure is no other's."""
    return "crashed: " + traceback.format_exc(limit=-3)


@dataclass(frozen=True)
class Sent:
    """What came of sending: a sink with the answer, or lines that say why nothing was sent."""

    sink: ReadingSink | None
    ignored: tuple[str, ...] = ()
    lines: list[str] = field(default_factory=list)


def addressed(secret: Secret, base_url: str) -> Secret:
    """The address of a request to AWS comes with its secret."""
    return replace(secret, endpoint_url=base_url) if isinstance(secret, AwsAccess) else secret


async def send(
    row: Row, judge: Judge, provider: HttpProvider, attempt: Attempt, transport: AiohttpTransport
) -> Sent:
    """The row's request through the neutral form, and what came back."""
    try:
        encoded = provider.encode_chat(judge.read_request(row), attempt)
    except ZeroProxyError as error:
        return Sent(None, lines=[f"no request: {type(error).__name__}: {error}"])
    sink = ReadingSink(provider, stream=row["stream"])
    await transport.send(encoded.request.sealed(), sink)
    return Sent(sink, encoded.ignored)


def _request_lines(
    number: int, row: Row, judge: Judge, upstream: FakeUpstream, sink: ReadingSink | None
) -> list[str]:
    script = upstream.script
    assert isinstance(script, Player)
    seen = script.seen.get(number)
    if seen is None:
        return [f"no request arrived: {sink and sink.error}"]
    return judge.request_differences(row, seen.body, seen.path)


def why_no_request(row: Row) -> str | None:
    """None, or why there is no request to compare with."""
    request = row.get("request")
    if not request:
        return "the recording has the answer only"
    if not request.get("body"):
        return "the recording has the request without its body"
    if request.get("body_form") == "cut":
        return "the recording has a part of the request"
    try:
        request_json(row)
    except ValueError:
        return "the recorder spoiled the request: it is no JSON"
    return None


def read_directly(row: Row, provider: HttpProvider) -> ReadingSink:
    """The recorded answer read without a request for it."""
    sink = ReadingSink(provider, stream=row["stream"])
    sink.on_head(row["response"]["status"], tuple(response_headers(row).items()))
    try:
        for block in split(response_body(row), []):
            sink.on_block(block)
    except UpstreamError as error:
        sink.on_end(error)
    else:
        sink.on_end(None)
    return sink


def compare_answer(row: Row, judge: Judge, sink: ReadingSink, outcome: Outcome) -> list[str] | None:
    """The differences between our reading and the SDK's; None when there is no SDK to ask."""
    fails = row["response"]["status"] >= 400 or _error_inside(row)
    error = sink.error
    if fails or isinstance(error, UpstreamErrorInBody):
        return compare_error(row, judge, error, expected=fails)
    body = response_body(row)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what an SDK thinks of odd bytes is its own business
        reference = judge.reference(row, body)
    if reference is None:
        outcome.without_sdk = True
        return None
    if error is not None and not (isinstance(error, UpstreamReset) and sink.answer is not None):
        return [f"no answer: {type(error).__name__}: {error}"]
    assert sink.answer is not None
    lines = unlike(reference, judge.reading(sink.answer))
    if isinstance(error, UpstreamReset):
        lines.append("the stream counts as cut short")
    return lines


def _error_inside(row: Row) -> bool:
    return any(word in row["features"] for word in ("error_in_stream", "error_in_200"))


def compare_error(
    row: Row, judge: Judge, error: UpstreamError | None, *, expected: bool
) -> list[str]:
    """An error must be noticed, of a known kind, and in its own words."""
    if not isinstance(error, UpstreamStatus):
        return [f"the error was not noticed: {error}"]
    assert error.status is not None
    provider = judge.provider(row, "http://127.0.0.1:1")
    fault = provider.read_error(error.status, error.headers, error.body)
    lines = [] if expected else [f"an error was seen where none is: {error.body[:200]!r}"]
    if fault.kind == "unknown":
        lines.append(f"status {error.status} is of no known kind: {error.body[:300]!r}")
    if not in_words_of(error.body, fault.message):
        lines.append(f"the message is not the body's: {fault.message!r}")
    return lines


def in_words_of(body: bytes, message: str) -> bool:
    """Whether a message stands in a body, or in a text inside its JSON; nothing says nothing."""
    text = body.decode(errors="replace")
    if not message:
        return not text.strip()
    try:
        said = json.loads(text)
    except ValueError:
        return message.strip() in text
    return message.strip() in text or any(message.strip() in each for each in _texts(said))


def _texts(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, Mapping):
        return [text for each in value.values() for text in _texts(each)]
    if isinstance(value, list):
        return [text for each in value for text in _texts(each)]
    return []

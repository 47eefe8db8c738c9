"""Recorded exchanges of real providers through the running relay: out as in, and stored as sent."""

from __future__ import annotations

import asyncio
import base64
import gzip
import hashlib
import json
import os
import random
import re
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import aiohttp
import asyncpg
import pytest

from tests.conftest import StartProxy, off_loop
from tests.fake_upstream import FakeUpstream, Seen, Wire, split
from tests.harness import Proxy, one_provider

RECORDINGS = Path(__file__).resolve().parents[2].parent / "shared" / "recordings"
OURS = Path(__file__).resolve().parents[1] / "data"
OUR_WIRES = ("chat_completions", "completions", "responses")
PROVE = bool(os.environ.get("PROVE"))
SAMPLE = 160
SEED = 20261121
CONCURRENCY = 16


@dataclass(frozen=True)
class Recorded:
    """One exchange. `cuts` are the ends of the transport chunks, where the recorder kept them."""

    id: str
    provider: str
    method: str
    path: str
    """Below `/v1/`."""
    request_type: str
    request: bytes
    status: int
    content_type: str
    body: bytes
    stream: bool
    cuts: tuple[int, ...]


@dataclass(frozen=True)
class Play:
    """One way of playing an exchange: whole, cut at places, or broken off at one."""

    exchange: Recorded
    cuts: tuple[int, ...] = ()
    truncated: int | None = None


BOUNDARY = "between-the-parts"
APIS = (
    "chat_completions",
    "completions",
    "responses",
    "embeddings",
    "images",
    "audio",
    "moderations",
    "files",
    "batches",
    "rerank",
)
PATH = re.compile(
    r"(?:^|/)(chat/completions|completions|responses(?:/.*)?|embeddings|images/\w+|audio/\w+"
    r"|moderations|files(?:/.*)?|batches(?:/.*)?|rerank)$"
)
OTHER_PROTOCOLS = re.compile(r"/v1beta|/api/embed$|/messages/|/tracing/")
"""Google's, Ollama's and Anthropic's own, and one service that has nothing to do with models."""


def recordings() -> Iterator[Recorded]:
    """Every exchange of OpenAI's endpoints, whoever answered it, whose bytes are as they came.

    `GET models` is answered by the proxy itself.
    """
    for file in sorted(RECORDINGS.glob("*.jsonl.gz")):
        with gzip.open(file, "rt") as lines:
            for line in lines:
                row = json.loads(line)
                if row["api"] not in APIS or row["fidelity"] != "bytes":
                    continue
                request = row.get("request") or {}
                path = request.get("path") or "/v1/chat/completions"
                found = PATH.search(path.partition("?")[0])
                if found and not OTHER_PROTOCOLS.search(path):
                    yield _recorded(row, request.get("method") or "POST", found[1])


def _recorded(row: dict[str, Any], method: str = "POST", path: str = "") -> Recorded:
    response = row["response"]
    path = path or row["path"]
    ends, place = [], 0
    for size in response.get("chunk_sizes") or ():
        place += size
        ends.append(place)
    request_type, request = _request(row, method, path)
    kind = "text/event-stream" if row["stream"] else "application/json"
    return Recorded(
        id=row["id"],
        provider=row["provider"],
        method=method,
        path=path,
        request_type=request_type,
        request=request,
        status=response["status"],
        content_type=(response.get("headers") or {}).get("content-type", kind),
        body=_body(response),
        stream=row["stream"],
        cuts=tuple(ends[:-1]),
    )


def _body(response: dict[str, Any]) -> bytes:
    if "body_b64" in response:
        return base64.b64decode(response["body_b64"])
    return (response["body"] or "").encode()


def _request(row: dict[str, Any], method: str, path: str) -> tuple[str, bytes]:
    """Content type and body. Of an upload, which the recorder cut, we make one of our own."""
    recorded = row.get("request") or {}
    if method in ("GET", "DELETE"):
        return "", b""
    if recorded.get("body_form") == "cut" or "omitted]" in (recorded.get("body") or ""):
        field = f"--{BOUNDARY}\r\nContent-Disposition: form-data; name="
        form = (
            f'{field}"file"; filename="a"\r\n\r\n\x00\x01--\r\n{field}"model"\r\n\r\npassed-on\r\n'
        )
        return f"multipart/form-data; boundary={BOUNDARY}", f"{form}--{BOUNDARY}--\r\n".encode()
    body = (recorded.get("body") or row.get("request_body") or "{}").encode()
    if body.startswith(b"--"):
        return f"multipart/form-data; boundary={body.split()[0][2:].decode()}", body
    needs = path in ("chat/completions", "completions", "embeddings")
    return "application/json", _with_model(body, row["stream"]) if needs else body


def _with_model(body: bytes, stream: bool) -> bytes:
    """The request as recorded. Azure's name none (or null): there it stands in the path."""
    members = json.loads(body)
    if isinstance(members.get("model"), str):
        return body
    if "model" in members:
        return re.sub(rb'("model"\s*:\s*)null', rb'\1"passed-on"', body, count=1)
    head = b'{"model": "passed-on"' + (b', "stream": true' if stream else b"")
    rest = body.lstrip()[1:].lstrip()
    return head + (b"}" if rest.startswith(b"}") else b", " + rest)


def own_exchanges() -> list[Recorded]:
    """What we wrote ourselves, for a clone that has no recordings beside it."""
    found = []
    paths = {"chat_completions": "chat/completions"}
    for file in sorted(file for wire in OUR_WIRES for file in (OURS / wire).glob("*.json")):
        row = json.loads(file.read_text())
        response = {"status": 200, "body": row["body"]}
        path = paths.get(file.parent.name, file.parent.name)
        ours = {"id": file.stem, "provider": "ours"} | row | {"response": response}
        found.append(_recorded(ours, "POST", path))
    return found


@pytest.fixture(scope="module")
def exchanges() -> list[Recorded]:
    if not RECORDINGS.is_dir():
        return own_exchanges()
    found = list(recordings())
    if PROVE:
        return found
    return random.Random(SEED).sample(found, SAMPLE)


class Player:
    """The upstream's script: which play is meant stands in a header of the request."""

    def __init__(self, plays: Sequence[Play]) -> None:
        self.plays = plays
        self.bodies: dict[int, bytes] = {}

    async def __call__(self, seen: Seen, wire: Wire) -> None:
        number = int(seen.headers["x-play"])
        play = self.plays[number]
        self.bodies[number] = seen.body
        exchange = play.exchange
        await wire.head(exchange.status, {"content-type": exchange.content_type})
        body = exchange.body if play.truncated is None else exchange.body[: play.truncated]
        for piece in split(body, play.cuts):
            await wire.chunk(piece)
            await asyncio.sleep(0)
        if play.truncated is None:
            await wire.end()
            return
        await asyncio.sleep(0.02)
        wire.closing = True


@dataclass(frozen=True)
class Result:
    status: int
    body: bytes
    headers: dict[str, str]
    cut: bool


async def play_all(proxy: Proxy, plays: Sequence[Play]) -> list[Result]:
    gate = asyncio.Semaphore(CONCURRENCY)
    connector = aiohttp.TCPConnector(limit=CONCURRENCY)
    async with aiohttp.ClientSession(connector=connector, auto_decompress=False) as client:

        async def one(number: int, play: Play) -> Result:
            async with (
                gate,
                client.request(
                    play.exchange.method,
                    f"{proxy.base}/v1/{play.exchange.path}",
                    data=play.exchange.request or None,
                    headers=_headers(play.exchange) | {"x-play": str(number)},
                    skip_auto_headers=("Content-Type",),
                ) as response,
            ):
                received, cut = b"", False
                try:
                    async for block in response.content.iter_any():
                        received += block
                except aiohttp.ClientPayloadError:
                    cut = True
                return Result(response.status, received, dict(response.headers), cut)

        return await asyncio.gather(*[one(number, play) for number, play in enumerate(plays)])


def _headers(exchange: Recorded) -> dict[str, str]:
    return {"content-type": exchange.request_type} if exchange.request_type else {}


@pytest.fixture
async def relay(
    upstream: FakeUpstream,
    start_proxy: StartProxy,
) -> AsyncIterator[Proxy]:
    """A proxy whose default provider is the player: request bodies pass untouched."""
    config = one_provider(
        upstream.api_base,
        default_provider={
            "type": "openai",
            "api_base": upstream.api_base,
            "api_key_location": "none",
        },
    )
    yield await off_loop(lambda: start_proxy(config, workers=2))


async def stored(db: asyncpg.Connection) -> dict[UUID, asyncpg.Record]:
    rows = await db.fetch(
        """
        SELECT e.id, e.request_body, e.response_body, e.end_reason, e.error, e.status,
               e.request_sha256, e.response_sha256, d.raw_request, d.raw_response
        FROM tensorzero.exchanges e
        LEFT JOIN tensorzero.model_inferences m ON m.inference_id = e.id
        LEFT JOIN tensorzero.model_inference_data d ON d.id = m.id
        """
    )
    return {row["id"]: row for row in rows}


def holds_request(row: asyncpg.Record, body: bytes) -> bool:
    if row["request_sha256"] is not None:
        return bool(row["request_sha256"] == hashlib.sha256(body).digest())
    return (row["request_body"] or (row["raw_request"] or "").encode()) == body


def holds_response(row: asyncpg.Record, body: bytes) -> bool:
    if row["response_sha256"] is not None:
        return bool(row["response_sha256"] == hashlib.sha256(body).digest())
    return (row["response_body"] or (row["raw_response"] or "").encode()) == body


async def test_every_exchange_passes_out_as_in_and_is_stored_as_sent(
    exchanges: list[Recorded],
    relay: Proxy,
    upstream: FakeUpstream,
    database: str,
) -> None:
    source = random.Random(SEED)
    plays = []
    for exchange in exchanges:
        plays.append(Play(exchange))
        if exchange.cuts:
            plays.append(Play(exchange, exchange.cuts))
        for _ in range(3):
            places = sorted(source.randrange(1, max(2, len(exchange.body))) for _ in range(3))
            plays.append(Play(exchange, tuple(places)))
    player = Player(plays)
    upstream.script = player
    results = await play_all(relay, plays)
    assert all("x-tensorzero-inference-id" in each.headers for each in results), [
        each.body for each in results if "x-tensorzero-inference-id" not in each.headers
    ][:3]
    await off_loop(lambda: relay.settle(120))
    connection = await asyncpg.connect(database)
    rows = await stored(connection)
    await connection.close()
    agreed, total = Counter[str](), Counter[str]()
    broken = []
    for number, (play, result) in enumerate(zip(plays, results, strict=True)):
        exchange = play.exchange
        row = rows.get(UUID(result.headers["x-tensorzero-inference-id"]))
        faults = [
            name
            for name, holds in {
                "status": result.status == exchange.status,
                "body": result.body == exchange.body and not result.cut,
                "content-type": result.headers["Content-Type"] == exchange.content_type,
                "request": player.bodies[number] == exchange.request,
                "row": row is not None,
                "stored request": row is not None and holds_request(row, exchange.request),
                "stored response": row is not None and holds_response(row, exchange.body),
            }.items()
            if not holds
        ]
        kind = f"{exchange.provider} {exchange.path.partition('/')[0]}"
        total[kind] += 1
        if faults:
            broken.append((exchange.id, kind, play.cuts, faults))
        else:
            agreed[kind] += 1
    shares = ", ".join(f"{name} {agreed[name]}/{total[name]}" for name in sorted(total))
    print(f"\n{len(exchanges)} exchanges, {len(plays)} plays, out as in and stored: {shares}")
    assert not broken, broken[:5]


async def test_what_breaks_off_is_noticed_and_recorded_so(
    exchanges: list[Recorded],
    relay: Proxy,
    upstream: FakeUpstream,
    database: str,
) -> None:
    source = random.Random(SEED + 1)
    whole = ("chat", "completions", "embeddings", "responses")
    streams = [
        each for each in exchanges if len(each.body) > 40 and each.path.partition("/")[0] in whole
    ]
    plays = [
        Play(exchange, truncated=source.randrange(1, max(2, len(exchange.body) - 20)))
        for exchange in streams
        for _ in range(3)
    ]
    upstream.script = Player(plays)
    results = await play_all(relay, plays)
    assert all("x-tensorzero-inference-id" in each.headers for each in results), [
        each.body for each in results if "x-tensorzero-inference-id" not in each.headers
    ][:3]
    await off_loop(lambda: relay.settle(120))
    connection = await asyncpg.connect(database)
    rows = await stored(connection)
    await connection.close()
    for play, result in zip(plays, results, strict=True):
        row = rows[UUID(result.headers["x-tensorzero-inference-id"])]
        if result.cut:
            assert row["end_reason"] == "upstream_cut", play
            assert play.exchange.body.startswith(result.body)
        else:
            assert result.status == 502, play
            assert row["end_reason"] == "upstream_error", play
        assert row["error"] == "reset", play
    cut = sum(result.cut for result in results)
    print(
        f"\n{len(plays)} broken streams: {cut} cut for the client, {len(plays) - cut} answered 502"
    )

"""What the relay does to a request and to an answer, and what it refuses."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import signal
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg
import pytest

from tests.conftest import StartProxy, off_loop
from tests.fake_upstream import FakeUpstream, Seen, Wire, answer, completion, events, stream
from tests.harness import Proxy, eventually, one_provider

FUNCTION = "tensorzero::function_name::f"
MESSAGES = [{"role": "user", "content": "hi"}]


async def test_a_body_goes_on_as_it_is_but_for_the_model(
    served: tuple[Proxy, FakeUpstream],
) -> None:
    proxy, upstream = served
    body = (
        b'{ "messages" : [{"role":"user","content":"\\u00e9 \xc3\xa9 \\ud83d"}],'
        b'"temperature": 1.50e-1 , "unknown":{"b":1,"a":[1.0,10000000000000000000001]},\n'
        b'"model"  :  "m", "model_settings": "m"}'
    )
    status, _, _ = await off_loop(lambda: proxy.post("/v1/chat/completions", body))
    assert status == 200
    assert upstream.seen[-1].body == body.replace(
        b'"model"  :  "m"', b'"model"  :  "upstream-model"'
    )


async def test_a_body_is_journalled_once_though_its_model_was_changed(
    served: tuple[Proxy, FakeUpstream], db: asyncpg.Connection
) -> None:
    proxy, upstream = served
    asked = json.dumps({"model": "m", "messages": [{"role": "user", "content": "x" * 100_000}]})
    before = await off_loop(lambda: proxy.metric("zeroproxy_journal_bytes"))
    status, _, _ = await off_loop(lambda: proxy.post("/v1/chat/completions", asked.encode()))
    assert status == 200

    async def look() -> Any:
        return await db.fetchrow(
            "SELECT raw_request, request_body FROM tensorzero.model_inference_data,"
            " tensorzero.exchanges"
        )

    found = await eventually(look)
    assert found["raw_request"].encode() == upstream.seen[-1].body
    assert found["request_body"] == asked.encode()
    journalled = await off_loop(lambda: proxy.metric("zeroproxy_journal_bytes")) - before
    assert len(asked) < journalled < 1.1 * len(asked)


async def test_a_variant_fills_in_what_the_client_left_out(
    upstream: FakeUpstream, start_proxy: StartProxy, tmp_path: Path
) -> None:
    (tmp_path / "pirate.txt").write_text("Talk like a pirate. {{ system_text }}\n")
    config = one_provider(upstream.api_base)
    config["functions"]["f"]["variants"] = {
        "a": {
            "type": "chat_completion",
            "model": "m",
            "temperature": 0.3,
            "max_tokens": 99,
            "stop_sequences": ["END"],
            "system_template": "pirate.txt",
            "extra_body": [
                {"pointer": "/forced", "value": {"x": 1}},
                {"pointer": "/user", "delete": True},
            ],
            "extra_headers": [{"name": "x-forced", "value": "yes"}],
        }
    }
    proxy = await off_loop(lambda: start_proxy(config))
    messages = [{"role": "system", "content": "Be brief."}, *MESSAGES]
    await off_loop(
        lambda: proxy.chat(FUNCTION, messages=messages, temperature=0.9, user="somebody")
    )
    sent = upstream.seen[-1]
    assert sent.json == {
        "model": "upstream-model",
        "messages": [
            {"role": "system", "content": "Talk like a pirate. Be brief."},
            *MESSAGES,
        ],
        "temperature": 0.9,
        "max_completion_tokens": 99,
        "stop": ["END"],
        "forced": {"x": 1},
    }
    assert sent.headers["x-forced"] == "yes"


async def test_usage_that_only_we_asked_for_is_taken_out_again(
    upstream: FakeUpstream, start_proxy: StartProxy, db: asyncpg.Connection
) -> None:
    blocks = events(["a", "b"], usage=True)
    upstream.script = stream(blocks)
    proxy = await off_loop(lambda: start_proxy(one_provider(upstream.api_base, request_usage=True)))
    _, _, silent = await off_loop(lambda: proxy.chat("m", stream=True))
    assert upstream.seen[-1].json["stream_options"] == {"include_usage": True}
    assert silent == b"".join(block for block in blocks if b'"choices":[]' not in block)
    _, _, asked = await off_loop(
        lambda: proxy.chat("m", stream=True, stream_options={"include_usage": True})
    )
    assert asked == b"".join(blocks)
    await off_loop(proxy.settle)
    sources = await db.fetch("SELECT usage_source FROM tensorzero.exchanges")
    assert {row["usage_source"] for row in sources} == {"provider"}
    tokens = await db.fetch("SELECT input_tokens, output_tokens FROM tensorzero.model_inferences")
    assert [tuple(row) for row in tokens] == [(3, 2), (3, 2)]


async def test_unasked_usage_stays_unknown(
    served: tuple[Proxy, FakeUpstream], db: asyncpg.Connection
) -> None:
    proxy, upstream = served
    upstream.script = stream(events(["a"]))
    await off_loop(lambda: proxy.chat("m", stream=True))
    await off_loop(proxy.settle)
    assert await db.fetchval("SELECT usage_source FROM tensorzero.exchanges") == "none"
    assert await db.fetchval("SELECT input_tokens FROM tensorzero.model_inferences") is None


async def test_an_episode_keeps_its_variant(served: tuple[Proxy, FakeUpstream]) -> None:
    proxy, _ = served
    _, first, _ = await off_loop(lambda: proxy.chat(FUNCTION))
    headers = {"x-tensorzero-episode-id": first["x-tensorzero-episode-id"]}
    for _ in range(5):
        _, again, _ = await off_loop(lambda: proxy.chat(FUNCTION, headers))
        assert again["x-tensorzero-variant-name"] == first["x-tensorzero-variant-name"]


async def test_rows_say_what_happened(
    served: tuple[Proxy, FakeUpstream], db: asyncpg.Connection
) -> None:
    proxy, upstream = served
    upstream.script = answer(completion("stored"), headers={"x-request-id": "req_1"})
    _, headers, _ = await off_loop(
        lambda: proxy.chat(FUNCTION, {"x-tensorzero-tags": '{"team": "blue"}'}, seed=7)
    )
    await off_loop(proxy.settle)
    row = await db.fetchrow(
        """
        SELECT e.*, i.tags AS inference_tags, d.input, d.output, d.inference_params,
               m.input_tokens, m.output_tokens, m.finish_reason
        FROM tensorzero.exchanges e
        JOIN tensorzero.chat_inferences i USING (id)
        JOIN tensorzero.chat_inference_data d USING (id)
        JOIN tensorzero.model_inferences m ON m.inference_id = e.id
        """
    )
    assert str(row["id"]) == headers["x-tensorzero-inference-id"]
    assert row["variant_served"] == headers["x-tensorzero-variant-name"]
    assert (row["status"], row["end_reason"], row["attempt_count"]) == (200, "complete", 1)
    assert (row["upstream_request_id"], row["provider_response_id"]) == ("req_1", "chatcmpl-1")
    assert json.loads(row["inference_tags"]) == {"team": "blue"}
    assert json.loads(row["input"]) == {
        "messages": [{"role": "user", "content": [{"type": "text", "text": "Hello"}]}]
    }
    assert json.loads(row["output"]) == [{"type": "text", "text": "stored"}]
    assert json.loads(row["inference_params"]) == {"chat_completion": {"seed": 7}}
    assert (row["input_tokens"], row["output_tokens"], row["finish_reason"]) == (3, 2, "stop")
    config = await db.fetchval(
        "SELECT config FROM tensorzero.config_snapshots WHERE hash = $1", row["snapshot_hash"]
    )
    assert "upstream-model" in config


@pytest.mark.parametrize(
    ("path", "method", "body", "status"),
    [
        ("/v1/models/nothing", "GET", None, 404),
        ("/v1/models", "POST", b"{}", 405),
        ("/v1/chat/completions", "POST", b"", 400),
        ("/v1/chat/completions", "POST", b"[1]", 400),
        ("/v1/chat/completions", "POST", b'{"messages":[]}', 400),
        ("/v1/chat/completions", "POST", b'{"model":7}', 400),
        ("/v1/chat/completions", "POST", b'{"model":"m","stream":"yes"}', 400),
        ("/v1/chat/completions", "POST", b'{"model":"m","tensorzero::dryrun":true}', 501),
        ("/v1/chat/completions", "POST", b'{"model":"m","x":' + b"[" * 100_000, 400),
        ("/v1/chat/completions", "POST", b'{"model":"m","tensorzero::episode_id":"no"}', 400),
        ("/v1/chat/completions", "POST", b"{" + b" " * 2**21 + b"}", 413),
    ],
)
async def test_what_never_gets_in_is_answered_in_openais_words_and_counted(
    upstream: FakeUpstream,
    start_proxy: StartProxy,
    db: asyncpg.Connection,
    path: str,
    method: str,
    body: bytes | None,
    status: int,
) -> None:
    limits = {"max_request_bytes": 2**20}
    proxy = await off_loop(lambda: start_proxy(one_provider(upstream.api_base, limits=limits)))
    async with (
        aiohttp.ClientSession() as session,
        session.request(
            method, proxy.base + path, data=None if body is None else io.BytesIO(body)
        ) as response,
    ):
        assert response.status == status
        error = (await response.json())["error"]
    assert set(error) == {"message", "type", "param", "code"}
    counted = await off_loop(lambda: proxy.metric("zeroproxy_rejected_requests_total"))
    assert counted == 1
    assert upstream.seen == []
    assert await db.fetchval("SELECT count(*) FROM tensorzero.exchanges") == 0


KEY = "gateway-key-of-somebody"


def keyed(upstream: FakeUpstream, **more: Any) -> dict[str, Any]:
    digest = hashlib.sha256(KEY.encode()).hexdigest()
    return one_provider(
        upstream.api_base, api_keys=[{"name": "somebody", "sha256": digest}], **more
    )


async def test_a_gateway_key_is_needed_and_named_and_never_passed_on(
    upstream: FakeUpstream, start_proxy: StartProxy, db: asyncpg.Connection
) -> None:
    proxy = await off_loop(lambda: start_proxy(keyed(upstream)))
    for headers in ({}, {"authorization": "Bearer wrong"}, {"authorization": "Basic eA=="}):
        status, _, body = await off_loop(lambda headers=headers: proxy.chat("m", headers))
        assert status == 401
        assert json.loads(body)["error"]["code"] == "invalid_api_key"
    status, _, _ = await off_loop(lambda: proxy.chat("m", {"authorization": f"Bearer {KEY}"}))
    assert status == 200
    assert "authorization" not in upstream.seen[-1].headers
    assert (await off_loop(lambda: proxy.get("/health")))[0] == 200
    await off_loop(proxy.settle)
    assert await db.fetchval("SELECT api_key_name FROM tensorzero.exchanges") == "somebody"
    status, _, _ = await off_loop(
        lambda: proxy.chat("gpt-unknown", {"authorization": f"Bearer {KEY}"})
    )
    assert status == 404, "no default provider, where it would be sent the gateway's key"


async def test_the_callers_own_key_goes_to_the_provider_that_wants_it_and_nowhere_else(
    upstream: FakeUpstream, start_proxy: StartProxy, db: asyncpg.Connection
) -> None:
    config = keyed(
        upstream,
        api_key_header="x-tensorzero-api-key",
        default_provider={
            "type": "openai",
            "api_base": upstream.api_base,
            "api_key_location": "client::",
        },
    )
    proxy = await off_loop(lambda: start_proxy(config))
    secret = "sk-the-callers-very-own-key-123456"
    headers = {"authorization": f"Bearer {secret}", "x-tensorzero-api-key": KEY}
    status, _, _ = await off_loop(lambda: proxy.chat("gpt-any", headers))
    assert status == 200
    assert upstream.seen[-1].headers["authorization"] == f"Bearer {secret}"
    assert "x-tensorzero-api-key" not in upstream.seen[-1].headers
    status, _, _ = await off_loop(lambda: proxy.chat("m", headers))
    assert "authorization" not in upstream.seen[-1].headers
    await off_loop(proxy.settle)
    everything = str(await db.fetch("SELECT e::text FROM tensorzero.exchanges e"))
    everything += str(await db.fetch("SELECT d::text FROM tensorzero.model_inference_data d"))
    everything += proxy.tail(10**6) + (await off_loop(lambda: proxy.get("/metrics")))[1].decode()
    for journal in (proxy.state / "journal").iterdir():
        everything += journal.read_bytes().decode("latin-1")
    assert secret not in everything
    assert KEY not in everything


async def test_sigterm_lets_calls_end_and_flushes(
    upstream: FakeUpstream, start_proxy: StartProxy, db: asyncpg.Connection
) -> None:
    released = asyncio.Event()

    async def slow(seen: Seen, wire: Wire) -> None:
        await wire.head(200, {"content-type": "text/event-stream"})
        blocks = events(["a", "b"])
        await wire.chunk(blocks[0])
        await released.wait()
        for block in blocks[1:]:
            await wire.chunk(block)
        await wire.end()

    upstream.script = slow
    config = one_provider(upstream.api_base, drain={"delay_s": 3.0, "timeout_s": 60})
    proxy = await off_loop(lambda: start_proxy(config, workers=2))

    async def unready() -> bool:
        return (await off_loop(lambda: proxy.get("/ready")))[0] == 503

    async def closed() -> bool:
        return not await off_loop(proxy.worker_pids)

    call = asyncio.ensure_future(off_loop(lambda: proxy.chat("m", stream=True)))
    while not upstream.seen:
        await asyncio.sleep(0.02)
    assert proxy.process is not None
    proxy.process.send_signal(signal.SIGTERM)
    await eventually(unready)
    assert (await off_loop(lambda: proxy.get("/health")))[0] == 200
    await eventually(closed)
    released.set()
    status, _, body = await call
    assert status == 200 and body.endswith(b"data: [DONE]\n\n")
    assert await off_loop(lambda: proxy.process.wait(30)) == 0
    assert await db.fetchval("SELECT end_reason FROM tensorzero.exchanges") == "complete"


async def test_what_does_not_end_within_the_drain_is_cut_and_recorded_so(
    upstream: FakeUpstream, start_proxy: StartProxy, db: asyncpg.Connection
) -> None:
    async def endless(seen: Seen, wire: Wire) -> None:
        await wire.head(200, {"content-type": "text/event-stream"})
        await wire.chunk(events(["a"])[0])
        await wire.gone()

    upstream.script = endless
    config = one_provider(upstream.api_base, drain={"timeout_s": 0.5})
    proxy = await off_loop(lambda: start_proxy(config))
    async with (
        aiohttp.ClientSession() as session,
        session.post(
            proxy.base + "/v1/chat/completions",
            json={"model": "m", "messages": [], "stream": True},
        ) as response,
    ):
        await response.content.readany()
        assert proxy.process is not None
        proxy.process.send_signal(signal.SIGTERM)
        with pytest.raises(aiohttp.ClientPayloadError):
            await response.content.read()
    assert await off_loop(lambda: proxy.process.wait(30)) == 0
    assert await db.fetchval("SELECT end_reason FROM tensorzero.exchanges") == "shutdown"


async def test_disk_durability_serves_and_records_the_same(
    upstream: FakeUpstream, start_proxy: StartProxy
) -> None:
    config = one_provider(upstream.api_base, recording={"durability": "disk"})
    proxy = await off_loop(lambda: start_proxy(config))
    answers = await asyncio.gather(*[off_loop(lambda: proxy.chat(FUNCTION)) for _ in range(20)])
    assert {status for status, _, _ in answers} == {200}
    assert (await off_loop(proxy.settle))["written"] == 20


async def test_a_model_name_cannot_add_a_header_to_the_answer(
    upstream: FakeUpstream, start_proxy: StartProxy
) -> None:
    config = one_provider(upstream.api_base, default_provider={"api_base": upstream.api_base})
    proxy = await off_loop(lambda: start_proxy(config))
    status, headers, _ = await off_loop(lambda: proxy.chat("x\r\nevil: 1\r\n\r\nbody"))
    assert status == 200 and "evil" not in headers
    assert headers["x-tensorzero-model-name"].split() == ["x", "evil:", "1", "body"]
    assert upstream.seen[-1].json["model"] == "x\r\nevil: 1\r\n\r\nbody"

"""OpenAI's other endpoints, called by the real client with nothing changed but `base_url`."""

from __future__ import annotations

import asyncio
import io
import json
import os
import warnings
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg
import openai
import psutil
import pytest

from tests.conftest import StartProxy, off_loop
from tests.fake_openai import AUDIO, RESPONSE, like_openai, response_events
from tests.fake_upstream import FakeUpstream, Seen, Wire, answer
from tests.harness import Proxy, eventually, one_provider, write_config

PROVE = bool(os.environ.get("PROVE"))
MIB = 2**20


@pytest.fixture
async def relay(
    upstream: FakeUpstream, start_proxy: StartProxy
) -> AsyncIterator[tuple[Proxy, openai.AsyncOpenAI]]:
    """A proxy whose callers bring their own key for the default provider."""
    upstream.script = like_openai
    config = one_provider(upstream.api_base, default_provider={"api_base": upstream.api_base})
    proxy = await off_loop(lambda: start_proxy(config))
    async with openai.AsyncOpenAI(
        base_url=proxy.base + "/v1", api_key="the-callers-own", max_retries=0
    ) as api:
        yield proxy, api


Relay = tuple[Proxy, openai.AsyncOpenAI]


async def exchange(db: asyncpg.Connection, endpoint: str) -> asyncpg.Record:
    """The one exchange of an endpoint, once it is there."""

    async def look() -> Any:
        return await db.fetchrow("SELECT * FROM tensorzero.exchanges WHERE endpoint = $1", endpoint)

    return await eventually(look)


async def test_completions(relay: Relay, upstream: FakeUpstream, db: asyncpg.Connection) -> None:
    _, api = relay
    made = await api.completions.create(model="m", prompt="Say hello", max_tokens=5)
    assert made.choices[0].text == "hello"
    assert upstream.seen[-1].json["model"] == "upstream-model"
    row = await exchange(db, "completions")
    assert row["usage_source"] == "provider"
    output = await db.fetchval("SELECT output FROM tensorzero.chat_inference_data")
    assert json.loads(output) == [{"type": "text", "text": "hello"}]


async def test_a_response_is_relayed_and_its_tokens_are_counted(
    relay: Relay, upstream: FakeUpstream, db: asyncpg.Connection
) -> None:
    proxy, api = relay
    raw = await api.responses.with_raw_response.create(
        model="tensorzero::function_name::f", input="hi", instructions="be brief"
    )
    assert raw.parse().output_text == "hello"
    assert raw.headers["x-tensorzero-variant-name"] in ("a", "b")
    assert upstream.seen[-1].json == {
        "input": "hi",
        "instructions": "be brief",
        "model": "upstream-model",
    }
    row = await exchange(db, "responses")
    assert (row["function_name"], row["provider_response_id"]) == ("f", "resp_1")
    tokens = await db.fetchrow(
        "SELECT input_tokens, output_tokens, provider_cache_read_input_tokens AS cached "
        "FROM tensorzero.model_inferences"
    )
    assert tuple(tokens) == (4, 2, 1)
    assert await off_loop(lambda: proxy.metric("tensorzero_input_tokens_total")) == 4


async def test_a_stream_of_response_events_ends_with_its_own_last_event(
    relay: Relay, db: asyncpg.Connection
) -> None:
    _, api = relay
    stream = await api.responses.create(model="m", input="hi", stream=True)
    kinds = [kind for kind, _ in response_events()]
    assert [event.type async for event in stream] == kinds
    row = await exchange(db, "responses")
    assert (row["end_reason"], row["stream"]) == ("complete", True)


async def test_a_failed_response_fails_over_before_the_client_hears_of_it(
    upstream: FakeUpstream, start_proxy: StartProxy
) -> None:
    config = one_provider(upstream.api_base)
    providers = config["models"]["m"]["providers"]
    providers["spare"] = providers["p"] | {"model_name": "spare-model"}
    config["models"]["m"]["routing"] = ["p", "spare"]

    async def script(seen: Seen, wire: Wire) -> None:
        failed = {"status": "failed", "error": {"code": "server_error", "message": "no"}}
        whole = RESPONSE if seen.json["model"] == "spare-model" else RESPONSE | failed
        await answer(whole)(seen, wire)

    upstream.script = script
    proxy = await off_loop(lambda: start_proxy(config))
    status, headers, _ = await off_loop(
        lambda: proxy.post("/v1/responses", {"model": "m", "input": "hi"})
    )
    assert (status, headers["x-tensorzero-provider-name"]) == (200, "spare")


async def test_embeddings_pass_in_either_encoding(
    relay: Relay, upstream: FakeUpstream, db: asyncpg.Connection
) -> None:
    _, api = relay
    made = await api.embeddings.create(model="m", input=["a"], encoding_format="float")
    assert made.data[0].embedding == [0.25, -1.0]
    assert upstream.seen[-1].json["encoding_format"] == "float"
    await api.embeddings.create(model="m", input=[[1, 2, 3]], dimensions=2)
    assert upstream.seen[-1].json == {
        "input": [[1, 2, 3]],
        "model": "upstream-model",
        "dimensions": 2,
        "encoding_format": "base64",
    }
    row = await exchange(db, "embeddings")
    assert row["usage_source"] == "provider"
    assert await db.fetchval("SELECT count(*) FROM tensorzero.chat_inferences") == 0


async def test_images_and_moderations(relay: Relay, upstream: FakeUpstream) -> None:
    _, api = relay
    image = io.BytesIO(b"\x89PNG")
    image.name = "a.png"
    made = await api.images.generate(model="m", prompt="a cat")
    assert made.data and made.data[0].b64_json == "aGk="
    edited = await api.images.edit(model="m", image=image, prompt="a dog")
    assert edited.data and b"upstream-model" in upstream.seen[-1].body
    image.seek(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        await api.images.create_variation(image=image)
    assert upstream.seen[-1].path == "/v1/images/variations"
    judged = await api.moderations.create(input="words")
    assert judged.results[0].flagged is False
    assert upstream.seen[-1].headers["authorization"] == "Bearer the-callers-own"


async def test_speech_comes_as_bytes_and_is_recorded_by_length_and_digest(
    relay: Relay, db: asyncpg.Connection
) -> None:
    _, api = relay
    made = await api.audio.speech.create(model="m", voice="alloy", input="hello")
    assert made.content == AUDIO
    row = await exchange(db, "audio")
    assert (row["response_bytes"], row["response_body"]) == (len(AUDIO), None)
    assert row["response_sha256"] is not None
    assert json.loads(row["request_body"])["input"] == "hello"


@pytest.mark.parametrize("model_first", [True, False])
async def test_a_form_is_routed_by_its_model_wherever_it_stands(
    relay: Relay, upstream: FakeUpstream, db: asyncpg.Connection, model_first: bool
) -> None:
    proxy, _ = relay
    form = aiohttp.FormData(quote_fields=False)
    fields = [("model", "m"), ("file", AUDIO)]
    for name, value in fields if model_first else reversed(fields):
        more = {} if name == "model" else {"filename": "a.mp3", "content_type": "audio/mpeg"}
        form.add_field(name, value, **more)
    form.add_field("tensorzero::tags", '{"team": "voice"}')
    async with (
        aiohttp.ClientSession() as session,
        session.post(proxy.base + "/v1/audio/transcriptions", data=form) as response,
    ):
        assert await response.json() == {"text": "hello"}
        assert response.headers["x-tensorzero-model-name"] == "m"
    sent = upstream.seen[-1]
    assert AUDIO in sent.body and b"\r\nupstream-model\r\n" in sent.body
    assert b"tensorzero" not in sent.body
    assert int(sent.headers["content-length"]) == len(sent.body)
    row = await exchange(db, "audio")
    assert json.loads(row["tags"]) == {"team": "voice"}
    parts = {part["name"]: part for part in json.loads(row["request_parts"])}
    assert parts["model"]["text"] == "m"
    assert parts["file"] == {
        "name": "file",
        "filename": "a.mp3",
        "content_type": "audio/mpeg",
        "bytes": len(AUDIO),
    }
    assert row["request_body"] is None and row["request_sha256"] is not None


async def test_files_and_batches_go_to_the_default_provider_with_the_callers_key(
    relay: Relay, upstream: FakeUpstream, db: asyncpg.Connection
) -> None:
    _, api = relay
    file = await api.files.create(file=("a.jsonl", b"{}\n"), purpose="batch")
    assert file.id == "file-1"
    assert [each.id async for each in api.files.list(purpose="batch")] == ["file-1"]
    assert upstream.seen[-1].path == "/v1/files?purpose=batch"
    assert (await api.files.content("file-1")).content == AUDIO
    assert (await api.files.retrieve("file-1")).id == "file-1"
    assert (await api.files.delete("file-1")).deleted
    batch = await api.batches.create(
        input_file_id="file-1", endpoint="/v1/chat/completions", completion_window="24h"
    )
    assert (await api.batches.cancel(batch.id)).status == "cancelling"
    assert {each.headers["authorization"] for each in upstream.seen} == {"Bearer the-callers-own"}
    row = await exchange(db, "batches")
    assert json.loads(row["request_body"])["input_file_id"] == "file-1"


async def test_what_nobody_knows_yet_is_passed_on(
    relay: Relay, upstream: FakeUpstream, db: asyncpg.Connection
) -> None:
    _, api = relay
    found = await api.post("/some/future/path", body={"model": "m", "x": 1}, cast_to=object)
    assert found == {"ok": True}
    assert upstream.seen[-1].json == {"model": "upstream-model", "x": 1}
    row = await exchange(db, "other")
    assert row["path"] == "/v1/some/future/path"
    with pytest.raises(openai.NotFoundError, match="no GET /v1/nowhere"):
        await api.get("/nowhere", cast_to=object)


async def test_realtime_is_refused_with_a_word(relay: Relay) -> None:
    proxy, _ = relay
    status, body = await off_loop(lambda: proxy.get("/v1/realtime?model=m"))
    assert status == 501 and "Realtime" in json.loads(body)["error"]["message"]


async def test_a_path_cannot_climb_out_of_the_api(relay: Relay, upstream: FakeUpstream) -> None:
    proxy, _ = relay
    for path in ("/v1/files/../../admin", "/v1/%2e%2e/admin", "/v1/files/%2E./%2e%2e/admin"):
        status, _, body = await raw_get(proxy, path)
        assert status == 404, (path, body)
    assert upstream.seen == []


async def raw_get(proxy: Proxy, path: str) -> tuple[int, dict[str, str], bytes]:
    """A request whose path no client tidies up."""
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    writer.write(f"GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n".encode())
    data = await reader.read()
    writer.close()
    return int(data.split(b" ", 2)[1]), {}, data


async def test_the_operators_keys_serve_inference_only(
    upstream: FakeUpstream, start_proxy: StartProxy
) -> None:
    upstream.script = like_openai
    default = {"api_base": upstream.api_base, "api_key_location": "env::OPERATORS"}
    config = one_provider(upstream.api_base, default_provider=default, allowed_paths=["batches"])
    proxy = await off_loop(lambda: start_proxy(config, environ={"OPERATORS": "secret"}))
    status, body = await off_loop(lambda: proxy.get("/v1/files"))
    assert status == 403 and "allowed_paths" in json.loads(body)["error"]["message"]
    assert upstream.seen == []
    assert (await off_loop(lambda: proxy.get("/v1/batches/batch_1")))[0] == 200
    assert upstream.seen[-1].headers["authorization"] == "Bearer secret"
    status, _, _ = await off_loop(lambda: proxy.post("/v1/moderations", {"input": "x"}))
    assert status == 200


async def test_a_large_upload_passes_in_bounded_memory(relay: Relay) -> None:
    proxy, api = relay
    size = (200 if PROVE else 40) * MIB
    main = psutil.Process(proxy.worker_pids()[0])
    before = main.memory_info().rss
    peak = before
    done = asyncio.Event()

    async def watch() -> None:
        nonlocal peak
        while not done.is_set():
            peak = max(peak, main.memory_info().rss)
            await asyncio.sleep(0.01)

    watching = asyncio.create_task(watch())
    await api.files.create(file=("big.jsonl", bytes(size)), purpose="batch")
    await api.audio.transcriptions.create(model="m", file=("big.mp3", bytes(size)))
    done.set()
    await watching
    print(f"\n{size // MIB} MiB twice: {(peak - before) / MIB:.1f} MiB more in the worker")
    assert peak - before < 32 * MIB


async def test_a_variant_speaks_the_responses_api(
    upstream: FakeUpstream, start_proxy: StartProxy, tmp_path: Any
) -> None:
    upstream.script = like_openai
    (tmp_path / "system.minijinja").write_text("Be kind. {{ system_text }}")
    config = one_provider(upstream.api_base)
    variant = config["functions"]["f"]["variants"]["a"]
    variant |= {
        "system_template": str(tmp_path / "system.minijinja"),
        "max_tokens": 7,
        "reasoning_effort": "low",
    }
    proxy = await off_loop(lambda: start_proxy(config))
    pinned = {"x-tensorzero-variant-name": "a"}
    body = {"model": "tensorzero::function_name::f", "input": "hi", "instructions": "Brief."}
    status, _, _ = await off_loop(lambda: proxy.post("/v1/responses", body, pinned))
    assert status == 200
    assert upstream.seen[-1].json == {
        "model": "upstream-model",
        "input": "hi",
        "instructions": "Be kind. Brief.",
        "max_output_tokens": 7,
        "reasoning": {"effort": "low"},
    }
    status, _, answered = await off_loop(
        lambda: proxy.post("/v1/embeddings", {"model": body["model"], "input": "x"})
    )
    assert status == 400 and b"chat function" in answered


async def test_a_provider_without_such_an_endpoint_says_so(
    upstream: FakeUpstream, start_proxy: StartProxy
) -> None:
    proxy = await off_loop(lambda: start_proxy(one_provider(upstream.api_base)))
    status, _, body = await off_loop(
        lambda: proxy.post("/v1/images/generations", {"model": "dummy::good", "prompt": "x"})
    )
    assert status == 501 and "dummy" in json.loads(body)["error"]["message"]


async def test_secrets_in_a_body_are_not_recorded(
    relay: Relay, upstream: FakeUpstream, db: asyncpg.Connection
) -> None:
    proxy, _ = relay
    secret = {"tensorzero::credentials": {"k": "very-secret"}, "tensorzero::tags": {"a": "b"}}
    await off_loop(lambda: proxy.chat("m", **secret))
    await off_loop(lambda: proxy.post("/v1/some/future/path", {"model": 7, "stream": "x"} | secret))
    form = aiohttp.FormData(quote_fields=False)
    form.add_field("tensorzero::credentials", '{"k": "very-secret"}')
    form.add_field("model", "m")
    form.add_field("file", b"x", filename="a.mp3")
    async with (
        aiohttp.ClientSession() as session,
        session.post(proxy.base + "/v1/audio/transcriptions", data=form) as response,
    ):
        assert response.status == 200
    said = [{"role": "user", "content": "x"}]
    envelope = {"model": "tensorzero::model_name::m", "messages": said}
    status, _, _ = await off_loop(
        lambda: proxy.post("/openai/v1/chat/completions", envelope | secret)
    )
    assert status == 200
    assert not any(b"secret" in seen.body for seen in upstream.seen)

    async def all_there() -> Any:
        rows = await db.fetch("SELECT * FROM tensorzero.exchanges")
        return rows if len(rows) == 4 else None

    assert "very-secret" not in str(await eventually(all_there))
    assert "very-secret" not in str(await db.fetch("SELECT * FROM tensorzero.model_inference_data"))
    assert "very-secret" not in proxy.tail(100_000)


@pytest.mark.parametrize("path", ["files/..;/batches", "files/%252e%252e/batches", "files/..%2fx"])
async def test_a_quoted_way_out_of_the_allowed_paths_is_none(
    upstream: FakeUpstream, start_proxy: StartProxy, path: str
) -> None:
    default = {"api_base": upstream.api_base, "api_key_location": "env::OPERATORS"}
    config = one_provider(upstream.api_base, default_provider=default, allowed_paths=["files"])
    proxy = await off_loop(lambda: start_proxy(config, environ={"OPERATORS": "secret"}))
    status, _, _ = await raw_get(proxy, "/v1/" + path)
    assert status == 404 and upstream.seen == []


async def test_a_base_path_is_not_sent_on(upstream: FakeUpstream, tmp_path: Path) -> None:
    upstream.script = like_openai
    config = one_provider(upstream.api_base, default_provider={"api_base": upstream.api_base})
    config["gateway"] = {"base_path": "/llm/v1"}
    file = write_config(tmp_path / "base.yaml", config)
    proxy = Proxy(file, tmp_path / "state", None, arguments=("--no-database",))
    proxy.start(wait=False)

    async def answered() -> bool:
        return bool((await off_loop(lambda: proxy.get("/llm/v1/v1/files")))[0] == 200)

    try:
        assert await eventually(answered)
    finally:
        proxy.kill_all()
    assert upstream.seen[-1].path == "/v1/files"


async def test_an_answer_without_a_body_has_no_length(relay: Relay, upstream: FakeUpstream) -> None:
    proxy, _ = relay

    async def script(seen: Seen, wire: Wire) -> None:
        await wire.raw(b"HTTP/1.1 204 No Content\r\n\r\n")

    upstream.script = script
    _, _, head = await raw_get(proxy, "/v1/files/file-1")
    assert head.startswith(b"HTTP/1.1 204") and b"ontent-" not in head.split(b"\r\n\r\n")[0]


async def test_a_variant_that_cannot_be_said_fails_over_and_all_is_recorded(
    upstream: FakeUpstream, start_proxy: StartProxy, db: asyncpg.Connection
) -> None:
    upstream.script = answer({"error": {"message": "down"}}, 500)
    config = one_provider(upstream.api_base)
    for name in ("a", "b"):
        config["functions"]["f"]["variants"][name]["reasoning_effort"] = "low"
    config["functions"]["f"]["variants"]["c"] = {"type": "chat_completion", "model": "m"}
    proxy = await off_loop(lambda: start_proxy(config))
    body = {"model": "tensorzero::function_name::f", "prompt": "x"}
    status, _, _ = await off_loop(lambda: proxy.post("/v1/completions", body))
    assert status == 500
    row = await exchange(db, "completions")
    kinds = [attempt["error"] for attempt in json.loads(row["attempts"])]
    assert kinds == ["unsupported", "unsupported", "status"]

"""Records for the tests of the store."""

from __future__ import annotations

from collections.abc import Awaitable
from pathlib import Path
from typing import Any

import msgspec

from proxy.store.journal_reader import Batch, JournalReader
from proxy.store.quarantine import Quarantine
from proxy.types.exchange import Attempt, Exchange, Feedback, ModelCall, RecordKind
from proxy.types.ids import new_id

REQUEST = b'{"model":"m","messages":[{"role":"user","content":"hello"}]}'
ANSWER = (
    b'{"id":"chatcmpl-1","choices":[{"index":0,"message":{"role":"assistant","content":"hi"},'
    b'"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":1}}'
)


def a_model_call(**changes: Any) -> ModelCall:
    call = ModelCall(
        id=new_id().bytes,
        model_name="m",
        provider_name="p",
        wire="chat_completions",
        stream=False,
        raw_request=b"",
        raw_response=[ANSWER],
        response_time_ms=12,
        ttft_ms=None,
        output=b"",
        input_tokens=None,
        output_tokens=None,
        finish_reason="",
    )
    return msgspec.structs.replace(call, **changes)


async def settled(recording: Awaitable[None] | None) -> None:
    """What `Recorder.exchange` returned, waited for."""
    if recording is not None:
        await recording


def an_exchange(**changes: Any) -> Exchange:
    exchange = Exchange(
        id=new_id().bytes,
        episode_id=new_id().bytes,
        method="POST",
        path="/v1/chat/completions",
        endpoint="chat_completions",
        lane="relay",
        relay="raw",
        stream=False,
        status=200,
        end_reason="complete",
        error="",
        function_name="f",
        variant_assigned="v",
        variant_served="v",
        variant_pinned=False,
        model_name="m",
        provider_name="p",
        tags=b'{"user":"42"}',
        attempts=[Attempt("v", "m", "p", 200, "", "", 0, 12, 0)],
        processing_time_ms=13,
        ttft_ms=None,
        overhead_us=300,
        user_agent="test",
        api_key_name="key",
        config_hash=b"\x01" * 32,
        upstream_request_id="req-1",
        request_body=REQUEST,
        request_bytes=len(REQUEST),
        request_sha256=b"",
        response_body=[],
        response_bytes=len(ANSWER),
        response_sha256=b"",
        response_content_type="application/json",
        inference_params=b"",
        model_calls=[a_model_call()],
    )
    return msgspec.structs.replace(exchange, **changes)


def a_feedback(**changes: Any) -> Feedback:
    feedback = Feedback(
        id=new_id().bytes,
        metric_name="thumbs_up",
        metric_type="boolean",
        level="inference",
        target_id=new_id().bytes,
        response_id="",
        value=1.0,
        tags=b"",
        config_hash=b"\x01" * 32,
        target_known=True,
    )
    return msgspec.structs.replace(feedback, **changes)


def a_reader(folder: Path, **options: Any) -> JournalReader:
    return JournalReader(folder, Quarantine(folder.parent / "quarantine"), **options)


def read_all(reader: JournalReader) -> Batch:
    """Everything that can be taken just now, as one batch."""
    whole = Batch()
    while True:
        reader.poll()
        batch = reader.read(500, 2**24)
        if not batch.ends:
            return whole
        whole.frames += batch.frames
        whole.ends |= batch.ends
        whole.damaged += batch.damaged


def ids_of(batch: Batch) -> list[bytes]:
    decode = msgspec.msgpack.Decoder(Exchange).decode
    return [decode(frame.payload).id for frame in batch.frames if frame.kind == RecordKind.EXCHANGE]

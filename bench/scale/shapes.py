"""The calls that there are: few kinds in life-like shares, each with words of its own."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass

from bench.scale.plan import Identity, has_failed, leader_of, mixed
from proxy.types.exchange import Attempt, Exchange, InferenceDetails, ModelCall

FUNCTIONS = 24
VARIANTS = 3
SERVED = 768
"""Different calls that were served; each tells its function, variant, model and words."""
FAILED = 24
JSON_SHARE, PLAIN_SHARE, TAGGED_SHARE = 0.12, 0.2, 0.6
QUESTION, ANSWER = (40, 200), (30, 160)
"""Characters, at least and at most."""
CONFIG_HASHES = (b"\x07" * 32, b"\x08" * 32, b"\x09" * 32)
SCHEMA = b'{"type":"object","properties":{"answer":{"type":"string"}},"required":["answer"]}'
PARAMS = b'{"chat_completion":{"temperature":0.7}}'
WIRE = "chat_completions"


@dataclass(frozen=True, slots=True)
class Shape:
    """All of a call but its ids and times."""

    function: str
    """Empty of a call on a model."""
    variant: str
    model: str
    is_json: bool
    failed: bool
    question: str
    answer: str
    environment: str
    """A tag, beside the user; empty for no tags at all."""
    config_hash: bytes
    took_ms: int


def build_shapes(seed: int = 1) -> list[Shape]:
    """The served ones first; always the same."""
    chance = random.Random(seed)
    words = ["".join(chance.choices("etaoinshrdlu", k=chance.randint(2, 9))) for _ in range(2000)]
    return [_shape(chance, words, place >= SERVED) for place in range(SERVED + FAILED)]


def _shape(chance: random.Random, words: Sequence[str], failed: bool) -> Shape:
    kind = chance.random()
    is_json = kind < JSON_SHARE and not failed
    # A few functions have most of the calls.
    number = int(FUNCTIONS * chance.random() ** 2)
    prefix = "extract" if is_json else "answer"
    function = "" if kind > 1 - PLAIN_SHARE else f"{prefix}_{number}"
    return Shape(
        function,
        f"variant_{int(VARIANTS * chance.random() ** 2)}" if function else "",
        f"model_{number % 5}",
        is_json,
        failed,
        _text(chance, words, QUESTION),
        _text(chance, words, ANSWER),
        chance.choice(("production", "staging")) if chance.random() < TAGGED_SHARE else "",
        chance.choice(CONFIG_HASHES),
        int(chance.lognormvariate(6.5, 0.7)),
    )


def _text(chance: random.Random, words: Sequence[str], ends: tuple[int, int]) -> str:
    size = chance.randint(*ends)
    return " ".join(chance.choices(words, k=size // 3))[:size]


def place_of(number: int) -> int:
    """Which of the shapes the call has: calls of an episode have one function and variant."""
    if has_failed(number):
        return SERVED + number // 33 % FAILED
    return mixed(leader_of(number), 5) % SERVED


def build_exchange(
    shape: Shape, who: Identity, *, question: str = "", answer: str = ""
) -> Exchange:
    """The call as a worker would journal it; other words than the shape's own if given."""
    asked = _asked(shape, question or shape.question)
    answered = _answered(shape, who, answer or shape.answer)
    variant = shape.variant
    return Exchange(
        id=who.id,
        episode_id=who.episode,
        method="POST",
        path="/v1/chat/completions",
        endpoint=WIRE,
        lane="relay",
        relay="" if shape.failed else "raw",
        stream=False,
        status=502 if shape.failed else 200,
        end_reason="upstream_error" if shape.failed else "complete",
        error="upstream_error" if shape.failed else "",
        function_name=shape.function,
        variant_assigned=variant,
        variant_served="" if shape.failed else variant,
        variant_pinned=False,
        model_name=shape.model,
        provider_name="main",
        tags=_tags(shape, who),
        attempts=[_attempt(shape)],
        processing_time_ms=shape.took_ms + 2,
        ttft_ms=None,
        overhead_us=310,
        user_agent="OpenAI/Python 2.8.1",
        api_key_name="",
        config_hash=shape.config_hash,
        upstream_request_id="req_" + who.call.hex(),
        request_body=asked,
        request_bytes=len(asked),
        request_sha256=b"",
        response_body=[b'{"error":{"message":"All providers failed"}}'] if shape.failed else [],
        response_bytes=44 if shape.failed else len(answered),
        response_sha256=b"",
        response_content_type="application/json",
        inference_params=PARAMS,
        model_calls=[] if shape.failed else [_call(shape, who, asked, answered)],
        details=_details(shape, answer or shape.answer) if shape.is_json else None,
    )


def _asked(shape: Shape, question: str) -> bytes:
    model = f"function_name::{shape.function}" if shape.function else f"model_name::{shape.model}"
    messages = [{"role": "user", "content": question}]
    body = {"model": f"tensorzero::{model}", "messages": messages, "temperature": 0.7}
    return json.dumps(body).encode()


def _answered(shape: Shape, who: Identity, answer: str) -> bytes:
    message = {"role": "assistant", "content": _said(shape, answer)}
    usage = {"prompt_tokens": 97, "completion_tokens": 61, "total_tokens": 158}
    body = {
        "id": who.response.decode(),
        "object": "chat.completion",
        "created": 1_750_000_000,
        "model": shape.model,
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": usage,
    }
    return json.dumps(body).encode()


def _said(shape: Shape, answer: str) -> str:
    return json.dumps({"answer": answer}) if shape.is_json else answer


def _tags(shape: Shape, who: Identity) -> bytes:
    if not shape.environment:
        return b""
    return b'{"user":"%b","environment":"%b"}' % (who.user, shape.environment.encode())


def _attempt(shape: Shape) -> Attempt:
    status, error, detail = (503, "status", "overloaded") if shape.failed else (200, "", "")
    return Attempt(
        shape.variant, shape.model, "main", status, error, detail, 1, shape.took_ms, 0, ""
    )


def _call(shape: Shape, who: Identity, asked: bytes, answered: bytes) -> ModelCall:
    name = asked[asked.index(b"tensorzero::") : asked.index(b'", "messages"')]
    return ModelCall(
        id=who.call,
        model_name=shape.model,
        provider_name="main",
        wire=WIRE,
        stream=False,
        raw_request=asked.replace(name, shape.model.encode(), 1),
        raw_response=[answered],
        response_time_ms=shape.took_ms,
        ttft_ms=None,
        output=b"",
        input_tokens=None,
        output_tokens=None,
        finish_reason="",
        cost="0.000158",
    )


def _details(shape: Shape, answer: str) -> InferenceDetails:
    raw = _said(shape, answer)
    output = json.dumps({"raw": raw, "parsed": json.loads(raw)}).encode()
    return InferenceDetails("json", output=output, output_schema=SCHEMA)

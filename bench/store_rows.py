"""Rows as the product makes them of an exchange: 2 KB of question, 1 KB of answer."""

from __future__ import annotations

import json
import random

from proxy.store.rows import RowMapper
from proxy.store.tables import COLUMNS
from proxy.types.exchange import Attempt, Exchange, ModelCall
from proxy.types.ids import new_id
from proxy.wire.chat_completions.decode import ChatCompletionsDecoder

REQUEST_CHARACTERS = 1900
ANSWER_CHARACTERS = 700

Batch = dict[str, list[bytes]]
"""By table, in the form that COPY takes."""


class Maker:
    """Makes rows as the product does, each exchange with words of its own."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._words = ["".join(self._letters()) for _ in range(4000)]
        self._mapper = RowMapper({"chat_completions": ChatCompletionsDecoder()})

    def batch(self, size: int) -> Batch:
        batch: Batch = {table: [] for table in COLUMNS}
        for _ in range(size):
            for table, rows in self._mapper.map(self._exchange()).rows.items():
                batch[table].append(rows)
        return batch

    def _letters(self) -> list[str]:
        letters = "etaoinshrdlucmfwypvbgk"
        return self._random.choices(letters, k=self._random.randint(2, 9))

    def _text(self, characters: int) -> str:
        return " ".join(self._random.choices(self._words, k=characters // 6))[:characters]

    def _exchange(self) -> Exchange:
        asked = {
            "model": "tensorzero::function_name::answer",
            "messages": [
                {"role": "system", "content": "You answer in one paragraph."},
                {"role": "user", "content": self._text(REQUEST_CHARACTERS)},
            ],
            "temperature": 0.7,
        }
        identifier = new_id()
        answered = {
            "id": f"chatcmpl-{identifier.hex}",
            "object": "chat.completion",
            "created": 1_750_000_000,
            "model": "large",
            "choices": [
                {
                    "index": 0,
                    "message": {"role": "assistant", "content": self._text(ANSWER_CHARACTERS)},
                    "finish_reason": "stop",
                }
            ],
            "usage": {"prompt_tokens": 480, "completion_tokens": 170, "total_tokens": 650},
        }
        request, answer = json.dumps(asked).encode(), json.dumps(answered).encode()
        return an_exchange(identifier.bytes, request, answer, self._random.randrange(2))


def an_exchange(identifier: bytes, request: bytes, answer: bytes, variant: int) -> Exchange:
    """An ordinary one: one attempt, one answer."""
    name = f"variant_{variant}"
    call = ModelCall(
        id=new_id().bytes,
        model_name="large",
        provider_name="main",
        wire="chat_completions",
        stream=False,
        raw_request=request.replace(b"tensorzero::function_name::answer", b"large"),
        raw_response=[answer],
        response_time_ms=812,
        ttft_ms=None,
        output=b"",
        input_tokens=None,
        output_tokens=None,
        finish_reason="",
    )
    return Exchange(
        id=identifier,
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
        function_name="answer",
        variant_assigned=name,
        variant_served=name,
        variant_pinned=False,
        model_name="large",
        provider_name="main",
        tags=b'{"user":"%d","environment":"production"}' % (identifier[-1] * 256 + identifier[-2]),
        attempts=[Attempt(name, "large", "main", 200, "", "", 1, 812, 0)],
        processing_time_ms=815,
        ttft_ms=None,
        overhead_us=420,
        user_agent="OpenAI/Python 2.8.1",
        api_key_name="",
        config_hash=b"\x07" * 32,
        upstream_request_id="req_0123456789abcdef0123456789abcdef",
        request_body=request,
        request_bytes=len(request),
        request_sha256=b"",
        response_body=[],
        response_bytes=len(answer),
        response_sha256=b"",
        response_content_type="application/json",
        inference_params=b'{"chat_completion":{"temperature":0.7}}',
        model_calls=[call],
    )

"""What the cases run against: the configuration, and the provider that shows what it was sent."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.fake_upstream import (
    FakeUpstream,
    Script,
    Seen,
    Wire,
    answer,
    completion,
    events,
    stream,
)

UPSTREAM_VECTOR = [0.25, -0.5]
WORDS = ("Hel", "lo", "!")
PRICES = [
    {"pointer": "/usage/prompt_tokens", "cost_per_million": 3.0},
    {"pointer": "/usage/completion_tokens", "cost_per_million": 15.0},
]
DUMMIES = ("good", "tool", "reasoner", "error", "error_with_raw_response", "err_in_stream")


def vectors(*given: Any) -> dict[str, Any]:
    """An answer with these embeddings, in OpenAI's form."""
    data = [
        {"object": "embedding", "index": index, "embedding": vector}
        for index, vector in enumerate(given)
    ]
    usage = {"prompt_tokens": 4, "total_tokens": 4}
    return {"object": "list", "data": data, "model": "served-model", "usage": usage}


async def usual(seen: Seen, wire: Wire) -> None:
    """Vectors, a stream that ends with its usage, or a whole answer, as the request has it."""
    if seen.path.endswith("/embeddings"):
        inputs = seen.json["input"]
        several = isinstance(inputs, list) and not isinstance(inputs[0], int)
        count = len(inputs) if several else 1
        await answer(vectors(*[UPSTREAM_VECTOR] * count))(seen, wire)
    elif seen.json.get("stream") is True:
        await stream(events(WORDS, usage=True))(seen, wire)
    else:
        await answer(completion())(seen, wire)


def whole(**more: Any) -> Script:
    """A whole answer with these members of its own."""
    return answer(completion() | more)


def finished(reason: str | None) -> Script:
    """A whole answer that ended for this reason."""
    choice = {"index": 0, "message": {"role": "assistant", "content": "hello"}}
    return whole(choices=[choice if reason is None else choice | {"finish_reason": reason}])


def spoken(**message: Any) -> Script:
    """A whole answer with this message."""
    said = {"role": "assistant", "content": None} | message
    return whole(choices=[{"index": 0, "message": said, "finish_reason": "stop"}])


def refusing(status: int, message: str) -> Script:
    """The provider's own error."""
    return answer({"error": {"message": message}}, status)


def chunks(*choices: dict[str, Any], usage: bool = True) -> Script:
    """A stream of these choices, with the usage in a chunk of its own at the end."""
    base = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    blocks = [base | {"choices": [{"index": 0, **choice}]} for choice in choices]
    if usage:
        counts = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
        blocks.append(base | {"choices": [], "usage": counts})
    lines = [b"data: " + json.dumps(block).encode() + b"\n\n" for block in blocks]
    return stream([*lines, b"data: [DONE]\n\n"])


def build_config(api_base: str) -> dict[str, Any]:
    """Functions on the test provider and on the fake one, and embedding models on both."""
    return {
        "models": {
            "sent": _model(_upstream(api_base)),
            "team::sent": _model(_upstream(api_base)),
            "keyed": _model(_upstream(api_base, api_key_location="dynamic::MY_KEY")),
            "priced": _model(_upstream(api_base, cost=PRICES)),
            "private": _model(_upstream(api_base)) | {"namespace": "lab"},
            "fallback": {
                "routing": ["first", "second"],
                "providers": {"first": _dummy("error_with_raw_response"), "second": _dummy("good")},
            },
        },
        "embedding_models": {
            "zeros": _model(_dummy("good")),
            "failing": _model(_dummy("error")),
            "vectors": _model(_upstream(api_base)),
            "keyed_vectors": _model(_upstream(api_base, api_key_location="dynamic::MY_KEY")),
        },
        "functions": {
            "dummy": _function(v="dummy::good"),
            "sending": _function(v="sent"),
            "pair": _function(a="sent", b="sent"),
            "failing": _function(v="sent"),
            "empty": _function(),
            **{f"dummy_{name}": _function(v=f"dummy::{name}") for name in DUMMIES},
            **build_functions(),
        },
        "tools": {"weather": _tool("city"), "clock": _tool("zone"), "spare": _tool("x")},
        "metrics": {
            "good": {"type": "boolean", "optimize": "max", "level": "inference"},
            "length": {"type": "float", "optimize": "min", "level": "inference"},
            "solved": {"type": "boolean", "optimize": "max", "level": "episode"},
            "stars": {"type": "float", "optimize": "max", "level": "episode"},
        },
    }


def build_functions() -> dict[str, Any]:
    """Those with templates, schemas, tools, strategies, namespaces, and what is not built."""
    greeting = {"type": "chat_completion", "model": "sent", "json_mode": "on"}
    best = {
        "type": "experimental_best_of_n_sampling",
        "candidates": ["v", "w"],
        "evaluator": {"model": "dummy::best_of_n_1"},
    }
    candidates = {
        name: {"type": "chat_completion", "model": f"dummy::{model}", "weight": 0.0}
        for name, model in (("v", "good"), ("w", "alternate"))
    }
    return {
        "titled": {
            "type": "json",
            "output_schema": inline("title.json", json.dumps(TITLE)),
            "variants": {"v": greeting},
        },
        "dummy_json": {
            "type": "json",
            "output_schema": inline("answer.json", json.dumps(ANSWER)),
            "variants": {"v": greeting | {"model": "dummy::json", "json_mode": "strict"}},
        },
        "letters": {
            "type": "chat",
            "system_schema": inline("system.json", json.dumps(_fields("mood"))),
            "user_schema": inline("user.json", json.dumps(_fields("topic"))),
            "schemas": {"greeting": {"path": inline("greeting.json", json.dumps(_fields("name")))}},
            "variants": {
                "v": {
                    "type": "chat_completion",
                    "model": "sent",
                    "system_template": inline("system.minijinja", "Be {{ mood }}."),
                    "user_template": inline("user.minijinja", "Of {{ topic }}."),
                    "templates": {
                        "greeting": {"path": inline("greet.minijinja", "Hi {{ name }}!")}
                    },
                }
            },
        },
        "tooled": _function(v="sent") | {"tools": ["weather", "clock"]},
        "best": {"type": "chat", "variants": candidates | {"best": best | {"weight": 1.0}}},
        "divided": _function(a="sent", b="sent")
        | {
            "experimentation": {
                "type": "static",
                "candidate_variants": ["a"],
                "namespaces": {"lab": {"type": "static", "candidate_variants": ["b"]}},
            },
            "variants": {key: {"type": "chat_completion", "model": "sent"} for key in ("a", "b")},
        },
        "adaptive": {
            "type": "chat",
            "experimentation": {
                "type": "adaptive",
                "metric": "good",
                "candidate_variants": ["a", "b"],
            },
            "variants": {key: {"type": "chat_completion", "model": "sent"} for key in ("a", "b")},
        },
    }


def inline(label: str, text: str) -> dict[str, str]:
    """A file in its place."""
    return {"__tensorzero_remapped_path": label, "__data": text}


def _fields(*names: str) -> dict[str, Any]:
    properties = {name: {"type": "string"} for name in names}
    return {
        "type": "object",
        "properties": properties,
        "required": list(names),
        "additionalProperties": False,
    }


def _tool(argument: str) -> dict[str, Any]:
    schema = inline(f"{argument}.json", json.dumps(_fields(argument)))
    return {"description": f"Asks for {argument}.", "parameters": schema}


TITLE = _fields("title")
ANSWER = _fields("answer")


def _upstream(api_base: str, **more: Any) -> dict[str, Any]:
    provider = {"type": "openai", "model_name": "upstream-model", "api_base": api_base}
    return provider | {"api_key_location": "none"} | more


def _dummy(model_name: str) -> dict[str, Any]:
    return {"type": "dummy", "model_name": model_name}


def _model(provider: dict[str, Any]) -> dict[str, Any]:
    return {"routing": ["p"], "providers": {"p": provider}}


def _function(**models: str) -> dict[str, Any]:
    variants = {
        name: {"type": "chat_completion", "model": model, "weight": 1.0}
        for name, model in models.items()
    }
    return {"type": "chat", "variants": variants}


@contextmanager
def upstream_thread() -> Iterator[FakeUpstream]:
    """The fake provider on an event loop of its own, so that the cases need none."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    upstream = FakeUpstream(usual)
    try:
        asyncio.run_coroutine_threadsafe(upstream.start(), loop).result(10)
        try:
            yield upstream
        finally:
            asyncio.run_coroutine_threadsafe(upstream.stop(), loop).result(10)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()

"""Embeddings."""

from __future__ import annotations

from typing import Any

import orjson

from tests.compat.case import EMBEDDINGS, Check, Result, Section
from tests.compat.checks import (
    has,
    header,
    logged,
    mentions,
    quiet,
    recorded,
    says,
    sent,
    sent_header,
    that,
    unsent,
)
from tests.compat.setup import UPSTREAM_VECTOR, refusing, vectors
from tests.fake_upstream import answer

MODEL = "tensorzero::embedding_model_name::"
SENT = MODEL + "vectors"
BASE64 = "AACAPgAAAL8="
SHORTHANDS = {"openai": "OPENAI_API_KEY", "openrouter": "OPENROUTER_API_KEY"}

embeddings = Section("Embeddings")


def wants(model: str = SENT, value: object = "Hello", **more: Any) -> dict[str, Any]:
    body = {"model": model, "input": value} | more
    return {"tensorzero::" + k[2:] if k.startswith("__") else k: v for k, v in body.items()}


def gives(count: int) -> Check:
    """So many vectors, in order."""
    return that(
        f"{count} vectors",
        lambda r: [each["index"] for each in r.json["data"]] == list(range(count)),
    )


def add(line: str, body: Any, *checks: Check, **more: Any) -> None:
    embeddings.add(line, body, *checks, path=EMBEDDINGS, **more)


def lack(line: str, why: str, body: Any, *words: str) -> None:
    embeddings.lack(line, why, body, *words, path=EMBEDDINGS)


def _requests() -> None:
    line = "`input`: a string, a list of strings, of token ids, or of lists of token ids"
    for value, count in (
        ("Hello", 1),
        (["a", "b", "c"], 3),
        ([1, 2, 3], 1),
        ([[1, 2], [3]], 2),
    ):
        add(line, wants(value=value), sent(input=value), gives(count))
        add(line, wants(MODEL + "zeros", value), gives(count))
    add(line, {"model": SENT}, mentions("missing field `input`"), quiet, status=400)
    add(
        "`model` is required",
        {"input": "Hello"},
        mentions("missing field `model`"),
        quiet,
        status=400,
    )
    line = "`dimensions`: passed on"
    add(line, wants(dimensions=2), sent(dimensions=2))
    add(line, wants(dimensions=-1), mentions("dimensions"), quiet, status=400)
    line = "`encoding_format`: `float` or `base64`"
    for form in ("float", "base64"):
        add(line, wants(encoding_format=form), sent(encoding_format=form))
    told = mentions("encoding_format", "unknown variant `hex`")
    add(line, wants(encoding_format="hex"), told, quiet, status=400)
    add(
        "`tensorzero::credentials`: values for keys that the configuration leaves to the caller",
        wants(MODEL + "keyed_vectors", __credentials={"MY_KEY": "k-123"}),
        sent_header("authorization", "Bearer k-123"),
        unsent(),
    )
    add("`tensorzero::dryrun`: nothing is stored", wants(__dryrun=True), recorded(0), unsent())
    add("`tensorzero::dryrun`: nothing is stored", wants(), recorded(1))
    line = "`tensorzero::cache_options`: off"
    add(line, wants(__cache_options={"enabled": "off"}), gives(1), unsent())
    lack(
        "`tensorzero::cache_options`: on",
        "a cache",
        wants(__cache_options={"enabled": "on"}),
        "cache_options",
    )
    add(
        "Other fields, such as `user`, are ignored in silence",
        wants(user="u", foo=1),
        unsent("user", "foo"),
        logged("foo", times=0),
    )


def _names() -> None:
    line = "`tensorzero::embedding_model_name::E`: a configured embedding model"
    add(line, wants(SENT), has(model=SENT), sent(model="upstream-model"))
    add(
        "Without the prefix it works, too, with a warning",
        wants("vectors"),
        has(model=SENT),
        logged("embedding_model_name"),
    )
    for provider in SHORTHANDS:
        add(
            "Providers without configuration: `openai::`, `openrouter::`",
            wants(f"{MODEL}{provider}::some-model"),
            that("only the key is missing", _keyless),
            quiet,
            status=500,
        )
    add(
        "No other provider is known without configuration",
        wants(MODEL + "mistral::some-model"),
        says("Model not found: mistral::some-model"),
        quiet,
        status=404,
    )


def _keyless(result: Result) -> bool:
    return "not found" not in result.error and "key" in result.error.lower()


def _answers() -> None:
    add(
        "The answer: vectors in OpenAI's form, `usage` with the cost",
        wants(),
        that(
            "byte for byte",
            lambda r: (
                r.text == '{"object":"list","data":[{"object":"embedding","embedding":[0.25,-0.5],'
                f'"index":0}}],"model":"{SENT}","usage":{{"prompt_tokens":4,"total_tokens":4,'
                '"tensorzero_cost":null}}'
            ),
        ),
        header("content-type", "application/json"),
        provider=answer(orjson.dumps(vectors(UPSTREAM_VECTOR))),
    )
    add(
        "`tensorzero::include_raw_response` adds `tensorzero::raw_response`",
        wants(__include_raw_response=True),
        has(
            **{"tensorzero::raw_response": [{"provider_type": "openai", "api_type": "embeddings"}]}
        ),
        unsent(),
    )
    line = "A vector is what the provider made it: a base64 text stays one"
    add(
        line,
        wants(encoding_format="base64"),
        has(data=[{"embedding": BASE64}]),
        provider=answer(vectors(BASE64)),
    )
    add(line, wants(), has(data=[{"embedding": UPSTREAM_VECTOR}]))
    for name in ("nosuch", "tensorzero::embedding_model_name::nosuch"):
        add(
            "An unknown embedding model: 404",
            wants(name),
            says("Model not found: nosuch"),
            quiet,
            status=404,
        )
    line = "All providers failed: 500"
    failed = "All model providers failed to infer with errors: "
    add(line, wants(), mentions(failed, "bad"), provider=refusing(400, "bad"), status=500)
    told = mentions(failed, "Error sending request to Dummy provider for model 'error'.")
    add(line, wants(MODEL + "failing"), told, status=500)


_requests()
_names()
_answers()

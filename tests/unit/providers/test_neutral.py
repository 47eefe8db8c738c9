"""A provider that speaks a protocol over HTTP, asked in neutral values."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from proxy.errors import UpstreamErrorInBody, UpstreamGarbage
from proxy.providers.base import Attempt, Provider, answers_neutrally, relays
from proxy.providers.compatible import IDENTITY, Compatible, CompatibleProvider
from proxy.providers.dummy import DummyProvider, FlakyCounters
from proxy.providers.neutral import decode_embeddings, encode_embeddings
from proxy.types.content import Text, Thought, Unknown
from proxy.types.embeddings import EmbeddingsRequest
from proxy.types.ports import Headers, Limits
from proxy.types.request import Input, Message, ModelRequest, Params
from proxy.types.response import TextDelta

LIMITS = Limits(1.0, 2.0, None, 3.0)
ROW = Compatible(
    "vendor",
    "Vendor",
    "https://vendor/",
    credential_header="Key",
    credential_prefix="",
    renames={"max_completion_tokens": "max_tokens"},
    allow_lists=True,
)
"""A vendor with a name of its own for everything."""


def vendor(**changes: object) -> CompatibleProvider:
    return CompatibleProvider(replace(ROW, **changes), "p", None, {"safe": b"true"})  # type: ignore[arg-type]


def never() -> bool:
    return False


def attempt(headers: Headers = ()) -> Attempt:
    return Attempt("s", LIMITS, never, headers, "m", "v")


def asked(provider: CompatibleProvider, *, stream: bool = True) -> object:
    blocks = (Thought("t"), Text("hi"), Unknown(b'{"type":"own"}', "m", "v"))
    request = ModelRequest(
        "p", Input((Message("assistant", blocks),)), stream=stream, params=Params(max_tokens=3)
    )
    outgoing = provider.encode_chat(request, attempt()).request
    assert (outgoing.method, outgoing.url) == ("POST", "https://vendor/chat/completions")
    assert (outgoing.limits, outgoing.may_resend) == (LIMITS, never)
    assert isinstance(outgoing.body, bytes)
    return json.loads(outgoing.body)


def test_a_neutral_request_becomes_the_vendors_own_body() -> None:
    content = [{"type": "text", "text": "hi"}, {"type": "own"}]
    assert asked(vendor()) == {
        "messages": [{"role": "assistant", "content": content}],
        "model": "p",
        "max_tokens": 3,
        "stream": True,
        "stream_options": {"include_usage": True},
        "safe": True,
    }


def test_usage_is_asked_for_only_where_it_must_be() -> None:
    for body in (asked(vendor(usage="always")), asked(vendor(), stream=False)):
        assert isinstance(body, dict)
        assert "stream_options" not in body


def test_a_vendor_that_takes_thoughts_back_gets_them() -> None:
    body = asked(vendor(reasoning_key="reasoning"))
    assert isinstance(body, dict)
    assert body["messages"][0]["reasoning"] == "t"


def test_the_body_says_that_it_is_json_unless_somebody_has_said_it() -> None:
    request = EmbeddingsRequest("p", b'"a"', 1)
    outgoing = encode_embeddings(vendor(), request, attempt([("X", "y")]))
    assert outgoing.url == "https://vendor/embeddings"
    assert outgoing.body == b'{"model":"p","input":"a"}'
    assert list(outgoing.headers) == [
        ("Content-Type", "application/json"),
        ("X", "y"),
        IDENTITY,
        ("Key", "s"),
    ]
    given = [("content-type", "application/json; charset=utf-8")]
    outgoing = encode_embeddings(vendor(), request, attempt(given))
    assert list(outgoing.headers) == [*given, IDENTITY, ("Key", "s")]


def test_whole_answers_are_read() -> None:
    answer = vendor().decode_chat(b'{"id":"x","choices":[{"message":{"content":"a"}}]}')
    assert (answer.id, answer.blocks) == ("x", (Text("a"),))
    assert decode_embeddings(b'{"data":[{"embedding":[1.0]}]}').embeddings == (b"[1.0]",)


@pytest.mark.parametrize("body", [b'{"id":"x"}', b'{"choices":[]}', b'{"choices":null}'])
def test_an_answer_without_a_choice_is_none(body: bytes) -> None:
    with pytest.raises(UpstreamGarbage):
        vendor().decode_chat(body)


@pytest.mark.parametrize("decode", [vendor().decode_chat, decode_embeddings])
def test_an_error_inside_an_answer_is_one(decode: Callable[[bytes], object]) -> None:
    body = b'{"error":{"message":"busy","code":429}}'
    with pytest.raises(UpstreamErrorInBody) as caught:
        decode(body)
    assert (caught.value.status, caught.value.body) == (429, body)
    with pytest.raises(UpstreamGarbage):
        decode(b"<html>")


def test_a_stream_is_read_as_it_comes() -> None:
    decoder = vendor().open_chat_stream()
    assert decoder.feed(b'data: {"choices":[{"delta":{"con') == []
    (chunk,) = decoder.feed(b'tent":"a"}}]}\n\ndata: [DONE]\n\n')
    assert chunk.deltas == (TextDelta("0", "a"),)
    assert decoder.close() == []
    assert decoder.complete


def test_the_two_kinds_of_providers_are_told_apart() -> None:
    neutral: Provider = DummyProvider("m", FlakyCounters())
    relayed: Provider = vendor()
    assert (answers_neutrally(neutral), answers_neutrally(relayed)) == (True, False)
    assert (relays(neutral), relays(relayed)) == (False, True)

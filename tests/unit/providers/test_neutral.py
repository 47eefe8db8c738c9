"""A provider that speaks a protocol over HTTP, asked in neutral values."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import pytest

from proxy.errors import UpstreamErrorInBody, UpstreamGarbage
from proxy.providers.base import Provider, RelayProvider, answers_neutrally
from proxy.providers.dummy import DummyProvider, FlakyCounters
from proxy.providers.neutral import (
    decode_chat,
    decode_embeddings,
    encode_chat,
    encode_embeddings,
    open_chat_stream,
)
from proxy.types.content import Text, Thought, Unknown
from proxy.types.embeddings import EmbeddingsRequest
from proxy.types.ports import Body, Headers, Limits, OutgoingRequest
from proxy.types.request import Input, Message, ModelRequest, Params
from proxy.types.response import TextDelta

LIMITS = Limits(1.0, 2.0, None, 3.0)


@dataclass
class Vendor:
    """A provider with a name of its own for everything."""

    type: str = "vendor"
    wire: str = "chat_completions"
    origin: str = "https://vendor:443"
    model_name: str = "p"
    takes_secret: bool = True
    usage: str = "ask"
    renames: Mapping[str, str] = field(
        default_factory=lambda: {"max_completion_tokens": "max_tokens"}
    )
    body_defaults: Mapping[str, bytes] = field(default_factory=lambda: {"safe": b"true"})
    reasoning_key: str | None = None
    allow_lists: bool = True

    def encode_relay(
        self,
        path: str,
        body: bytes | Body,
        headers: Headers,
        secret: str | None,
        limits: Limits,
        may_resend: Callable[[], bool],
        *,
        method: str = "POST",
        query: str = "",
    ) -> OutgoingRequest:
        shown = [*headers, ("Key", secret or "")]
        url = f"{self.origin}/{path}"
        return OutgoingRequest(method, url, self.origin, shown, body, limits, may_resend)


def never() -> bool:
    return False


def asked(provider: RelayProvider, *, stream: bool = True, headers: Headers = ()) -> object:
    blocks = (Thought("t"), Text("hi"), Unknown(b'{"type":"own"}', "m", "v"))
    request = ModelRequest(
        "p", Input((Message("assistant", blocks),)), stream=stream, params=Params(max_tokens=3)
    )
    outgoing = encode_chat(
        provider, request, "s", LIMITS, never, headers, model_name="m", provider_name="v"
    )
    assert (outgoing.method, outgoing.url) == ("POST", "https://vendor:443/chat/completions")
    assert (outgoing.limits, outgoing.may_resend) == (LIMITS, never)
    assert isinstance(outgoing.body, bytes)
    return json.loads(outgoing.body)


def test_a_neutral_request_becomes_the_vendors_own_body() -> None:
    content = [{"type": "text", "text": "hi"}, {"type": "own"}]
    assert asked(Vendor()) == {
        "messages": [{"role": "assistant", "content": content}],
        "model": "p",
        "max_tokens": 3,
        "stream": True,
        "stream_options": {"include_usage": True},
        "safe": True,
    }


def test_usage_is_asked_for_only_where_it_must_be() -> None:
    for body in (asked(Vendor(usage="always")), asked(Vendor(), stream=False)):
        assert isinstance(body, dict)
        assert "stream_options" not in body


def test_a_vendor_that_takes_thoughts_back_gets_them() -> None:
    body = asked(Vendor(reasoning_key="reasoning"))
    assert isinstance(body, dict)
    assert body["messages"][0]["reasoning"] == "t"


def test_the_body_says_that_it_is_json_unless_somebody_has_said_it() -> None:
    request = EmbeddingsRequest("p", b'"a"', 1)
    outgoing = encode_embeddings(Vendor(), request, "s", LIMITS, never, [("X", "y")])
    assert outgoing.url == "https://vendor:443/embeddings"
    assert outgoing.body == b'{"model":"p","input":"a"}'
    assert list(outgoing.headers) == [
        ("Content-Type", "application/json"),
        ("X", "y"),
        ("Key", "s"),
    ]
    given = [("content-type", "application/json; charset=utf-8")]
    outgoing = encode_embeddings(Vendor(), request, "s", LIMITS, never, given)
    assert list(outgoing.headers) == [*given, ("Key", "s")]


def test_whole_answers_are_read() -> None:
    answer = decode_chat(b'{"id":"x","choices":[{"message":{"content":"a"}}]}')
    assert (answer.id, answer.blocks) == ("x", (Text("a"),))
    assert decode_embeddings(b'{"data":[{"embedding":[1.0]}]}').embeddings == (b"[1.0]",)


@pytest.mark.parametrize("body", [b'{"id":"x"}', b'{"choices":[]}', b'{"choices":null}'])
def test_an_answer_without_a_choice_is_none(body: bytes) -> None:
    with pytest.raises(UpstreamGarbage):
        decode_chat(body)


@pytest.mark.parametrize("decode", [decode_chat, decode_embeddings])
def test_an_error_inside_an_answer_is_one(decode: Callable[[bytes], object]) -> None:
    body = b'{"error":{"message":"busy","code":429}}'
    with pytest.raises(UpstreamErrorInBody) as caught:
        decode(body)
    assert (caught.value.status, caught.value.body) == (429, body)
    with pytest.raises(UpstreamGarbage):
        decode(b"<html>")


def test_a_stream_is_read_as_it_comes() -> None:
    decoder = open_chat_stream()
    assert decoder.feed(b'data: {"choices":[{"delta":{"con') == []
    (chunk,) = decoder.feed(b'tent":"a"}}]}\n\ndata: [DONE]\n\n')
    assert chunk.deltas == (TextDelta("0", "a"),)
    assert decoder.close() == []
    assert decoder.complete


def test_the_two_kinds_of_providers_are_told_apart() -> None:
    neutral: Provider = DummyProvider("m", FlakyCounters())
    relayed: Provider = Vendor()
    assert (answers_neutrally(neutral), answers_neutrally(relayed)) == (True, False)

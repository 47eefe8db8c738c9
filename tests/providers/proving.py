"""The proof of one case: out goes what the vendor wants, back comes what an OpenAI client knows.

The client's request is the same for every vendor (`tests/exchanges/requests.yaml`). Requests are
compared whole, save for what differs between vendors of one protocol (`VENDORS_OWN`); of answers,
what the exchange says must be there.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache
from typing import Any

import orjson
import yaml
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from proxy.errors import UpstreamErrorInBody
from proxy.providers.base import Attempt, Encoded, HttpProvider, relays
from proxy.types.content import Block, Text
from proxy.types.fault import Fault
from proxy.types.request import Message, ModelRequest, Params
from proxy.types.response import Answer, Chunk
from proxy.wire.accumulate import ChunkAccumulator
from proxy.wire.chat_completions.encode_answer import encode_response
from proxy.wire.chat_completions.encode_stream import StreamEncoder
from proxy.wire.chat_completions.request import decode_request
from proxy.wire.sse import SSEParser
from tests.exchanges.eventstream import encode_event
from tests.exchanges.written import FOLDER, Written
from tests.providers.building import secret_of
from tests.providers.cases import HOSTED_PROTOCOL, WRAPPING
from tests.providers.vendors import Vendor
from tests.recorded.judges.base import (
    MISSING,
    Allowance,
    alike_as_json,
    last_name,
    response_body,
    unlike,
)
from tests.recorded.playing import LIMITS, response_headers

NAMES = ("chat", "p")
"""The configuration's names of the model and of the provider."""
FURTHER = "Go on."


def _usage_is_asked_for(pointer: str, recorded: object, sent: object) -> bool:
    return pointer == "/stream_options" and MISSING in (recorded, sent)


def _not_streamed(pointer: str, recorded: object, sent: object) -> bool:
    return pointer == "/stream" and {recorded, sent} == {MISSING, False}


def _model(pointer: str, recorded: object, sent: object) -> bool:
    return pointer == "/model"


def _version(pointer: str, recorded: object, sent: object) -> bool:
    return pointer == "/anthropic_version" and recorded is MISSING


def _json_in_text(pointer: str, recorded: object, sent: object) -> bool:
    return last_name(pointer) == "schema" and alike_as_json(recorded, sent)


def _path_says_it(pointer: str, recorded: object, sent: object) -> bool:
    return pointer == "/stream" and sent is MISSING


VENDORS_OWN = (
    Allowance("The model bears the vendor's name of it, in the body or in the path.", _model),
    Allowance("Whether tokens of streams are asked for is the vendor's way.", _usage_is_asked_for),
    Allowance("`stream: false` is said or not.", _not_streamed),
    Allowance("Vertex names the protocol's version in the body.", _version),
    Allowance("A schema that is sent as a text may be spaced otherwise.", _json_in_text),
    Allowance("Where the path says that the answer is a stream, the body does not.", _path_says_it),
)


def prove(vendor: Vendor, provider: HttpProvider, exchange: Written) -> None:
    """Raises AssertionError with what differs."""
    request = client_request(vendor, exchange)
    encoded = provider.encode_chat(request, attempt_of(vendor))
    check_request(provider, exchange, encoded)
    body = body_of(vendor, exchange)
    if "fault" in exchange.values:
        fault = fault_of(provider, exchange, body)
        assert not lacking(exchange.values["fault"], dataclasses.asdict(fault)), fault
        return
    answer, spoken = read(provider, exchange, body)
    check_answer(exchange, answer, spoken)
    if "sent_back" in exchange.values:
        check_sent_back(vendor, provider, exchange, request, answer)


@cache
def requests() -> Mapping[str, Any]:
    """The clients' requests, by name."""
    loaded: Mapping[str, Any] = yaml.safe_load((FOLDER / "requests.yaml").read_text())
    return loaded


def client_request(vendor: Vendor, exchange: Written) -> ModelRequest:
    """What the client asks, in neutral form."""
    request = client_request_of(vendor, exchange.values["client"], stream=exchange.stream)
    neutral = dict(exchange.values.get("neutral", {}))
    params: Params = replace(request.params, **neutral.pop("params", {}))
    tools = tuple(orjson.dumps(tool) for tool in neutral.pop("provider_tools", ()))
    assert not neutral
    return replace(request, params=params, provider_tools=tools)


def client_request_of(vendor: Vendor, name: str, *, stream: bool = False) -> ModelRequest:
    """The client's request of this name, in neutral form."""
    body = {**requests()[name], "model": "m"}
    if stream:
        body["stream"] = True
    return decode_request(json.dumps(body).encode(), model_name=vendor.model, stream=stream)


def attempt_of(vendor: Vendor) -> Attempt:
    model_name, provider_name = NAMES
    return Attempt(
        secret_of(vendor),
        LIMITS,
        lambda: False,
        model_name=model_name,
        provider_name=provider_name,
    )


def check_request(provider: HttpProvider, exchange: Written, encoded: Encoded) -> None:
    """What is sent is what the exchange says."""
    body = encoded.request.sealed().body
    assert isinstance(body, bytes)
    wanted = exchange.values["request"]
    lines = unlike(spelled(provider, wanted), spelled(provider, json.loads(body)), VENDORS_OWN)
    assert not lines, lines


def spelled(provider: HttpProvider, body: Mapping[str, Any]) -> Mapping[str, Any]:
    """A body with OpenAI's names of members in place of a vendor's own."""
    if provider.wire not in (WRAPPING, HOSTED_PROTOCOL):
        return body
    renames = provider.renames if relays(provider) else {}
    names = {"max_tokens": "max_completion_tokens"}
    names |= {theirs: name for name, theirs in renames.items()}
    return {names.get(name, name): value for name, value in body.items()}


def body_of(vendor: Vendor, exchange: Written) -> bytes:
    """The answer's bytes; of a stream inside another protocol, in that one's frames."""
    body = response_body(exchange.row)
    if vendor.wire == exchange.wire or not exchange.stream:
        return body
    half = len(body) // 2
    return b"".join(encode_event("PayloadPart", part) for part in (body[:half], body[half:]))


def read(provider: HttpProvider, exchange: Written, body: bytes) -> tuple[Answer, Any]:
    """(the answer in neutral form, as an OpenAI client sees it)."""
    if not exchange.stream:
        answer = provider.decode_chat(body)
        spoken = encode_response(answer, "m")
        ChatCompletion.model_validate_json(spoken, strict=True)
        return answer, json.loads(spoken)
    chunks = list(_chunks(provider, body))
    accumulator, encoder = ChunkAccumulator(), StreamEncoder("m", include_usage=True)
    events = b""
    for chunk in chunks:
        accumulator.add(chunk)
        events += encoder.encode(chunk)
    return accumulator.answer(), put_together(events + encoder.close())


def _chunks(provider: HttpProvider, body: bytes) -> Iterator[Chunk]:
    decoder = provider.open_chat_stream()
    yield from decoder.feed(body)
    yield from decoder.close()
    assert decoder.complete, (decoder.error_status, decoder.damaged)


def put_together(events: bytes) -> dict[str, Any]:
    """An OpenAI stream as the whole answer that it amounts to."""
    whole: dict[str, Any] = {"choices": []}
    parser = SSEParser()
    for event in (*parser.feed(events), *parser.close()):
        if event.is_done:
            break
        ChatCompletionChunk.model_validate_json(event.data, strict=True)
        chunk = json.loads(event.data)
        whole |= {key: value for key, value in chunk.items() if key != "choices" and value}
        for choice in chunk["choices"]:
            _add(_choice(whole["choices"], choice["index"]), choice)
    whole["choices"].sort(key=lambda choice: choice["index"])
    return whole


def _choice(choices: list[dict[str, Any]], index: int) -> dict[str, Any]:
    for choice in choices:
        if choice["index"] == index:
            return choice
    choices.append({"index": index, "message": {"content": None}, "finish_reason": None})
    return choices[-1]


def _add(whole: dict[str, Any], choice: Mapping[str, Any]) -> None:
    whole["finish_reason"] = choice["finish_reason"] or whole["finish_reason"]
    if choice.get("logprobs"):
        known = whole.setdefault("logprobs", {"content": []})
        known["content"] += choice["logprobs"].get("content") or []
    message = whole["message"]
    for key, value in choice["delta"].items():
        if key == "tool_calls":
            calls = message.setdefault("tool_calls", [])
            for call in value:
                _add_call(calls, call)
        elif isinstance(value, str) and key != "role":
            message[key] = (message.get(key) or "") + value
        elif isinstance(value, list):
            message[key] = [*message.get(key, []), *value]
        elif value is not None:
            message[key] = value


def _add_call(calls: list[dict[str, Any]], call: Mapping[str, Any]) -> None:
    if call["index"] == len(calls):
        calls.append({**call, "function": {"name": "", "arguments": ""}})
    known = calls[call["index"]]["function"]
    for key in known:
        known[key] += call.get("function", {}).get(key) or ""


def check_answer(exchange: Written, answer: Answer, spoken: Any) -> None:
    """All that the exchange says of the answer is so."""
    lines = lacking(exchange.values.get("openai_answer", {}), spoken)
    wanted = dict(exchange.values.get("answer", {}))
    if "blocks" in wanted:
        lines += lacking(wanted.pop("blocks"), list(map(block_json, answer.blocks)), "/blocks")
    lines += lacking(wanted, dataclasses.asdict(answer))
    assert not lines, (lines, spoken, answer.blocks)


def block_json(block: Block) -> dict[str, Any]:
    """A block as it is stored, with the further members that only the wire knows."""
    shown: dict[str, Any] = orjson.loads(orjson.dumps(block.as_json()))
    extra = getattr(block, "extra", None)
    return shown if extra is None else {**shown, "extra": orjson.loads(extra)}


def check_sent_back(
    vendor: Vendor,
    provider: HttpProvider,
    exchange: Written,
    request: ModelRequest,
    answer: Answer,
) -> None:
    """The answer, sent back in the next turn, goes out as the vendor wrote it."""
    signed = answer.signed_by(provider.type, *NAMES)
    turns = (Message("assistant", signed.blocks), Message("user", (Text(FURTHER),)))
    said = replace(request.input, messages=(*request.input.messages, *turns))
    encoded = provider.encode_chat(replace(request, input=said), attempt_of(vendor))
    body = encoded.request.sealed().body
    assert isinstance(body, bytes)
    sent = json.loads(body)
    items = next(sent[name] for name in ("messages", "contents", "input") if name in sent)
    wanted = exchange.values["sent_back"]
    assert any(not lacking(wanted, item) for item in items), (wanted, items)


def fault_of(provider: HttpProvider, exchange: Written, body: bytes) -> Fault:
    """What the error says, that of the answer or the one inside of it."""
    status = exchange.row["response"]["status"]
    headers = tuple(response_headers(exchange.row).items())
    if status >= 400:
        return provider.read_error(status, headers, body)
    if not exchange.stream:
        try:
            provider.decode_chat(body)
        except UpstreamErrorInBody as error:
            assert error.status is not None
            return provider.read_error(error.status, error.headers, error.body)
        raise AssertionError("the error was not noticed")
    decoder = provider.open_chat_stream()
    decoder.feed(body)
    decoder.close()
    assert decoder.error_status is not None, "the error was not noticed"
    assert not decoder.complete
    return provider.read_error(decoder.error_status, headers, decoder.error_body)


def lacking(wanted: Any, given: Any, pointer: str = "") -> list[str]:
    """Lines that say what of `wanted` is not in `given`; lists are of the same length."""
    if isinstance(wanted, Mapping) and isinstance(given, Mapping):
        return [
            line
            for name, value in wanted.items()
            for line in lacking(value, given.get(name), f"{pointer}/{name}")
        ]
    if isinstance(wanted, list) and isinstance(given, list) and len(wanted) == len(given):
        return [
            line
            for index, (one, other) in enumerate(zip(wanted, given, strict=True))
            for line in lacking(one, other, f"{pointer}/{index}")
        ]
    same = wanted == given or (last_name(pointer) == "arguments" and _same_json(wanted, given))
    return [] if same else [f"{pointer}: wanted {wanted!r}, given {given!r}"]


def _same_json(one: Any, other: Any) -> bool:
    return isinstance(other, str) and bool(json.loads(one) == json.loads(other))

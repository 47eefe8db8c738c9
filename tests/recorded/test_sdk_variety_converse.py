"""Converse: all that botocore's service model knows survives the neutral form.

Requests, answers and streams are invented from the model's shapes. A request must come out of the
neutral form saying what it said; an answer must be read as botocore reads it. A sample by default,
more with PROVE=1.
"""

from __future__ import annotations

import base64
import json
import random
from collections.abc import Iterator
from typing import Any

import botocore.session
import pytest

from proxy.providers.base import Attempt
from tests.fake_vendors import frame
from tests.recorded.exchanges import PROVE, SEED
from tests.recorded.invented import Inventor, one_of
from tests.recorded.judges.base import Row, unlike
from tests.recorded.judges.converse import ConverseJudge
from tests.recorded.playing import LIMITS
from tests.recorded.streams import answer_of, chunks_of, provider_of

TIMES = 20_000 if PROVE else 600
JUDGE = ConverseJudge()
SERVICE = botocore.session.get_session().get_service_model("bedrock-runtime")
PATHS = {"Converse": "/model/m/converse", "ConverseStream": "/model/m/converse-stream"}

TEXTS = {
    "key": one_of("a", "b c", "ä"),
    "name": one_of("f", "g_2", "h-i"),
    "schema": one_of('{"type": "object", "properties": {"b": {}, "a": {}}}', "{}"),
    "ttl": one_of("5m", "1h"),
    "uri": one_of("s3://bucket/key.png", "s3://bucket/a b"),
}
DOCUMENTS = (
    {},
    {"a": 1, "b": [1.5, None, True, "ä"]},
    {"thinking": {"type": "enabled", "budget_tokens": 1024}},
    {"thinking": {"type": "enabled", "budget_tokens": 1024}, "top_k": 5},
    {"thinking": {"type": "adaptive"}, "anthropic_beta": ["x"]},
    {"stop_sequence": "END"},
    {"type": "object", "properties": {"q": {"type": "string"}}, "required": ["q"]},
)
OPERATIONS = pytest.mark.parametrize("operation", PATHS)
Json = dict[str, Any]


class Shapes:
    """Invents values of botocore's shapes, as JSON has them."""

    def __init__(self, invent: Inventor) -> None:
        self.invent = invent

    def value(self, shape: Any, name: str = "", depth: int = 0) -> Any:
        invent = self.invent
        if getattr(shape, "is_document_type", False):
            return invent.source.choice(DOCUMENTS)
        match shape.type_name:
            case "structure":
                return self.members(shape, depth)
            case "list":
                return [self.value(shape.member, name, depth + 1) for _ in invent.some()]
            case "map":
                return {
                    invent.text("key"): self.value(shape.value, name, depth + 1)
                    for _ in invent.some()
                }
            case "blob":
                return base64.b64encode(invent.source.randbytes(5)).decode()
            case "boolean":
                return invent.chance(0.5)
            case "float" | "double":
                return invent.scalar(float, name)
            case "integer" | "long":
                return invent.scalar(int, name)
        return invent.source.choice(shape.enum) if shape.enum else invent.text(name)

    def members(self, shape: Any, depth: int = 0, **fixed: Any) -> Json:
        """A structure's, those of the body only; of a union one."""
        invent = self.invent
        if getattr(shape, "is_tagged_union", False):
            kind = next(iter(fixed), None) or invent.source.choice(list(shape.members))
            return fixed or {kind: self.value(shape.members[kind], kind, depth + 1)}
        made = {
            name: self.value(member, name, depth + 1)
            for name, member in shape.members.items()
            if name not in fixed
            and "location" not in member.serialization
            and (name in shape.required_members or invent.chance(0.5 if depth < 9 else 0.0))
        }
        return made | fixed


def invented(number: int) -> Shapes:
    return Shapes(Inventor(random.Random(f"{SEED} converse {number}"), TEXTS))


def row(operation: str, request: Json | None = None, body: bytes = b"{}") -> Row:
    text = json.dumps(request or {}, ensure_ascii=False)
    asked = {"path": PATHS[operation], "headers": {}, "body": text}
    answered = {"status": 200, "headers": {}, "body_b64": base64.b64encode(body).decode()}
    return {"request": asked, "response": answered, "stream": operation == "ConverseStream"}


def events_of(shapes: Shapes) -> Iterator[bytes]:
    """A stream: a message of blocks, its end, and what is told behind it."""
    union = SERVICE.operation_model("ConverseStream").output_shape.members["stream"]
    told = lambda kind, **said: frame(kind, shapes.members(union.members[kind], **said))  # noqa: E731
    invent = shapes.invent
    yield told("messageStart", role="assistant")
    for index in invent.some(4):
        kind = invent.source.choice(KINDS)
        starts = union.members["contentBlockStart"].members["start"].members
        if kind in starts:
            start = {kind: shapes.value(starts[kind], kind)}
            yield told("contentBlockStart", contentBlockIndex=index, start=start)
        for delta in deltas_of(shapes, kind):
            yield told("contentBlockDelta", contentBlockIndex=index, delta=delta)
        yield told("contentBlockStop", contentBlockIndex=index)
    yield told("messageStop")
    yield told("metadata")


KINDS = ("text", "toolUse", "reasoningContent", "redacted", "citation", "toolResult", "image")


def deltas_of(shapes: Shapes, kind: str) -> list[Json]:
    """The deltas of a block of one kind."""
    union = SERVICE.operation_model("ConverseStream").output_shape.members["stream"]
    deltas = union.members["contentBlockDelta"].members["delta"].members
    invent = shapes.invent
    match kind:
        case "toolUse":
            text = invent.source.choice(("", '{"a": [1, "ä"]}'))
            place = invent.source.randint(0, len(text))
            return [{kind: {"input": piece}} for piece in (text[:place], text[place:])]
        case "reasoningContent":
            said = [{"text": invent.text("text")} for _ in range(2)]
            return [{kind: each} for each in (*said, {"signature": "c2ln"})]
        case "redacted":
            hidden = shapes.members(deltas["reasoningContent"], redactedContent="AAECAw==")
            return [{"reasoningContent": hidden}]
        case "citation":
            cited = [{kind: shapes.value(deltas[kind], kind)} for _ in invent.some(2)]
            return [{"text": "cited"}, *cited]
        case "image":
            return [{kind: {"source": {"bytes": "AAEC"}}}, {kind: {"source": {"bytes": "Aw=="}}}]
    return [{kind: shapes.value(deltas[kind], kind)} for _ in range(2)]


@OPERATIONS
def test_every_request_that_the_model_allows_comes_out_as_it_went_in(operation: str) -> None:
    shape = SERVICE.operation_model(operation).input_shape
    for number in range(TIMES):
        exchange = row(operation, invented(number).members(shape))
        provider = provider_of(JUDGE, exchange)
        attempt = Attempt(JUDGE.secret(exchange), LIMITS, lambda: False)
        sent = provider.encode_chat(JUDGE.read_request(exchange), attempt).request.body
        assert isinstance(sent, bytes)
        assert JUDGE.request_differences(exchange, sent, PATHS[operation]) == [], number


def test_every_answer_that_the_model_allows_is_read_as_botocore_reads_it() -> None:
    shape = SERVICE.operation_model("Converse").output_shape
    for number in range(TIMES):
        body = json.dumps(invented(number).members(shape)).encode()
        exchange = row("Converse", body=body)
        answer = provider_of(JUDGE, exchange).decode_chat(body)
        assert unlike(JUDGE.reference(exchange, body), JUDGE.reading(answer)) == [], number


def test_every_stream_that_the_model_allows_is_read_as_botocore_reads_it() -> None:
    for number in range(TIMES):
        body = b"".join(events_of(invented(number)))
        exchange = row("ConverseStream", body=body)
        *chunks, (_, end) = chunks_of(provider_of(JUDGE, exchange), [body])
        assert end == "complete=True error=None damaged=False", number
        reading = JUDGE.reading(answer_of(chunks))
        assert unlike(JUDGE.reference(exchange, body), reading) == [], number

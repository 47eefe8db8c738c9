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
from tests.recorded.judges import load_judge
from tests.recorded.judges.base import Row, unlike
from tests.recorded.playing import LIMITS
from tests.recorded.streams import answer_of, chunks_of, provider_of

TIMES = 20_000 if PROVE else 600
JUDGE = load_judge("converse")
SERVICE = botocore.session.get_session().get_service_model("bedrock-runtime")
PATHS = {"Converse": "/model/m/converse", "ConverseStream": "/model/m/converse-stream"}

Json = dict[str, Any]

TEXTS = {
    "key": one_of("a", "b c", "ä"),
    "name": one_of("f", "g_2", "h-i"),
    "schema": one_of('{"type": "object", "properties": {"b": {}, "a": {}}}', "{}"),
    "ttl": one_of("5m", "1h"),
    "toolUseId": lambda source: f"tooluse_{source.randrange(10**9)}",
    "uri": one_of("s3://bucket/key.png", "s3://bucket/a b"),
}
DOCUMENTS: tuple[Json, ...] = (
    {},
    {"a": 1, "b": [1.5, None, True, "ä"]},
    {"thinking": {"type": "enabled", "budget_tokens": 1024}},
    {"thinking": {"type": "enabled", "budget_tokens": 1024}, "top_k": 5},
    {"thinking": {"type": "adaptive"}, "anthropic_beta": ["x"]},
    {"stop_sequence": "END"},
    {"type": "object", "properties": {"q": {"type": "string"}}, "required": ["q"]},
)
KINDS = ("text", "toolUse", "reasoningContent", "redacted", "citation", "toolResult", "image")
OPERATIONS = pytest.mark.parametrize("operation", PATHS)


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


class Events:
    """Tells a message of blocks, its end, and what is told behind it, in frames."""

    def __init__(self, shapes: Shapes) -> None:
        self._shapes = shapes
        self._invent = shapes.invent
        events = SERVICE.operation_model("ConverseStream").output_shape.members["stream"].members
        self._events: Json = events
        self._starts: Json = events["contentBlockStart"].members["start"].members
        self._deltas: Json = events["contentBlockDelta"].members["delta"].members

    def tell(self) -> Iterator[bytes]:
        yield self._event("messageStart", role="assistant")
        for index in self._invent.some(4):
            yield from self._block(index, self._invent.source.choice(KINDS))
        yield self._event("messageStop")
        yield self._event("metadata")

    def _event(self, kind: str, **said: Any) -> bytes:
        return frame(kind, self._shapes.members(self._events[kind], **said))

    def _block(self, index: int, kind: str) -> Iterator[bytes]:
        if kind in self._starts:
            start = {kind: self._shapes.value(self._starts[kind], kind)}
            yield self._event("contentBlockStart", contentBlockIndex=index, start=start)
        for delta in self._deltas_of(kind):
            yield self._event("contentBlockDelta", contentBlockIndex=index, delta=delta)
        yield self._event("contentBlockStop", contentBlockIndex=index)

    def _deltas_of(self, kind: str) -> list[Json]:
        """The deltas of a block of one kind."""
        invent = self._invent
        match kind:
            case "toolUse":
                text = invent.source.choice(("", '{"a": [1, "ä"]}'))
                place = invent.source.randint(0, len(text))
                return [{kind: {"input": piece}} for piece in (text[:place], text[place:])]
            case "reasoningContent":
                said = [{"text": invent.text("text")} for _ in range(2)]
                return [{kind: each} for each in (*said, {"signature": "c2ln"})]
            case "redacted":
                return [{"reasoningContent": {"redactedContent": "AAECAw=="}}]
            case "citation":
                cited: list[Json] = [{kind: self._invented(kind)} for _ in invent.some(2)]
                return [{"text": "cited"}, *cited]
            case "image":
                return [{kind: {"source": {"bytes": piece}}} for piece in ("AAEC", "Aw==")]
        return [{kind: self._invented(kind)} for _ in range(2)]

    def _invented(self, kind: str) -> Any:
        return self._shapes.value(self._deltas[kind], kind)


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
        body = b"".join(Events(invented(number)).tell())
        exchange = row("ConverseStream", body=body)
        *chunks, (_, end) = chunks_of(provider_of(JUDGE, exchange), [body])
        assert end == "complete=True error=None damaged=False", number
        reading = JUDGE.reading(answer_of(chunks))
        assert unlike(JUDGE.reference(exchange, body), reading) == [], number

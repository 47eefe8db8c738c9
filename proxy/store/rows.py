"""From an exchange to rows: one of `exchanges`, and TensorZero's tables when output was produced.

`created_at` of a row is always the time inside its id, so that writing it again changes nothing.
What a decoder cannot read is stored raw, with an empty output: a record is never lost for it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from uuid import UUID

from proxy.store.bodies import Bodies, place_bodies, same_but_for_model
from proxy.store.exchange_rows import Heading, exchange_row, heading_of
from proxy.store.inference_rows import (
    chat_data_row,
    inference_row,
    json_data_row,
    model_data_row,
    model_row,
    plain_data_row,
)
from proxy.store.row_values import Row, cost_column
from proxy.types.decoded import Decoded, DecodedInput, Decoder, OutputReader, ReadOutput
from proxy.types.exchange import EndReason, Exchange, InferenceDetails, ModelCall

NEUTRAL_WIRE = "neutral"
NO_OUTPUT = b"[]"
NO_JSON_OUTPUT = b'{"raw":null,"parsed":null}'
NO_INPUT = DecodedInput(b'{"messages":[]}', None, b"[]")
NO_ANSWER = Decoded(NO_OUTPUT, complete=False)

DecodedCall = tuple[ModelCall, Decoded]

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Mapped:
    """The rows of one exchange, by table, and how many of its bodies could not be decoded."""

    rows: dict[str, list[Row]] = field(default_factory=dict)
    decode_failures: int = 0

    def add(self, table: str, row: Row) -> None:
        self.rows.setdefault(table, []).append(row)

    def failed(self, what: str, error: Exception) -> None:
        """Count and log what could not be read, without any of its content."""
        self.decode_failures += 1
        log.warning("%s could not be decoded: %s", what, type(error).__name__)


class RowMapper:
    """Maps exchanges to rows. `decoders` by wire, as `ModelCall.wire` names them; one by the name
    of a lane reads what clients send there.

    `on_call` is told what each model call meant, for counting tokens. `reader` finds tool calls and
    JSON in answers; without one they are stored as blocks.
    """

    def __init__(
        self,
        decoders: Mapping[str, Decoder],
        on_call: Callable[[ModelCall, Decoded], None] = lambda call, decoded: None,
        reader: OutputReader | None = None,
    ) -> None:
        self._decoders = decoders
        self._on_call = on_call
        self._reader = reader

    def map(self, exchange: Exchange) -> Mapped:
        """The rows of an exchange.

        Raises:
            ValueError: an id is no UUID, or JSON of ours is none.
        """
        mapped = Mapped()
        heading = heading_of(exchange)
        calls = [(call, self._decode_call(call, mapped)) for call in exchange.model_calls]
        for call, decoded in calls:
            self._on_call(call, decoded)
        complete = exchange.came_to_answer
        answer = _answer_of(calls) if complete else NO_ANSWER
        inferred = complete and any(_has_output(exchange, decoded) for _, decoded in calls)
        stored = inferred or not complete
        bodies = place_bodies(exchange, exchange.model_calls if stored else [])
        row = exchange_row(
            exchange,
            heading,
            bodies,
            response_id=answer.response_id,
            usage_found=bool(calls) and all(decoded.usage_found for _, decoded in calls),
            whole=_is_whole(exchange, answer),
        )
        mapped.add("exchanges", row)
        if stored and calls:
            said = self._said(exchange, mapped)
            if inferred:
                self._add_inference(mapped, exchange, heading, answer, said)
            self._add_calls(mapped, exchange, heading, calls, bodies, said)
        return mapped

    def _add_inference(
        self,
        mapped: Mapped,
        exchange: Exchange,
        heading: Heading,
        answer: Decoded,
        said: DecodedInput,
    ) -> None:
        details = exchange.details
        row = inference_row(exchange, heading, _is_whole(exchange, answer))
        if details is None:
            mapped.add("chat_inferences", row)
            mapped.add("chat_inference_data", plain_data_row(exchange, heading, answer, said))
            return
        read = self._read_output(details, answer, mapped)
        if details.function_type == "json":
            data = json_data_row(exchange, heading, said, details, *read)
            mapped.add("json_inferences", row)
            mapped.add("json_inference_data", data)
        else:
            data = chat_data_row(exchange, heading, said, details, read.output)
            mapped.add("chat_inferences", row)
            mapped.add("chat_inference_data", data)

    def _add_calls(
        self,
        mapped: Mapped,
        exchange: Exchange,
        heading: Heading,
        calls: Sequence[DecodedCall],
        bodies: Bodies,
        said: DecodedInput,
    ) -> None:
        for (call, decoded), raw in zip(calls, bodies.raw, strict=True):
            identifier = UUID(bytes=call.id)
            sent = self._sent(exchange, call, said, mapped)
            cost = cost_column(call.cost) if call.cost else self._read_cost(call, decoded, mapped)
            mapped.add("model_inferences", model_row(heading, call, identifier, decoded, cost))
            mapped.add("model_inference_data", model_data_row(identifier, decoded, sent, raw))

    def _read_cost(self, call: ModelCall, decoded: Decoded, mapped: Mapped) -> Decimal | None:
        if not call.prices or self._reader is None:
            return None
        try:
            return self._reader.cost(call, decoded.events)
        except Exception as error:
            mapped.failed("a cost", error)
            return None

    def _read_output(
        self, details: InferenceDetails, answer: Decoded, mapped: Mapped
    ) -> ReadOutput:
        if details.output:
            return ReadOutput(details.output, details.auxiliary_content)
        is_json = details.function_type == "json"
        if self._reader is not None and (is_json or details.tools):
            try:
                return self._reader.read(details, answer.output)
            except Exception as error:
                mapped.failed("the output of a function", error)
        if is_json:
            return ReadOutput(NO_JSON_OUTPUT, answer.output)
        return ReadOutput(answer.inference_output or answer.output)

    # What was asked.

    def _client(self, exchange: Exchange) -> str:
        """Whose decoder reads the client's body: the lane's, else the endpoint's, and where neither
        has one, the provider's."""
        for name in (exchange.lane, exchange.endpoint):
            if name in self._decoders:
                return name
        return exchange.model_calls[-1].wire

    def _said(self, exchange: Exchange, mapped: Mapped) -> DecodedInput:
        return self._decode_input(exchange, self._client(exchange), exchange.request_body, mapped)

    def _sent(
        self, exchange: Exchange, call: ModelCall, said: DecodedInput, mapped: Mapped
    ) -> DecodedInput:
        """What the model was told: as the call says, else as its request says."""
        if call.input_messages:
            return DecodedInput(NO_INPUT.input, call.system, call.input_messages)
        sent = said
        if call.raw_request and not same_but_for_model(call.raw_request, exchange.request_body):
            sent = self._decode_input(exchange, call.wire, call.raw_request, mapped)
        return sent if call.system is None else sent._replace(system=call.system)

    def _decode_input(
        self, exchange: Exchange, wire: str, body: bytes, mapped: Mapped
    ) -> DecodedInput:
        """What was said in `body`; nothing when it was not kept or cannot be read."""
        decoder = self._decoders.get(wire) or self._decoders.get(exchange.endpoint)
        if decoder is None or not body:
            return NO_INPUT
        try:
            return decoder.decode_input(exchange.endpoint, body)
        except Exception as error:
            mapped.failed("a request", error)
            return NO_INPUT

    # What was answered.

    def _decode_call(self, call: ModelCall, mapped: Mapped) -> Decoded:
        if call.wire == NEUTRAL_WIRE:
            return _neutral(call)
        try:
            decoded = self._decoders[call.wire].decode_call(call)
        except Exception as error:
            mapped.failed("an answer", error)
            return Decoded(NO_OUTPUT, complete=False, error=type(error).__name__)
        if decoded.error:
            mapped.decode_failures += 1
        return decoded


def _neutral(call: ModelCall) -> Decoded:
    return Decoded(
        output=call.output or NO_OUTPUT,
        input_tokens=call.input_tokens,
        output_tokens=call.output_tokens,
        finish_reason=call.finish_reason or None,
        usage_found=call.input_tokens is not None or call.output_tokens is not None,
    )


def _answer_of(calls: Sequence[DecodedCall]) -> Decoded:
    """What the last model said; the vectors that a function asked for on its way are no answer."""
    for _, decoded in reversed(calls):
        if decoded.is_inference:
            return decoded
    return calls[-1][1] if calls else NO_ANSWER


def _has_output(exchange: Exchange, decoded: Decoded) -> bool:
    """Also what is whole but empty, and what could not be read: only what was cut before the first
    block has produced nothing."""
    if not decoded.is_inference:
        return False
    if decoded.output != NO_OUTPUT or decoded.error:
        return True
    return decoded.complete and exchange.end_reason == EndReason.COMPLETE


def _is_whole(exchange: Exchange, answer: Decoded) -> bool:
    """Whether the stored output is all of what the model said. An output that came along was
    finished by who began it; one that is read from what was kept of an answer is as whole as that.
    """
    if exchange.end_reason != EndReason.COMPLETE:
        return False
    if exchange.details is not None and exchange.details.output:
        return True
    return answer.complete and not exchange.response_sha256

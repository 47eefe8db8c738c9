"""From an exchange to rows: one of `exchanges`, and TensorZero's tables when output was produced.

Rows are bytes, as COPY takes them. `created_at` of a row is always the time inside its id, so that
writing it again changes nothing. What a decoder cannot read is stored raw, with an empty output: a
record is never lost for it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal
from operator import attrgetter
from typing import Any

import msgspec

from proxy.store.bodies import (
    Bodies,
    is_text,
    joined,
    only_renamed,
    place_bodies,
    same_but_for_model,
)
from proxy.store.exchange_rows import ExchangeRows, Heading
from proxy.store.inference_rows import (
    NO_JSON_OUTPUT,
    NO_LIST,
    PLAIN_INPUT,
    ModelRows,
    chat_data_row,
    id_and_time_of,
    inference_row,
    json_data_row,
    model_data_row,
    plain_data_row,
)
from proxy.store.row_values import cost_column
from proxy.types.decoded import Decoded, DecodedInput, Decoder, OutputReader, ReadOutput
from proxy.types.exchange import EndReason, Exchange, InferenceDetails, ModelCall

NEUTRAL_WIRE = "neutral"
COMPLETE = EndReason.COMPLETE.value
NO_OUTPUT = NO_LIST
NO_INPUT = DecodedInput(b'{"messages":[]}', None, b"[]")
NO_ANSWER = Decoded(NO_OUTPUT, complete=False)
_rare: Any = attrgetter(
    "details", "came_to_answer", "end_reason", "response_body", "response_sha256"
)
NOTHING_RARE: tuple[object, ...] = (None, True, COMPLETE, [], b"")
_rare_in_answer: Any = attrgetter("complete", "error", "is_inference")
NOTHING_RARE_IN_ANSWER = (True, "", True)
_COST_PLACES = Decimal(10) ** -9
"""Of the column; more are rounded off, as Postgres does."""

DecodedCall = tuple[ModelCall, Decoded]

log = logging.getLogger(__name__)


class Mapped:
    """The rows of one exchange, by table, and how many of its bodies could not be decoded."""

    __slots__ = ("days", "decode_failures", "rows")

    def __init__(self) -> None:
        self.rows: dict[str, bytes] = {}
        """One after the other, where a table gets several."""
        self.days: set[int] = set()
        """Since 1970, of all the rows."""
        self.decode_failures = 0

    def add(self, table: str, row: bytes) -> None:
        self.rows[table] = self.rows[table] + row if table in self.rows else row

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
        self._exchanges = ExchangeRows()
        self._models = ModelRows()

    def map(self, exchange: Exchange) -> Mapped:
        """The rows of an exchange.

        Raises:
            ValueError: an id is no UUID, or JSON of ours is none.
            struct.error: a number that its column cannot hold.
        """
        mapped = Mapped()
        heading = self._exchanges.heading(exchange)
        calls = [(call, self._decode_call(call, mapped)) for call in exchange.model_calls]
        for call, decoded in calls:
            self._on_call(call, decoded)
        if len(calls) != 1 or not self._map_ordinary(exchange, heading, *calls[0], mapped):
            self._map(exchange, heading, calls, mapped, plain=False)
        return mapped

    def map_plain(self, exchange: Exchange) -> Mapped:
        """The same without what was decoded, or came along as JSON: the raw bodies say it, too.
        `on_call` is not told again."""
        mapped = Mapped()
        heading = self._exchanges.heading(exchange)
        calls = [(call, self._decode_call(call, mapped)) for call in exchange.model_calls]
        self._map(exchange, heading, calls, mapped, plain=True)
        return mapped

    def _map_ordinary(
        self,
        exchange: Exchange,
        heading: Heading,
        call: ModelCall,
        decoded: Decoded,
        mapped: Mapped,
    ) -> bool:
        """Map what most exchanges are: one call, answered as a whole, of a function that adds
        nothing to what the bodies say. What is not quite like that is left to `_map`, which makes
        the same of the others, in more steps; whether it was mapped."""
        if _rare(exchange) != NOTHING_RARE or _rare_in_answer(decoded) != NOTHING_RARE_IN_ANSWER:
            return False
        asked, answered = exchange.request_body, joined(call.raw_response)
        raw_request = call.request(asked)
        if not (is_text(raw_request) and is_text(answered)):
            return False
        said = self._said(exchange, mapped)
        sent = self._sent(exchange, call, raw_request, said, mapped)
        cost = self._cost(call, decoded, mapped) if call.cost or call.prices else None
        id_and_time, day = id_and_time_of(call)
        mapped.days = {heading.day, day}
        kept = asked if call.changed else b""
        output = decoded.output
        shown = decoded.inference_output or output
        raw = raw_request, answered
        mapped.rows = {
            "exchanges": self._exchanges.row(
                exchange, heading, kept, None, decoded.response_id, decoded.usage_found, True
            ),
            "chat_inferences": inference_row(exchange, heading, True),
            "chat_inference_data": plain_data_row(exchange, heading, shown, said),
            "model_inferences": self._models.row(heading, id_and_time, call, decoded, cost),
            "model_inference_data": model_data_row(id_and_time, output, sent, raw),
        }
        return True

    def _map(
        self,
        exchange: Exchange,
        heading: Heading,
        calls: list[DecodedCall],
        mapped: Mapped,
        *,
        plain: bool,
    ) -> None:
        mapped.days.add(heading.day)
        complete = exchange.came_to_answer
        answer, inferred, usage_found = _outcome(exchange, calls)
        stored = inferred or not complete
        calls = [(_with_request(call, exchange.request_body), decoded) for call, decoded in calls]
        bodies = place_bodies(exchange, [call for call, _ in calls] if stored else [])
        whole = _is_whole(exchange, answer)
        mapped.rows["exchanges"] = self._exchanges.row(
            exchange,
            heading,
            bodies.request_body,
            bodies.response_body,
            answer.response_id,
            usage_found,
            whole,
        )
        if not stored or not calls:
            return
        said = self._said(exchange, mapped)
        if plain:
            said = PLAIN_INPUT._replace(parallel_tool_calls=said.parallel_tool_calls)
            exchange = _without_json(exchange)
        if inferred:
            row = inference_row(exchange, heading, whole)
            self._add_inference(mapped, exchange, heading, row, answer, said, plain)
        self._add_calls(mapped, exchange, heading, calls, bodies, said, plain)

    def _add_inference(
        self,
        mapped: Mapped,
        exchange: Exchange,
        heading: Heading,
        row: bytes,
        answer: Decoded,
        said: DecodedInput,
        plain: bool,
    ) -> None:
        details = exchange.details
        if details is None:
            output = NO_OUTPUT if plain else answer.inference_output or answer.output
            mapped.rows["chat_inferences"] = row
            mapped.rows["chat_inference_data"] = plain_data_row(exchange, heading, output, said)
            return
        read = _unread(details) if plain else self._read_output(details, answer, mapped)
        if details.function_type == "json":
            mapped.rows["json_inferences"] = row
            mapped.rows["json_inference_data"] = json_data_row(
                exchange, heading, said, details, *read
            )
        else:
            mapped.rows["chat_inferences"] = row
            mapped.rows["chat_inference_data"] = chat_data_row(
                exchange, heading, said, details, read.output
            )

    def _add_calls(
        self,
        mapped: Mapped,
        exchange: Exchange,
        heading: Heading,
        calls: Sequence[DecodedCall],
        bodies: Bodies,
        said: DecodedInput,
        plain: bool,
    ) -> None:
        for (call, decoded), raw in zip(calls, bodies.raw, strict=True):
            id_and_time, day = id_and_time_of(call)
            mapped.days.add(day)
            sent, output = PLAIN_INPUT, NO_OUTPUT
            if not plain:
                sent = self._sent(exchange, call, call.raw_request, said, mapped)
                output = decoded.output
            cost = self._cost(call, decoded, mapped) if call.cost or call.prices else None
            row = self._models.row(heading, id_and_time, call, decoded, cost)
            mapped.add("model_inferences", row)
            mapped.add("model_inference_data", model_data_row(id_and_time, output, sent, raw))

    def _cost(self, call: ModelCall, decoded: Decoded, mapped: Mapped) -> Decimal | None:
        cost = cost_column(call.cost) if call.cost else self._read_cost(call, decoded, mapped)
        return None if cost is None else cost.quantize(_COST_PLACES, ROUND_HALF_UP)

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

    def _said(self, exchange: Exchange, mapped: Mapped) -> DecodedInput:
        """Read by the decoder of the lane, else of the endpoint, and where neither has one, of the
        provider."""
        decoder = (
            self._decoders.get(exchange.lane)
            or self._decoders.get(exchange.endpoint)
            or self._decoders.get(exchange.model_calls[-1].wire)
        )
        return _decode_input(decoder, exchange.endpoint, exchange.request_body, mapped)

    def _sent(
        self,
        exchange: Exchange,
        call: ModelCall,
        request: bytes,
        said: DecodedInput,
        mapped: Mapped,
    ) -> DecodedInput:
        """What the model was told: as the call says, else as its request says."""
        if call.input_messages:
            return DecodedInput(NO_INPUT.input, call.system, call.input_messages)
        sent, client = said, exchange.request_body
        if call.changed and not (
            only_renamed(client, call.edits) or same_but_for_model(request, client)
        ):
            decoder = self._decoders.get(call.wire) or self._decoders.get(exchange.endpoint)
            sent = _decode_input(decoder, exchange.endpoint, request, mapped)
        return sent if call.system is None else sent._replace(system=call.system)

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


def _decode_input(
    decoder: Decoder | None, endpoint: str, body: bytes, mapped: Mapped
) -> DecodedInput:
    """What was said in `body`; nothing when it was not kept or cannot be read."""
    if decoder is None or not body:
        return NO_INPUT
    try:
        return decoder.decode_input(endpoint, body)
    except Exception as error:
        mapped.failed("a request", error)
        return NO_INPUT


def _neutral(call: ModelCall) -> Decoded:
    return Decoded(
        output=call.output or NO_OUTPUT,
        input_tokens=call.input_tokens,
        output_tokens=call.output_tokens,
        finish_reason=call.finish_reason or None,
        usage_found=call.input_tokens is not None or call.output_tokens is not None,
    )


def _outcome(exchange: Exchange, calls: Sequence[DecodedCall]) -> tuple[Decoded, bool, bool]:
    """What the last model said, whether there is an inference, and whether all calls told tokens.

    The vectors that a function asked for on its way are no answer. An inference is also what is
    whole but empty, and what could not be read: only what was cut before the first block has
    produced nothing.
    """
    answer, last, inferred, usage_found = None, NO_ANSWER, False, bool(calls)
    for _, decoded in calls:
        last = decoded
        usage_found = usage_found and decoded.usage_found
        if decoded.is_inference:
            answer = decoded
            inferred = inferred or _has_output(exchange, decoded)
    if not exchange.came_to_answer:
        return NO_ANSWER, False, usage_found
    return answer or last, inferred, usage_found


def _has_output(exchange: Exchange, decoded: Decoded) -> bool:
    if decoded.output != NO_OUTPUT or decoded.error:
        return True
    return decoded.complete and exchange.end_reason == COMPLETE


def _with_request(call: ModelCall, client: bytes) -> ModelCall:
    """The call with its request as it was sent, if that was kept as what had been changed."""
    if not call.edits:
        return call
    return msgspec.structs.replace(call, raw_request=call.request(client), edits=())


def _without_json(exchange: Exchange) -> Exchange:
    """The exchange without the JSON that came along."""
    details = exchange.details
    if details is not None:
        kept = details.function_type, details.parallel_tool_calls
        details = InferenceDetails(kept[0], parallel_tool_calls=kept[1])
    return msgspec.structs.replace(exchange, inference_params=b"", details=details)


def _unread(details: InferenceDetails) -> ReadOutput:
    return ReadOutput(NO_JSON_OUTPUT if details.function_type == "json" else NO_OUTPUT)


def _is_whole(exchange: Exchange, answer: Decoded) -> bool:
    """Whether the stored output is all of what the model said. An output that came along was
    finished by who began it; one that is read from what was kept of an answer is as whole as that.
    """
    if exchange.end_reason != COMPLETE:
        return False
    if exchange.details is not None and exchange.details.output:
        return True
    return answer.complete and not exchange.response_sha256

"""The rows of TensorZero's tables: an inference, of a chat or a JSON function, and its model calls.

What a call was asked and answered is in `DecodedInput` and `Decoded`; what its function made of it,
where that is more than the bodies say, is in `InferenceDetails`.
"""

from __future__ import annotations

from decimal import Decimal
from struct import Struct
from struct import error as StructError

from proxy.store.clean import clean_json
from proxy.store.copy_values import (
    FALSE,
    FIELDS,
    ID_BYTES,
    INT4,
    LENGTH,
    NULL,
    TRUE,
    Remembered,
    bool_field,
    bytes_field,
    numeric_field,
    optional_text,
    text_field,
    time_of,
)
from proxy.store.exchange_rows import Heading
from proxy.store.row_values import duration, token_count
from proxy.store.tables import COLUMNS
from proxy.types.decoded import Decoded, DecodedInput
from proxy.types.exchange import Exchange, InferenceDetails, ModelCall

NO_PARAMS = b'{"chat_completion":{}}'
NO_SCHEMA = b"{}"
NO_LIST = b"[]"
NO_INPUT = b'{"messages":[]}'
NO_JSON_OUTPUT = b'{"raw":null,"parsed":null}'
ALL_TOOLS = bytes_field(b'{"tools":[],"choice":"function_default"}')

PLAIN_INPUT = DecodedInput(NO_INPUT, None, NO_LIST)
"""What stands in the rows of an exchange of which Postgres refuses what was decoded."""

_INFERENCE = FIELDS(len(COLUMNS["chat_inferences"]))
_CHAT_DATA = FIELDS(len(COLUMNS["chat_inference_data"]))
_JSON_DATA = FIELDS(len(COLUMNS["json_inference_data"]))
_MODEL = FIELDS(len(COLUMNS["model_inferences"]))
_MODEL_DATA = FIELDS(len(COLUMNS["model_inference_data"]))

_ID_AND_TIME = Struct(">i16siq").pack
_COUNTS = Struct(">iiiiii").pack
_EMPTY_LIST = bytes_field(NO_LIST)
_NO_TOOLS = 3 * _EMPTY_LIST + 3 * NULL
"""The last columns of a chat that had none."""


def inference_row(exchange: Exchange, heading: Heading, whole: bool) -> bytes:
    """Of `chat_inferences` and of `json_inferences`."""
    return b"".join(
        (
            _INFERENCE,
            heading.ids,
            heading.named,
            heading.tags,
            INT4[duration(exchange.processing_time_ms)],
            INT4[duration(exchange.ttft_ms)],
            TRUE if whole else FALSE,
        )
    )


def plain_data_row(
    exchange: Exchange, heading: Heading, output: bytes, said: DecodedInput
) -> bytes:
    """Of `chat_inference_data`, when the bodies say it all."""
    asked, params = said.input, exchange.inference_params or said.params or NO_PARAMS
    return b"".join(
        (
            _CHAT_DATA,
            heading.id_and_time,
            LENGTH(len(asked)),
            asked,
            LENGTH(len(output)),
            output,
            LENGTH(len(params)),
            params,
            _tools_of(said),
        )
    )


def _tools_of(said: DecodedInput) -> bytes:
    if not said.dynamic_tools and not said.tool_choice and said.parallel_tool_calls is None:
        return _NO_TOOLS
    return b"".join(
        (
            _EMPTY_LIST,
            bytes_field(said.dynamic_tools or NO_LIST),
            _EMPTY_LIST,
            ALL_TOOLS if said.dynamic_tools else NULL,
            bytes_field(said.tool_choice) if said.tool_choice else NULL,
            bool_field(said.parallel_tool_calls),
        )
    )


def chat_data_row(
    exchange: Exchange,
    heading: Heading,
    said: DecodedInput,
    details: InferenceDetails,
    output: bytes,
) -> bytes:
    """Of `chat_inference_data`."""
    return b"".join(
        (
            _CHAT_DATA,
            heading.id_and_time,
            bytes_field(said.input),
            _clean(output),
            bytes_field(exchange.inference_params or said.params or NO_PARAMS),
            _clean(details.extra_body or NO_LIST),
            _clean(details.dynamic_tools or NO_LIST),
            _clean(details.dynamic_provider_tools or NO_LIST),
            _clean(details.allowed_tools) if details.allowed_tools else NULL,
            _clean(details.tool_choice) if details.tool_choice else NULL,
            bool_field(details.parallel_tool_calls),
        )
    )


def json_data_row(
    exchange: Exchange,
    heading: Heading,
    said: DecodedInput,
    details: InferenceDetails,
    output: bytes,
    auxiliary: bytes,
) -> bytes:
    """Of `json_inference_data`."""
    return b"".join(
        (
            _JSON_DATA,
            heading.id_and_time,
            bytes_field(said.input),
            _clean(output),
            _clean(details.output_schema or NO_SCHEMA),
            bytes_field(exchange.inference_params or said.params or NO_PARAMS),
            _clean(details.extra_body or NO_LIST),
            _clean(auxiliary or NO_LIST),
        )
    )


def _clean(json: bytes) -> bytes:
    return bytes_field(clean_json(json).encode())


class ModelRows:
    """Makes the rows of model calls; keeps the fields that come again and again."""

    def __init__(self) -> None:
        self._asked = Remembered(_asked_fields)
        self._reasons = Remembered(optional_text)

    def row(
        self,
        heading: Heading,
        id_and_time: bytes,
        call: ModelCall,
        decoded: Decoded,
        cost: Decimal | None = None,
    ) -> bytes:
        """Of `model_inferences`; `cost` in dollars."""
        unknown = decoded.cache_read is None and decoded.cache_write is None
        return b"".join(
            (
                _MODEL,
                id_and_time,
                heading.id,
                heading.named,
                self._asked[call.model_name, call.provider_name, call.cached],
                _counts(call, decoded),
                self._reasons[decoded.finish_reason],
                NULL if cost is None else numeric_field(cost),
                _CACHES_UNKNOWN if unknown else _caches(decoded),
            )
        )


def id_and_time_of(call: ModelCall) -> tuple[bytes, int]:
    """`id` and `created_at` of the rows of a call, and the day since 1970."""
    moment, day = time_of(call.id)
    return _ID_AND_TIME(ID_BYTES, call.id, 8, moment), day


def model_data_row(
    id_and_time: bytes, output: bytes, sent: DecodedInput, raw: tuple[bytes, bytes]
) -> bytes:
    """Of `model_inference_data`; `raw` is (raw_request, raw_response), clean text."""
    request, response = raw
    messages = sent.messages
    return b"".join(
        (
            _MODEL_DATA,
            id_and_time,
            NULL if sent.system is None else text_field(sent.system),
            LENGTH(len(messages)),
            messages,
            LENGTH(len(output)),
            output,
            LENGTH(len(request)),
            request,
            LENGTH(len(response)),
            response,
        )
    )


_CACHES_UNKNOWN = 2 * NULL


def _caches(decoded: Decoded) -> bytes:
    """`provider_cache_read_input_tokens`, `provider_cache_write_input_tokens`."""
    return INT4[token_count(decoded.cache_read)] + INT4[token_count(decoded.cache_write)]


def _asked_fields(key: tuple[str, str, bool]) -> bytes:
    model_name, provider_name, cached = key
    return text_field(model_name) + text_field(provider_name) + bool_field(cached)


def _counts(call: ModelCall, decoded: Decoded) -> bytes:
    """`input_tokens`, `output_tokens`, `response_time_ms`, `ttft_ms`."""
    told, said, first = decoded.input_tokens, decoded.output_tokens, call.ttft_ms
    if told is not None and said is not None:
        try:
            counts = _COUNTS(4, told, 4, said, 4, call.response_time_ms)
        except StructError:
            pass
        else:
            return counts + (NULL if first is None else INT4[duration(first)])
    tokens = INT4[token_count(told)] + INT4[token_count(said)]
    return tokens + INT4[duration(call.response_time_ms)] + INT4[duration(first)]

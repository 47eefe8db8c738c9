"""The rows of TensorZero's tables: an inference, of a chat or a JSON function, and its model calls.

What a call was asked and answered is in `DecodedInput` and `Decoded`; what its function made of it,
where that is more than the bodies say, is in `InferenceDetails`.
"""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID

from proxy.store.clean import clean_json, clean_text
from proxy.store.exchange_rows import Heading
from proxy.store.row_values import Row, duration, token_count
from proxy.types.decoded import Decoded, DecodedInput
from proxy.types.exchange import Exchange, InferenceDetails, ModelCall
from proxy.types.ids import id_time

NO_PARAMS = b'{"chat_completion":{}}'
NO_SCHEMA = b"{}"
NO_LIST = "[]"
ALL_TOOLS = '{"tools":[],"choice":"function_default"}'


def inference_row(exchange: Exchange, heading: Heading, whole: bool) -> Row:
    """Of `chat_inferences` and of `json_inferences`."""
    return {
        "id": heading.id,
        "function_name": heading.function_name,
        "variant_name": heading.variant_name,
        "episode_id": heading.episode_id,
        "processing_time_ms": duration(exchange.processing_time_ms),
        "ttft_ms": duration(exchange.ttft_ms),
        "tags": heading.tags,
        "snapshot_hash": heading.snapshot_hash,
        "output_complete": whole,
        "created_at": heading.created_at,
    }


def plain_data_row(
    exchange: Exchange, heading: Heading, decoded: Decoded, said: DecodedInput
) -> Row:
    """Of `chat_inference_data`, when the bodies say it all."""
    return {
        "id": heading.id,
        "input": said.input.decode(),
        "output": (decoded.inference_output or decoded.output).decode(),
        "inference_params": _params(exchange, said),
        "extra_body": NO_LIST,
        "dynamic_tools": (said.dynamic_tools or b"[]").decode(),
        "dynamic_provider_tools": NO_LIST,
        "allowed_tools": ALL_TOOLS if said.dynamic_tools else None,
        "tool_choice": said.tool_choice.decode() or None,
        "parallel_tool_calls": said.parallel_tool_calls,
        "created_at": heading.created_at,
    }


def chat_data_row(
    exchange: Exchange,
    heading: Heading,
    said: DecodedInput,
    details: InferenceDetails,
    output: bytes,
) -> Row:
    """Of `chat_inference_data`."""
    return {
        "id": heading.id,
        "input": said.input.decode(),
        "output": clean_json(output),
        "inference_params": _params(exchange, said),
        "extra_body": clean_json(details.extra_body) or NO_LIST,
        "dynamic_tools": clean_json(details.dynamic_tools) or NO_LIST,
        "dynamic_provider_tools": clean_json(details.dynamic_provider_tools) or NO_LIST,
        "allowed_tools": clean_json(details.allowed_tools) or None,
        "tool_choice": clean_json(details.tool_choice) or None,
        "parallel_tool_calls": details.parallel_tool_calls,
        "created_at": heading.created_at,
    }


def json_data_row(
    exchange: Exchange,
    heading: Heading,
    said: DecodedInput,
    details: InferenceDetails,
    output: bytes,
    auxiliary: bytes,
) -> Row:
    """Of `json_inference_data`."""
    return {
        "id": heading.id,
        "input": said.input.decode(),
        "output": clean_json(output),
        "output_schema": clean_json(details.output_schema or NO_SCHEMA),
        "inference_params": _params(exchange, said),
        "extra_body": clean_json(details.extra_body) or NO_LIST,
        "auxiliary_content": clean_json(auxiliary) or NO_LIST,
        "created_at": heading.created_at,
    }


def model_row(
    heading: Heading,
    call: ModelCall,
    identifier: UUID,
    decoded: Decoded,
    cost: Decimal | None = None,
) -> Row:
    """Of `model_inferences`; `cost` in dollars."""
    return {
        "id": identifier,
        "inference_id": heading.id,
        "input_tokens": token_count(decoded.input_tokens),
        "output_tokens": token_count(decoded.output_tokens),
        "response_time_ms": duration(call.response_time_ms),
        "model_name": clean_text(call.model_name),
        "model_provider_name": clean_text(call.provider_name),
        "ttft_ms": duration(call.ttft_ms),
        "cached": call.cached,
        "finish_reason": clean_text(decoded.finish_reason) if decoded.finish_reason else None,
        "snapshot_hash": heading.snapshot_hash,
        "cost": cost,
        "provider_cache_read_input_tokens": token_count(decoded.cache_read),
        "provider_cache_write_input_tokens": token_count(decoded.cache_write),
        "function_name": heading.function_name,
        "variant_name": heading.variant_name,
        "created_at": id_time(identifier),
    }


def model_data_row(
    identifier: UUID, decoded: Decoded, sent: DecodedInput, raw: tuple[str, str]
) -> Row:
    """Of `model_inference_data`; `raw` is (raw_request, raw_response)."""
    return {
        "id": identifier,
        "raw_request": raw[0],
        "raw_response": raw[1],
        "system": clean_text(sent.system) if sent.system is not None else None,
        "input_messages": sent.messages.decode(),
        "output": decoded.output.decode(),
        "created_at": id_time(identifier),
    }


def _params(exchange: Exchange, said: DecodedInput) -> str:
    return (exchange.inference_params or said.params or NO_PARAMS).decode()

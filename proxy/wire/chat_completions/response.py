"""Whole answers: decoded from a provider, encoded for a client."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import orjson

from proxy.types.content import Block, Text, Thought, ToolCall, Unknown
from proxy.types.response import Answer, FinishReason
from proxy.types.usage import NO_USAGE, Usage
from proxy.wire.chat_completions.errors import find_error
from proxy.wire.lenient import lenient_dumps, lenient_object, whole_text
from proxy.wire.values import count_of, object_of, text_of

__all__ = ["decode_response", "encode_response", "encode_usage", "find_error"]

_FINISH_REASONS: Mapping[str, FinishReason] = {
    "stop": "stop",
    "eos": "stop",
    "eos_token": "stop",
    "end_turn": "stop",
    "stop_sequence": "stop_sequence",
    "length": "length",
    "max_tokens": "length",
    "model_length": "length",
    "tool_calls": "tool_call",
    "tool_use": "tool_call",
    "function_call": "tool_call",
    "content_filter": "content_filter",
}

_SPOKEN_REASONS: Mapping[FinishReason, str] = {
    "length": "length",
    "content_filter": "content_filter",
    "tool_call": "tool_calls",
}

REASONING_KEYS = ("reasoning_content", "reasoning")


def decode_response(body: bytes) -> Answer:
    """A whole answer. Members that are missing, null or of another type count as not there.

    Raises:
        UpstreamGarbage: it is no JSON.
    """
    answer = lenient_object(body)
    choice = first_choice(answer)
    message = choice.get("message") or choice.get("delta")
    return Answer(
        id=text_of(answer.get("id")),
        blocks=_decode_message(message) if isinstance(message, dict) else (),
        usage=decode_usage(answer),
        finish_reason=decode_finish_reason(choice.get("finish_reason")),
        raw_response=body.decode("utf-8", "replace"),
        created=count_of(answer.get("created")) or 0,
    )


def first_choice(answer: Mapping[str, object]) -> Mapping[str, object]:
    """The choice of index 0, or of no index; an empty mapping when there is none."""
    choices = answer.get("choices")
    for choice in choices if isinstance(choices, list) else ():
        if isinstance(choice, dict) and not choice.get("index"):
            return choice
    return {}


def decode_finish_reason(word: object) -> FinishReason | None:
    """TensorZero's word for a provider's."""
    if not isinstance(word, str) or not word:
        return None
    return _FINISH_REASONS.get(word, "unknown")


def decode_usage(answer: Mapping[str, object]) -> Usage:
    """The token counts of an answer or of a chunk, wherever its maker puts them."""
    usage = answer.get("usage")
    if not isinstance(usage, dict):
        extra = answer.get("x_groq")
        usage = extra.get("usage") if isinstance(extra, dict) else None
    if not isinstance(usage, dict):
        return NO_USAGE
    prompt = object_of(usage.get("prompt_tokens_details"))
    completion = object_of(usage.get("completion_tokens_details"))
    return Usage(
        count_of(usage.get("prompt_tokens")),
        count_of(usage.get("completion_tokens")),
        _first(prompt.get("cached_tokens"), usage.get("prompt_cache_hit_tokens")),
        _first(prompt.get("cache_write_tokens"), usage.get("cache_creation_input_tokens")),
        _first(completion.get("reasoning_tokens"), usage.get("reasoning_tokens")),
    )


def _decode_message(message: Mapping[str, object]) -> tuple[Block, ...]:
    content = list(decode_content(message.get("content")))
    calls = list(_decode_tool_calls(message))
    blocks = [*_decode_reasoning(message), *content, *calls, *_decode_rest(message)]
    if len(blocks) > 1:
        blocks = [block for block in blocks if block != Text("")]
    return tuple(blocks)


def decode_content(content: object) -> Iterator[Block]:
    """The blocks of a `content`: a string, a list of parts, or structured output as an object."""
    if isinstance(content, str):
        yield Text(whole_text(content))
    elif isinstance(content, dict):
        yield Text(lenient_dumps(content).decode())
    for part in content if isinstance(content, list) else ():
        if isinstance(part, str):
            yield Text(whole_text(part))
        elif isinstance(part, dict):
            yield _decode_part(part)


def _decode_part(part: Mapping[str, object]) -> Block:
    kind = part.get("type")
    if kind in ("text", "output_text") and isinstance(part.get("text"), str):
        return Text(text_of(part.get("text")))
    if kind == "thinking":
        return Thought(thinking_text(part.get("thinking")))
    return Unknown(lenient_dumps(part))


def thinking_text(thinking: object) -> str:
    """The text of a part of kind `thinking`: a string, or again a list of text parts."""
    if isinstance(thinking, str):
        return whole_text(thinking)
    parts = thinking if isinstance(thinking, list) else []
    return "".join(text_of(part.get("text")) for part in parts if isinstance(part, dict))


def _decode_reasoning(message: Mapping[str, object]) -> Iterator[Thought]:
    text = reasoning_text(message)
    details = message.get("reasoning_details")
    if not details or not isinstance(details, list):
        if text:
            yield Thought(text)
        return
    signature = reasoning_signature(details)
    yield Thought(text or None, signature, extra_data=lenient_dumps(details))


def reasoning_text(source: Mapping[str, object]) -> str:
    """The reasoning beside a message's or a delta's content, under whichever name."""
    for key in REASONING_KEYS:
        text = source.get(key)
        if isinstance(text, str) and text:
            return text
    return ""


def reasoning_signature(details: object) -> str | None:
    """The first signature in a list of `reasoning_details`."""
    for detail in details if isinstance(details, list) else ():
        if isinstance(detail, dict) and isinstance(detail.get("signature"), str):
            return text_of(detail["signature"]) or None
    return None


def _decode_tool_calls(message: Mapping[str, object]) -> Iterator[ToolCall]:
    for call in tool_calls_of(message):
        name, arguments = called(call)
        yield ToolCall(text_of(call.get("id")), name, arguments)
    legacy = message.get("function_call")
    if isinstance(legacy, dict):
        yield ToolCall("", text_of(legacy.get("name")), arguments_text(legacy.get("arguments")))


def tool_calls_of(source: Mapping[str, object]) -> list[Mapping[str, object]]:
    """The tool calls of a message or a delta; some servers send a lone one without a list."""
    calls = source.get("tool_calls")
    if isinstance(calls, dict):
        calls = [calls]
    items = calls if isinstance(calls, list) else []
    return [call for call in items if isinstance(call, dict)]


def called(call: Mapping[str, object]) -> tuple[str, str]:
    """Name and arguments of a tool call or a fragment of one, of a function or a custom tool."""
    function = object_of(call.get("function"))
    custom = object_of(call.get("custom"))
    name = text_of(function.get("name") or custom.get("name"))
    return name, arguments_text(function.get("arguments") or custom.get("input"))


def arguments_text(arguments: object) -> str:
    """Arguments as text; some providers send them as the object itself."""
    if arguments is None or isinstance(arguments, str):
        return whole_text(arguments or "")
    return lenient_dumps(arguments).decode()


def refusal_block(text: str) -> Unknown:
    """A refusal, kept as what it is."""
    return Unknown(orjson.dumps({"type": "refusal", "refusal": whole_text(text)}))


def _decode_rest(message: Mapping[str, object]) -> Iterator[Block]:
    refusal = message.get("refusal")
    if isinstance(refusal, str) and refusal:
        yield refusal_block(refusal)
    audio = message.get("audio")
    if isinstance(audio, dict):
        yield Unknown(lenient_dumps({"type": "audio", "audio": audio}))


def encode_response(answer: Answer, model: str) -> bytes:
    """A plain OpenAI answer. `usage` is left out when the provider said nothing of tokens."""
    choice = {
        "index": 0,
        "message": _encode_message(answer.blocks),
        "logprobs": None,
        "finish_reason": encode_finish_reason(
            answer.finish_reason, any(isinstance(block, ToolCall) for block in answer.blocks)
        ),
    }
    body: dict[str, object] = {
        "id": answer.id,
        "object": "chat.completion",
        "created": answer.created,
        "model": model,
        "choices": [choice],
    }
    if answer.usage.known:
        body["usage"] = encode_usage(answer.usage)
    return orjson.dumps(body)


def encode_finish_reason(reason: FinishReason | None, has_calls: bool) -> str:
    """OpenAI's word; a reason that it lacks is `stop`, or `tool_calls` when tools were called."""
    if reason is None and has_calls:
        return "tool_calls"
    return _SPOKEN_REASONS.get(reason or "stop", "stop")


def encode_usage(usage: Usage) -> dict[str, object]:
    """OpenAI's usage, with the total that strict clients insist on."""
    prompt, completion = usage.input_tokens or 0, usage.output_tokens or 0
    encoded: dict[str, object] = {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
    }
    if usage.cache_read is not None:
        encoded["prompt_tokens_details"] = {"cached_tokens": usage.cache_read}
    if usage.reasoning is not None:
        encoded["completion_tokens_details"] = {"reasoning_tokens": usage.reasoning}
    return encoded


def _encode_message(blocks: Iterable[Block]) -> dict[str, object]:
    texts: list[str] = []
    thoughts: list[str] = []
    calls: list[dict[str, object]] = []
    refusal = None
    for block in blocks:
        if isinstance(block, Text):
            texts.append(block.text)
        elif isinstance(block, Thought):
            thoughts.append(block.text or "")
        elif isinstance(block, ToolCall):
            calls.append(_encode_call(block))
        elif isinstance(block, Unknown):
            refusal = refusal or _refusal_of(block)
    message: dict[str, object] = {
        "role": "assistant",
        "content": "".join(texts) if texts else None,
        "refusal": refusal,
    }
    if any(thoughts):
        message["reasoning_content"] = "".join(thoughts)
    if calls:
        message["tool_calls"] = calls
    return message


def _encode_call(call: ToolCall) -> dict[str, object]:
    function = {"name": call.name, "arguments": call.arguments}
    return {"id": call.id, "type": "function", "function": function}


def _refusal_of(block: Unknown) -> str | None:
    refusal = lenient_object(block.data).get("refusal")
    return refusal if isinstance(refusal, str) else None


def _first(*values: object) -> int | None:
    for value in values:
        count = count_of(value)
        if count is not None:
            return count
    return None

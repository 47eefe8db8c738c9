"""The judge of `chat_completions`: the packages `openai`, `groq`, `together` and `mistralai` read
the same bytes, each those of its vendor, `openai` those of all others.

They give the parsed message, or the parsed chunks, whose deltas are put together as the `openai`
package does it (`accumulate_delta`). Where a server's fragments are not of the form that this needs
(a tool call without an index, a list as content), they are put together here.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from openai._streaming import SSEDecoder
from openai.lib.streaming._deltas import accumulate_delta

from proxy.errors import UpstreamGarbage
from proxy.providers.compatible import ROWS, CompatibleProvider
from proxy.types.content import Block, Text, Thought, ToolCall, Unknown
from proxy.types.request import ModelRequest
from proxy.types.response import Answer
from proxy.types.secrets import Secret
from proxy.wire.chat_completions.logprobs import UNLIKELY
from proxy.wire.chat_completions.message import FURTHER
from proxy.wire.chat_completions.request import decode_request
from proxy.wire.chat_completions.response import decode_finish_reason
from proxy.wire.chat_completions.thoughts import encode_detail, summary_text
from proxy.wire.lenient import lenient_loads, lenient_object, whole_text
from tests.recorded.judges.base import (
    MISSING,
    Allowance,
    Row,
    last_name,
    request_body,
    request_json,
    response_body,
    unlike,
)

SDKS = {"groq": "groq", "together": "together"}
"""Packages that parse as `openai` does; all vendors without one are read by that."""

Json = Mapping[str, Any]


def _null(pointer: str, recorded: object, sent: object) -> bool:
    return recorded is None and sent is MISSING


def _not_streamed(pointer: str, recorded: object, sent: object) -> bool:
    return pointer == "/stream" and recorded in (MISSING, None) and sent is False


def _usage_of_streams(pointer: str, recorded: object, sent: object) -> bool:
    if pointer == "/stream_options":
        asks = {"include_usage": True}
        return (recorded in (MISSING, None) and sent == asks) or (
            sent is MISSING and isinstance(recorded, Mapping) and recorded.keys() <= asks.keys()
        )
    return pointer == "/stream_options/include_usage"


def _lone_text(pointer: str, recorded: object, sent: object) -> bool:
    return last_name(pointer) == "content" and recorded == [{"type": "text", "text": sent}]


def _one_stop(pointer: str, recorded: object, sent: object) -> bool:
    return pointer == "/stop" and sent == [recorded]


def _no_stop(pointer: str, recorded: object, sent: object) -> bool:
    return pointer == "/stop" and recorded == [] and sent is MISSING


def _no_tools(pointer: str, recorded: object, sent: object) -> bool:
    lists = ("tools", "tool_calls", "content")
    return last_name(pointer) in lists and recorded == [] and sent is MISSING


def _no_refusal(pointer: str, recorded: object, sent: object) -> bool:
    return last_name(pointer) == "refusal" and recorded == "" and sent is MISSING


def _empty(pointer: str, recorded: object, sent: object) -> bool:
    names = ("content", "name", "arguments", "input", "id", "tool_call_id")
    return last_name(pointer) in names and sent == "" and recorded in (MISSING, None, [])


def _usual_type(pointer: str, recorded: object, sent: object) -> bool:
    return last_name(pointer) == "type" and recorded is MISSING and sent == "function"


def _no_model(pointer: str, recorded: object, sent: object) -> bool:
    return pointer == "/model" and recorded is None


def _beforehand(pointer: str, recorded: object, sent: object) -> bool:
    return False  # done before the two are compared: it takes more than one place to tell


ALLOWED = (
    Allowance("A member that is null says nothing and is left out.", _null),
    Allowance("`stream` is always said; not to say it means the same as false.", _not_streamed),
    Allowance(
        "Whether a stream tells of its tokens is the gateway's business: it asks wherever it has "
        "to ask.",
        _usage_of_streams,
    ),
    Allowance("A lone text is sent as a string, not as a list of one part.", _lone_text),
    Allowance("A single stop sequence is sent as a list.", _one_stop),
    Allowance("An empty list of stop sequences is left out.", _no_stop),
    Allowance("An empty list of tools, of their calls, or of parts is left out.", _no_tools),
    Allowance("An empty refusal is left out.", _no_refusal),
    Allowance("A tool call without a type is that of a function.", _usual_type),
    Allowance("A text that has to be there is empty where the recorded one is missing.", _empty),
    Allowance("Of two limits of the answer's length the smaller one is sent.", _beforehand),
    Allowance("A request names its model, where the recorded one has none or null.", _no_model),
    Allowance(
        "Log probabilities are asked for by a number where the vendor's reference wants one, "
        "whatever the client wrote.",
        _beforehand,
    ),
    Allowance(
        "A vendor's own names: `max_tokens` and `max_completion_tokens`, `seed` and `random_seed`, "
        "`reasoning` and `reasoning_content` of a message say the same.",
        _beforehand,
    ),
    Allowance(
        "Which tools may be called, and whether several at once, is not said where no tool is "
        "offered.",
        _beforehand,
    ),
    Allowance("A message without any content says nothing and is left out.", _beforehand),
    Allowance(
        "Documents and sound are of the kinds that the vendor's reference knows: `document_url`, "
        "and `input_audio` with a text.",
        _beforehand,
    ),
)

OF_TOOLS = ("tool_choice", "parallel_tool_calls")

_NAMES = {"max_completion_tokens": "max_tokens", "random_seed": "seed"}


def _by_one_name(body: Json) -> dict[str, Any]:
    """The body with members that have several names under one, and silent messages left out."""
    renamed: dict[str, Any] = {}
    for key, value in body.items():
        name = _NAMES.get(key, key)
        known = renamed.get(name)
        both = isinstance(known, int) and isinstance(value, int)
        renamed[name] = min(known, value) if both else (known if value is None else value)
    messages = renamed.get("messages")
    if isinstance(messages, list):
        renamed["messages"] = [_message(each) for each in messages if _speaks(each)]
    return renamed


def _message(message: Any) -> Any:
    if not isinstance(message, Mapping):
        return message
    named = dict(message)
    said, same = (bool(named.get(key)) for key in ("reasoning", "reasoning_content"))
    if said and not same and not named.get("reasoning_details"):
        named["reasoning_content"] = named.pop("reasoning")
    return named


def _speaks(message: Any) -> bool:
    if not isinstance(message, Mapping) or message.get("role") in ("tool", "function"):
        return True
    return any(
        value is not None and value != []
        for key, value in message.items()
        if key not in ("role", "name") and (key, value) != ("refusal", "")
    )


def _as_the_vendor_wants(row: Row, recorded: Json) -> Json:
    """The forms that only one vendor has, from a client that wrote OpenAI's."""
    if row["provider"] == "together" and recorded.get("logprobs") is True:
        number = recorded.get("top_logprobs") or 1
        rest = {key: value for key, value in recorded.items() if key != "top_logprobs"}
        return {**rest, "logprobs": number}
    if row["provider"] == "mistral":
        messages = [_with_documents(each) for each in _list(recorded.get("messages"))]
        return {**recorded, "messages": messages}
    return recorded


def _with_documents(message: Any) -> Any:
    content = message.get("content") if isinstance(message, Mapping) else None
    if not isinstance(content, list):
        return message
    return {**message, "content": [_document(part) for part in content]}


def _document(part: Any) -> Any:
    if not isinstance(part, Mapping):
        return part
    file, sound = _object(part.get("file")), _object(part.get("input_audio"))
    if isinstance(sound.get("data"), str):
        return {"type": "input_audio", "input_audio": sound["data"]}
    if not file.get("file_data"):
        return part
    named = {"document_name": file["filename"]} if file.get("filename") else {}
    return {"type": "document_url", "document_url": file["file_data"], **named}


class ChatCompletionsJudge:
    """See `Judge`."""

    wire = "chat_completions"
    apis = ("chat_completions",)

    def serves(self, row: Row) -> str | None:
        """None, or the reason why this row is an exception."""
        if row["stream"] and _ends_in_ruins(response_body(row)):
            return "the recorder spoiled the last event: it is no JSON"
        if not row.get("request") or not request_body(row).strip():
            return None
        try:
            body = lenient_loads(request_body(row))
        except UpstreamGarbage:
            return None
        if isinstance(body, dict) and isinstance(body.get("messages"), list):
            return None
        if row["response"]["status"] >= 400:
            return "a request that is none of this protocol, and refused"
        return "a request of another protocol"

    def provider(self, row: Row, base_url: str) -> CompatibleProvider:
        """Of the row's type; servers that have none are of the type `openai` at an address."""
        vendor = ROWS.get(row["provider"], ROWS["openai"])
        return CompatibleProvider(vendor, _model_name(row), base_url, think_tags=False)

    def secret(self, row: Row) -> Secret:
        """Made up."""
        return "sk-made-up"

    def read_request(self, row: Row) -> ModelRequest:
        """The recorded body in neutral form."""
        asked = request_json(row).get("stream") is True
        return decode_request(request_body(row), model_name=_model_name(row), stream=asked)

    def request_differences(self, row: Row, sent: bytes, sent_path: str) -> list[str]:
        """See `Judge`."""
        recorded, ours = request_json(row), lenient_object(sent)
        if recorded.get("model") is None:
            recorded, ours = {**recorded, "model": None}, {**ours, "model": None}
        if not recorded.get("tools"):
            recorded = {key: value for key, value in recorded.items() if key not in OF_TOOLS}
        recorded = _as_the_vendor_wants(row, recorded)
        return unlike(_by_one_name(recorded), _by_one_name(ours), ALLOWED)

    def reference(self, row: Row, body: bytes) -> dict[str, object] | None:
        """As the vendor's package reads it."""
        read = _read_by_mistral if row["provider"] == "mistral" else _read_by_openai
        return read(row, body)

    def reading(self, answer: Answer) -> dict[str, object]:
        """The same of our answer."""
        choices = {0: _choice_of(answer.blocks, answer.finish_reason, answer.logprobs)}
        for other in answer.others:
            choices[other.index] = _choice_of(other.blocks, other.finish_reason, other.logprobs)
        usage = answer.usage
        return {
            "id": answer.id,
            "choices": choices,
            "service_tier": answer.service_tier,
            "tokens": [usage.input_tokens, usage.output_tokens, usage.reasoning],
            "cached": usage.cache_read,
            "created": answer.created,
            "stopped by": answer.stop_sequence,
        }


def _model_name(row: Row) -> str:
    if not row.get("request") or not request_body(row).strip():
        return "m"
    try:
        body = request_json(row)
    except ValueError:
        return "m"
    name = body.get("model") if isinstance(body, Mapping) else None
    return name if isinstance(name, str) else "m"


def _choice_of(
    blocks: Sequence[Block], reason: str | None, logprobs: bytes | None
) -> dict[str, object]:
    """Our answer's choice."""
    texts = [block.text for block in blocks if isinstance(block, Text)]
    thoughts = [block for block in blocks if isinstance(block, Thought)]
    calls = [block for block in blocks if isinstance(block, ToolCall)]
    unknown = [lenient_object(block.data) for block in blocks if isinstance(block, Unknown)]
    cited = [lenient_object(block.extra) for block in blocks if _is_cited(block)]
    refusals = [value["refusal"] for value in unknown if value.get("type") == "refusal"]
    audio = [value["audio"] for value in unknown if value.get("type") == "audio"]
    return {
        "text": "".join(texts),
        "reasoning": "".join(each.text or summary_text(each) for each in thoughts),
        "details": [
            detail for each in thoughts if _is_entry(each) for detail in encode_detail(each)
        ],
        "calls": [(_given_id(call.id), call.name, call.arguments) for call in calls],
        "refusal": "".join(map(str, refusals)),
        "audio": audio,
        "parts": [value for value in unknown if value.get("type") not in MEMBERS],
        "further": [_in_numbers(value) for value in unknown if value.get("type") == FURTHER],
        "citations": [each for value in cited for each in _list(value.get("citations"))],
        "finish": reason,
        "logprobs": _tokens(None if logprobs is None else lenient_object(logprobs)),
    }


MEMBERS = ("refusal", "audio", FURTHER)
"""Types of unknown blocks that are no part of the content: members of the message."""


def _is_entry(thought: Thought) -> bool:
    """Whether a thought was an entry of `reasoning_details`, and no part of the content."""
    if thought.extra_data is None:
        return False
    return not lenient_object(thought.extra_data).keys() & {"closed", "signature", "thinking"}


def _is_cited(block: Block) -> bool:
    return isinstance(block, Text) and block.extra is not None


def _given_id(identifier: str) -> str:
    """Calls without an id, or of the same, are numbered by us."""
    return identifier.partition("#")[0]


def _tokens(logprobs: object) -> list[object]:
    """The probabilities in OpenAI's form: (token, number, those of others)."""
    value = _object(logprobs)
    names = ("content", "refusal")
    told = [each for name in names for each in _list(value.get(name)) if isinstance(each, dict)]
    return [
        (
            each.get("token"),
            each.get("logprob"),
            {top["token"]: top["logprob"] for top in _list(each.get("top_logprobs"))},
        )
        for each in told
    ]


def _tokens_of(choice: Json) -> list[object]:
    """The same in whichever form the vendor's package has them."""
    value = choice.get("logprobs")
    if isinstance(value, int | float):
        said = _object(choice.get("delta")).get("content") or ""
        return [(said, value, dict(_object(choice.get("top_logprobs"))))]
    listed = _list(_object(value).get("tokens"))
    if not listed:
        return _tokens(value)
    numbers, tops = (_object(value).get(name) for name in ("token_logprobs", "top_logprobs"))
    numbers = _list(numbers) + [None] * len(listed)
    tops = [tops] if isinstance(tops, Mapping) and len(listed) == 1 else _list(tops)
    shown = [dict(_object(each)) for each in tops] + [{}] * len(listed)
    return [
        (token, UNLIKELY if number is None else number, top)
        for token, number, top in zip(listed, numbers, shown, strict=False)
    ]


def _object(value: object) -> Json:
    return value if isinstance(value, Mapping) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _events(body: bytes) -> list[Any]:
    """The data of the events, as the `openai` package finds them."""
    return [event for event in SSEDecoder().iter_bytes(iter([body])) if event.data]


def _chunks(body: bytes) -> Iterator[Json]:
    for event in _events(body):
        if event.data.startswith("[DONE]"):
            return
        try:
            value = lenient_loads(event.data.encode())
        except UpstreamGarbage:
            continue
        if isinstance(value, dict):
            yield value


def _ends_in_ruins(body: bytes) -> bool:
    """Whether the last event is no JSON although it looks like some."""
    data = body.rstrip().rpartition(b"data:")[2].strip()
    if not data.startswith(b"{") or b"\n" in data:
        return False
    try:
        lenient_loads(data)
    except UpstreamGarbage:
        return True
    return False


def _is_stream(row: Row, body: bytes) -> bool:
    return bool(row["stream"]) and not body.lstrip().startswith((b"{", b"["))


def _parsed(row: Row, value: Json, *, chunk: bool) -> dict[str, Any]:
    """A body or a chunk, through the vendor's types and out of them again."""
    package = SDKS.get(row["provider"], "openai")
    types = importlib.import_module(f"{package}.types.chat")
    construct = importlib.import_module(f"{package}._models").construct_type
    kind = types.ChatCompletionChunk if chunk else types.ChatCompletion
    model = construct(type_=kind, value=value)
    shown: dict[str, Any] = model.to_dict(exclude_unset=True, mode="python")
    return shown


def _read_by_openai(row: Row, body: bytes) -> dict[str, object]:
    if _is_stream(row, body):
        return _reading_of([_parsed(row, chunk, chunk=True) for chunk in _chunks(body)])
    return _reading_of([_parsed(row, _object(lenient_loads(body)), chunk=False)])


def _read_by_mistral(row: Row, body: bytes) -> dict[str, object]:
    models = importlib.import_module("mistralai.client.models")
    if _is_stream(row, body):
        chunks = [_by_mistral(models.CompletionChunk, chunk) for chunk in _chunks(body)]
        return _reading_of(chunks)
    return _reading_of([_by_mistral(models.ChatCompletionResponse, lenient_loads(body))])


def _by_mistral(model: Any, value: object) -> dict[str, Any]:
    shown: dict[str, Any] = model.model_validate(value).model_dump(by_alias=True)
    given, counts = _object(_object(value).get("usage")), _object(shown.get("usage"))
    # the package takes counts that are missing for 0
    return {**shown, "usage": {name: counts[name] for name in counts if name in given}}


def _reading_of(values: Sequence[Json]) -> dict[str, object]:
    """The reading of a whole answer, or of chunks."""
    choices: dict[int, list[Json]] = {}
    usage: Json = {}
    for value in values:
        for place, choice in enumerate(_list(value.get("choices"))):
            choices.setdefault(_index(choice, place), []).append(choice)
        usage = _usage(value) or usage
    identifiers = (value.get("id") for value in values)
    tiers = (
        value.get("service_tier") or _object(value.get("usage")).get("service_tier")
        for value in values
    )
    shown = {index: _choice_from(parts) for index, parts in choices.items()}
    return {
        "id": next((each for each in identifiers if each), ""),
        "choices": shown or {0: _choice_from([])},
        "service_tier": ([each for each in tiers if each] or [""])[-1],
        "tokens": _counts(usage),
        "cached": _cached(usage),
        "created": next((each["created"] for each in values if each.get("created")), 0),
        "stopped by": _stopped_by(values),
    }


def _index(choice: Json, place: int) -> int:
    """The number of a choice, which some servers spell as a text, or that of its place."""
    index = choice.get("index")
    return place if index is None else int(index)


def _usage(value: Json) -> Json | None:
    """From wherever a server has it."""
    own = [_object(each) for each in _list(value.get("choices"))]
    found = (each.get("usage") for each in (value, _object(value.get("x_groq")), *own))
    told = next((each for each in found if isinstance(each, Mapping)), None)
    return told and {key: _number(count) for key, count in told.items()}


def _number(count: object) -> object:
    return int(count) if isinstance(count, str) and count.isdecimal() else count


def _counts(usage: Json) -> list[int | None]:
    """Input, output and reasoning; the latter is part of the output, as TensorZero counts."""
    details = _object(usage.get("completion_tokens_details"))
    reasoning = details.get("reasoning_tokens", usage.get("reasoning_tokens"))
    prompt, output, total = (
        usage.get(key) for key in ("prompt_tokens", "completion_tokens", "total_tokens")
    )
    if reasoning and None not in (prompt, output) and total == prompt + output + reasoning:
        output += reasoning
    return [prompt, output, reasoning]


def _cached(usage: Json) -> int | None:
    """Tokens that were in a cache, under the names that vendors have for them."""
    told = [_object(usage.get("prompt_tokens_details")).get("cached_tokens")]
    names = ("prompt_cache_hit_tokens", "cached_tokens", "cache_read_input_tokens")
    told += [usage.get(name) for name in (*names, "num_cached_tokens")]
    return next((each for each in told if each is not None), None)


def _stopped_by(values: Sequence[Json]) -> str | None:
    first = [each for value in values for each in _list(value.get("choices"))]
    told = [
        choice.get(name)
        for choice in first
        if not _index(choice, 0)
        for name in ("stop_reason", "matched_stop")
    ]
    return ([each for each in told if isinstance(each, str) and each] or [None])[-1]


def _sounds(deltas: Sequence[Json]) -> list[dict[str, Any]]:
    """The sound of a message: its data and transcript in one."""
    whole: dict[str, Any] = {}
    for delta in deltas:
        for key, value in _object(delta.get("audio")).items():
            joins = key in ("data", "transcript") and isinstance(value, str) and len(deltas) > 1
            whole[key] = whole.get(key, "") + value if joins else value
    told = any(isinstance(delta.get("audio"), Mapping) for delta in deltas)
    return [whole] if whole or (told and len(deltas) == 1) else []


def _parts(delta: Json) -> Iterator[Json]:
    """Parts of the content that are neither text nor thought, and images."""
    for part in _list(delta.get("content")):
        if part.get("type") != "thinking" and not isinstance(part.get("text"), str):
            yield part
    yield from _list(delta.get("images"))


def _further(deltas: Sequence[Json]) -> list[dict[str, Any]]:
    """Members that no protocol of ours knows, of all deltas: lists in one, of others the last."""
    whole: dict[str, Any] = {}
    for delta in deltas:
        for key, value in delta.items():
            if key in READ or not value or not isinstance(value, list | Mapping):
                continue
            known = whole.get(key)
            both = isinstance(known, list) and isinstance(value, list)
            whole[key] = [*known, *value] if both else value
    return [_in_numbers({"type": FURTHER, **whole})] if whole else []


def _in_numbers(value: Any) -> Any:
    """The same with numbers for texts that are some: packages with types make them so."""
    if isinstance(value, Mapping):
        return {key: _in_numbers(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_in_numbers(item) for item in value]
    try:
        return float(value) if isinstance(value, str) else value
    except ValueError:
        return value


READ = (
    "content",
    "refusal",
    "annotations",
    "audio",
    "images",
    "tool_calls",
    "function_call",
    "reasoning_details",
)
"""Members of a message that are compared each by itself."""


def _choice_from(parts: Sequence[Json]) -> dict[str, object]:
    names = ("delta", "message") if len(parts) > 1 else ("message", "delta")
    deltas = [_said_in(part, names) for part in parts]
    reasons = [part.get("finish_reason") for part in parts if part.get("finish_reason")]
    message = _joined(deltas)
    texts, thoughts = _content(deltas)
    details = _merged_details(deltas)
    reasoning = "".join(thoughts) + _reasoning(deltas, details)
    return {
        "text": whole_text("".join(texts)),
        "reasoning": whole_text(reasoning),
        "details": details,
        "calls": [*_calls(message, deltas), *_legacy(deltas)],
        "refusal": "".join(str(delta["refusal"]) for delta in deltas if delta.get("refusal")),
        "audio": _sounds(deltas),
        "parts": [part for delta in deltas for part in _parts(delta)],
        "further": _further(deltas),
        "citations": [each for delta in deltas for each in _list(delta.get("annotations"))],
        "finish": decode_finish_reason(reasons[-1]) if reasons else None,
        "logprobs": [token for part in parts for token in _tokens_of(part)],
    }


def _said_in(part: Json, names: Sequence[str]) -> Json:
    found = (part[name] for name in names if isinstance(part.get(name), Mapping))
    return next(found, {"content": part["text"]} if "text" in part else {})


def _joined(deltas: Sequence[Json]) -> dict[str, Any] | None:
    """One message, as the `openai` package makes it; None where it cannot."""
    message: dict[object, object] = {}
    try:
        for delta in deltas:
            shown = {key: delta[key] for key in ("tool_calls",) if delta.get(key)}
            message = accumulate_delta(message, _copied(shown))
    except (TypeError, RuntimeError, KeyError, AttributeError):
        return None
    return message  # type: ignore[return-value]


def _copied(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _copied(item) for key, item in value.items()}
    return [_copied(item) for item in value] if isinstance(value, list) else value


def _content(deltas: Sequence[Json]) -> tuple[list[str], list[str]]:
    """Texts and thoughts of contents that are strings, lists of parts, or structured output."""
    texts: list[str] = []
    thoughts: list[str] = []
    for delta in deltas:
        content = delta.get("content")
        if isinstance(content, str):
            texts.append(content)
        elif isinstance(content, Mapping):
            texts.append(_dumped(content))
        for part in _list(content):
            if part.get("type") == "thinking":
                thinking = part["thinking"]
                said = thinking if isinstance(thinking, list) else [{"text": thinking}]
                thoughts += [each.get("text") or "" for each in said]
            elif isinstance(part.get("text"), str):
                texts.append(part["text"])
    return texts, thoughts


def _dumped(value: object) -> str:
    return importlib.import_module("orjson").dumps(value).decode()  # type: ignore[no-any-return]


def _reasoning(deltas: Sequence[Json], details: Sequence[Json]) -> str:
    """By whichever name; where entries say it, theirs counts."""
    said = [detail.get("text") or detail.get("summary") or "" for detail in details]
    if any(said):
        return "".join(said)
    keys = ("reasoning_content", "reasoning")
    return "".join(next((delta[key] for key in keys if delta.get(key)), "") for delta in deltas)


def _merged_details(deltas: Sequence[Json]) -> list[Json]:
    """The entries; those of a stream that have one index and one kind are one."""
    merged: dict[object, dict[str, Any]] = {}
    for number, delta in enumerate(deltas):
        for position, detail in enumerate(_list(delta.get("reasoning_details"))):
            whole = len(deltas) == 1
            index = detail.get("index", position)
            key = (number, position) if whole else (index, detail.get("type"))
            known = merged.setdefault(key, {})
            for name, value in detail.items():
                if name in ("text", "summary") and isinstance(value, str):
                    known[name] = known.get(name, "") + value
                elif value is not None or name not in known:
                    known[name] = value
    return list(merged.values())


def _calls(message: Json | None, deltas: Sequence[Json]) -> list[tuple[str, str, str]]:
    if message is not None and len(deltas) > 1 and _is_by_index(deltas):
        return [_call(call) for call in _list(message.get("tool_calls"))]
    fragments = [each for delta in deltas for each in _fragments(delta.get("tool_calls"))]
    if len(deltas) < 2:
        return [_call(each) for each in fragments]
    return _in_turn(fragments)


def _is_by_index(deltas: Sequence[Json]) -> bool:
    """Whether ids and names come once, each call under its own index."""
    seen: dict[int, str] = {}
    for fragment in (each for delta in deltas for each in _fragments(delta.get("tool_calls"))):
        name = _object(fragment.get("function")).get("name")
        if fragment.get("index") in seen and (name or fragment.get("id")):
            return False
        if not isinstance(fragment.get("index"), int):
            return False
        seen.setdefault(fragment["index"], "")
    return True


def _fragments(calls: object) -> list[Json]:
    return [calls] if isinstance(calls, Mapping) else _list(calls)


def _in_turn(fragments: Iterable[Json]) -> list[tuple[str, str, str]]:
    """Fragments that follow one another; a new id with a name begins a call."""
    calls: list[list[str]] = []
    places: dict[object, int] = {}
    for fragment in fragments:
        identifier, name, arguments = _call(fragment)
        index = fragment.get("index")
        place = places.get(index if isinstance(index, int) else identifier or None)
        if place is None and not identifier and calls and not isinstance(index, int):
            place = len(calls) - 1
        if place is None or (identifier and name and calls[place][0] != identifier):
            place = len(calls)
            calls.append([identifier, "", ""])
        places[index if isinstance(index, int) else identifier] = place
        calls[place][1] = calls[place][1] or name
        calls[place][2] += arguments
    return [(identifier, name, arguments) for identifier, name, arguments in calls]


def _call(call: Json) -> tuple[str, str, str]:
    inner = _object(call.get("function")) or _object(call.get("custom"))
    arguments = inner.get("arguments") or inner.get("input") or ""
    said = arguments if isinstance(arguments, str) else _dumped(arguments)
    return call.get("id") or "", inner.get("name") or "", whole_text(said)


def _legacy(deltas: Sequence[Json]) -> list[tuple[str, str, str]]:
    """The older form of a call, of which there is one."""
    parts = [_object(delta.get("function_call")) for delta in deltas if delta.get("function_call")]
    if not parts:
        return []
    calls = [_call({"function": part}) for part in parts]
    return [("", "".join(name for _, name, _ in calls), "".join(said for *_, said in calls))]

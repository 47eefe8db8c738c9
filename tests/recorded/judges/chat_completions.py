"""The judge of `chat_completions`: the packages `openai`, `groq`, `together` and `mistralai` read
the same bytes, each those of its vendor, `openai` those of all others (`chat_packages`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from proxy.errors import UpstreamGarbage
from proxy.providers.compatible import ROWS, CompatibleProvider
from proxy.types.content import Block, Text, Thought, ToolCall, Unknown
from proxy.types.request import ModelRequest
from proxy.types.response import Answer
from proxy.types.secrets import Secret
from proxy.wire.chat_completions.message import FURTHER
from proxy.wire.chat_completions.request import decode_request
from proxy.wire.chat_completions.thoughts import encode_detail, summary_text
from proxy.wire.lenient import lenient_loads, lenient_object
from tests.recorded.chat_packages import (
    in_numbers,
    listed,
    object_of,
    read_by_mistral,
    read_by_openai,
    tokens,
)
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
        messages = [_with_documents(each) for each in listed(recorded.get("messages"))]
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
    file, sound = object_of(part.get("file")), object_of(part.get("input_audio"))
    if isinstance(sound.get("data"), str):
        return {"type": "input_audio", "input_audio": sound["data"]}
    if not file.get("file_data"):
        return part
    named = {"document_name": file["filename"]} if file.get("filename") else {}
    return {"type": "document_url", "document_url": file["file_data"], **named}


class ChatCompletionsJudge:
    """See `Judge`."""

    wire = "chat_completions"
    apis: tuple[str, ...] = ("chat_completions",)

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
        read = read_by_mistral if row["provider"] == "mistral" else read_by_openai
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
    cited = [
        lenient_object(block.extra) for block in blocks if isinstance(block, Text) and block.extra
    ]
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
        "further": [in_numbers(value) for value in unknown if value.get("type") == FURTHER],
        "citations": [each for value in cited for each in listed(value.get("citations"))],
        "finish": reason,
        "logprobs": tokens(None if logprobs is None else lenient_object(logprobs)),
    }


MEMBERS = ("refusal", "audio", FURTHER)
"""Types of unknown blocks that are no part of the content: members of the message."""


def _is_entry(thought: Thought) -> bool:
    """Whether a thought was an entry of `reasoning_details`, and no part of the content."""
    if thought.extra_data is None:
        return False
    return not lenient_object(thought.extra_data).keys() & {"closed", "signature", "thinking"}


def _given_id(identifier: str) -> str:
    """Calls without an id, or of the same, are numbered by us."""
    return identifier.partition("#")[0]


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

"""The judge of `responses`: the `openai` package reads the same bytes.

Of a stream the reference is the response in its last event, with its items as they were when they
were done (what is sealed is sealed anew in each event), and with the texts that the deltas gave
where recorders have redacted the two differently.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from proxy.providers.base import HttpProvider
from proxy.providers.openai_responses import OpenAIResponsesProvider
from proxy.types.content import Block, Text, Thought, ToolCall, Unknown
from proxy.types.request import ModelRequest
from proxy.types.response import Answer
from proxy.types.secrets import Secret
from proxy.wire.lenient import lenient_loads, lenient_object
from proxy.wire.responses.errors import FINAL_EVENTS
from proxy.wire.responses.request import decode_request
from tests.recorded.judges.base import (
    MISSING,
    Allowance,
    Row,
    last_name,
    request_body,
    request_json,
    request_path,
    response_body,
    unlike,
)

USUAL_PATH = "/v1/responses"
KEY = "sk-made-up"
TEXT_PARTS = ("input_text", "output_text")
BEGINNINGS = ("response.queued", "response.in_progress", "keepalive")
SPOKEN = ("response.output_text.delta", "response.function_call_arguments.delta")


def _as_parts(value: object) -> list[object] | None:
    """A content as a list of (text, further members); types of text go by the role."""
    if isinstance(value, str):
        return [{"text": value}]
    if not isinstance(value, list):
        return None
    return [
        {key: each for key, each in part.items() if key != "type" or each not in TEXT_PARTS}
        if isinstance(part, Mapping)
        else part
        for part in value
    ]


def _lone_text(pointer: str, recorded: object, sent: object) -> bool:
    return isinstance(recorded, str) and _as_parts(recorded) == _as_parts(sent)


def _lone_input(pointer: str, recorded: object, sent: object) -> bool:
    if pointer != "/input" or not isinstance(recorded, str):
        return False
    match sent:
        case [{"role": "user", "content": content}]:
            return _as_parts(recorded) == _as_parts(content)
    return False


def _lone_result(pointer: str, recorded: object, sent: object) -> bool:
    return last_name(pointer) == "output" and _as_parts(recorded) == _as_parts(sent)


def _message_type(pointer: str, recorded: object, sent: object) -> bool:
    parent = pointer.split("/")
    return (
        parent[1:2] == ["input"]
        and parent[3:] == ["type"]
        and (recorded, sent)
        == (
            MISSING,
            "message",
        )
    )


def _not_streamed(pointer: str, recorded: object, sent: object) -> bool:
    return pointer == "/stream" and recorded in (MISSING, None) and sent is False


def _null(pointer: str, recorded: object, sent: object) -> bool:
    return recorded is None and sent is MISSING and pointer.count("/") == 1


def _nothing_in_it(pointer: str, recorded: object, sent: object) -> bool:
    return pointer in ("/input", "/tools") and recorded == [] and sent is MISSING


def _own_tools_first(pointer: str, recorded: object, sent: object) -> bool:
    if pointer != "/tools" or not isinstance(recorded, list):
        return False
    own = [tool for tool in recorded if tool.get("type") in ("function", "custom")]
    return sent == own + [tool for tool in recorded if tool not in own]


ALLOWED: tuple[Allowance, ...] = (
    Allowance("A message's text may stand in a list of parts.", _lone_text),
    Allowance("A text as input is a message of the user.", _lone_input),
    Allowance("A tool's result that is one text may be a text or a list.", _lone_result),
    Allowance("A message says that it is one.", _message_type),
    Allowance("What is not to be streamed may say so.", _not_streamed),
    Allowance("A member that is null may be left out.", _null),
    Allowance("Empty lists of input or tools may be left out.", _nothing_in_it),
    Allowance("A client's tools stand before those that the provider runs.", _own_tools_first),
)


class ResponsesJudge:
    """See `Judge`."""

    wire = "responses"
    apis = ("responses",)

    def serves(self, row: Row) -> str | None:
        path = _path(row)
        if path.endswith("/input_tokens"):
            return "counts tokens, and is relayed as it is"
        if path.endswith("/compact"):
            return "compacts a conversation, and is relayed as it is"
        if not path.endswith("/responses"):
            return "asks for a response that the provider keeps, and is relayed as it is"
        if row["stream"] and row["response"]["status"] == 200 and not _ends(row):
            return "the recording lacks the end of the stream"
        return None

    def provider(self, row: Row, base_url: str) -> HttpProvider:
        return OpenAIResponsesProvider(
            self._model(row), base_url + _path(row).removesuffix("responses")
        )

    def secret(self, row: Row) -> Secret:
        return KEY

    def read_request(self, row: Row) -> ModelRequest:
        stream = request_json(row).get("stream") is True
        return decode_request(request_body(row), model_name=self._model(row), stream=stream)

    def request_differences(self, row: Row, sent: bytes, sent_path: str) -> list[str]:
        lines = unlike(request_json(row), lenient_loads(sent), ALLOWED)
        if sent_path != _path(row):  # an older version of Azure's API has a query
            lines.append(f"path: recorded {_path(row)}, sent {sent_path}")
        return lines

    def reference(self, row: Row, body: bytes) -> dict[str, object] | None:
        try:
            from openai import OpenAI
        except ImportError:
            return None
        return _Reference(OpenAI, body, row["stream"]).reading()

    def reading(self, answer: Answer) -> dict[str, object]:
        output = list(_our_output(answer.blocks))
        return {
            "id": answer.id,
            "created": answer.created,
            "finish_reason": answer.finish_reason,
            "service_tier": answer.service_tier,
            "usage": [
                answer.usage.input_tokens,
                answer.usage.output_tokens,
                answer.usage.cache_read,
                answer.usage.reasoning,
            ],
            "output": [each for each in output if "event" not in each],
            "events": [each["event"] for each in output if "event" in each],
            "logprobs": _our_logprobs(answer.logprobs),
        }

    def _model(self, row: Row) -> str:
        try:
            return str(request_json(row).get("model") or "")
        except (ValueError, AttributeError):
            return ""


def _path(row: Row) -> str:
    return request_path(row).partition("?")[0] or USUAL_PATH


def _ends(row: Row) -> bool:
    kinds = re.findall(rb'(?:^event: ?|"type": ?")([a-z._]+)', response_body(row), re.MULTILINE)
    return any(event.encode() in kinds for event in FINAL_EVENTS)


def _our_output(blocks: tuple[Block, ...]) -> Iterator[dict[str, object]]:
    """One entry for each block; ids and states of messages stand with their first text."""
    for block in blocks:
        extra = lenient_object(getattr(block, "extra", None) or b"{}")
        item: Any = extra.get("item") or {}
        match block:
            case Text(text):
                yield {"text": text, "cited": extra.get("citations", []), "item": item}
            case ToolCall():
                kind = "custom_tool_call" if extra.get("type") == "custom" else "function_call"
                said = {"type": kind, "call_id": block.id, "name": block.name}
                yield {**said, "arguments": block.arguments, "item": item}
            case Thought():
                yield _our_thought(block)
            case Unknown(data):
                unknown = lenient_object(data)
                event = str(unknown.get("type")).startswith("response.")
                yield {"event" if event else "unknown": unknown}


def _our_thought(thought: Thought) -> dict[str, object]:
    data = lenient_object(thought.extra_data or b"{}")
    summary: Any = lenient_loads(thought.summary or b"[]")
    return {
        "thought": thought.text or "",
        "summary": [part["text"] for part in summary],
        "sealed": thought.signature,
        "item": {key: data[key] for key in ("id", "status") if data.get(key)},
    }


def _our_logprobs(raw: bytes | None) -> list[object]:
    tokens: Any = lenient_object(raw or b"{}").get("content") or []
    return [_shown_token(token) for token in tokens]


def _shown_token(token: Mapping[str, Any]) -> list[object]:
    """Streams tell more digits than whole answers."""
    top = [[each["token"], _rounded(each["logprob"])] for each in token.get("top_logprobs") or []]
    return [token["token"], _rounded(token["logprob"]), top]


def _rounded(logprob: Any) -> float:
    """A number, which some recorders wrote as text; never a negative zero."""
    return round(float(logprob), 5) + 0.0


class _Reference:
    """An answer as the `openai` package reads it."""

    def __init__(self, client_type: Any, body: bytes, stream: bool) -> None:
        self._done: dict[int, Any] = {}
        self._texts: dict[tuple[int, int], str] = {}
        self._logprobs: list[list[object]] = []
        self._events: list[object] = []
        self._id = ""
        client = client_type(api_key=KEY, http_client=_playing(body, stream), max_retries=0)
        given = client.responses.create(model="m", input="x", stream=stream)
        self.response = self._last_of(given) if stream else given

    def reading(self) -> dict[str, object]:
        response = self.response
        usage = getattr(response, "usage", None)
        taken = getattr(usage, "input_tokens_details", None)
        given = getattr(usage, "output_tokens_details", None)
        output = list(self._output())
        return {
            "id": self._id or response.id,
            "created": int(getattr(response, "created_at", 0) or 0),
            "finish_reason": self._finish_reason(output),
            "service_tier": getattr(response, "service_tier", None) or "",
            "usage": [
                getattr(usage, "input_tokens", None),
                getattr(usage, "output_tokens", None),
                getattr(taken, "cached_tokens", None),
                getattr(given, "reasoning_tokens", None),
            ],
            "output": output,
            "events": self._events,
            "logprobs": self._logprobs,
        }

    def _last_of(self, events: Any) -> Any:
        for event in events:
            if event.type in SPOKEN:
                key = (getattr(event, "output_index", 0), getattr(event, "content_index", 0))
                self._texts[key] = self._texts.get(key, "") + event.delta
            elif event.type == "response.output_item.done":
                self._done[event.output_index] = event.item
            elif event.type == "response.created":
                self._id = event.response.id
            elif event.type in ("response.completed", "response.incomplete"):
                return event.response
            elif event.type not in BEGINNINGS and not hasattr(event, "output_index"):
                self._events.append(event.to_dict(warnings=False))
        raise AssertionError("there is no last event")

    def _whole(self, place: tuple[int, int], text: str) -> str:
        """A text, which its deltas may say otherwise, where they are not just cut short."""
        said = self._texts.get(place, "")
        return text if text.startswith(said) else said

    def _finish_reason(self, output: list[dict[str, object]]) -> str | None:
        details = getattr(self.response, "incomplete_details", None)
        if getattr(self.response, "status", None) in ("queued", "in_progress", "cancelled"):
            return None
        if details is not None:
            reasons = {"max_output_tokens": "length", "content_filter": "content_filter"}
            return reasons.get(getattr(details, "reason", ""), "unknown")
        called = any(each.get("type") in ("function_call", "custom_tool_call") for each in output)
        return "tool_call" if called else "stop"

    def _output(self) -> Iterator[dict[str, object]]:
        for index, item in self._items():
            if item.type == "message":
                yield from self._message(index, item)
            elif item.type in ("function_call", "custom_tool_call"):
                custom = item.type == "custom_tool_call"
                said = {"type": item.type, "call_id": item.call_id, "name": item.name}
                arguments = item.input if custom else item.arguments
                yield {
                    **said,
                    "arguments": self._whole((index, 0), arguments),
                    "item": _further(item, "type", "call_id", "name", "arguments", "input"),
                }
            elif item.type == "reasoning":
                yield self._thought(item)
            else:
                yield {"unknown": item.to_dict(mode="json", warnings=False)}

    def _items(self) -> list[tuple[int, Any]]:
        """Places and items: those that were done, then those that only the last event tells."""
        known = {getattr(item, "id", None) for item in self._done.values()}
        told = enumerate(self.response.output)
        late = [
            (at, item)
            for at, item in told
            if at not in self._done and getattr(item, "id", None) not in known
        ]
        return [*sorted(self._done.items()), *late]

    def _message(self, index: int, item: Any) -> Iterator[dict[str, object]]:
        further = _further(item, "type", "role", "content")
        for place, part in enumerate(getattr(item, "content", None) or []):
            if part.type == "output_text":
                for token in getattr(part, "logprobs", None) or []:
                    self._logprobs.append(_shown_token(token.to_dict(warnings=False)))
                text = self._whole((index, place), part.text)
                cited = getattr(part, "annotations", None) or []
                if text:
                    yield {
                        "text": text,
                        "cited": [each.to_dict(warnings=False) for each in cited],
                        "item": further,
                    }
                    further = {}
            else:
                yield {"unknown": part.to_dict(warnings=False)}

    def _thought(self, item: Any) -> dict[str, object]:
        return {
            "thought": "".join(part.text for part in getattr(item, "content", None) or []),
            "summary": [part.text for part in getattr(item, "summary", None) or [] if part.text],
            "sealed": getattr(item, "encrypted_content", None) or None,
            "item": {
                key: value
                for key in ("id", "status")
                if (value := getattr(item, key, None)) is not None
            },
        }


def _further(item: Any, *names: str) -> dict[str, object]:
    return {key: value for key, value in item.to_dict(warnings=False).items() if key not in names}


def _playing(body: bytes, stream: bool) -> Any:
    """A client of the package's own kind, to which these bytes are the answer."""
    import httpx2

    kind = "text/event-stream" if stream else "application/json"
    return httpx2.Client(
        transport=httpx2.MockTransport(
            lambda request: httpx2.Response(200, headers={"content-type": kind}, content=body)
        )
    )

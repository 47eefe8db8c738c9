"""The judge of the generateContent protocol; the SDK is `google-genai`."""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from importlib.util import find_spec
from typing import Any
from urllib.parse import unquote

from proxy.providers.base import HttpProvider
from proxy.providers.gemini import AIStudioGeminiProvider, VertexGeminiProvider
from proxy.types.content import Block, Text, Thought, ToolCall, Unknown
from proxy.types.request import ModelRequest
from proxy.types.response import Answer, FinishReason
from proxy.types.secrets import Secret
from proxy.wire.gemini.parts import MADE
from proxy.wire.gemini.request import decode_request, read_path
from tests.recorded.judges.base import (
    MISSING,
    Allowance,
    Row,
    alike,
    last_name,
    request_body,
    request_path,
    unlike,
)

_PLACE = re.compile(
    r"projects/(?P<project_id>[^/]+)/locations/(?P<location>[^/]+)/"
    r"(?:publishers/google/models/(?P<model_id>[^/:]+)|endpoints/(?P<endpoint_id>[^/:]+))"
)
_MODEL = re.compile(r"(?:models|tunedModels)/[^/:]+")
_UNDERSCORE = re.compile(r"_([a-z0-9])")
_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+)\]")
_LIVE = (b'"serverContent"', b'"setupComplete"', b'"sessionResumptionUpdate"')
_USERS = (
    "args",
    "response",
    "parameters",
    "parametersJsonSchema",
    "responseSchema",
    "responseJsonSchema",
    "labels",
)
"""Members whose insides are the user's own."""
_LISTS = ("contents", "parts", "tools", "functionDeclarations")
_METADATA = ("groundingMetadata", "citationMetadata", "urlContextMetadata")

_FINISH_REASONS: dict[str, FinishReason] = {
    "STOP": "stop",
    "MAX_TOKENS": "length",
    "CONTINUATION": "length",
    "SAFETY": "content_filter",
    "RECITATION": "content_filter",
    "BLOCKLIST": "content_filter",
    "PROHIBITED_CONTENT": "content_filter",
    "SPII": "content_filter",
    "MODEL_ARMOR": "content_filter",
    "IMAGE_SAFETY": "content_filter",
    "IMAGE_PROHIBITED_CONTENT": "content_filter",
    "IMAGE_RECITATION": "content_filter",
    "ESCALATION": "content_filter",
    "PUP_LIMITED_DISABLED": "content_filter",
    "MALFORMED_FUNCTION_CALL": "tool_call",
    "UNEXPECTED_TOOL_CALL": "tool_call",
    "TOO_MANY_TOOL_CALLS": "tool_call",
}
_WORDS = ("modality", "trafficType", "category", "probability", "severity", "blockReason")
_OF_THOUGHTS = {"thought", "thought_signature"}
_VALUES = (
    "text",
    "function_call",
    "function_response",
    "inline_data",
    "file_data",
    "executable_code",
    "code_execution_result",
    "tool_call",
    "tool_response",
)
"""Of these a part has one."""
_NUMBERED = ("FINISH_REASON_UNSPECIFIED", "STOP", "MAX_TOKENS", "SAFETY", "RECITATION", "OTHER")


def _camel(name: str) -> str:
    return _UNDERSCORE.sub(lambda match: match[1].upper(), name)


def _spelled(value: object, *, users: bool = False) -> object:
    """The value with all names of the protocol's own in one spelling."""
    if isinstance(value, list):
        return [_spelled(item, users=users) for item in value]
    if not isinstance(value, dict) or users:
        return value
    return {
        _camel(name): _spelled(item, users=_camel(name) in _USERS) for name, item in value.items()
    }


def _listed(value: object) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _one_is_list(pointer: str, recorded: object, sent: object) -> bool:
    if last_name(pointer) not in _LISTS or MISSING in (recorded, sent):
        return False
    return not unlike(_listed(recorded), _listed(sent), ALLOWED)


def _tools(value: object) -> list[object]:
    """Every tool by itself."""
    found: list[object] = []
    for each in [] if value is MISSING else _listed(value):
        for name, item in each.items():
            if item is None:
                continue
            items = _listed(item) if name == "functionDeclarations" else [item]
            found += [{name: one} for one in items]
    return sorted(found, key=lambda tool: "functionDeclarations" not in str(tool))


def _same_tools(pointer: str, recorded: object, sent: object) -> bool:
    if pointer != "/tools":
        return False
    return not unlike(_tools(recorded), _tools(sent), ALLOWED[2:])


def _says_nothing(pointer: str, recorded: object, sent: object) -> bool:
    return all(_is_nothing(last_name(pointer), each) for each in (recorded, sent))


def _is_nothing(name: str, value: object) -> bool:
    if isinstance(value, dict):
        return all(each is None for each in value.values())
    if name == "thought" and value is False:
        return True
    return value in (None, [], MISSING) or (name in ("id", "name", "mimeType") and value == "")


def _role_of_system(pointer: str, recorded: object, sent: object) -> bool:
    return pointer == "/systemInstruction/role" and sent is MISSING


def _capitals(pointer: str, recorded: object, sent: object) -> bool:
    if last_name(pointer) != "mode" or not isinstance(recorded, str):
        return False
    return isinstance(sent, str) and recorded.upper() == sent


def _spelling(pointer: str, recorded: object, sent: object) -> bool:
    return alike(_spelled(recorded), sent)


ALLOWED = (
    Allowance(
        "Names of members are sent in one spelling (`functionCall`); the protocol takes "
        "`function_call`, too.",
        _spelling,
    ),
    Allowance(
        "All functions stand in one item of `tools`, and each of the vendor's own tools in its "
        "own item.",
        _same_tools,
    ),
    Allowance("A list of one is sent as a list; the protocol takes the item alone.", _one_is_list),
    Allowance(
        "A member that says nothing (null, an empty object, list, id, name or type, "
        "`thought: false`) is left out or stands there.",
        _says_nothing,
    ),
    Allowance("The role of `systemInstruction`, which nobody reads, is left out.", _role_of_system),
    Allowance("Modes of choosing a tool are sent in capitals.", _capitals),
)
ALLOWED_OF_PATHS = (
    "Streams are always asked for as server-sent events (`alt=sse`).",
    "What a query asks of the answer's form (`$alt`) is not asked for.",
)


class GeminiJudge:
    """See `judges.base.Judge`."""

    wire = "gemini"
    apis: tuple[str, ...] = ("gemini",)

    def serves(self, row: Row) -> str | None:
        """See `Judge.serves`."""
        body = (row["response"].get("body") or "").encode()
        if any(word in body for word in _LIVE):
            return "messages of the Live API, which goes over web sockets"
        path = request_path(row)
        if path and row["provider"] == "gcp_vertex_gemini" and not _PLACE.search(path):
            return "Vertex in express mode, which has a key and no project"
        return None

    def provider(self, row: Row, base_url: str) -> HttpProvider:
        """See `Judge.provider`."""
        path = request_path(row).partition("?")[0]
        if row["provider"] == "gcp_vertex_gemini":
            place = _PLACE.search(path)
            version = path[: place.start()] if place else "/v1/"
            names = place.groupdict() if place else {"project_id": "P", "location": "L"}
            return VertexGeminiProvider(
                project_id=names["project_id"] or "",
                location=names["location"] or "",
                model_id=names.get("model_id") or (None if names.get("endpoint_id") else "M"),
                endpoint_id=names.get("endpoint_id"),
                api_base=base_url + version,
            )
        place = _MODEL.search(path)
        version = path[: place.start()] if place else "/v1beta/"
        return AIStudioGeminiProvider(unquote(place[0]) if place else "M", base_url + version)

    def secret(self, row: Row) -> Secret:
        """See `Judge.secret`."""
        return "made-up"

    def read_request(self, row: Row) -> ModelRequest:
        """See `Judge.read_request`."""
        model, stream = read_path(request_path(row))
        return decode_request(request_body(row), model_name=model, stream=stream)

    def request_differences(self, row: Row, sent: bytes, sent_path: str) -> list[str]:
        """See `Judge.request_differences`."""
        recorded = _spelled(json.loads(request_body(row)))
        lines = unlike(recorded, _spelled(json.loads(sent)), ALLOWED)
        path, _, query = sent_path.partition("?")
        if unquote(path) != unquote(request_path(row).partition("?")[0]):
            lines.append(f"path: recorded {request_path(row)}, sent {sent_path}")
        streams = ":streamGenerateContent" in request_path(row)
        if query != ("alt=sse" if streams else ""):
            lines.append(f"query: sent {query}")
        return lines

    def reference(self, row: Row, body: bytes) -> dict[str, object] | None:
        """See `Judge.reference`."""
        if find_spec("google.genai") is None:
            return None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            objects = _objects(body)
            times = [each["createTime"] for each in objects if each.get("createTime")]
            created = int(datetime.fromisoformat(times[0]).timestamp()) if times else 0
            summed = _summed([_parsed(each, row["provider"]) for each in objects])
            return {"created": created, **summed}

    def reading(self, answer: Answer) -> dict[str, object]:
        """See `Judge.reading`."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return _read(answer)


def _objects(body: bytes) -> list[Any]:
    """The answers in a body: one, a list of them, or one for each event."""
    if body.lstrip()[:1] in (b"{", b"["):
        return _listed(json.loads(body))
    import httpx
    from google.genai._api_client import HttpResponse

    response = HttpResponse({}, response_stream=httpx.Response(200, content=body))
    return list(response.segments())


def _parsed(answer: dict[str, object], provider: str) -> Any:
    from google.genai import models, types

    vertex = provider == "gcp_vertex_gemini"
    convert: Any = (
        models._GenerateContentResponse_from_vertex
        if vertex
        else models._GenerateContentResponse_from_mldev
    )
    named = _with_words(answer)
    return types.GenerateContentResponse._from_response(response=convert(named), kwargs={})


def _with_words(value: Any) -> Any:
    """With words for the numbers that stand for them where a request asked for numbers; the SDK
    knows words only. Of those that nobody compares, none are left."""
    if isinstance(value, list):
        return [_with_words(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        name: _NUMBERED[item]
        if name == "finishReason" and isinstance(item, int)
        else _with_words(item)
        for name, item in value.items()
        if name not in _WORDS or not isinstance(item, int)
    }


def _summed(answers: list[Any]) -> dict[str, object]:
    """What the SDK's objects of one answer say together."""
    candidates: dict[int, list[Any]] = {}
    for answer in answers:
        for place, candidate in enumerate(answer.candidates or ()):
            index = place if candidate.index is None else candidate.index
            candidates.setdefault(index, []).append(candidate)
    choices = [_choice(pieces) for _, pieces in sorted(candidates.items())]
    feedback = any(answer.prompt_feedback for answer in answers)
    none = _nothing(feedback and not candidates)
    ids = [answer.response_id for answer in answers if answer.response_id]
    return {
        "id": ids[0] if ids else "",
        "usage": _usage([answer.usage_metadata for answer in answers]),
        "choices": choices or [none],
    }


def _nothing(blocked: bool) -> dict[str, object]:
    reason = "content_filter" if blocked else None
    return {"blocks": [], "finish": reason, "logprobs": [], "metadata": {}}


def _usage(usages: list[Any]) -> list[int | None]:
    said = [
        each
        for each in usages
        if each is not None
        and (each.prompt_token_count, each.candidates_token_count, each.thoughts_token_count)
        != (None, None, None)
    ]
    if not said:
        return [None] * 4
    last = said[-1]
    counts = (last.candidates_token_count, last.thoughts_token_count)
    known = [count for count in counts if count is not None]
    output = sum(known) if known else None
    return [last.prompt_token_count, output, last.cached_content_token_count, counts[1]]


def _choice(pieces: list[Any]) -> dict[str, object]:
    contents = (piece.content for piece in pieces)
    parts = [part for content in contents if content for part in content.parts or ()]
    blocks = _joined(block for part in _with_whole_calls(parts) for block in _blocks_of(part))
    reasons = [piece.finish_reason for piece in pieces if piece.finish_reason is not None]
    called = any(part.function_call for part in parts)
    return {
        "blocks": blocks,
        "finish": _reason(reasons[-1], called) if reasons else None,
        "logprobs": [token for piece in pieces for token in _logprobs(piece.logprobs_result)],
        "metadata": _metadata(pieces),
    }


def _reason(reason: Any, called: bool) -> str:
    word = _FINISH_REASONS.get(getattr(reason, "name", None) or str(reason), "unknown")
    return "tool_call" if word == "stop" and called else word


def _metadata(pieces: list[Any]) -> dict[str, object]:
    found: dict[str, Any] = {}
    for piece in pieces:
        for name in _METADATA:
            value = getattr(piece, _snake(name))
            dumped = _said(value)
            if dumped and name == "citationMetadata" and name in found:
                known = found[name]["citations"]
                new = [each for each in dumped["citations"] if each not in known]
                dumped["citations"] = [*known, *new]
            if dumped:
                found[name] = dumped
    return found


def _snake(name: str) -> str:
    return re.sub(r"([A-Z])", lambda match: "_" + match[1].lower(), name)


def _logprobs(result: Any) -> list[object]:
    if result is None:
        return []
    tops = result.top_candidates or []
    counts = [len(top.candidates or []) for top in tops]
    chosen = result.chosen_candidates or []
    counts += [0] * (len(chosen) - len(counts))
    return [
        [token.token or "", token.log_probability or 0.0, count]
        for token, count in zip(chosen, counts, strict=False)
    ]


def _with_whole_calls(parts: list[Any]) -> Iterator[Any]:
    """The parts, those of one streamed call as one."""
    open_call: Any = None
    for part in parts:
        call = part.function_call
        pieces = call is not None and (call.partial_args or call.will_continue)
        if call is None or not (pieces or open_call is not None) or (call.name and not pieces):
            yield part
            continue
        if call.name or open_call is None:
            open_call = part
            call.args = {}
        for piece in call.partial_args or ():
            _set(open_call.function_call.args, piece)
        if not call.will_continue:
            yield open_call
            open_call = None


def _set(args: Any, piece: Any) -> None:
    """Put a value at a path such as `$.names[0].first`."""
    *steps, last = (int(place) if place else name for name, place in _STEP.findall(piece.json_path))
    for step, following in zip(steps, (*steps, last)[1:], strict=True):
        args = _inside(args, step, [] if isinstance(following, int) else {})
    value: Any = piece.number_value if piece.number_value is not None else piece.bool_value
    if piece.string_value is not None:
        value = _inside(args, last, "") + piece.string_value
    args[last] = value


def _inside(container: Any, step: str | int, empty: Any) -> Any:
    """What stands at a step, put there if nothing does."""
    if isinstance(step, str):
        return container.setdefault(step, empty)
    if step == len(container):
        container.append(empty)
    return container[step]


def _blocks_of(part: Any) -> Iterator[list[object]]:
    signature = None if part.thought_signature is None else part.thought_signature.hex()
    values, said, call = _values_of(part), _said(part), part.function_call
    if values not in (["text"], ["function_call"]) and (values or said.keys() - _OF_THOUGHTS):
        yield ["part", said]
        return
    thought = part.text if part.thought else None
    if signature is not None or (part.thought and call is None):
        yield ["thought", thought, signature]
    if part.text and thought is None:
        yield ["text", part.text]
    if call is not None:
        yield ["call", call.name or "", call.args or {}, call.id]
    yield from _beside(said)


def _values_of(part: Any) -> list[str]:
    return [name for name in _VALUES if getattr(part, name) is not None]


def _beside(part: Mapping[str, object]) -> Iterator[list[object]]:
    """What a part with a neutral form has that its block has in its `extra`."""
    fields = ("text", "function_call", *_OF_THOUGHTS)
    others = {name: item for name, item in part.items() if name not in fields}
    if others:
        yield ["beside", others]


def _said(model: Any) -> dict[str, Any]:
    """What an object of the SDK's says; nothing for none."""
    return {} if model is None else _saying(model.model_dump(mode="json", exclude_none=True))


def _saying(value: Any) -> Any:
    """The value without members that say nothing."""
    if isinstance(value, list):
        return [_saying(item) for item in value]
    if not isinstance(value, dict):
        return value
    members = {
        name: item if name == "part_metadata" else _saying(item) for name, item in value.items()
    }
    return {name: item for name, item in members.items() if not _is_nothing(name, item)}


def _joined(blocks: Iterable[list[object]]) -> list[list[object]]:
    """Texts and unsigned thoughts that follow one another are one."""
    joined: list[list[Any]] = []
    for block in blocks:
        last: list[Any] = joined[-1] if joined else [None]
        if block[0] == last[0] == "text":
            last[1] += block[1]
        elif block[0] == last[0] == "thought" and None not in (last[1], block[1]) and not last[2]:
            last[1] += block[1]
            last[2] = block[2]
        else:
            joined.append(list(block))
    return joined


def _read(answer: Answer) -> dict[str, object]:
    usage = answer.usage
    choices = [_our_choice(answer.blocks, answer.finish_reason, answer.logprobs)]
    choices += [
        _our_choice(each.blocks, each.finish_reason, each.logprobs) for each in answer.others
    ]
    return {
        "id": answer.id,
        "created": answer.created,
        "usage": [usage.input_tokens, usage.output_tokens, usage.cache_read, usage.reasoning],
        "choices": choices,
    }


def _our_choice(
    blocks: Iterable[Block], reason: FinishReason | None, logprobs: bytes | None
) -> dict[str, object]:
    blocks = tuple(blocks)
    tokens = json.loads(logprobs or b"{}").get("content", [])
    return {
        "blocks": _joined(each for block in blocks for each in _our_blocks(block)),
        "finish": reason,
        "logprobs": [
            [token["token"], token["logprob"], len(token["top_logprobs"])] for token in tokens
        ],
        "metadata": _our_metadata(blocks),
    }


def _our_blocks(block: Block) -> Iterator[list[object]]:
    match block:
        case Text(text, extra):
            if text:
                yield ["text", text]
            yield from _beside_block(extra)
        case Thought(text, signature, extra_data=extra):
            yield ["thought", text, None if signature is None else _hex(signature)]
            yield from _beside_block(extra)
        case ToolCall(identifier, name, arguments):
            said = json.loads(block.extra or b"{}").get("functionCall", {})
            given = said.get("id", None if identifier.startswith(MADE) else identifier)
            yield ["call", name, json.loads(arguments), given]
            yield from _beside_block(block.extra)
        case Unknown(data):
            part = _sdk_part(json.loads(data))
            if _said(part) or _values_of(part):
                yield ["part", _said(part)]


def _beside_block(extra: bytes | None) -> Iterator[list[object]]:
    members = json.loads(extra or b"{}")
    return _beside(_said(_sdk_part({**members, "functionCall": None})))


def _hex(signature: str) -> object:
    """As the SDK reads it."""
    signed = _sdk_part({"thoughtSignature": signature}).thought_signature
    return signed.hex()


def _sdk_part(part: dict[str, object]) -> Any:
    from google.genai import types

    return types.Part._from_response(response=part, kwargs={})


def _our_metadata(blocks: Iterable[Block]) -> Mapping[str, object]:
    from google.genai import types

    found: dict[str, Any] = {}
    for block in blocks:
        raw = block.extra if isinstance(block, Text) else None
        raw = block.data if isinstance(block, Unknown) else raw
        for name, value in json.loads(raw or b"{}").items():
            if name in _METADATA:
                if name == "citationMetadata" and "citationSources" in value:
                    value = {"citations": value["citationSources"]}
                answer = types.Candidate._from_response(response={name: value}, kwargs={})
                dumped = _said(getattr(answer, _snake(name)))
                if dumped:
                    found[name] = dumped
    return found

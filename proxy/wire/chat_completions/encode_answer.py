"""Whole answers for a client: plain OpenAI, and what else the answer holds in members of its own.

OpenAI's clients keep members that they do not know and send a message back with them, so that

- `reasoning_content` has the text of the thoughts, and `reasoning_details`, where they are signed
  or hidden, all of them (see `thoughts`);
- `annotations` has the citations that have a URL, `citations` the others, as they came;
- `images` has what the model drew;
- `provider_blocks` has blocks that only their provider understands (see `places`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import orjson

from proxy.types.content import Block, Text, Thought, ToolCall, Unknown
from proxy.types.response import Answer, FinishReason
from proxy.wire.chat_completions.extra import (
    dumps,
    members_of,
    plain_object,
    raw_object,
    with_extra,
)
from proxy.wire.chat_completions.message import FURTHER
from proxy.wire.chat_completions.messages import CUSTOM, LEGACY_CALL
from proxy.wire.chat_completions.places import PROVIDER_BLOCKS, show_block
from proxy.wire.chat_completions.thoughts import (
    is_hidden,
    is_only_signed,
    show_detail,
    summary_text,
)
from proxy.wire.chat_completions.usage import encode_usage
from proxy.wire.values import object_of, objects_of, raw_text, text_of

_SPOKEN_REASONS: Mapping[FinishReason, str] = {
    "length": "length",
    "content_filter": "content_filter",
    "tool_call": "tool_calls",
}

_TIERS = ("auto", "default", "flex", "scale", "priority")
_USUAL_TIERS: Mapping[str, str] = {"standard": "default", "on_demand": "default"}


def encode_response(answer: Answer, model: str) -> bytes:
    """A plain OpenAI answer. `usage` is left out when the provider said nothing of tokens."""
    choices = [
        _choice(0, answer.blocks, answer.finish_reason, answer.logprobs),
        *(
            _choice(each.index, each.blocks, each.finish_reason, each.logprobs)
            for each in answer.others
        ),
    ]
    if answer.stop_sequence is not None:
        choices[0]["stop_reason"] = answer.stop_sequence
    body: dict[str, object] = {
        "id": answer.id,
        "object": "chat.completion",
        "created": answer.created,
        "model": model,
        "choices": choices,
    }
    tier = encode_tier(answer.service_tier)
    if tier:
        body["service_tier"] = tier
    if answer.usage.known:
        body["usage"] = encode_usage(answer.usage)
    return dumps(body)


def encode_tier(tier: str) -> str:
    """OpenAI's word for a service tier; strict clients know no other, so one that has none there is
    not told."""
    return tier if tier in _TIERS else _USUAL_TIERS.get(tier, "")


def _choice(
    index: int, blocks: Sequence[Block], reason: FinishReason | None, logprobs: bytes | None
) -> dict[str, object]:
    message = _Message(blocks).encode()
    legacy = "function_call" in message
    return {
        "index": index,
        "message": message,
        "logprobs": encode_logprobs(logprobs),
        "finish_reason": encode_finish_reason(reason, "tool_calls" in message, legacy=legacy),
    }


def encode_finish_reason(
    reason: FinishReason | None, has_calls: bool, *, legacy: bool = False
) -> str:
    """OpenAI's word; a reason that it lacks is `stop`, or `tool_calls` when tools were called."""
    if legacy and reason in (None, "tool_call"):
        return "function_call"
    if reason is None and has_calls:
        return "tool_calls"
    return _SPOKEN_REASONS.get(reason or "stop", "stop")


def encode_logprobs(logprobs: bytes | None) -> object:
    """With the two lists that clients look for, where it is OpenAI's form."""
    if logprobs is None:
        return None
    members = members_of(logprobs)
    if not members.keys() & {"content", "refusal"}:
        return orjson.Fragment(logprobs)
    missing = {key: b"null" for key in ("content", "refusal") if key not in members}
    return orjson.Fragment(raw_object({**members, **missing}) or b"{}")


class _Message:
    """Sorts the blocks of an answer into the members of a message."""

    def __init__(self, blocks: Sequence[Block]) -> None:
        self._texts: list[str] = []
        self._thoughts: list[tuple[Thought, str | None]] = []
        self._calls: list[dict[str, object]] = []
        self._beside = Beside()
        for index, block in enumerate(blocks):
            self._add(block, blocks[index + 1] if index + 1 < len(blocks) else None)

    def encode(self) -> dict[str, object]:
        message: dict[str, object] = {
            "role": "assistant",
            "content": "".join(self._texts) if self._texts else None,
            "refusal": None,
        }
        reasoning = "".join(thought_text(thought) for thought, _ in self._thoughts)
        if reasoning:
            message["reasoning_content"] = reasoning
        if any(is_hidden(thought) for thought, _ in self._thoughts):
            message["reasoning_details"] = [
                show_detail(thought, index, call_id)
                for index, (thought, call_id) in enumerate(self._thoughts)
            ]
        if self._calls:
            message["tool_calls"] = self._calls
        return message | self._beside.members

    def _add(self, block: Block, following: Block | None) -> None:
        length = sum(map(len, self._texts))
        match block:
            case Text(text):
                self._beside.cite(block.extra, length, length + len(text))
                self._texts.append(text)
            case Thought():
                self._thoughts.append((block, self._call_of(block, following)))
            case ToolCall():
                call = encode_call(block.id, block.name, block.arguments, block.extra)
                if not self._beside.add_legacy(call):
                    self._calls.append(call)
            case Unknown():
                self._beside.add(block, length, len(self._calls))

    def _call_of(self, thought: Thought, following: Block | None) -> str | None:
        """The id of the call that a thought belongs to."""
        if not isinstance(following, ToolCall):
            return None
        leads = not (self._texts or self._calls)
        return following.id if is_only_signed(thought) or not leads else None


def thought_text(thought: Thought) -> str:
    """What of a thought can be read."""
    return thought.text or summary_text(thought)


def encode_call(
    identifier: str, name: str, arguments: str, extra: bytes | None
) -> dict[str, object]:
    """A tool call; its `type` is `function_call` where it is none of the list."""
    members = dict(members_of(extra))
    kind = raw_text(members.pop("type", None)) or "function"
    inner: dict[str, object] = {"name": name, "arguments": arguments}
    if kind == CUSTOM:
        inner = {"name": name, "input": arguments}
    call: dict[str, object] = {"id": identifier, "type": kind, kind: inner}
    return with_extra(call, raw_object(members), kind)


class Beside:
    """Members of a message, or of a delta, that OpenAI's own models hardly ever fill."""

    def __init__(self) -> None:
        self.members: dict[str, object] = {}
        self._counts: dict[str, int] = {}

    def take(self) -> dict[str, object]:
        """The members so far, to begin anew."""
        members, self.members = self.members, {}
        return members

    def cite(self, extra: bytes | None, start: int, end: int) -> None:
        """The sources of the text from one place in the content to another."""
        citations = plain_object(extra).get("citations")
        for citation in objects_of(citations):
            annotation = _annotation(citation, start, end)
            if annotation is None:
                self._append("citations", dict(citation))
            else:
                self._append("annotations", annotation)

    def add_legacy(self, call: Mapping[str, object]) -> bool:
        """Whether a call stands in `function_call`."""
        if call["type"] != LEGACY_CALL:
            return False
        self.members["function_call"] = call[LEGACY_CALL]
        return True

    def add(self, block: Unknown, text: int, calls: int) -> None:
        """A block without a neutral form, behind so many characters and calls."""
        value = plain_object(block.data)
        match value:
            case {"type": "refusal", "refusal": str(refusal)}:
                self.members["refusal"] = refusal
            case {"type": "audio", "audio": dict(audio)}:
                self.members["audio"] = audio
            case {"type": "image_url"}:
                self._append("images", value)
            case {"type": str(kind)} if kind == FURTHER:
                rest = {key: item for key, item in value.items() if key != "type"}
                self.members |= rest
            case _:
                index = self._counts.get(PROVIDER_BLOCKS, 0)
                self._append(PROVIDER_BLOCKS, show_block(block, index, text, calls))

    def _append(self, key: str, item: dict[str, object]) -> None:
        """Items bear an `index`, by which clients put together what is streamed."""
        index = self._counts.get(key, 0)
        self._counts[key] = index + 1
        items = self.members.setdefault(key, [])
        assert isinstance(items, list)
        items.append({"index": index, **item})


def _annotation(citation: Mapping[str, object], start: int, end: int) -> dict[str, object] | None:
    """A citation in OpenAI's form; None for one without a URL."""
    if isinstance(citation.get("url_citation"), dict):
        return dict(citation)
    web = object_of(citation.get("web"))
    places = (citation.get("url"), citation.get("uri"), web.get("uri"), citation.get("source"))
    url = next((text_of(each) for each in places if "://" in text_of(each)), "")
    if not url:
        return None
    first, last = citation.get("start_index"), citation.get("end_index")
    return {
        "type": "url_citation",
        "url_citation": {
            "url": url,
            "title": text_of(citation.get("title")) or text_of(web.get("title")),
            "start_index": first if isinstance(first, int) else start,
            "end_index": last if isinstance(last, int) else end,
        },
    }

"""Thoughts as entries of `reasoning_details`, and back.

The form is that of gateways which show thoughts of several makers: `reasoning.text` with a `text`
and perhaps a `signature`, `reasoning.summary` with a `summary`, `reasoning.encrypted` with `data`;
all with a `format`, an `index` and perhaps an `id`, which may be that of the tool call that they
belong to.
One entry is one thought. As TensorZero has it, `data` is the thought's signature, marked in its
`extra_data` as `encrypted`; what else an entry holds stands there too, so that the very entry can
be sent back.

Thoughts of other protocols get entries of the format `neutral-v1`, in which nothing of a thought is
lost: clients send them back as they came.
"""

from __future__ import annotations

from collections.abc import Mapping

import orjson

from proxy.types.content import Json, Thought, summary_to_json
from proxy.wire.chat_completions.extra import plain_object
from proxy.wire.lenient import lenient_dumps, lenient_loads
from proxy.wire.values import objects_of, text_of

TEXT, SUMMARY, ENCRYPTED = "reasoning.text", "reasoning.summary", "reasoning.encrypted"
OUR_FORMAT = "neutral-v1"

_READ = ("type", "text", "signature", "summary", "data", "provider_type")


def decode_detail(detail: Mapping[str, object]) -> Thought:
    """The thought of one entry."""
    kind = detail.get("type", TEXT)
    provider_type = text_of(detail.get("provider_type")) or None
    if detail.get("format") == OUR_FORMAT:
        return _decode_ours(detail, provider_type)
    if kind not in (TEXT, SUMMARY, ENCRYPTED):
        whole = {key: value for key, value in detail.items() if key != "provider_type"}
        return Thought(None, provider_type=provider_type, extra_data=lenient_dumps(whole))
    rest = {key: value for key, value in detail.items() if key not in _READ}
    signature = detail.get("signature")
    if kind == ENCRYPTED:
        rest["encrypted"], signature = True, detail.get("data")
    return Thought(
        _given(detail.get("text")),
        text_of(signature) or None,
        summary_to_json([text_of(detail.get("summary"))]),
        provider_type,
        lenient_dumps(rest),
    )


def _decode_ours(detail: Mapping[str, object], provider_type: str | None) -> Thought:
    summaries, extra = detail.get("summaries"), detail.get("extra_data")
    return Thought(
        _given(detail.get("text")),
        _given(detail.get("signature")),
        None if summaries is None else lenient_dumps(summaries),
        provider_type,
        None if extra is None else lenient_dumps(extra),
    )


def _given(value: object) -> str | None:
    return text_of(value) if isinstance(value, str) else None


def says_something(detail: Mapping[str, object]) -> bool:
    """Whether an entry has words that can be read, and not only what proves or hides them."""
    return bool(text_of(detail.get("text")) or text_of(detail.get("summary")))


def place_of(detail: Mapping[str, object]) -> str:
    """The id of the tool call that an entry may belong to."""
    return text_of(detail.get("id"))


def encode_detail(thought: Thought) -> list[Json]:
    """The entries for a provider that takes them; none for a thought that says nothing."""
    extra = plain_object(thought.extra_data)
    if "type" in extra:
        return [extra]
    if extra.get("encrypted") is True:
        rest = {key: value for key, value in extra.items() if key != "encrypted"}
        return [{"type": ENCRYPTED, "data": thought.signature or "", **rest}]
    details: list[Json] = []
    if thought.text is not None or thought.signature is not None:
        text = {} if thought.text is None else {"text": thought.text}
        signature = {} if thought.signature is None else {"signature": thought.signature}
        details.append({"type": TEXT, **text, **signature, **extra})
    for text_said in _summaries(thought):
        details.append({"type": SUMMARY, "summary": text_said, **extra})
    return details or ([{"type": TEXT, **extra}] if extra else [])


def _summaries(thought: Thought) -> list[str]:
    if thought.summary is None:
        return []
    parts = objects_of(lenient_loads(thought.summary))
    return [text_of(part.get("text")) for part in parts]


def summary_text(thought: Thought) -> str:
    """The parts of its summary as one text."""
    return "\n\n".join(_summaries(thought))


def show_detail(thought: Thought, index: int, call_id: str | None = None) -> dict[str, object]:
    """The entry for a client, who is to send it back; it takes it to call `call_id`."""
    extra = plain_object(thought.extra_data)
    signed = {} if thought.provider_type is None else {"provider_type": thought.provider_type}
    theirs = encode_detail(thought) if isinstance(extra.get("format"), str) else []
    if len(theirs) == 1:
        return {**theirs[0], "index": index, **signed}
    members: dict[str, object] = {
        "index": index,
        "id": call_id,
        "text": thought.text,
        "summary": summary_text(thought) or None,
        "signature": thought.signature,
        "summaries": _fragment(thought.summary),
        "extra_data": _fragment(thought.extra_data),
        "format": OUR_FORMAT,
    }
    kind = SUMMARY if thought.text is None and thought.summary is not None else TEXT
    said = {key: value for key, value in members.items() if value is not None}
    return {"type": kind, **said, **signed}


def _fragment(raw: bytes | None) -> orjson.Fragment | None:
    return None if raw is None else orjson.Fragment(raw)


def is_hidden(thought: Thought) -> bool:
    """Whether a thought has what its text does not say, and what is to come back."""
    return bool(thought.signature or thought.extra_data or thought.summary)


def is_only_signed(thought: Thought) -> bool:
    """Whether nothing of it can be read."""
    return not thought.text and thought.summary is None and thought.signature is not None

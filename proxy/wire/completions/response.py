"""Whole answers, decoded."""

from __future__ import annotations

from proxy.types.content import Text
from proxy.types.response import Answer
from proxy.wire.chat_completions.response import decode_finish_reason, decode_usage, first_choice
from proxy.wire.lenient import lenient_object
from proxy.wire.values import count_of, text_of


def decode_response(body: bytes) -> Answer:
    """A whole answer. Members that are missing, null or of another type count as not there.

    Raises:
        UpstreamGarbage: it is no JSON.
    """
    answer = lenient_object(body)
    choice = first_choice(answer)
    text = text_of(choice.get("text"))
    return Answer(
        id=text_of(answer.get("id")),
        blocks=(Text(text),) if text else (),
        usage=decode_usage(answer),
        finish_reason=decode_finish_reason(choice.get("finish_reason")),
        raw_response=body.decode("utf-8", "replace"),
        created=count_of(answer.get("created")) or 0,
    )

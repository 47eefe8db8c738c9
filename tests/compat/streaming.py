"""Answers that come as streams."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import Any

from tests.compat.case import DONE, Result, Section, chat
from tests.compat.checks import fits, header, quiet, refuses, that
from tests.compat.fields import SENT
from tests.compat.setup import WORDS, chunks, refusing
from tests.fake_upstream import Seen, Wire, events

PREFIX = "tensorzero::model_name::dummy::"
GOOD = PREFIX + "good"
TEXT = "Wally, the golden retriever, wagged his tail excitedly as he devoured a slice of cheese"
TEXT += " pizza."
LONG_PAUSE_S = 16.0

streaming = Section("Streams")


def _one_event_a_line(result: Result) -> bool:
    blocks = result.text.split("\n\n")
    return blocks[-1] == "" and all(
        block.startswith("data: ") and "\n" not in block for block in blocks[:-1]
    )


def _first_in_order(result: Result) -> bool:
    """Whether the first chunk is the documented one, byte for byte but for ids and time."""
    pattern = (
        '{"id":"UUID","episode_id":"UUID","choices":[{"index":0,"finish_reason":null,'
        '"logprobs":null,"delta":{"role":"assistant","content":"Wally,"}}],"created":TIME,'
        '"model":"tensorzero::function_name::dummy::variant_name::v","system_fingerprint":"",'
        '"service_tier":null,"object":"chat.completion.chunk","usage":null}'
    )
    expression = re.escape(pattern).replace("UUID", "[0-9a-f-]{36}").replace("TIME", r"\d{10}")
    return re.fullmatch(expression, result.data[0]) is not None


async def pausing(seen: Seen, wire: Wire) -> None:
    """A stream with a long silence in the middle."""
    blocks = events(WORDS)
    await wire.head(200, {"content-type": "text/event-stream"})
    await wire.chunk(blocks[0])
    await asyncio.sleep(LONG_PAUSE_S)
    for block in blocks[1:]:
        await wire.chunk(block)
    await wire.end()


def _form() -> None:
    add = streaming.add
    line = "Server-sent events: one `data:` line and a blank line each"
    add(
        line,
        chat(GOOD, stream=True),
        header("content-type", "text/event-stream"),
        header("cache-control", "no-cache"),
        that("each event is one line", _one_event_a_line),
        that("the text is whole", lambda r: r.streamed == TEXT),
    )
    add(
        "The end is `data: [DONE]`",
        chat(GOOD, stream=True),
        that("it is last, and once", lambda r: r.data.index(DONE) == len(r.data) - 1),
    )
    add(
        "A comment every 15 s keeps a silent stream alive",
        chat(SENT, stream=True),
        that("there is one", lambda r: re.search("^:", r.text, re.M)),
        that("the text is whole", lambda r: r.streamed == "".join(WORDS)),
        provider=pausing,
        long=True,
    )
    add(
        "The members of a chunk come in TensorZero's order",
        chat("tensorzero::function_name::dummy", stream=True),
        that("the first chunk is as documented", _first_in_order),
        that(
            "ids stay the same",
            lambda r: len({(c["id"], c["episode_id"], c["model"]) for c in r.chunks}) == 1,
        ),
    )
    line = "`delta.role` stands in the first chunk only"
    for model in (GOOD, PREFIX + "tool", SENT):
        add(
            line,
            chat(model, stream=True),
            that("only there", lambda r: ["role" in d for d in r.deltas].index(True) == 0),
            that("once", lambda r: sum("role" in delta for delta in r.deltas) == 1),
        )
    line = "`delta.content` only in chunks with text"
    add(
        line,
        chat(PREFIX + "tool", stream=True),
        that("there is none", lambda r: not any("content" in delta for delta in r.deltas)),
    )
    add(
        line,
        chat(GOOD, stream=True),
        that(
            "all but the last",
            lambda r: ["content" in d for d in r.deltas] == [True] * 16 + [False],
        ),
    )
    line = "`delta.tool_calls` and `delta.tensorzero_extra_content` only where there are any"
    add(
        line,
        chat(GOOD, stream=True),
        that(
            "none",
            lambda r: not any(d.keys() - {"role", "content"} for d in r.deltas),
        ),
    )
    add(
        "Chunks of a JSON function always have `delta.content`",
        chat("tensorzero::function_name::dummy_json", stream=True),
        that("all have it", lambda r: all("content" in delta for delta in r.deltas)),
        that("it is the raw output", lambda r: r.streamed == '{"name":"John","age":30}'),
    )


def _tool_deltas(result: Result) -> list[Any]:
    return [call for delta in result.deltas for call in delta.get("tool_calls", ())]


def _thoughts(result: Result) -> list[object]:
    return [extra for delta in result.deltas for extra in delta.get("tensorzero_extra_content", ())]


def _call(number: int, ident: str | None, name: str, arguments: str) -> dict[str, object]:
    function = {"name": name, "arguments": arguments}
    return {"id": ident, "index": number, "type": "function", "function": function}


def _upstream_call(
    number: int, ident: str | None, name: str | None, arguments: str
) -> dict[str, Any]:
    function = {"arguments": arguments} | ({} if name is None else {"name": name})
    call: dict[str, Any] = {"index": number, "function": function}
    if ident is not None:
        call |= {"id": ident, "type": "function"}
    return {"delta": {"tool_calls": [call]}, "finish_reason": None}


def _deltas() -> None:
    add = streaming.add
    line = "A tool call has its id on its first chunk, null afterwards, and parts of its name"
    parts = ('{"location"', ':"Brooklyn"', '","units"', ':"celsius', '"}')
    wanted = [
        _call(0, None if number else "0", "" if number else "get_temperature", part)
        for number, part in enumerate(parts)
    ]
    add(
        line,
        chat(PREFIX + "tool", stream=True),
        that("as documented", lambda r: _tool_deltas(r) == wanted),
    )
    add(
        line,
        chat(PREFIX + "tool_split_name", stream=True),
        that(
            "the name comes in parts",
            lambda r: (
                [c["function"]["name"] for c in _tool_deltas(r)][:3] == ["get_temp", "erature", ""]
            ),
        ),
    )
    script = chunks(
        _upstream_call(0, "a", "one", ""),
        _upstream_call(0, None, None, "{}"),
        _upstream_call(1, "b", "two", ""),
        _upstream_call(1, None, None, "{}"),
        {"delta": {}, "finish_reason": "tool_calls"},
    )
    several = [
        *(_call(0, "a", "one", ""), _call(0, None, "", "{}")),
        *(_call(1, "b", "two", ""), _call(1, None, "", "{}")),
    ]
    add(
        "The `index` of a tool call counts the calls",
        chat(SENT, stream=True),
        that("as documented", lambda r: _tool_deltas(r) == several),
        provider=script,
    )
    line = "Thoughts come as `tensorzero_extra_content`, with the place of their block"
    hmmm = {"type": "thought", "insert_index": 0, "id": "0", "text": "hmmm"}
    add(
        line,
        chat(PREFIX + "reasoner", stream=True),
        that("as documented", lambda r: fits(_thoughts(r), [hmmm, hmmm])),
        that("the text follows", lambda r: r.streamed == TEXT),
    )
    late = chunks(
        {"delta": {"content": "Hello"}, "finish_reason": None},
        {"delta": {"reasoning_content": "hm"}, "finish_reason": None},
        {"delta": {"reasoning_content": "hm"}, "finish_reason": None},
        {"delta": {}, "finish_reason": "stop"},
    )
    after = {"type": "thought", "insert_index": 1, "text": "hm"}
    add(
        line,
        chat(SENT, stream=True),
        that("behind the text", lambda r: fits(_thoughts(r), [after, after])),
        provider=late,
    )


def _ends() -> None:
    add = streaming.add
    asked = {"stream_options": {"include_usage": True}}
    line = "One last chunk has `finish_reason`, an empty delta, and the usage if it was asked for"
    for model, reason in ((GOOD, "stop"), (PREFIX + "tool", "tool_calls"), (SENT, "stop")):
        add(
            line,
            chat(model, stream=True, **asked),
            that("its reason", _ends_with(reason)),
            that("its delta is empty", lambda r: r.deltas[-1] == {}),
            that("it has the usage", lambda r: r.chunks[-1]["usage"]["total_tokens"]),
            that(
                "others have neither",
                lambda r: (
                    not any(
                        chunk["usage"] or chunk["choices"][0]["finish_reason"]
                        for chunk in r.chunks[:-1]
                    )
                ),
            ),
        )
    add(
        "There is no chunk without `choices`",
        chat(SENT, stream=True, **asked),
        that("each has one", lambda r: all(len(event["choices"]) == 1 for event in r.events)),
    )
    line = "`usage` is null unless `include_usage` or `tensorzero::include_raw_usage` is true"
    none = that("null throughout", lambda r: all(c["usage"] is None for c in r.chunks))
    add(line, chat(GOOD, stream=True), none)
    add(line, chat(GOOD, stream=True, stream_options={"include_usage": False}), none)
    counts = {"prompt_tokens": 10, "completion_tokens": 16, "total_tokens": 26}
    usage = {**counts, "tensorzero_cost": None}
    counted = that("it is the usage", lambda r: r.chunks[-1]["usage"] == usage)
    add(line, chat(GOOD, stream=True, **asked), counted)
    add(line, chat(GOOD, stream=True, __include_raw_usage=True), counted)


def _ends_with(reason: str) -> Callable[[Result], bool]:
    return lambda result: bool(result.chunks[-1]["choices"][0]["finish_reason"] == reason)


def _raw() -> None:
    add = streaming.add
    line = "`tensorzero::include_raw_usage`: the entry comes with the provider's usage"
    entry = {"provider_type": "openai", "api_type": "chat_completions"}
    add(
        line,
        chat(SENT, stream=True, __include_raw_usage=True),
        that(
            "one chunk has it",
            lambda r: fits(
                [c["tensorzero_raw_usage"] for c in r.chunks if "tensorzero_raw_usage" in c],
                [[entry]],
            ),
        ),
        that("not the last", lambda r: "tensorzero_raw_usage" not in r.chunks[-1]),
    )
    add(
        "`tensorzero::include_raw_usage` together with `include_usage` false is refused",
        chat(GOOD, stream=True, stream_options={"include_usage": False}, __include_raw_usage=True),
        refuses(
            "`tensorzero::include_raw_usage` requires `stream_options.include_usage` to be true "
            "(or omitted) for streaming requests"
        ),
        quiet,
        status=400,
    )
    line = "`tensorzero::include_raw_response`: each chunk with the provider's own text of it"
    add(
        line,
        chat(GOOD, stream=True, __include_raw_response=True),
        that(
            "they are the provider's",
            lambda r: [c.get("tensorzero_raw_chunk") for c in r.chunks][:2] == ["Wally,", " the"],
        ),
    )
    add(
        line,
        chat(SENT, stream=True, __include_raw_response=True),
        that(
            "chunks without content come, too",
            lambda r: sum("tensorzero_raw_chunk" in c for c in r.chunks) == len(WORDS) + 2,
        ),
    )
    failed = [{"data": "dummy error raw response"}]
    add(
        "`tensorzero::include_raw_response`: bodies of failed attempts in a first chunk",
        chat("tensorzero::model_name::fallback", stream=True, __include_raw_response=True),
        that("they are there", lambda r: fits(r.chunks[0]["tensorzero_raw_response"], failed)),
    )
    add(
        "`tensorzero::include_original_response`: the same as `tensorzero_original_chunk`",
        chat(GOOD, stream=True, __include_original_response=True),
        that(
            "they are the provider's",
            lambda r: (
                [c.get("tensorzero_original_chunk") for c in r.chunks][:2] == ["Wally,", " the"]
            ),
        ),
    )


def _several() -> None:
    streaming.add(
        "Raw usage and raw responses of earlier model calls of one answer in a first chunk",
        chat("tensorzero::function_name::best", stream=True, __include_raw_response=True),
        that("of all three", lambda r: len(r.chunks[0]["tensorzero_raw_response"]) == 3),
    )


def _errors() -> None:
    add = streaming.add
    line = "An error in the middle is one event; the stream goes on to its end"
    failing = PREFIX + "err_in_stream"
    add(
        line,
        chat(failing, stream=True),
        that(
            "one event, in its place",
            lambda r: [n for n, e in enumerate(r.events) if "error" in e] == [3],
        ),
        that("it says why", lambda r: "Dummy error in stream" in r.events[3]["error"]["message"]),
        that("the rest comes", lambda r: r.streamed == TEXT.replace(" retriever,", "")),
        that("the end comes", lambda r: r.data[-1] == DONE and r.deltas[-1] == {}),
    )
    add(
        "An error in the middle has `tensorzero_raw_chunk` if raw responses were asked for",
        chat(failing + "_with_raw_response", stream=True, __include_raw_response=True),
        that(
            "it is there",
            lambda r: (
                [e.get("tensorzero_raw_chunk") for e in r.events if "error" in e]
                == ['{"error": "dummy client raw response"}']
            ),
        ),
    )
    add(
        "A fatal error ends the answer: its event is the last",
        chat(PREFIX + "fatal_stream_error", stream=True),
        that("what came, came", lambda r: r.streamed == "Wally, the"),
        that("it says why", lambda r: "Dummy fatal error" in r.events[-1]["error"]["message"]),
        that("nothing follows", lambda r: len(r.data) == 3),
        cut=True,
        differs="the connection breaks off behind it, so that nothing looks whole",
    )
    line = "A failure before the first chunk is an ordinary error, no stream"
    add(
        line,
        chat(PREFIX + "error", stream=True),
        header("content-type", "application/json"),
        that("it is an error", lambda r: "Error sending request to Dummy provider" in r.error),
        status=502,
    )
    add(
        line,
        chat(SENT, stream=True),
        that("it says why", lambda r: "too much" in r.error),
        provider=refusing(429, "too much"),
        status=502,
    )


_form()
_deltas()
_ends()
_raw()
_several()
_errors()

"""Blocks of nothing but text take a short way; what is sent and kept is the same by both ways."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.services.infer_call import Outlet
from proxy.types.content import Text
from proxy.wire.chat_completions.stream import StreamDecoder
from tests.fake_upstream import split
from tests.neutral_streams import Played, envelope, native, play, relay, served

OUTLETS: dict[str, Callable[[], Outlet]] = {
    "envelope": envelope,
    "envelope of a JSON function": lambda: envelope(served("json")),
    "envelope with texts for tools": lambda: envelope(served(tool_as_text=True)),
    "envelope with usage": lambda: envelope(stream_options={"include_usage": True}),
    "envelope with raw chunks": lambda: envelope(**{"tensorzero::include_raw_response": True}),
    "envelope with original chunks": lambda: envelope(
        **{"tensorzero::include_original_response": True}
    ),
    "native": native,
    "native of a JSON function": lambda: native(served("json")),
    "native with raw chunks": lambda: native(include_raw_response=True),
    "native with raw usage": lambda: native(include_raw_usage=True),
    "relay": relay,
}
DONE = b"data: [DONE]\n\n"


def body(delta: object, finish: str | None = None, **members: object) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
    kind = "chat.completion.chunk"
    return {"id": "c1", "object": kind, "created": 5, "choices": [choice], **members}


def event(value: object, *, spaced: bool = False, escaped: bool = False) -> bytes:
    separators = None if spaced else (",", ":")
    said = json.dumps(value, separators=separators, ensure_ascii=escaped)
    return b"data: %b\n\n" % said.encode("utf-8", "surrogatepass")


def said(text: str, **members: object) -> bytes:
    return event(body({"content": text}, **members))


FIRST = event(body({"role": "assistant", "content": ""}))
LAST = event(body({}, "stop")) + DONE
TEXTS = [said(text) for text in (" a", "b\n", '"c"', "d\\", "\u00e9\u20ac\U0001f600", "%b", "\0")]

BETWEEN: dict[str, bytes] = {
    "nothing": b"",
    "a comment": b": waiting\n\n",
    "a comment without a blank line": b": waiting\n",
    "a blank line": b"\n",
    "an event with a name": b"event: message\n" + said("named"),
    "an event with an id": b"id: 1\n" + said("numbered"),
    "an error's event": b'event: error\ndata: {"message":"x","code":429}\n\n',
    "a text in an error's event": b"event: error\n" + said("x"),
    "an error": event({"error": {"message": "x", "code": 429}}),
    "an object that calls itself an error": said("x", object="error"),
    "an object that calls itself otherwise": said("x", object="thing"),
    "a null error beside a text": said("x", error=None),
    "line ends of CRLF": said("x").replace(b"\n", b"\r\n"),
    "a CR inside": b"data: {\r" + said("x")[7:],
    "a LF inside": b"data: {\n" + said("x")[7:],
    "two lines of data": b'data: {"choices":\ndata: []}\n\n',
    "no space": b"data:" + said("x")[6:],
    "two spaces": b"data:  " + said("x")[6:],
    "two events in one line": said("x")[:-2] + said("y"),
    "an empty text": said(""),
    "no text": event(body({})),
    "a null text": event(body({"content": None})),
    "a text that stands twice": said("c1"),
    "a text with escapes": event(body({"content": "\u00e9"}), escaped=True),
    "a half of a character": event(body({"content": "\ud83d"}), escaped=True),
    "bytes that are no text": said("x").replace(b'"x"', b'"\xff"'),
    "a character of control": said("x").replace(b'"x"', b'"\x01"'),
    "the word that ends a stream": said("data: [DONE]"),
    "usage": event(body({"content": "x"}) | {"usage": {"prompt_tokens": 1}}),
    "usage alone": event({"id": "c1", "created": 5, "choices": [], "usage": {"total_tokens": 1}}),
    "a reason": event(body({"content": "x"}, "length")),
    "an odd reason": event(body({"content": "x"}, "")),
    "another id": said("x", id="c2"),
    "no id": said("x", id=None),
    "no time": said("x", created=None),
    "another time": said("x", created=6),
    "a tier": said("x", service_tier="flex"),
    "a thought": event(body({"reasoning_content": "hm"})),
    "a thought beside a text": event(body({"content": "x", "reasoning_content": "hm"})),
    "a tool": event(body({"tool_calls": [{"index": 0, "id": "a", "function": {"name": "f"}}]})),
    "a refusal": event(body({"refusal": "no"})),
    "log probabilities": event(body({"content": "x"})).replace(
        b'"logprobs":null', b'"logprobs":{"content":[{"token":"x","logprob":-1}]}'
    ),
    "another choice": said("x").replace(b'"index":0', b'"index":1'),
    "two choices": event(body({}) | {"choices": body({"content": "x"})["choices"] * 2}),
    "an unknown member": said("x", mood="good"),
    "padding": said("x", obfuscation="abc"),
    "members spaced": event(body({"content": "x"}), spaced=True),
    "a member twice": said("x").replace(b'"content":"x"', b'"content":"w","content":"x"'),
    "no JSON": b"data: nonsense\n\n",
    "no object": b'data: "x"\n\n',
    "no data": b"data: \n\n",
    "the end": DONE,
    "the end without its blank line": b"data: [DONE]\n",
}


def ways(blocks: Sequence[bytes], outlet: Callable[[], Outlet], **more: int) -> tuple[Played, Any]:
    return play(blocks, outlet(), **more), play(blocks, outlet(), complete=True, **more)


def cuttings(events: Sequence[bytes]) -> list[list[bytes]]:
    """An event a block; all in one; some together; and cut inside of them."""
    whole = b"".join(events)
    together = [b"".join(events[at : at + 3]) for at in range(0, len(events), 3)]
    behind = split(whole, [sum(map(len, events[:at])) + 1 for at in range(1, len(events))])
    before = split(whole, [sum(map(len, events[:at])) - 1 for at in range(1, len(events))])
    inside = split(whole, [len(events[0]) + len(events[1]) // 2])
    return [list(events), [whole], together, behind, before, inside]


@pytest.mark.parametrize("outlet", [envelope, lambda: envelope(served("json")), native])
@pytest.mark.parametrize("between", BETWEEN.values(), ids=BETWEEN.keys())
def test_both_ways_are_the_same(between: bytes, outlet: Callable[[], Outlet]) -> None:
    for events in (
        [FIRST, *TEXTS, between, *TEXTS, LAST],
        [FIRST, between, *TEXTS, LAST],
        [between, TEXTS[0], TEXTS[1], between, between, TEXTS[2], TEXTS[3]],
    ):
        for blocks in cuttings([each for each in events if each]):
            short, complete = ways(blocks, outlet)
            assert short == complete, blocks


PADDED = [said(text, obfuscation="x" * size) for size, text in enumerate("padded by the server", 1)]
TIERED = [said(text, service_tier="default") for text in "abcdef"]
PLAIN = [said(text) for text in "abcdefgh"]


@pytest.mark.parametrize("outlet", ["envelope", "envelope of a JSON function", "native"])
@pytest.mark.parametrize("texts", [PADDED, TIERED, PLAIN], ids=["padded", "tiered", "plain"])
def test_texts_take_the_short_way(texts: list[bytes], outlet: str) -> None:
    blocks = [texts[0], *texts, LAST]
    short, complete = ways(blocks, OUTLETS[outlet])
    assert short == complete
    assert (short.fed, complete.fed) == (3 if "JSON" in outlet else 2, len(blocks))
    assert len(short.gaps) == len(blocks) - 1


def test_the_last_tier_that_was_told_is_kept() -> None:
    blocks = [*TIERED, said("g", service_tier="flex"), TIERED[0], TIERED[1]]
    short, complete = ways(blocks, envelope)
    assert short == complete
    assert short.answer is not None and short.answer.service_tier == "default"


def test_an_id_and_a_time_that_come_late_are_kept() -> None:
    nameless = [said(text, id=None, created=None) for text in "abc"]
    for late in ({"id": "c1", "created": None}, {"id": None, "created": 5}, {}):
        short, complete = ways([*nameless, said("d", **late), *PLAIN], envelope)
        assert short == complete
        assert short.answer is not None
        assert (short.answer.id, short.answer.created) == ("c1", 5)


def test_texts_that_come_together_are_sent_in_one_write() -> None:
    blocks = [FIRST, b"".join(PLAIN), b"".join(PLAIN), LAST]
    short, complete = ways(blocks, envelope)
    assert short == complete and short.fed == 2
    assert [len(each) for each in short.writes[:3]] == [1, 1, 1]
    assert short.writes[1][0].count(b"\n\n") == len(PLAIN)
    assert short.answer is not None and short.answer.blocks == (Text("abcdefgh" * 2),)
    assert short.raw_chunks[2] == PLAIN[1][6:-2].decode()


@pytest.mark.parametrize("outlet", ["relay", "envelope with raw chunks", "native with raw chunks"])
def test_who_shows_more_than_the_text_is_given_whole_chunks(outlet: str) -> None:
    blocks = [FIRST, *PLAIN, LAST]
    assert play(blocks, OUTLETS[outlet]()).fed == len(blocks)


def test_an_answer_beyond_all_measure_is_given_up_at_the_same_byte() -> None:
    blocks = [FIRST, *PLAIN * 50, LAST]
    short, complete = ways(blocks, envelope, answer_limit=2000)
    assert short == complete
    assert "2000 bytes" in short.error and len(short.writes) < 20


def test_an_event_beyond_the_bound_is_no_text() -> None:
    long = said("x" * 1000)
    blocks = [FIRST, *PLAIN, long, *PLAIN, LAST]
    readers = [StreamDecoder(800, tell_damage=True) for _ in range(2)]
    short = play(blocks, envelope(), readers[0])
    assert short == play(blocks, envelope(), readers[1], complete=True)
    assert readers[0].damaged and b"xxx" not in short.sent
    assert len(short.raw_chunks) == len(blocks) - 1


def test_thoughts_in_tags_are_read_by_the_complete_way() -> None:
    blocks = [said("<think>"), *PLAIN, said("</think>"), *PLAIN, LAST]
    short = play(blocks, envelope(), StreamDecoder(think_tags=True))
    assert short == play(blocks, envelope(), StreamDecoder(think_tags=True), complete=True)
    assert short.fed == len(blocks)


ODD = st.sampled_from([FIRST, LAST, *BETWEEN.values()])
CONTENT = st.text(st.characters(exclude_categories=("Cs",)), max_size=5) | st.sampled_from(
    ['"', "\\", "\n", "\r", "\u2028", "c1", "content", "}}]}"]
)
SAID = st.one_of(
    st.builds(said, CONTENT),
    st.builds(said, CONTENT, obfuscation=CONTENT),
    st.builds(said, CONTENT, created=st.sampled_from([5, 6])),
    st.builds(lambda text: event(body({"content": text}), escaped=True), CONTENT),
)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(SAID | SAID | SAID | ODD, min_size=1, max_size=20),
    st.sampled_from(["events", "bytes", "groups"]),
    st.sampled_from(list(OUTLETS)),
    st.data(),
)
def test_both_ways_are_the_same_for_any_stream(
    events: list[bytes], cut: str, outlet: str, data: st.DataObject
) -> None:
    whole = b"".join(events)
    if cut == "bytes":
        blocks = split(whole, data.draw(st.lists(st.integers(0, len(whole)), max_size=8)))
    elif cut == "groups":
        blocks = [b"".join(events[at : at + 2]) for at in range(0, len(events), 2)]
    else:
        blocks = events
    short, complete = ways(blocks, OUTLETS[outlet])
    assert short == complete

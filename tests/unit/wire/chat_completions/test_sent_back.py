"""What a client is given of another protocol's answer, and sends back, is what was said there."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from openai._models import construct_type
from openai.lib.streaming.chat import ChatCompletionStreamState
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from proxy.types.content import Block, Text, Thought, ToolCall, Unknown
from proxy.types.response import Answer, Chunk, Delta, ThoughtDelta, as_delta
from proxy.wire.chat_completions.encode_stream import NOBODY, Author, StreamEncoder
from proxy.wire.chat_completions.extra import raw_object
from proxy.wire.chat_completions.request import decode_input
from proxy.wire.chat_completions.response import encode_response
from proxy.wire.members import object_members

SEARCH = Unknown(b'{"type":"server_tool_use","id":"s1"}', "m", "p")
FOUND = Unknown(b'{"type":"web_search_tool_result","n":1.5}')
CALL, OTHER = ToolCall("c1", "f", '{"a":1}'), ToolCall("c2", "g", "{}")

ANSWERS: dict[str, tuple[Block, ...]] = {
    "a text": (Text("hi"),),
    "a signed thought": (Thought("hm", "sig", provider_type="x"), Text("hi")),
    "a hidden thought": (Thought(None, "secret"), Text("hi")),
    "several thoughts": (Thought("a"), Thought("b", "s"), Thought("c"), Text("hi"), CALL),
    "a thought that only signs a call": (Text("hi"), CALL, Thought(None, "sig"), OTHER),
    "signed calls from the beginning": (Thought(None, "1"), CALL, Thought(None, "2"), OTHER),
    "thinking between text and call": (Thought("a", "1"), Text("hi"), Thought("b", "2"), CALL),
    "a summary": (
        Thought(None, "enc", b'[{"type":"summary_text","text":"s"}]', "x", b'{"id":"rs_1"}'),
        Text("hi"),
    ),
    "data that is no object": (Thought("a", extra_data=b"[1,2]"), Text("hi")),
    "an entry of its own format": (
        Thought("a", "s", extra_data=b'{"format":"v1","index":0}'),
        Text("hi"),
    ),
    "hidden data of its own format": (
        Thought(None, "d", extra_data=b'{"format":"v1","index":0,"encrypted":true}'),
        Text("hi"),
    ),
    "unknown blocks in front, between and behind": (
        FOUND,
        Text("one "),
        SEARCH,
        FOUND,
        Text("two"),
        SEARCH,
        CALL,
        FOUND,
        OTHER,
    ),
    "unknown blocks alone": (SEARCH, FOUND),
    "a refusal": (Unknown(b'{"type":"refusal","refusal":"no"}'),),
    "a custom tool": (ToolCall("c", "f", "free text", b'{"type":"custom"}'),),
    "a call with more": (ToolCall("c", "f", "{}", b'{"extra_content":{"signature":"s"}}'),),
    "the older form of a call": (ToolCall("", "f", "{}", b'{"type":"function_call"}'),),
}


def given_back(message: dict[str, Any]) -> tuple[Block, ...]:
    sent = json.dumps([message], separators=(",", ":")).encode()
    (said,) = decode_input(sent).messages
    return tuple(map(without_index, said.content))


def without_index(block: Block) -> Block:
    """Clients that put a stream together leave a call its index."""
    if not isinstance(block, ToolCall) or block.extra is None:
        return block
    members = {key: raw for key, raw in object_members(block.extra).items() if key != "index"}
    return replace(block, extra=raw_object(members))


@pytest.mark.parametrize("blocks", ANSWERS.values(), ids=ANSWERS.keys())
def test_a_whole_answer_comes_back_as_it_was(blocks: tuple[Block, ...]) -> None:
    body = json.loads(encode_response(Answer("r", blocks, created=1), "demo"))
    ChatCompletion.model_validate(body, strict=True)
    assert given_back(body["choices"][0]["message"]) == blocks


STREAMED = {name: blocks for name, blocks in ANSWERS.items() if name != "a custom tool"}
"""The package cannot put custom tools together, not even OpenAI's own."""


@pytest.mark.parametrize("blocks", STREAMED.values(), ids=STREAMED.keys())
def test_a_streamed_answer_that_the_openai_package_put_together_comes_back(
    blocks: tuple[Block, ...],
) -> None:
    message = streamed([delta_of(number, block) for number, block in enumerate(blocks)])
    assert given_back(message) == tuple(map(unnamed, blocks))


def unnamed(block: Block) -> Block:
    """In a stream nobody has put the names of its author to an unknown block yet."""
    return Unknown(block.data) if isinstance(block, Unknown) else block


def delta_of(number: int, block: Block) -> Delta:
    delta = as_delta(str(number), block)
    if isinstance(block, Thought) and block.summary and isinstance(delta, ThoughtDelta):
        (part,) = json.loads(block.summary)
        return replace(delta, summary_id="0", summary_text=part["text"])
    return delta


def streamed(deltas: list[Delta], author: Author = NOBODY) -> dict[str, Any]:
    encoder = StreamEncoder("demo", response_id="r", created=1, author=author)
    body = b"".join(encoder.encode(Chunk((delta,))) for delta in deltas) + encoder.close()
    state: ChatCompletionStreamState[None] = ChatCompletionStreamState()
    for event in body.decode().split("\n\n")[:-2]:
        data = json.loads(event.removeprefix("data: "))
        state.handle_chunk(construct_type(type_=ChatCompletionChunk, value=data))
    shown: dict[str, Any] = state.get_final_completion().choices[0].message.to_dict()
    return shown


def test_what_only_its_author_understands_bears_its_name() -> None:
    blocks = (Thought("hm", "sig"), Text("hi"), Unknown(SEARCH.data))
    author = Author("type", "model", "provider")
    signed = Answer("r", blocks).signed_by(*author)
    body = json.loads(encode_response(signed, "demo"))
    assert given_back(body["choices"][0]["message"]) == signed.blocks
    message = streamed([delta_of(number, block) for number, block in enumerate(blocks)], author)
    assert given_back(message) == signed.blocks

"""What the record is told of a call."""

from __future__ import annotations

import json

import pytest

from proxy.errors import InvalidRequest
from proxy.wire.messages.decode import MessagesDecoder, decode_call

BODY = {
    "id": "msg_1",
    "content": [{"type": "text", "text": "hi"}],
    "stop_reason": "end_turn",
    "usage": {"input_tokens": 3, "output_tokens": 4},
}


def test_a_whole_answer_is_read() -> None:
    read = decode_call(False, [json.dumps(BODY).encode()])
    decoded = read.to_decoded()
    assert json.loads(decoded.output) == [{"type": "text", "text": "hi"}]
    assert (decoded.input_tokens, decoded.output_tokens) == (3, 4)
    assert (decoded.finish_reason, decoded.response_id, decoded.complete) == ("stop", "msg_1", True)


def test_an_answer_that_is_an_error_is_not_complete() -> None:
    read = decode_call(False, [b'{"type":"error","error":{"type":"api_error"}}'])
    assert (read.complete, read.error_status) == (False, 500)


def test_a_stream_is_read_in_the_blocks_in_which_it_came() -> None:
    events = [
        {"type": "message_start", "message": {"id": "msg_1", "usage": {"input_tokens": 3}}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": "h"}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "i"}},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {}},
        {"type": "message_stop"},
    ]
    body = "".join(f"data: {json.dumps(each)}\n\n" for each in events).encode()
    read = decode_call(True, [body[:70], body[70:]])
    assert read.complete
    assert json.loads(read.to_decoded().output) == [{"type": "text", "text": "hi"}]


def test_a_request_is_read_for_the_record() -> None:
    body = {
        "model": "m",
        "max_tokens": 5,
        "system": "be kind",
        "messages": [{"role": "user", "content": "hi"}],
        "tools": [{"name": "f", "description": "d", "input_schema": {"type": "object"}}],
        "tool_choice": {"type": "any", "disable_parallel_tool_use": True},
    }
    given = MessagesDecoder().decode_input("messages", json.dumps(body).encode())
    messages = [{"role": "user", "content": [{"type": "text", "text": "hi"}]}]
    assert json.loads(given.input) == {"system": "be kind", "messages": messages}
    assert (given.system, json.loads(given.messages)) == ("be kind", messages)
    assert json.loads(given.params) == {"chat_completion": {"max_tokens": 5}}
    assert json.loads(given.dynamic_tools)[0]["name"] == "f"
    assert json.loads(given.tool_choice) == "required"
    assert given.parallel_tool_calls is False


def test_a_request_of_another_kind_is_refused() -> None:
    with pytest.raises(InvalidRequest):
        MessagesDecoder().decode_input("messages", b"[]")

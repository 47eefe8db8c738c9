from __future__ import annotations

import orjson
import pytest

from proxy.errors import InvalidRequest
from proxy.wire.gemini.decode import GenerateContentDecoder, decode_call

PIECE = {
    "candidates": [{"content": {"parts": [{"text": "Hi"}]}, "finishReason": "STOP"}],
    "usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 1},
    "responseId": "r",
}
WHOLE = orjson.dumps(PIECE)
EVENTS = b"data: " + WHOLE + b"\r\n\r\n"
LIST = b"[" + WHOLE + b"\n]"


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("body", [WHOLE, EVENTS, LIST])
def test_a_recorded_answer_is_read_however_it_was_asked_for(body: bytes, stream: bool) -> None:
    decoded = decode_call(stream, [body[:9], body[9:]]).to_decoded()
    assert decoded.output == b'[{"type":"text","text":"Hi"}]'
    assert (decoded.input_tokens, decoded.output_tokens) == (3, 1)
    assert (decoded.finish_reason, decoded.response_id) == ("stop", "r")
    assert (decoded.complete, decoded.error) == (True, "")


def test_an_error_in_an_answer_is_no_complete_one() -> None:
    for stream in (True, False):
        read = decode_call(stream, [b'{"error": {"code": 503}}'])
        assert (read.complete, read.error_status) == (False, 503)


def test_what_came_before_the_damage_is_kept() -> None:
    read = decode_call(True, [LIST[:-2] + b"\n,\n{nonsense}]"])
    assert read.to_decoded().output == b'[{"type":"text","text":"Hi"}]'
    assert read.unread
    assert decode_call(False, [b"<html>"]).unread
    assert decode_call(True, [b""]).unread == ""


def test_a_request_is_read_for_the_record() -> None:
    body = {
        "contents": [{"role": "user", "parts": [{"text": "hi"}]}],
        "systemInstruction": {"parts": [{"text": "kind"}]},
        "tools": [{"functionDeclarations": [{"name": "f", "parameters": {"type": "OBJECT"}}]}],
        "toolConfig": {"functionCallingConfig": {"mode": "ANY"}},
        "generationConfig": {"temperature": 1},
    }
    decoded = GenerateContentDecoder().decode_input("", orjson.dumps(body))
    assert decoded.system == "kind"
    assert orjson.loads(decoded.params) == {"chat_completion": {"temperature": 1}}
    assert orjson.loads(decoded.dynamic_tools)[0]["parameters"] == {"type": "object"}
    assert decoded.tool_choice == b'"required"'
    with pytest.raises(InvalidRequest):
        GenerateContentDecoder().decode_input("", b"[]")

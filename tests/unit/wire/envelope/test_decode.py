"""What the record learns from a body of `/openai/v1`."""

from __future__ import annotations

import pytest

from proxy.errors import InvalidRequest
from proxy.wire.envelope.decode import decode_input

BODY = (
    b'{"model":"tensorzero::function_name::f","messages":['
    b'{"role":"user","content":"hi"},{"role":"system","content":"s"},'
    b'{"role":"assistant","tool_calls":[{"id":"1","type":"function",'
    b'"function":{"name":"w","arguments":"{}"}}]},'
    b'{"role":"tool","tool_call_id":"1","content":"70F"}],'
    b'"tools":[{"type":"function","function":{"name":"w","parameters":{"z": 1.0}}}],'
    b'"tool_choice":{"type":"function","function":{"name":"w"}},'
    b'"parallel_tool_calls":false,"temperature":0.70,'
    b'"tensorzero::params":{"chat_completion":{"seed":3}}}'
)


def test_a_body_is_recorded_in_the_native_form() -> None:
    decoded = decode_input(BODY)
    assert decoded.messages == (
        b'[{"role":"user","content":[{"type":"text","text":"hi"}]},'
        b'{"role":"assistant","content":'
        b'[{"type":"tool_call","id":"1","name":"w","arguments":"{}"}]},'
        b'{"role":"user","content":'
        b'[{"type":"tool_result","name":"w","result":"\\"70F\\"","id":"1"}]}]'
    )
    assert decoded.input == b'{"system":"s","messages":' + decoded.messages + b"}"
    assert decoded.system == "s"
    assert decoded.params == b'{"chat_completion":{"temperature":0.7,"seed":3}}'
    assert decoded.dynamic_tools == (
        b'[{"type":"function","name":"w","description":"","parameters":{"z": 1.0},"strict":false}]'
    )
    assert decoded.tool_choice == b'{"specific":"w"}'
    assert decoded.parallel_tool_calls is False


def test_arguments_of_a_system_template_are_recorded_as_they_came() -> None:
    decoded = decode_input(
        b'{"model":"tensorzero::function_name::f","messages":[{"role":"system","content":'
        b'[{"type":"tensorzero::template","name":"t","arguments":{"z": 1.0}}]}]}'
    )
    assert decoded.input == b'{"system":{"z": 1.0},"messages":[]}'
    assert decoded.system == '{"z": 1.0}'


def test_a_body_of_another_dialect_is_refused() -> None:
    with pytest.raises(InvalidRequest):
        decode_input(b'{"model":"gpt-4o","messages":[]}')

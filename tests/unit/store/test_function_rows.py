"""What functions make of answers becomes rows: outputs, tools, and each call of a model."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.store.clean import clean_json
from proxy.store.rows import RowMapper
from proxy.types.content import Text, Thought, blocks_to_json
from proxy.types.decoded import Decoded, DecodedInput, ReadOutput
from proxy.types.exchange import Exchange, InferenceDetails, ModelCall
from tests.copied import ReadMapped, read_mapped
from tests.unit.store.samples import ANSWER, a_model_call, an_exchange

RAW = b'{"raw":"{\\"b\\": 1.50}","parsed":{"b":1.50}}'
SCHEMA = b'{"type":"object","properties":{"b":{"type":"number"}},"$id":"x"}'
VECTORS = Decoded(b"[]", 4, 0, response_id="emb", usage_found=True, is_inference=False)


class ByAnswer:
    """Takes the answer for the text; what begins with `{"embedding` are vectors."""

    def decode_call(self, call: ModelCall) -> Decoded:
        body = b"".join(call.raw_response)
        if body.startswith(b"vectors"):
            return VECTORS
        output = blocks_to_json([Text(body.decode())])
        return Decoded(output, 3, 1, response_id=f"id of {body.decode()}", usage_found=True)

    def decode_input(self, endpoint: str, request_body: bytes) -> DecodedInput:
        text = request_body.decode()
        return DecodedInput(b'{"messages":[]}', f"system of {text}", b'["%s"]' % request_body)


class FixedReader:
    """Says what it is told to say, and remembers what it was asked."""

    def __init__(self, read: ReadOutput | Exception) -> None:
        self._read = read
        self.asked: list[bytes] = []

    def read(self, details: InferenceDetails, blocks_json: bytes) -> ReadOutput:
        self.asked.append(blocks_json)
        if isinstance(self._read, Exception):
            raise self._read
        return self._read


def a_call(answer: bytes, **changes: Any) -> ModelCall:
    return a_model_call(raw_response=[answer], **changes)


def mapped(exchange: Exchange, reader: FixedReader | None = None) -> ReadMapped:
    decoders = {"chat_completions": ByAnswer(), "embeddings": ByAnswer()}
    return read_mapped(RowMapper(decoders, reader=reader).map(exchange))


def of_a_function(kind: str = "json", **given: Any) -> InferenceDetails:
    return InferenceDetails(function_type=kind, **given)


def test_an_answer_of_a_json_function_goes_into_its_own_tables() -> None:
    details = of_a_function(output=RAW, output_schema=SCHEMA, auxiliary_content=b'[{"a":1}]')
    rows = mapped(an_exchange(details=details)).rows
    assert "chat_inferences" not in rows and "chat_inference_data" not in rows
    (data,) = rows["json_inference_data"]
    assert data["output"] == RAW.decode() and data["output_schema"] == SCHEMA.decode()
    assert data["auxiliary_content"] == '[{"a":1}]'
    (metadata,) = rows["json_inferences"]
    assert metadata["id"] == data["id"] and metadata["output_complete"] is True


def test_a_json_function_without_a_schema_has_one_that_asks_nothing() -> None:
    (data,) = mapped(an_exchange(details=of_a_function(output=RAW))).rows["json_inference_data"]
    assert data["output_schema"] == "{}"


def test_what_a_call_said_of_tools_fills_their_columns() -> None:
    details = of_a_function(
        "chat",
        output=b"[]",
        extra_body=b'[{"pointer":"/a","value":1.0}]',
        dynamic_tools=b'[{"type":"function","name":"T"}]',
        dynamic_provider_tools=b'[{"tool":{"type":"x"}}]',
        allowed_tools=b'{"tools":["T"],"choice":"explicit"}',
        tool_choice=b'{"specific":"T"}',
        parallel_tool_calls=False,
    )
    (data,) = mapped(an_exchange(details=details)).rows["chat_inference_data"]
    assert data["extra_body"] == '[{"pointer":"/a","value":1.0}]'
    assert data["dynamic_tools"] == '[{"type":"function","name":"T"}]'
    assert data["dynamic_provider_tools"] == '[{"tool":{"type":"x"}}]'
    assert data["allowed_tools"] == '{"tools":["T"],"choice":"explicit"}'
    assert data["tool_choice"] == '{"specific":"T"}' and data["parallel_tool_calls"] is False


@pytest.mark.parametrize("details", [None, of_a_function("chat", output=b"[]")])
def test_an_inference_without_tools_allows_none(details: InferenceDetails | None) -> None:
    (data,) = mapped(an_exchange(details=details)).rows["chat_inference_data"]
    assert data["allowed_tools"] is None and data["tool_choice"] is None
    assert data["dynamic_tools"] == data["dynamic_provider_tools"] == data["extra_body"] == "[]"


def test_an_output_that_did_not_come_along_is_read_from_the_last_answer() -> None:
    reader = FixedReader(ReadOutput(RAW, b'[{"type":"thought"}]'))
    calls = [a_call(b"first"), a_call(b"second")]
    exchange = an_exchange(details=of_a_function(output_schema=SCHEMA), model_calls=calls)
    (data,) = mapped(exchange, reader).rows["json_inference_data"]
    assert reader.asked == [blocks_to_json([Text("second")])]
    assert data["output"] == RAW.decode()
    assert data["auxiliary_content"] == '[{"type":"thought"}]'


def test_calls_of_tools_are_read_by_the_tools_that_were_offered() -> None:
    reader = FixedReader(ReadOutput(b'[{"type":"tool_call"}]'))
    details = of_a_function("chat", tools=b'[{"name":"T","parameters":{}}]')
    (data,) = mapped(an_exchange(details=details), reader).rows["chat_inference_data"]
    assert data["output"] == '[{"type":"tool_call"}]'


def test_a_chat_without_tools_needs_no_reading() -> None:
    reader = FixedReader(ValueError())
    details = of_a_function("chat", extra_body=b'[{"pointer":"/a","delete":true}]')
    result = mapped(an_exchange(details=details), reader)
    output = blocks_to_json([Text(ANSWER.decode())]).decode()
    assert result.rows["chat_inference_data"][0]["output"] == output
    assert not reader.asked and not result.decode_failures


@pytest.mark.parametrize("reader", [None, FixedReader(ValueError("no"))])
def test_what_cannot_be_read_is_kept_beside_the_output(reader: FixedReader | None) -> None:
    result = mapped(an_exchange(details=of_a_function()), reader)
    (data,) = result.rows["json_inference_data"]
    assert data["output"] == '{"raw":null,"parsed":null}'
    assert data["auxiliary_content"] == blocks_to_json([Text(ANSWER.decode())]).decode()
    assert result.decode_failures == (reader is not None)


def test_every_call_of_a_model_has_its_rows_in_their_order() -> None:
    calls = [
        a_call(b"vectors", wire="embeddings", model_name="e", raw_request=b"asked for vectors"),
        a_call(b"one", raw_request=b"asked one", cost="0.000138"),
        a_call(b"two", raw_request=b"asked two", model_name="judge"),
    ]
    details = of_a_function("chat", output=blocks_to_json([Text("one")]))
    seen: list[str] = []
    decoders = {"chat_completions": ByAnswer(), "embeddings": ByAnswer()}
    mapper = RowMapper(decoders, lambda call, decoded: seen.append(call.model_name))
    rows = read_mapped(mapper.map(an_exchange(details=details, model_calls=calls))).rows
    assert [row["id"] for row in rows["model_inferences"]] == [UUID(bytes=c.id) for c in calls]
    assert [row["model_name"] for row in rows["model_inferences"]] == ["e", "m", "judge"] == seen
    assert [row["cost"] for row in rows["model_inferences"]] == [None, Decimal("0.000138"), None]
    assert [row["input_tokens"] for row in rows["model_inferences"]] == [4, 3, 3]
    told = [(row["raw_request"], row["system"]) for row in rows["model_inference_data"]]
    assert told == [(t, f"system of {t}") for t in ("asked for vectors", "asked one", "asked two")]
    assert [row["raw_response"] for row in rows["model_inference_data"]] == [
        "vectors",
        "one",
        "two",
    ]
    assert rows["chat_inference_data"][0]["output"] == '[{"type":"text","text":"one"}]'


def test_vectors_asked_for_on_the_way_are_not_the_answer() -> None:
    vectors = a_call(b"vectors", wire="embeddings")
    exchange = an_exchange(model_calls=[a_call(b"answer"), vectors])
    rows = mapped(exchange).rows
    output = blocks_to_json([Text("answer")]).decode()
    assert rows["chat_inference_data"][0]["output"] == output
    assert rows["exchanges"][0]["provider_response_id"] == "id of answer"
    assert rows["model_inference_data"][1]["output"] == "[]"
    assert set(mapped(an_exchange(model_calls=[vectors])).rows) == {"exchanges"}


def test_tokens_are_known_when_every_call_told_them() -> None:
    silent = a_model_call(wire="neutral", output=b'[{"type":"text","text":"x"}]')
    rows = mapped(an_exchange(model_calls=[a_call(b"one"), silent])).rows
    assert rows["exchanges"][0]["usage_source"] == "none"
    rows = mapped(an_exchange(model_calls=[a_call(b"one"), a_call(b"two")])).rows
    assert rows["exchanges"][0]["usage_source"] == "provider"


def test_what_a_call_says_it_was_told_wins_over_its_request() -> None:
    told = a_call(b"x", raw_request=b"other", system="S\x00", input_messages=b'[{"role":"user"}]')
    (data,) = mapped(an_exchange(model_calls=[told])).rows["model_inference_data"]
    assert (data["system"], data["input_messages"]) == ("S\ufffd", '[{"role":"user"}]')
    without = a_call(b"x", raw_request=b"other", input_messages=b"[]")
    (data,) = mapped(an_exchange(model_calls=[without])).rows["model_inference_data"]
    assert (data["system"], data["input_messages"]) == (None, "[]")
    system = a_call(b"x", raw_request=b"other", system="S")
    (data,) = mapped(an_exchange(model_calls=[system])).rows["model_inference_data"]
    assert (data["system"], data["input_messages"]) == ("S", '["other"]')


def test_an_output_that_came_along_is_whole_unless_the_call_was_cut() -> None:
    judge = a_model_call(wire="unknown")
    details = of_a_function(output=RAW)
    exchange = an_exchange(details=details, model_calls=[a_call(b"x"), judge])
    assert mapped(exchange).rows["json_inferences"][0]["output_complete"] is True
    cut = an_exchange(details=details, end_reason="upstream_cut")
    assert mapped(cut).rows["json_inferences"][0]["output_complete"] is False


@pytest.mark.parametrize(
    ("cost", "stored"),
    [
        ("", None),
        ("0", Decimal(0)),
        ("1.5e-5", Decimal("0.000015")),
        ("-1", Decimal(-1)),
        ("NaN", None),
        ("much", None),
        ("1e11", None),
    ],
)
def test_a_cost_that_the_column_cannot_hold_is_not_known(cost: str, stored: object) -> None:
    rows = mapped(an_exchange(model_calls=[a_call(b"x", cost=cost)])).rows
    assert rows["model_inferences"][0]["cost"] == stored


def test_what_nobody_can_read_out_of_json_is_replaced_in_all_that_a_function_says() -> None:
    bad = rb'["\u0000 \ud83d\ude00 \ud800 \udc00 \\u0000 \n 1.0"]'
    good = r'["\ufffd \ud83d\ude00 \ufffd \ufffd \\u0000 \n 1.0"]'
    json = of_a_function(
        output=bad, auxiliary_content=bad, output_schema=bad, extra_body=bad + b"\x00\xff"
    )
    (data,) = mapped(an_exchange(details=json)).rows["json_inference_data"]
    assert {data[name] for name in ("output", "auxiliary_content", "output_schema")} == {good}
    assert data["extra_body"] == good + "\ufffd\ufffd"
    names = ("dynamic_tools", "dynamic_provider_tools", "allowed_tools", "tool_choice")
    chat = of_a_function("chat", output=bad, **dict.fromkeys(names, bad))
    (data,) = mapped(an_exchange(details=chat)).rows["chat_inference_data"]
    assert {data[name] for name in ("output", *names)} == {good}


@given(st.lists(st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]))))
def test_clean_json_of_clean_text_stays_as_it_is(texts: list[str]) -> None:
    raw = blocks_to_json([*map(Text, texts), Thought(None)])
    assert clean_json(raw) == raw.decode()


def test_calls_of_a_strategy_that_came_to_nothing_are_stored_without_an_inference() -> None:
    calls = [a_call(b"one", raw_request=b"to one"), a_call(b"two", raw_request=b"to two")]
    exchange = an_exchange(
        model_calls=calls,
        came_to_answer=False,
        end_reason="client_disconnected",
        status=0,
        variant_served="",
        response_body=[b"two"],
    )
    rows = mapped(exchange).rows
    assert set(rows) == {"exchanges", "model_inferences", "model_inference_data"}
    assert [row["raw_request"] for row in rows["model_inference_data"]] == ["to one", "to two"]
    assert [row["raw_response"] for row in rows["model_inference_data"]] == ["one", "two"]
    assert [row["input_tokens"] for row in rows["model_inferences"]] == [3, 3]
    assert rows["exchanges"][0]["request_body"] == exchange.request_body
    nothing = mapped(an_exchange(model_calls=[], came_to_answer=False)).rows
    assert set(nothing) == {"exchanges"}

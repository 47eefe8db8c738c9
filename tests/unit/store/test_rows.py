"""Exchanges become rows; every body stands in exactly one place, to the byte."""

from __future__ import annotations

import base64
from typing import Any
from unittest.mock import patch
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.store.bodies import (
    BINARY_PREFIX,
    only_renamed,
    place_bodies,
    same_but_for_model,
)
from proxy.store.clean import clean_text, without_surrogates
from proxy.store.exchange_rows import DEFAULT_FUNCTION
from proxy.store.rows import Mapped, RowMapper
from proxy.store.tables import COLUMNS
from proxy.types.content import Text, blocks_to_json
from proxy.types.decoded import Decoded, DecodedInput
from proxy.types.edits import apply_edits
from proxy.types.exchange import Exchange, InferenceDetails, ModelCall
from proxy.types.ids import id_time
from tests.copied import ReadMapped, read_mapped
from tests.unit.store.samples import ANSWER, REQUEST, a_model_call, an_exchange

HI = blocks_to_json([Text("hi")])
ANSWERED = Decoded(HI, 3, 1, usage_found=True)
OTHER_MODEL = REQUEST.replace(b'"m"', b'"upstream"')


class FixedDecoder:
    """Says what it is told to say."""

    def __init__(self, decoded: Decoded | Exception, said: Exception | None = None) -> None:
        self._decoded = decoded
        self._said = said
        self.inputs = 0

    def decode_call(self, call: ModelCall) -> Decoded:
        if isinstance(self._decoded, Exception):
            raise self._decoded
        return self._decoded

    def decode_input(self, endpoint: str, request_body: bytes) -> DecodedInput:
        self.inputs += 1
        if self._said is not None:
            raise self._said
        return DecodedInput(b'{"system":"s","messages":[]}', "s", b"[]", b'{"chat_completion":{}}')


def mapped(
    exchange: Exchange, decoded: Decoded | Exception | None = None, **options: Any
) -> ReadMapped:
    decoder = FixedDecoder(decoded or Decoded(HI, 3, 1, usage_found=True), **options)
    return read_mapped(RowMapper({"chat_completions": decoder}).map(exchange))


def test_an_answer_fills_all_tables_with_all_their_columns() -> None:
    as_json = mapped(an_exchange(details=InferenceDetails(function_type="json"))).rows
    rows = mapped(an_exchange()).rows
    assert len(rows) == len(as_json) == 5 and set(rows | as_json) == set(COLUMNS)
    for table, columns in COLUMNS.items():
        for filled in (rows, as_json):
            assert all(set(columns) <= set(row) for row in filled.get(table, [{*columns}]))
            assert len(filled.get(table, [None])) == 1


def test_the_time_of_a_row_is_the_time_in_its_id() -> None:
    for table in mapped(an_exchange()).rows.values():
        for row in table:
            assert isinstance(row["id"], UUID) and row["created_at"] == id_time(row["id"])


@pytest.mark.parametrize(
    ("function_name", "expected"),
    [("f", ("f", "v")), ("", (DEFAULT_FUNCTION, "gpt-x"))],
)
def test_a_call_without_a_function_is_filed_under_the_default_one(
    function_name: str, expected: tuple[str, str]
) -> None:
    rows = mapped(an_exchange(function_name=function_name, model_name="gpt-x")).rows
    for table in ("chat_inferences", "model_inferences"):
        row = rows[table][0]
        assert (row["function_name"], row["variant_name"]) == expected


def test_a_failed_call_has_one_row_with_both_bodies() -> None:
    exchange = an_exchange(
        model_calls=[], response_body=[b'{"er', b'ror":1}'], end_reason="upstream_error"
    )
    rows = mapped(exchange).rows
    (row,) = rows.pop("exchanges")
    assert not rows
    assert (row["request_body"], row["response_body"]) == (REQUEST, b'{"error":1}')
    assert row["usage_source"] == "none" and row["output_complete"] is False


def test_a_stream_cut_before_its_first_word_is_an_exchange_and_no_inference() -> None:
    exchange = an_exchange(end_reason="upstream_cut", stream=True)
    rows = mapped(exchange, Decoded(b"[]", complete=False)).rows
    assert set(rows) == {"exchanges"} and rows["exchanges"][0]["response_body"] == ANSWER


def test_an_empty_but_whole_answer_is_an_inference() -> None:
    assert "chat_inferences" in mapped(an_exchange(), Decoded(b"[]")).rows


@pytest.mark.parametrize(
    ("changes", "complete", "expected"),
    [
        ({}, True, True),
        ({"end_reason": "client_disconnected"}, True, False),
        ({}, False, False),
        ({"response_sha256": b"x" * 32}, True, False),
    ],
)
def test_what_is_not_the_whole_output_is_marked(
    changes: dict[str, Any], complete: bool, expected: bool
) -> None:
    rows = mapped(an_exchange(**changes), Decoded(HI, complete=complete)).rows
    assert rows["chat_inferences"][0]["output_complete"] is expected


def test_what_a_decoder_cannot_read_is_stored_raw_and_counted() -> None:
    result = mapped(an_exchange(), RecursionError("deep"), said=ValueError("bad"))
    assert result.decode_failures == 2
    (data,) = result.rows["model_inference_data"]
    assert (data["raw_request"], data["raw_response"]) == (REQUEST.decode(), ANSWER.decode())
    assert result.rows["chat_inference_data"][0]["output"] == "[]"


def test_an_unknown_protocol_is_stored_raw() -> None:
    exchange = an_exchange(model_calls=[a_model_call(wire="telex")])
    result = mapped(exchange)
    assert result.decode_failures == 1
    assert result.rows["model_inference_data"][0]["raw_response"] == ANSWER.decode()


def test_a_neutral_call_needs_no_decoder() -> None:
    call = a_model_call(
        wire="neutral", output=HI, input_tokens=7, output_tokens=2, finish_reason="stop"
    )
    rows = read_mapped(RowMapper({}).map(an_exchange(model_calls=[call]))).rows
    row = rows["model_inferences"][0]
    assert (row["input_tokens"], row["output_tokens"], row["finish_reason"]) == (7, 2, "stop")
    assert rows["exchanges"][0]["usage_source"] == "provider"


def test_a_request_that_differs_only_in_its_model_is_read_once() -> None:
    decoder = FixedDecoder(Decoded(HI))
    spliced = REQUEST.replace(b'"m"', b'"provider-model"')
    call = a_model_call(raw_request=spliced)
    mapper = RowMapper({"chat_completions": decoder})
    rows = read_mapped(mapper.map(an_exchange(model_calls=[call]))).rows
    assert decoder.inputs == 1
    assert rows["model_inference_data"][0]["raw_request"] == spliced.decode()
    assert rows["exchanges"][0]["request_body"] == REQUEST


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (b'{"model":"a","x":1}', b'{"model":"bc","x":1}', True),
        (b'{"x":1,"model": "gpt-4"}', b'{"x":1,"model": "gpt-4o"}', True),
        (b'{"model":"a","x":1}', b'{"model":"b","x":2}', False),
        (b'{"model":"a","x":1}', b'{"x":1}', False),
        (b'{"x":"a"}', b'{"x":"b"}', False),
        (b'{"model":"a"}', b'{"model":"a\\"b"}', False),
    ],
)
def test_bodies_are_compared_but_for_the_model(one: bytes, other: bytes, same: bool) -> None:
    assert same_but_for_model(one, other) is same
    assert same_but_for_model(other, one) is same


def test_numbers_that_no_column_holds_do_not_cost_the_record() -> None:
    decoded = Decoded(HI, input_tokens=2**40, output_tokens=5, response_id="x" * 5000)
    exchange = an_exchange(processing_time_ms=2**33, function_name="", model_name="m" * 9000)
    rows = mapped(exchange, decoded).rows
    row = rows["model_inferences"][0]
    assert (row["input_tokens"], row["output_tokens"]) == (None, 5)
    assert rows["exchanges"][0]["processing_time_ms"] == 2**31 - 1
    assert rows["exchanges"][0]["provider_response_id"] is None
    assert len(str(row["variant_name"])) == 256


def test_text_that_postgres_cannot_hold_is_replaced() -> None:
    exchange = an_exchange(user_agent="a\x00b\ud800", tags=b'{"k\\u0000":"v\\ud800"}')
    rows = mapped(exchange).rows
    assert rows["exchanges"][0]["user_agent"] == "a\ufffdb\ufffd"
    assert rows["exchanges"][0]["tags"] == '{"k\ufffd":"v\ufffd"}'


def recovered(exchange: Exchange) -> tuple[bytes, bytes, bytes, bytes]:
    """Both sides' bodies, as one reads them from the columns."""
    (call,) = exchange.model_calls
    bodies = place_bodies(exchange, [call])
    (raw,) = bodies.raw
    provider = []
    for text, kept in zip(raw, (bodies.request_body, bodies.response_body), strict=True):
        if text.startswith(BINARY_PREFIX):
            provider.append(base64.b64decode(text.removeprefix(BINARY_PREFIX)))
        elif "\ufffd".encode() in text and kept is not None:
            provider.append(kept)
        else:
            provider.append(text)
    client = bodies.request_body or provider[0]
    answer = bodies.response_body or provider[1]
    return client, provider[0], answer, provider[1]


BODIES = st.one_of(
    st.binary(min_size=1, max_size=20),
    st.text(st.characters(exclude_characters="\ufffd"), min_size=1, max_size=20).map(
        lambda text: text.encode("utf-8", "replace")
    ),
)


@given(
    client=BODIES,
    sent=st.one_of(st.just(b""), BODIES),
    got=BODIES,
    shown=st.one_of(st.just(b""), BODIES),
)
def test_all_bodies_can_be_recovered_to_the_byte(
    client: bytes, sent: bytes, got: bytes, shown: bytes
) -> None:
    exchange = an_exchange(
        request_body=client,
        response_body=[shown] if shown else [],
        model_calls=[a_model_call(raw_request=sent, raw_response=[got[:3], got[3:]])],
    )
    assert recovered(exchange) == (client, sent or client, shown or got, got)


def test_clean_bodies_are_stored_once() -> None:
    exchange = an_exchange()
    bodies = place_bodies(exchange, exchange.model_calls)
    assert (bodies.request_body, bodies.response_body) == (None, None)


@given(st.text(st.characters(codec=None)))
def test_clean_text_is_text_that_postgres_takes(text: str) -> None:
    assert b"\x00" not in clean_text(text).encode()


def test_halves_of_surrogate_pairs_are_joined_or_replaced() -> None:
    assert without_surrogates(["\ud83d\ude00", ("\ud800", 1, None)]) == ["😀", ["\ufffd", 1, None]]


def both_ways(exchange: Exchange, decoded: Decoded | Exception) -> tuple[Mapped, Mapped, bool]:
    """As it is mapped, as it is without the way for what is ordinary, and whether it was that."""
    decoder = FixedDecoder(decoded)
    mapper = RowMapper({"chat_completions": decoder})
    with patch.object(RowMapper, "_map", wraps=mapper._map) as complete:
        mapped = mapper.map(exchange)
    with patch.object(RowMapper, "_map_ordinary", return_value=False):
        return mapped, mapper.map(exchange), not complete.called


@pytest.mark.parametrize(
    ("ordinary", "changes", "of_call"),
    [
        (True, {}, {}),
        (True, {"tags": b"", "ttft_ms": 2**40, "inference_params": b'{"x":1}'}, {"ttft_ms": 7}),
        (True, {}, {"raw_request": OTHER_MODEL}),
        (True, {}, {"raw_request": b'{"messages":[]}', "system": "told"}),
        (True, {}, {"input_messages": b'["m"]', "system": "told", "cost": "0.0012345678912"}),
        (True, {}, {"cost": "no number", "cached": True}),
        (True, {"attempts": []}, {}),
        (True, {"request_body": b"", "request_sha256": b"\1" * 32}, {}),
        (True, {"request_parts": b'[{"name":"x"}]'}, {}),
        (True, {"upstream_request_id": "nul \0", "function_name": ""}, {}),
        (True, {}, {"raw_response": [ANSWER[:9], ANSWER[9:]]}),
        (False, {"end_reason": "client_disconnected"}, {}),
        (False, {"came_to_answer": False}, {}),
        (False, {"response_body": [b"sent"]}, {}),
        (False, {"response_sha256": b"\1" * 32}, {}),
        (False, {"details": InferenceDetails()}, {}),
        (False, {"request_body": b"\xff"}, {}),
        (False, {"request_body": b"nul \0"}, {}),
        (False, {}, {"raw_request": b"\xff"}),
        (False, {}, {"raw_response": [b"\xff"]}),
    ],
)
def test_what_is_ordinary_is_mapped_as_all_else(
    ordinary: bool, changes: dict[str, Any], of_call: dict[str, Any]
) -> None:
    exchange = an_exchange(model_calls=[a_model_call(**of_call)], **changes)
    fast, complete, was_ordinary = both_ways(exchange, ANSWERED)
    assert was_ordinary == ordinary
    assert (fast.rows, fast.days) == (complete.rows, complete.days)
    assert fast.decode_failures == complete.decode_failures
    assert list(fast.rows) == list(complete.rows)


@pytest.mark.parametrize(
    ("ordinary", "decoded"),
    [
        (True, Decoded(b"[]", usage_found=False)),
        (True, Decoded(HI, 2**40, None, 1, 2, "stop", "chatcmpl-1", True, inference_output=b"[1]")),
        (False, Decoded(HI, complete=False)),
        (False, Decoded(HI, error="odd")),
        (False, Decoded(HI, is_inference=False)),
        (False, ValueError("unreadable")),
    ],
)
def test_an_ordinary_answer_is_mapped_as_all_else(
    ordinary: bool, decoded: Decoded | Exception
) -> None:
    fast, complete, was_ordinary = both_ways(an_exchange(), decoded)
    assert was_ordinary == ordinary
    assert (fast.rows, fast.days) == (complete.rows, complete.days)
    assert fast.decode_failures == complete.decode_failures


def test_several_calls_are_not_ordinary() -> None:
    exchange = an_exchange(model_calls=[a_model_call(), a_model_call()])
    fast, complete, was_ordinary = both_ways(exchange, ANSWERED)
    assert not was_ordinary and fast.rows == complete.rows


SPACED = b'{"messages": [], "model" : "m"}'
MODEL_AT, LAST = REQUEST.index(b'"m"'), len(REQUEST) - 1


@pytest.mark.parametrize(
    ("client", "edits"),
    [
        (REQUEST, [(MODEL_AT, MODEL_AT + 3, b'"upstream"')]),
        (
            REQUEST,
            [(MODEL_AT, MODEL_AT + 3, b'"u"'), (LAST, LAST, b',"n":1')],
        ),
        (REQUEST, [(LAST, LAST, b',"temperature":1')]),
        (REQUEST, [(MODEL_AT, MODEL_AT + 3, b"\xff")]),
        (SPACED, [(len(SPACED) - 4, len(SPACED) - 1, b'"upstream"')]),
    ],
)
def test_what_was_changed_in_a_body_says_the_same_as_the_changed_body(
    client: bytes, edits: list[tuple[int, int, bytes]]
) -> None:
    sent = apply_edits(client, edits)
    whole = a_model_call(raw_request=sent)
    short = a_model_call(id=whole.id, edits=tuple(edits))
    exchange = an_exchange(request_body=client, model_calls=[whole])
    edited = msgspec.structs.replace(exchange, model_calls=[short])
    carried = msgspec.msgpack.Decoder(Exchange).decode(msgspec.msgpack.encode(edited))
    assert sent != client and carried.model_calls[0].request(client) == sent
    for decoded in (ANSWERED, Decoded(HI, complete=False)):
        wanted, found = both_ways(exchange, decoded), both_ways(carried, decoded)
        for one, other in zip(wanted, found, strict=True):
            assert isinstance(one, bool) or isinstance(other, bool) or one.rows == other.rows
        decoder = FixedDecoder(decoded)
        mapper = RowMapper({"chat_completions": decoder})
        assert mapper.map_plain(carried).rows == mapper.map_plain(exchange).rows


def test_a_member_that_is_only_called_like_the_model_is_no_renaming() -> None:
    for client in (b'{"a_model":"m"}', b'{"model_a":"m"}', b'["m"]', b"{}"):
        at = max(0, client.find(b'"m"'))
        assert not only_renamed(client, [(at, at + 3, b'"x"')])
    assert only_renamed(REQUEST, [(MODEL_AT, MODEL_AT + 3, b'"x"')])
    assert not only_renamed(REQUEST, [(MODEL_AT, MODEL_AT + 3, b'"x"'), (0, 0, b"")])
    assert not only_renamed(REQUEST, [])

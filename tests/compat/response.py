"""Answers that come whole."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

from tests.compat.case import Result, Section, chat
from tests.compat.checks import content, fits, has, header, that
from tests.compat.fields import SENT, WEATHER
from tests.compat.setup import finished, spoken, whole
from tests.fake_upstream import completion

DUMMY = "tensorzero::function_name::dummy"
TEXT = (
    "Megumin gleefully chanted her spell, unleashing a thunderous explosion that lit up the sky "
    "and left a massive crater in its wake."
)
TOOL_ARGUMENTS = '{"location":"Brooklyn","units":"celsius"}'
CALL = {
    "id": "c1",
    "type": "function",
    "function": {"name": "weather", "arguments": '{"city": "Rome"}'},
}
OPTIONS = ("tensorzero_raw_usage", "tensorzero_raw_response", "tensorzero_original_response")

response = Section("Answers")


def in_order(result: Result) -> bool:
    """Whether the body is the documented one, byte for byte but for ids and time."""
    pattern = (
        '{"id":"UUID","episode_id":"UUID","choices":[{"index":0,"finish_reason":"stop",'
        f'"message":{{"role":"assistant","content":"{TEXT}"}}}}],"created":TIME,'
        '"model":"tensorzero::function_name::dummy::variant_name::v","system_fingerprint":"",'
        '"service_tier":null,"object":"chat.completion","usage":{"prompt_tokens":10,'
        '"completion_tokens":1,"total_tokens":11,"tensorzero_cost":null}}'
    )
    expression = re.escape(pattern).replace("UUID", "[0-9a-f-]{36}").replace("TIME", r"\d{10}")
    return re.fullmatch(expression, result.text) is not None


def _shape() -> None:
    add = response.add
    add(
        "The members come in TensorZero's order",
        chat(DUMMY),
        that("the body is as documented", in_order),
        that("it was made now", lambda r: abs(r.json["created"] - time.time()) < 60),
    )
    line = "`model` names function and variant, or the model that was called"
    add(line, chat(DUMMY), has(model=f"{DUMMY}::variant_name::v"))
    add(line, chat(SENT), has(model=SENT))
    line = "`content` is all text blocks one behind the other, null without any"
    add(line, chat("tensorzero::model_name::dummy::reasoner"), content(TEXT))
    add(line, chat("tensorzero::model_name::dummy::null"), content(None))
    add(line, chat("tensorzero::model_name::dummy::empty"), content(""))
    parts = [{"type": "text", "text": "one"}, {"type": "text", "text": "two"}]
    add(line, chat(SENT), content("onetwo"), provider=spoken(content=parts))
    add(
        "`content` of a JSON function is its raw output",
        chat("tensorzero::function_name::titled"),
        content('{ "title": "A" }'),
        provider=spoken(content='{ "title": "A" }'),
    )


def _blocks() -> None:
    add = response.add
    line = "`tool_calls` only when there are any, with name and arguments as the model wrote them"
    called = {
        "id": "0",
        "type": "function",
        "function": {"name": "get_temperature", "arguments": TOOL_ARGUMENTS},
    }
    add(
        line,
        chat("tensorzero::model_name::dummy::tool"),
        that("it is there", lambda r: r.message["tool_calls"] == [called]),
        content(None),
    )
    add(
        line,
        chat(SENT, tools=[WEATHER]),
        that("spelling stays", lambda r: r.message["tool_calls"] == [CALL]),
        provider=spoken(tool_calls=[CALL]),
    )
    add(line, chat(SENT), that("it is absent", lambda r: "tool_calls" not in r.message))
    line = "`tensorzero_extra_content` only when there is any: thoughts and unknown blocks with "
    line += "their place"
    strange = {"type": "sketch", "lines": [1, 2.50]}
    parts = [{"type": "text", "text": "See"}, strange]
    unknown = {"type": "unknown", "insert_index": 1, "data": strange}
    add(
        line,
        chat(SENT),
        that(
            "the unknown block is there",
            lambda r: fits(r.message["tensorzero_extra_content"], [unknown]),
        ),
        content("See"),
        provider=spoken(content=parts),
    )
    add(
        line,
        chat("tensorzero::model_name::dummy::reasoner_with_signature"),
        that(
            "the thought is there",
            lambda r: fits(
                r.message["tensorzero_extra_content"],
                [
                    {
                        "type": "thought",
                        "insert_index": 0,
                        "text": "hmmm",
                        "signature": "my_signature",
                    }
                ],
            ),
        ),
        content(TEXT),
    )
    add(
        line,
        chat(SENT),
        that("it is absent", lambda r: "tensorzero_extra_content" not in r.message),
    )


def _ends() -> None:
    add = response.add
    line = "`finish_reason`: `stop` for every end but `length`, `content_filter`, `tool_calls`"
    for given, told in (
        ("stop", "stop"),
        ("length", "length"),
        ("content_filter", "content_filter"),
        ("tool_calls", "tool_calls"),
        ("something_else", "stop"),
        (None, "stop"),
    ):
        add(
            line,
            chat(SENT),
            that(f"{given} becomes {told}", _finishes(told)),
            provider=finished(given),
        )
    usage = completion()["usage"]
    line = "`usage`: counts that the provider did not give are absent"
    add(line, chat(SENT), has(usage=usage))
    add(
        line,
        chat(SENT),
        that("only the cost is there", lambda r: r.json["usage"] == {"tensorzero_cost": None}),
        provider=whole(usage=None),
    )
    line = "`usage`: cached tokens only when the provider told them"
    details = {"prompt_tokens_details": {"cached_tokens": 2}}
    add(line, chat(SENT), has(usage=details), provider=whole(usage=usage | details))
    add(
        line,
        chat(SENT),
        that("it is absent", lambda r: "prompt_tokens_details" not in r.json["usage"]),
    )
    line = "`usage`: tokens written to the provider's cache only when it told them"
    written = {"tensorzero_provider_cache_write_input_tokens": 2}
    given = usage | {"prompt_tokens_details": {"cache_write_tokens": 2}}
    add(line, chat(SENT), has(usage=written), provider=whole(usage=given))
    add(
        line,
        chat(SENT),
        that("it is absent", lambda r: not written.keys() & r.json["usage"].keys()),
    )
    line = "`usage`: `tensorzero_cost` is always there, null where it cannot be computed"
    add(line, chat(SENT), that("it is null", lambda r: r.json["usage"]["tensorzero_cost"] is None))
    _lacks()


def _finishes(reason: str) -> Callable[[Result], bool]:
    return lambda result: bool(result.json["choices"][0]["finish_reason"] == reason)


def _lacks() -> None:
    response.add(
        "`usage`: `tensorzero_cost` from the prices of the configuration",
        chat("tensorzero::model_name::priced"),
        has(usage={"prompt_tokens": 3, "completion_tokens": 2, "tensorzero_cost": 0.000039}),
    )
    response.lack(
        "`usage`: answers of the cache count no tokens",
        "a cache",
        chat(SENT, __cache_options={"enabled": "on"}),
        "cache_options",
    )


def _options() -> None:
    add = response.add
    entry = {"provider_type": "openai", "api_type": "chat_completions"}
    names = ["model_inference_id", "provider_type", "api_type", "data"]
    line = "`tensorzero_raw_usage`, `tensorzero_raw_response`, `tensorzero_original_response`: "
    line += "only when asked for"
    add(line, chat(SENT), that("none is there", lambda r: not r.json.keys() & set(OPTIONS)))
    add(
        line,
        chat(SENT, __include_raw_usage=True),
        has(tensorzero_raw_usage=[entry | {"data": completion()["usage"]}]),
        that("members in order", lambda r: list(r.json["tensorzero_raw_usage"][0]) == names),
    )
    add(
        line,
        chat(SENT, __include_raw_response=True),
        has(tensorzero_raw_response=[entry]),
        that("members in order", lambda r: list(r.json["tensorzero_raw_response"][0]) == names),
    )
    add(
        line,
        chat(SENT, __include_original_response=True),
        that("a string", lambda r: isinstance(r.json["tensorzero_original_response"], str)),
    )
    add(
        "`tensorzero_raw_response`: bodies of failed attempts come first, without an id",
        chat("tensorzero::model_name::fallback", __include_raw_response=True),
        has(tensorzero_raw_response=[{"data": "dummy error raw response"}, {"data": _RAW}]),
        that(
            "it has no id",
            lambda r: "model_inference_id" not in r.json["tensorzero_raw_response"][0],
        ),
    )
    line = "Status 200 and `application/json`"
    add(line, chat(SENT), header("content-type", "application/json"))
    add(
        "`x-tensorzero-gateway-version` names the version",
        chat(SENT),
        that("it is there", lambda r: r.headers.get("x-tensorzero-gateway-version")),
    )


_RAW = (
    '{\n  "id": "id",\n  "object": "text.completion",\n  "created": 1618870400,\n'
    '  "model": "text-davinci-002",\n  "choices": [\n    {\n'
    f'      "text": "{TEXT}",\n'
    '      "index": 0,\n      "logprobs": null,\n      "finish_reason": null\n    }\n  ],\n'
    '  "usage": {\n    "prompt_tokens": 10,\n    "completion_tokens": 10,\n'
    '    "total_tokens": 20\n  }\n}'
)

_shape()
_blocks()
_ends()
_options()

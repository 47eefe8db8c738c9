"""Requests: OpenAI's own fields."""

from __future__ import annotations

from tests.compat.case import EMBEDDINGS, Section, chat, without
from tests.compat.checks import (
    content,
    has,
    header,
    logged,
    mentions,
    native,
    quiet,
    refuses,
    says,
    sent,
    sent_header,
    that,
    unsent,
)

SENT = "tensorzero::model_name::sent"
WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "Tells the weather.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
        "strict": False,
    },
}
CLOCK = {"type": "function", "function": {"name": "clock", "parameters": {"type": "object"}}}
TOOLS = [WEATHER, CLOCK]

endpoints = Section("Endpoints")
fields = Section("Fields of a chat completion")


def _endpoints() -> None:
    add = endpoints.add
    add("`POST /openai/v1/chat/completions` answers", chat(), has(object="chat.completion"))
    add(
        "`POST /openai/v1/embeddings` answers",
        {"model": "tensorzero::embedding_model_name::zeros", "input": "Hello"},
        has(object="list"),
        path=EMBEDDINGS,
    )
    for name in ("models", "responses", "completions", "files", "batches"):
        method = "GET" if name == "models" else "POST"
        add(
            "There is no `models`, `responses`, `completions`, `files` or `batches` here: 404 in "
            "the form of the native API",
            chat(),
            native(f"Route not found: {method} /openai/v1/{name}"),
            status=404,
            path=f"/openai/v1/{name}",
            method=method,
        )
    add(
        "Without keys of the gateway the `Authorization` header is ignored, and goes nowhere",
        chat(SENT),
        sent_header("authorization", None),
        headers={"authorization": "Bearer someone's"},
    )
    add(
        "The body is read as JSON whatever `Content-Type` says",
        chat(),
        has(object="chat.completion"),
        headers={"content-type": "text/plain"},
    )


def _basics() -> None:
    add = fields.add
    add("`model` is required", without(chat(), "model"), says("missing field `model`"), status=400)
    add(
        "`messages` is required",
        without(chat(), "messages"),
        says("missing field `messages`"),
        status=400,
    )
    for name in ("temperature", "top_p", "presence_penalty", "frequency_penalty"):
        line = "`temperature`, `top_p`, `presence_penalty`, `frequency_penalty`: numbers, passed on"
        add(line, chat(SENT, **{name: 0.5}), sent(**{name: 0.5}))
        add(
            line + ", rounded to 32 bits",
            chat(SENT, **{name: 0.123456789}),
            sent(**{name: 0.123456789}),
            differs="passed on as they were given",
        )
        wrong = f'{name}: invalid type: string "x", expected f32'
        add(
            line + "; another type is refused by name",
            chat(SENT, **{name: "x"}),
            says(wrong),
            quiet,
            status=400,
        )
    line = "`max_tokens` and `max_completion_tokens`: of two the smaller one is used"
    limits = sent(max_completion_tokens=5)
    add(line, chat(SENT, max_tokens=5), limits)
    add(line, chat(SENT, max_completion_tokens=5), limits)
    add(line, chat(SENT, max_tokens=9, max_completion_tokens=5), limits, unsent("max_tokens"))
    add(line, chat(SENT, max_tokens=5, max_completion_tokens=9), limits, unsent("max_tokens"))
    line = "`seed`: a whole number from 0, passed on"
    add(line, chat(SENT, seed=7), sent(seed=7))
    add(line, chat(SENT, seed=-1), mentions("seed:", "`-1`", "u32"), quiet, status=400)
    line = "`stop`: a list of strings, or one string"
    add(line, chat(SENT, stop=["a", "b"]), sent(stop=["a", "b"]))
    add(line, chat(SENT, stop="a"), sent(stop=["a"]))


def _streams() -> None:
    add = fields.add
    events = header("content-type", "text/event-stream")
    add("`stream`: false unless given", chat(SENT), header("content-type", "application/json"))
    add("`stream`: false unless given", chat(SENT, stream=True), events, sent(stream=True))
    line = "`stream_options`: `include_usage` asks for the usage; other keys are ignored"
    add(
        line,
        chat(SENT, stream=True, stream_options={"include_usage": True, "other": 1}),
        that("the last chunk has the usage", lambda r: r.chunks[-1]["usage"]["total_tokens"]),
    )
    add(
        line,
        chat(SENT, stream=True, stream_options={"other": 1}),
        that("no chunk has it", lambda r: not any(chunk["usage"] for chunk in r.chunks)),
    )
    line = "`n`: only 1"
    add(line, chat(SENT, n=1), has(object="chat.completion"))
    for number in (0, 2):
        add(
            line,
            chat(SENT, n=number),
            refuses(
                "TensorZero does not support `n` other than 1. "
                "Please omit this parameter or set it to 1."
            ),
            quiet,
            status=400,
        )


def _formats() -> None:
    add = fields.add
    line = "`response_format`: `text`, `json_object` or `json_schema`"
    schema = {"type": "object", "properties": {"a": {"type": "string"}}}
    named = {"name": "thing", "description": "A thing", "schema": schema, "strict": True}
    add(line, chat(SENT, response_format={"type": "text"}), content("hello"))
    add(
        line,
        chat(SENT, response_format={"type": "json_object"}),
        sent(response_format={"type": "json_object"}),
    )
    add(
        line,
        chat(SENT, response_format={"type": "json_schema", "json_schema": named}),
        sent(response_format={"type": "json_schema", "json_schema": {"schema": schema}}),
    )
    add(
        line,
        chat(SENT, response_format={"type": "xml"}),
        mentions("response_format", "unknown variant `xml`", "`json_schema`"),
        quiet,
        status=400,
    )


def _tools() -> None:
    add = fields.add
    line = "`tools`: functions with name, description, parameters and `strict`"
    add(line, chat(SENT, tools=[WEATHER]), sent(tools=[WEATHER]))
    add(line, chat(SENT, tools=[WEATHER], stream=True), sent(tools=[WEATHER]))
    custom = {"type": "custom", "custom": {"name": "sh", "description": "A shell"}}
    add("`tools`: custom tools", chat(SENT, tools=[custom]), sent(tools=[custom]))
    line = "`tool_choice`: `none`, `auto`, `required`"
    for choice in ("none", "auto", "required"):
        add(line, chat(SENT, tools=[WEATHER], tool_choice=choice), sent(tool_choice=choice))
    named = {"type": "function", "function": {"name": "weather"}}
    add(
        "`tool_choice`: one named function",
        chat(SENT, tools=TOOLS, tool_choice=named),
        sent(tool_choice=named),
    )
    allowed = {
        "type": "allowed_tools",
        "allowed_tools": {"mode": "required", "tools": [named]},
    }
    add(
        "`tool_choice`: a list of allowed tools with a mode",
        chat(SENT, tools=TOOLS, tool_choice=allowed),
        sent(tool_choice=allowed),
    )
    for flag in (True, False):
        add(
            "`parallel_tool_calls`: passed on",
            chat(SENT, tools=[WEATHER], parallel_tool_calls=flag),
            sent(parallel_tool_calls=flag),
        )


def _manners() -> None:
    add = fields.add
    line = "`reasoning_effort` and `verbosity`: passed on"
    add(line, chat(SENT, reasoning_effort="low"), sent(reasoning_effort="low"))
    add(line, chat(SENT, verbosity="high"), sent(verbosity="high"))
    line = "`service_tier`: `auto`, `default`, `priority` or `flex`"
    for tier in ("auto", "default", "priority", "flex"):
        add(line, chat(SENT, service_tier=tier), sent(service_tier=tier))
    add(
        line,
        chat(SENT, service_tier="gold"),
        mentions("service_tier: unknown variant `gold`"),
        quiet,
        status=400,
    )
    line = "Any other field is ignored, with one warning in the log"
    others = {"user": "u", "logprobs": True, "metadata": {}, "store": True, "logit_bias": {}}
    add(
        line,
        chat(SENT, **others, functions=[]),
        unsent(*others, "functions"),
        logged("logit_bias", "logprobs", "metadata", "store", "user"),
    )
    line = "None of the fields has the form of a header; tracing headers are taken as they come"
    add(
        line,
        chat(SENT),
        content("hello"),
        headers={
            "traceparent": "00-" + "1" * 32 + "-" + "2" * 16 + "-01",
            "tracestate": "a=b",
            "tensorzero-otlp-traces-extra-header-x": "y",
        },
    )
    add(
        line,
        chat("tensorzero::function_name::pair"),
        content("hello"),
        that("no tag was stored", lambda r: r.row is not None and not r.row["tags"]),
        headers={
            "x-tensorzero-variant-name": "nosuch",
            "x-tensorzero-tags": '{"a": "b"}',
            "x-tensorzero-dryrun": "true",
        },
    )


_endpoints()
_basics()
_streams()
_formats()
_tools()
_manners()

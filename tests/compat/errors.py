"""Errors: their form, their statuses and their messages."""

from __future__ import annotations

from tests.compat.case import CHAT, EMBEDDINGS, Section, chat, talk
from tests.compat.checks import (
    has,
    header,
    mentions,
    native,
    quiet,
    refuses,
    says,
    that,
)
from tests.compat.fields import SENT
from tests.compat.messages import LETTERS, template
from tests.compat.setup import refusing

FUNCTION = "tensorzero::function_name::"
MODEL = "tensorzero::model_name::"
ERROR = "Error sending request to Dummy provider for model 'error'."

errors = Section("Errors")


def _form() -> None:
    add, lack_config = errors.add, errors.lack_config
    add(
        'The form is `{"error": {"message": …}}`, with the status of the native API',
        chat(FUNCTION + "nosuch"),
        says("Unknown function: nosuch"),
        header("content-type", "application/json"),
        status=404,
    )
    lack_config(
        "`gateway.unstable_error_json` adds the structured error",
        "structured errors",
        {"gateway": {"unstable_error_json": True}},
        "unstable_error_json",
    )
    add(
        "`tensorzero::include_raw_response` adds the bodies of failed providers",
        chat(MODEL + "dummy::error_with_raw_response", __include_raw_response=True),
        has(tensorzero_raw_response=[{"data": "dummy error raw response"}]),
        mentions("Error from Dummy provider with raw response"),
        status=502,
    )
    add(
        "Unknown paths: 404 in the form of the native API",
        chat(),
        native("Route not found: POST /openai/v1/nope"),
        status=404,
        path="/openai/v1/nope",
    )
    for path in (CHAT, EMBEDDINGS):
        add(
            "A known path with a wrong method: 405, an empty body, and `allow`",
            b"",
            header("allow", "POST"),
            that("the body is empty", lambda r: r.body == b""),
            status=405,
            path=path,
            method="GET",
        )


def _names() -> None:
    add = errors.add
    for name in ("gpt-4o", "dummy::good", "sent", ""):
        add(
            "A model without a known prefix: 400",
            chat(name),
            refuses(
                "`model` field must start with `tensorzero::function_name::` or "
                "`tensorzero::model_name::`. For example, "
                "`tensorzero::function_name::my_function` for a function `my_function` defined in "
                "your config, `tensorzero::model_name::my_model` for a model `my_model` defined "
                "in your config, or default functions like "
                "`tensorzero::model_name::openai::gpt-4o-mini`."
            ),
            quiet,
            status=400,
        )
    for kind, prefix in (("function_name", FUNCTION), ("model_name", MODEL)):
        add(
            "An empty name of a function or model: 400",
            chat(prefix),
            refuses(f'{kind} (passed in model field after "{prefix}") cannot be empty'),
            quiet,
            status=400,
        )
    add(
        "An unknown function: 404",
        chat(FUNCTION + "nosuch"),
        says("Unknown function: nosuch"),
        status=404,
    )
    for name in ("nosuch", "nosuch::model"):
        add(
            "An unknown model: 400",
            chat(MODEL + name),
            says(
                f"Invalid inference target: Invalid model name: Model name '{name}' not found in "
                "model table"
            ),
            status=400,
        )
    add(
        "An unknown pinned variant: 404",
        chat(FUNCTION + "pair", __variant_name="nosuch"),
        says("Unknown variant: nosuch"),
        quiet,
        status=404,
    )


def _bodies() -> None:
    add = errors.add
    add(
        "`n` other than 1: 400",
        chat(SENT, n=2),
        refuses(
            "TensorZero does not support `n` other than 1. "
            "Please omit this parameter or set it to 1."
        ),
        quiet,
        status=400,
    )
    add(
        "Unknown fields with `tensorzero::deny_unknown_fields`: 400, sorted by name",
        chat(SENT, __deny_unknown_fields=True, zoo=1, foo=1, __nosuch=1),
        refuses(
            "`tensorzero::deny_unknown_fields` is set to true, but found unknown fields in the "
            "request: [foo, tensorzero::nosuch, zoo]"
        ),
        quiet,
        status=400,
    )
    add(
        "A body that is no JSON: 400, with the place",
        b'{"model":',
        says(
            "Failed to parse the request body as JSON: model: EOF while parsing a value at line 1 "
            "column 9 (400 Bad Request)"
        ),
        status=400,
    )
    add(
        "A body that is no object: 400",
        b"[]",
        says("invalid type: sequence, expected struct OpenAICompatibleParams"),
        status=400,
    )
    add(
        "An episode id that is no UUID: 400",
        chat(__episode_id="xyz"),
        says("tensorzero::episode_id: UUID parsing failed: invalid character: found `x` at 1"),
        status=400,
    )
    add(
        "A system schema, but no system text: 400",
        talk(template("user", topic="seas"), model=LETTERS),
        mentions("system"),
        quiet,
        status=400,
    )
    add(
        "Input that does not fit its schema: 400",
        talk(template("system", mood=1), template("user", topic="seas"), model=LETTERS),
        mentions('1 is not of type "string"'),
        quiet,
        status=400,
    )
    add(
        "A tag whose name begins with `tensorzero::`: 400",
        chat(SENT, __tags={"tensorzero::x": "1"}),
        says("Tag name cannot start with 'tensorzero::': tensorzero::x"),
        quiet,
        status=400,
    )


def _failures() -> None:
    add = errors.add
    line = "All providers failed: 502, with every attempt"
    body = '{"error": {"message": "no such thing"}}'
    failed = "All model providers failed to infer with errors: p: Error 400 Bad Request from "
    failed += f"openai client: {body}"
    refused = refusing(400, "no such thing")
    add(
        line,
        chat(FUNCTION + "sending"),
        says(f"All variants failed with errors: v: {failed}"),
        provider=refused,
        status=502,
    )
    add(
        line,
        chat(FUNCTION + "pair"),
        mentions("All variants failed with errors: ", f"a: {failed}", f"b: {failed}"),
        provider=refused,
        status=502,
    )
    add(
        line,
        chat(FUNCTION + "dummy_error"),
        mentions("All variants failed with errors: v: All model providers failed", ERROR),
        status=502,
    )
    add(
        "All providers of a pinned variant failed: 500, without the mention of variants",
        chat(FUNCTION + "pair", __variant_name="a"),
        says(failed),
        provider=refused,
        status=500,
    )


_form()
_names()
_bodies()
_failures()

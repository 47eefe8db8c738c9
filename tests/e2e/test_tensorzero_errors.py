"""The real `tensorzero` client: what is refused, with which status and words."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest

from tests.harness import Proxy
from tests.tensorzero_clients import Client, needs_client, refused, said

TOOL = {"name": "t", "description": "d", "parameters": {"type": "object"}, "strict": False}


def user(*blocks: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": list(blocks)}]}


def greeted(*blocks: Any) -> dict[str, Any]:
    return {"system": {"name": "Bo"}, **user(*blocks)}


def arguments(name: str, **given: Any) -> dict[str, Any]:
    return {"type": "template", "name": name, "arguments": given}


DOWN = "All model providers failed to infer with errors: here: "
INVALID: list[tuple[str, dict[str, Any], int, str]] = [
    ("no function", {"function_name": "nope"}, 404, "Unknown function: nope"),
    (
        "no variant",
        {"function_name": "talk", "variant_name": "nope"},
        404,
        "Unknown variant: nope",
    ),
    (
        "no model",
        {"model_name": "nope"},
        400,
        "Invalid inference target: Invalid model name: Model name 'nope' not found in model table",
    ),
    (
        "two targets",
        {"function_name": "talk", "model_name": "dummy::good"},
        400,
        "Invalid inference target: Only one of `function_name` or `model_name` can be provided",
    ),
    (
        "no target",
        {},
        400,
        "Invalid inference target: Either `function_name` or `model_name` must be provided",
    ),
    (
        "a model's variant",
        {"model_name": "dummy::good", "variant_name": "x"},
        400,
        "Invalid inference target: `variant_name` cannot be provided when using `model_name`",
    ),
    (
        "system not there",
        {"function_name": "greet"},
        400,
        "`input.system` is empty but a system template is present.",
    ),
    (
        "no template of that name",
        {"function_name": "talk", "input": user(arguments("zzz"))},
        400,
        "Message at index 0 has non-string content but there is no template `zzz` in any variant",
    ),
    (
        "arguments without a template",
        {"function_name": "talk", "input": user({"type": "text", "arguments": {"a": 1}})},
        400,
        "Message at index 0 has non-string content but there is no template `user` in any variant",
    ),
    (
        "unknown tool",
        {"function_name": "weather", "allowed_tools": ["a"]},
        400,
        "Tool not found: a",
    ),
    (
        "unknown choice",
        {"function_name": "weather", "tool_choice": {"specific": "a"}},
        400,
        "Tool not found: a",
    ),
    (
        "a tool twice",
        {"function_name": "weather", "additional_tools": [TOOL | {"name": "get_temperature"}]},
        400,
        "Duplicate tool name: get_temperature. Tool names must be unique.",
    ),
    (
        "mode tool without a schema",
        {"function_name": "talk", "params": {"chat_completion": {"json_mode": "tool"}}},
        400,
        "JSON mode `tool` requires `output_schema`.",
    ),
    (
        "reserved tag",
        {"function_name": "talk", "tags": {"tensorzero::x": "1"}},
        400,
        "Tag name cannot start with 'tensorzero::': tensorzero::x",
    ),
    (
        "own variant without dryrun",
        {
            "function_name": "talk",
            "internal_dynamic_variant_config": {"type": "chat_completion", "model": "dummy::x"},
        },
        400,
        "If `internal_dynamic_variant_config` is used, `dryrun` must also be set to true",
    ),
    (
        "rule for no variant",
        {
            "function_name": "talk",
            "extra_body": [{"variant_name": "nope", "pointer": "/a", "value": 1}],
        },
        404,
        "Unknown variant: nope",
    ),
    (
        "rule for no model",
        {
            "function_name": "talk",
            "extra_body": [{"model_name": "nope", "pointer": "/a", "value": 1}],
        },
        400,
        "Invalid inference target: Invalid model provider filter: model `nope` does not exist.",
    ),
    (
        "rule for no provider",
        {
            "function_name": "talk",
            "extra_headers": [
                {"model_name": "priced", "provider_name": "nope", "name": "a", "value": "b"}
            ],
        },
        400,
        "Invalid inference target: Invalid model provider filter: provider `nope` not found in "
        "model `priced`.",
    ),
    (
        "rule for an index of no list",
        {
            "model_name": "dummy::echo_injected_data",
            "extra_body": [{"pointer": "/a/0", "value": 1}],
        },
        502,
        "All variants failed with errors: ",
    ),
    (
        "whole stream without a stream",
        {"function_name": "talk", "include_aggregated_response": True},
        400,
        "`include_aggregated_response` is only supported in streaming mode",
    ),
    (
        "pinned variant is down",
        {"function_name": "talk", "variant_name": "down"},
        500,
        DOWN + "Error from dummy client: Error sending request to Dummy provider for model "
        "'error'., there: Error 500 Internal Server Error from dummy client: Error from Dummy "
        "provider with raw response",
    ),
    (
        "all variants are down",
        {"function_name": "falls", "episode_id": None},
        502,
        "All variants failed with errors: ",
    ),
    (
        "no time",
        {"function_name": "talk", "variant_name": "slow"},
        408,
        "Variant `slow` timed out due to configured `non_streaming.total_ms` timeout (200ms)",
    ),
    (
        "key not sent",
        {"model_name": "locked"},
        502,
        "All variants failed with errors: locked: All model providers failed to infer with errors: "
        "dummy: API key missing for provider Dummy: Dynamic api key `DUMMY_KEY` is missing",
    ),
    (
        "wrong key",
        {"model_name": "locked", "credentials": {"DUMMY_KEY": "bad"}},
        502,
        "All variants failed with errors: locked: All model providers failed to infer with errors: "
        "dummy: Error from dummy client: Invalid API key for Dummy provider",
    ),
]


@needs_client
@pytest.mark.parametrize(
    ("asked", "status", "message"),
    [pytest.param(*case[1:], id=case[0]) for case in INVALID],
)
async def test_what_cannot_be_done_is_refused_in_these_words(
    client: Client, asked: dict[str, Any], status: int, message: str
) -> None:
    found, text = await refused(client.inference(**{"input": said(), **asked}))
    error = json.loads(text)["error"]
    assert found == status, error
    assert error == message or (message.endswith(": ") and error.startswith(message))


@needs_client
@pytest.mark.parametrize(
    ("given", "fault", "place"),
    [
        (
            {**said(), "system": {"name": 1}},
            '1 is not of type "string"',
            "input.system.name",
        ),
        (
            {**said(), "system": {"name": "Bo", "zzz": 1}},
            "Additional properties are not allowed ('zzz' was unexpected)",
            "input.system",
        ),
        (
            greeted({"type": "text", "text": "plain"}),
            '"plain" is not of type "object"',
            "input.messages[0].content[0].text",
        ),
        (
            greeted(arguments("user")),
            '"city" is a required property',
            "input.messages[0].content[0].arguments",
        ),
        (
            greeted(arguments("letter", to="x"), arguments("user", city="x", days=[1, 2, 0])),
            "0 is less than the minimum of 1",
            "input.messages[0].content[1].arguments.days[2]",
        ),
    ],
)
async def test_an_input_that_does_not_fit_its_schema_names_the_fault_and_its_place(
    client: Client, given: dict[str, Any], fault: str, place: str
) -> None:
    status, text = await refused(client.inference(function_name="greet", input=given))
    body = json.loads(text)
    first, second, *_ = body["error"].split("\n")
    assert (status, first, second) == (400, "JSON Schema validation failed:", fault)
    assert "\n\nSchema:\n{" in body["error"]
    assert body["param"] == place


@needs_client
@pytest.mark.parametrize(
    ("episode_id", "message"),
    [
        (str(uuid.UUID(int=4 << 76 | 2 << 62)), "Failed to parse UUID as v7: {}"),
        ("00000000-0000-7000-8000-000000000000", "Invalid Episode ID: Timestamp is too early"),
        ("02000000-0000-7000-8000-000000000000", "Invalid Episode ID: Timestamp is in the future"),
        (
            "0fffa000-0000-7000-8000-000000000000",
            "Workflow evaluation run not found for episode id: {}",
        ),
    ],
)
async def test_an_episode_id_that_was_not_made_here_is_refused(
    client: Client, episode_id: str, message: str
) -> None:
    for name in ("talk", "answer"):
        status, text = await refused(
            client.inference(function_name=name, input=said(), episode_id=episode_id)
        )
        assert (status, json.loads(text)["error"]) == (400, message.format(episode_id))


@needs_client
async def test_raw_answers_of_failed_providers_are_told_with_the_error(client: Client) -> None:
    _, text = await refused(
        client.inference(
            function_name="talk", variant_name="down", input=said(), include_raw_response=True
        )
    )
    (raw,) = json.loads(text)["raw_response"]
    assert (raw["data"], raw["provider_type"]) == ("dummy error raw response", "dummy")


@needs_client
@pytest.mark.parametrize(
    "own",
    [
        {"type": "chat_completion", "model": "nope"},
        {"type": "chat_completion"},
        {"type": "nonsense"},
        {
            "type": "experimental_best_of_n_sampling",
            "candidates": ["nope"],
            "evaluator": {"model": "dummy::x"},
        },
    ],
)
async def test_a_variant_of_the_request_that_cannot_be_built_is_refused(
    client: Client, functions_proxy: Proxy, own: dict[str, Any]
) -> None:
    body = {
        "function_name": "talk",
        "input": said(),
        "dryrun": True,
        "internal_dynamic_variant_config": own,
    }
    status, _, answered = functions_proxy.post("/inference", body)
    assert status == 400, answered


# What the client itself would not send.


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"{", "Failed to parse the request body as JSON: "),
        ({"function_name": "talk"}, "missing field `input`"),
        ({"function_name": "talk", "input": said(), "x": 1}, "unknown field `x`"),
        (
            {"function_name": "talk", "input": said(), "params": []},
            "params: invalid type: sequence, expected struct InferenceParams",
        ),
        (
            {"function_name": "talk", "input": {"messages": [{"role": "x", "content": ""}]}},
            "input.messages[0].role: unknown variant `x`, expected `user` or `assistant`",
        ),
        (
            {"function_name": "talk", "input": user({"type": "zzz"})},
            "input.messages[0].content[0]: unknown variant `zzz`, expected one of `text`, "
            "`template`, `tool_call`, `tool_result`, `raw_text`, `thought`, `file`, `image`, "
            "`unknown`",
        ),
        ({"function_name": "talk", "input": said(), "namespace": ""}, "namespace"),
        (
            {
                "function_name": "talk",
                "input": said(),
                "episode_id": "0199a000-0000-6000-8000-000000000000",
            },
            "Invalid Episode ID: Version must be 7, got 6",
        ),
    ],
)
def test_a_body_of_another_shape_is_refused(
    functions_proxy: Proxy, body: Any, message: str
) -> None:
    status, headers, answered = functions_proxy.post("/inference", body)
    assert status == 400 and message in json.loads(answered)["error"]
    assert headers["x-tensorzero-gateway-version"]


def test_unknown_routes_and_methods_are_told(functions_proxy: Proxy) -> None:
    status, _, body = functions_proxy.post("/nope", {})
    assert (status, json.loads(body)) == (404, {"error": "Route not found: POST /nope"})
    assert functions_proxy.get("/inference") == (405, b"")

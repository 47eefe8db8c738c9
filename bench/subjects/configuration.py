"""What the product is told to serve."""

from __future__ import annotations

import json

from bench.subjects.base import Surroundings


def build_configuration(at: Surroundings, functions: int = 1) -> str:
    """Functions with two weighted variants on one model, each; JSON, which is YAML.

    `bench` is on the provider; with more than one there are `bench_0`, `bench_1`, …, too.
    `secure` reaches it over TLS; `storm` at an origin of its own, and repeats what fails.
    """
    origins = {
        "bench": f"http://127.0.0.1:{at.port}/v1/",
        "secure": f"https://localhost:{at.tls_port}/v1/",
        "storm": f"http://127.0.0.1:{at.storm_port}/v1/",
    }
    names = [f"bench_{n}" for n in range(functions)] if functions > 1 else []
    repeats = {"num_retries": 4, "max_delay_s": 0.05}
    return json.dumps(
        {
            "models": {name: _model(origin) for name, origin in origins.items()},
            "functions": {
                **{name: _function(name) for name in ("bench", "secure")},
                "storm": _function("storm", retries=repeats),
                **{name: _function("bench") for name in names},
            },
        },
        indent=1,
    )


def _model(origin: str) -> dict[str, object]:
    provider = {
        "type": "openai",
        "model_name": "bench-model",
        "api_base": origin,
        "api_key_location": "none",
    }
    return {"routing": ["mock"], "providers": {"mock": provider}}


def _function(model: str, **more: object) -> dict[str, object]:
    variant = {"type": "chat_completion", "model": model, **more}
    variants = {"a": {**variant, "weight": 0.9}, "b": {**variant, "weight": 0.1}}
    return {"type": "chat", "variants": variants}

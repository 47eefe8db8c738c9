"""LiteLLM's proxy as its own pages advise for production: one worker, no database, no callbacks.

It has a virtual environment of its own (`make bench-peers` makes it), with the OpenTelemetry
packages: without them a failing import is tried again at every request.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from bench.checking import Kind
from bench.errors import Missing
from bench.programs import ROOT, Program, free_port
from bench.subjects.base import Subject, Surroundings

ENVIRONMENT = {
    "LITELLM_MODE": "PRODUCTION",
    "LITELLM_LOG": "ERROR",
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "LITELLM_TELEMETRY": "False",
    "NO_DOCS": "True",
    # Nobody here checks keys; the others do not, either.
    "LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY": "true",
}


def find_peers() -> Path:
    """The virtual environment of the peers."""
    return Path(os.environ.get("BENCH_PEERS", ROOT / ".venv-peers"))


class LiteLLM(Subject):
    """It reads bodies and writes new ones, so what they say is checked."""

    def checks(self) -> Kind:
        return "sense"


def start_litellm(at: Surroundings) -> Subject:
    """Raises Missing where its environment has not been made."""
    program = find_peers() / "bin" / "litellm"
    if not program.exists():
        raise Missing("LiteLLM is not installed; `make bench-peers` installs it")
    port = free_port()
    config = at.folder / f"litellm-{port}.yaml"
    config.write_text(json.dumps(build_configuration(at.port)))
    command = [
        *(str(program), "--config", str(config), "--host", "127.0.0.1"),
        *("--port", str(port), "--num_workers", "1", "--telemetry", "False"),
    ]
    log = at.folder / f"litellm-{port}.log"
    return LiteLLM(
        "litellm", port, Program(command, cores=at.server_cores, log=log, environment=ENVIRONMENT)
    )


def build_configuration(upstream_port: int) -> dict[str, object]:
    """One model on the provider. JSON, which is YAML."""
    parameters = {
        "model": "openai/bench-model",
        "api_base": f"http://127.0.0.1:{upstream_port}/v1",
        "api_key": "sk-not-a-key",
    }
    return {
        "model_list": [{"model_name": "bench", "litellm_params": parameters}],
        "litellm_settings": {
            "set_verbose": False,
            "json_logs": True,
            "request_timeout": 600,
            "num_retries": 0,
            "callbacks": [],
        },
        "general_settings": {"disable_spend_logs": True, "disable_error_logs": True},
        "router_settings": {"disable_cooldowns": True},
    }

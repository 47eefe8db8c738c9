"""What operators and orchestrators ask: `/health`, `/ready`, `/status`, `/metrics`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Protocol

from proxy import __version__
from proxy.http import web
from proxy.http.native.answers import json_answer

METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Condition(Protocol):
    """How this process and its host are."""

    def journal_accepts(self) -> bool: ...

    def postgres_ok(self) -> bool:
        """True also where there is no Postgres by choice."""

    def ready(self) -> bool:
        """Whether new requests are welcome: started, not draining, and the journal accepts."""

    def report(self) -> dict[str, Any]:
        """More, for `/status`; of plain JSON values."""


class Operations:
    """The handlers. Metrics are rendered off the event loop."""

    def __init__(
        self, condition: Condition, config_hash: bytes, render: Callable[[], bytes]
    ) -> None:
        self._condition = condition
        self._hash = config_hash.hex()
        self._render = render

    async def health(self, request: web.BaseRequest, api_key_name: str) -> web.StreamResponse:
        """TensorZero's body; 200 as long as the journal accepts, whatever Postgres does."""
        accepts = self._condition.journal_accepts()
        parts = {
            "gateway": "ok" if accepts else "error",
            "clickhouse": "ok",
            "postgres": "ok" if self._condition.postgres_ok() else "error",
            "valkey": "ok",
            "valkey_cache": "ok",
        }
        return json_answer(parts, 200 if accepts else 503)

    async def ready(self, request: web.BaseRequest, api_key_name: str) -> web.StreamResponse:
        ready = self._condition.ready()
        return json_answer({"ready": ready}, 200 if ready else 503)

    async def status(self, request: web.BaseRequest, api_key_name: str) -> web.StreamResponse:
        head = {"status": "ok", "version": __version__, "config_hash": self._hash}
        return json_answer(head | self._condition.report())

    async def metrics(self, request: web.BaseRequest, api_key_name: str) -> web.StreamResponse:
        try:
            body = await asyncio.to_thread(self._render)
        except RuntimeError:
            # No thread can be had: memory or tasks are at their limit. Just then numbers matter.
            body = self._render()
        return web.Response(body=body, headers={"Content-Type": METRICS_TYPE})

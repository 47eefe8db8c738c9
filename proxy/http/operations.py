"""What operators and orchestrators ask: `/health`, `/ready`, `/status`, `/metrics`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
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
    """The handlers. `pieces` makes the text of `/metrics`, a little at a time."""

    def __init__(
        self, condition: Condition, config_hash: bytes, pieces: Callable[[], Iterable[bytes]]
    ) -> None:
        self._condition = condition
        self._hash = config_hash.hex()
        self._pieces = pieces

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
        pieces = []
        for piece in self._pieces():
            pieces.append(piece)
            await asyncio.sleep(0)  # Calls are served between two pieces.
        return web.Response(body=b"".join(pieces), headers={"Content-Type": METRICS_TYPE})

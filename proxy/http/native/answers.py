"""Answers of the native API."""

from __future__ import annotations

from typing import Any

import orjson

from proxy.http import web
from proxy.http.errors import VERSION_HEADER


def json_answer(value: Any, status: int = 200) -> web.Response:
    """A JSON answer that names the gateway's version, as TensorZero's do."""
    return raw_answer(orjson.dumps(value), status)


def raw_answer(body: bytes, status: int = 200) -> web.Response:
    """The same, of JSON that is encoded already."""
    return web.Response(
        status=status,
        body=body,
        content_type="application/json",
        headers=dict([VERSION_HEADER]),
    )

"""What this room uses of aiohttp's server: `aiohttp.web` would load its router, its file server,
its WebSockets and its command line as well, which take memory in every process."""

from __future__ import annotations

from aiohttp.web_exceptions import HTTPException, HTTPRequestEntityTooLarge
from aiohttp.web_protocol import RequestPayloadError
from aiohttp.web_request import BaseRequest
from aiohttp.web_response import Response, StreamResponse
from aiohttp.web_server import Server

__all__ = [
    "BaseRequest",
    "HTTPException",
    "HTTPRequestEntityTooLarge",
    "RequestPayloadError",
    "Response",
    "Server",
    "StreamResponse",
]

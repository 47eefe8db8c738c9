"""Servers that give tokens away, on the loopback."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

Reply = tuple[int, dict[str, Any] | str]


@dataclass
class TokenServer:
    """Answers every request with what `answer` says for its number (from 1) and its path."""

    answer: Callable[[int, str], Reply]
    url: str = ""
    seen: list[dict[str, Any]] = field(default_factory=list)

    async def handle(self, request: web.Request) -> web.Response:
        body = await request.text()
        self.seen.append(
            {
                "method": request.method,
                "path": request.path,
                "query": dict(request.query),
                "headers": {name.lower(): value for name, value in request.headers.items()},
                "body": body,
            }
        )
        status, content = self.answer(len(self.seen), request.path)
        text = content if isinstance(content, str) else json.dumps(content)
        kind = "text/plain" if isinstance(content, str) else "application/json"
        headers = {"Metadata-Flavor": "Google"}
        return web.Response(status=status, text=text, content_type=kind, headers=headers)

    @property
    def calls(self) -> int:
        return len(self.seen)


@asynccontextmanager
async def serving(answer: Callable[[int, str], Reply]) -> AsyncIterator[TokenServer]:
    """A server on a port of its own."""
    server = TokenServer(answer)
    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", server.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    server.url = f"http://{host}:{port}"
    try:
        yield server
    finally:
        await runner.cleanup()


def oauth(number: int, path: str = "", *, seconds: int = 3600) -> Reply:
    """Of an OAuth token server."""
    return 200, {"access_token": f"token-{number}", "expires_in": seconds, "token_type": "Bearer"}


def google_metadata(number: int, path: str) -> Reply:
    """Of the metadata server of a machine in Google's cloud."""
    if path.endswith("/token"):
        return 200, {"access_token": "of-the-machine", "expires_in": 3599, "token_type": "Bearer"}
    if path.endswith("/service-accounts/default/"):
        return 200, {"email": "machine@p.iam.gserviceaccount.com", "scopes": ["cloud-platform"]}
    return 200, "p"


def azure_identity(number: int, path: str) -> Reply:
    """Of the identity endpoint of an App Service."""
    expires = str(int(time.time()) + 3600)
    return 200, {"access_token": f"entra-{number}", "expires_on": expires, "token_type": "Bearer"}


def aws_container(number: int, path: str, *, seconds: float = 3600) -> Reply:
    """Of the credentials endpoint of a container."""
    moment = time.gmtime(time.time() + seconds)
    return 200, {
        "AccessKeyId": f"AK{number}",
        "SecretAccessKey": "hush-key",
        "Token": "hush-token",
        "Expiration": time.strftime("%Y-%m-%dT%H:%M:%SZ", moment),
    }


def service_account(token_uri: str) -> dict[str, str]:
    """The JSON of a service account with a key made now."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return {
        "type": "service_account",
        "project_id": "p",
        "private_key_id": "k1",
        "private_key": pem.decode(),
        "client_email": "robot@p.iam.gserviceaccount.com",
        "token_uri": token_uri,
    }

"""`GET /v1/models`: what can be put into `model`."""

from __future__ import annotations

from urllib.parse import unquote

import orjson

from proxy.errors import NotFound
from proxy.http import web
from proxy.services.targets import Targets

OWNER = "zeroproxy"


class ModelsHandler:
    """The functions and models of the configuration, in OpenAI's form."""

    def __init__(self, targets: Targets, created: int) -> None:
        self._models = {name: _model(name, created) for name in targets.names()}
        self._list = orjson.dumps({"object": "list", "data": list(self._models.values())})

    async def list_models(self, request: web.BaseRequest, api_key_name: str) -> web.StreamResponse:
        return web.Response(body=self._list, content_type="application/json")

    async def retrieve_model(
        self, request: web.BaseRequest, api_key_name: str
    ) -> web.StreamResponse:
        name = unquote(request.path.partition("/v1/models/")[2])
        if name not in self._models:
            raise NotFound(
                f"The model '{name}' does not exist", param="model", code="model_not_found"
            )
        body = orjson.dumps(self._models[name])
        return web.Response(body=body, content_type="application/json")


def _model(name: str, created: int) -> dict[str, object]:
    return {"id": name, "object": "model", "created": created, "owned_by": OWNER}

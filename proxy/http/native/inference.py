"""`POST /inference`."""

from __future__ import annotations

from proxy.http import web
from proxy.http.auth import Keys
from proxy.http.inferences import Entrance, Inferences
from proxy.http.native.outlet import NativeOutlet
from proxy.http.spool import read_body
from proxy.services.infer import InferService
from proxy.services.relay_call import monotonic
from proxy.wire.native.request import decode_inference_request

LANE = "native"


class InferenceHandler:
    """Reads a call, hands it to the service, words what went wrong."""

    def __init__(self, service: InferService, keys: Keys) -> None:
        self._inferences = Inferences(service, keys)

    async def infer(self, request: web.BaseRequest, api_key_name: str) -> web.StreamResponse:
        began = monotonic()
        body = await read_body(request)
        asked = decode_inference_request(body)
        entrance = Entrance(request, api_key_name, LANE, "inference", body, began)
        call = self._inferences.call(asked, entrance, await self._inferences.brought(asked))
        outlet = NativeOutlet(asked)
        return await self._inferences.answer(entrance, call, outlet, lambda: outlet.error_dialect)

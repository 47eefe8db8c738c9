"""`POST /inference`."""

from __future__ import annotations

from collections.abc import Awaitable
from functools import partial

from proxy.http import web
from proxy.http.auth import Keys
from proxy.http.inferences import Entrance, Inferences
from proxy.http.native.outlet import NativeOutlet
from proxy.http.spool import with_body
from proxy.services.infer import InferService
from proxy.services.relay_call import monotonic
from proxy.wire.native.request import decode_inference_request

LANE = "native"


class InferenceHandler:
    """Reads a call, hands it to the service, words what went wrong."""

    def __init__(self, service: InferService, keys: Keys) -> None:
        self._inferences = Inferences(service, keys)

    def infer(self, request: web.BaseRequest, api_key_name: str) -> Awaitable[web.StreamResponse]:
        return with_body(request, partial(self._infer, request, api_key_name, monotonic()))

    def _infer(
        self, request: web.BaseRequest, api_key_name: str, began: float, body: bytes
    ) -> Awaitable[web.StreamResponse]:
        asked = decode_inference_request(body)
        entrance = Entrance(request, api_key_name, LANE, "inference", body, began)
        outlet = NativeOutlet(asked)
        return self._inferences.infer(asked, entrance, outlet, lambda: outlet.error_dialect)

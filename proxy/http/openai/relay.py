"""The relay's paths below `/v1/`: read the call, hand it to the service."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from urllib.parse import unquote

from proxy.errors import InvalidRequest, NotFound, NotSupported
from proxy.http import web
from proxy.http.auth import Keys
from proxy.http.callers import Callers
from proxy.http.client_stream import ClientStream
from proxy.http.openai.extensions import NO_EXTENSIONS, read_extensions
from proxy.http.openai.uploads import PassedUpload, UploadLimits, read_form
from proxy.http.ready_request import ReadyRequest
from proxy.http.spool import read_body
from proxy.models.credentials import CallCredentials
from proxy.services.endpoints import FILES, KNOWN, Endpoint, endpoint_of
from proxy.services.relay import RelayService
from proxy.services.relay_call import RelayCall, Upload, monotonic
from proxy.types.ids import new_identifier
from proxy.wire.splice import NO_PEEK, BodyPeek, peek

Handler = Callable[[web.BaseRequest, str], Awaitable[web.StreamResponse]]

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
PREFIX = "/v1/"


class RelayHandler:
    """OpenAI's API for OpenAI applications."""

    def __init__(
        self, service: RelayService, keys: Keys, limits: UploadLimits, base_path: str
    ) -> None:
        self._service = service
        self._base_path = base_path
        self._callers = Callers(keys)
        self._limits = limits

    def known(self) -> Mapping[str, Handler]:
        """A handler for each inference endpoint, by path below `/v1/`."""
        return {path: partial(self._relay, endpoint) for path, endpoint in KNOWN.items()}

    async def pass_on(self, request: web.BaseRequest, api_key_name: str) -> web.StreamResponse:
        """Any other path: its body goes on as it comes."""
        endpoint = endpoint_of(_path_below(request, self._base_path))
        return await self._relay(endpoint, request, api_key_name)

    async def realtime(self, request: web.BaseRequest, api_key_name: str) -> web.StreamResponse:
        raise NotSupported(
            "The Realtime API is not served by this proxy: it is no request with an answer. "
            "Connect to its provider directly."
        )

    def _relay(
        self, endpoint: Endpoint, request: web.BaseRequest, api_key_name: str
    ) -> Awaitable[web.StreamResponse]:
        """The answer to come. Of a body that is there no coroutine of ours waits for it: each one
        that does costs every call."""
        began = monotonic()
        self._service.admit()
        if not endpoint.inference or not isinstance(request, ReadyRequest):
            return self._read_and_relay(endpoint, request, api_key_name, began)
        body = request.body
        seen = peek(body, model_needed=endpoint.model_needed)
        call = self._call(request, api_key_name, endpoint, began, body, seen)
        return self._service.relay(call, ClientStream(request))

    async def _read_and_relay(
        self, endpoint: Endpoint, request: web.BaseRequest, api_key_name: str, began: float
    ) -> web.StreamResponse:
        body, seen = await self._read(request, endpoint)
        try:
            call = self._call(request, api_key_name, endpoint, began, body, seen)
            return await self._service.relay(call, ClientStream(request))
        finally:
            if not isinstance(body, bytes):
                body.close()

    async def _read(
        self, request: web.BaseRequest, endpoint: Endpoint
    ) -> tuple[bytes | Upload, BodyPeek]:
        """The body, in memory if it is to be understood, and what routing needs to know of it."""
        kind = request.content_type if endpoint.multipart or not endpoint.inference else ""
        if endpoint.inference and kind != "multipart/form-data":
            body = await read_body(request)
            return body, peek(body, model_needed=endpoint.model_needed)
        if not request.can_read_body:
            return b"", NO_PEEK
        if kind == "application/json":
            body = await read_body(request)
            return body, _lenient_peek(body)
        if kind == "multipart/form-data" and endpoint is not FILES:
            form = await read_form(request, self._limits)
            try:
                return form, form.peek()
            except InvalidRequest:
                form.close()
                raise
        return PassedUpload(request, limit=self._limits.most), NO_PEEK

    def _call(
        self,
        request: web.BaseRequest,
        api_key_name: str,
        endpoint: Endpoint,
        began: float,
        body: bytes | Upload,
        seen: BodyPeek,
    ) -> RelayCall:
        caller, extensions = self._callers.read(request), NO_EXTENSIONS
        credentials = caller.credentials
        if caller.says_more or seen.extensions:
            extensions = read_extensions(request, seen.extensions)
            credentials = CallCredentials(credentials.bearer, extensions.credentials)
        # In the order of the fields: with so many names the interpreter makes a dict of them.
        return RelayCall(
            began,
            request.method,
            request.path,
            endpoint.path or _path_below(request, self._base_path),
            request.rel_url.raw_query_string,
            endpoint,
            body,
            seen,
            caller.headers,
            credentials,
            extensions.episode_id or new_identifier(),
            extensions.variant_name,
            extensions.tags,
            caller.user_agent,
            api_key_name,
            new_identifier(),
        )


def _path_below(request: web.BaseRequest, base_path: str) -> str:
    """The path below `/v1/`, still quoted. One that climbs out of it does not exist, however often
    it is quoted, and whatever stands behind a semicolon, which some servers leave out."""
    raw = request.rel_url.raw_path
    below = raw.removeprefix(base_path + PREFIX)
    steps = _unquoted(below).replace("\\", "/").split("/")
    if below == raw or any(step.partition(";")[0] in (".", "..") for step in steps):
        raise NotFound(f"Route not found: {request.method} {request.path}")
    return below


def _unquoted(path: str) -> str:
    while (plain := unquote(path)) != path:
        path = plain
    return path


def _lenient_peek(body: bytes) -> BodyPeek:
    """Of an endpoint whose bodies we do not know, only what has our meaning is looked at."""
    try:
        return peek(body, model_needed=False, lenient=True)
    except InvalidRequest:
        return NO_PEEK

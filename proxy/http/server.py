"""From a connection to a handler: one dictionary look-up, one place where errors become answers."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from proxy.errors import (
    MethodNotAllowed,
    NotFound,
    PayloadTooLarge,
    RecordingRefused,
    RequestError,
    ZeroProxyError,
)
from proxy.http import web
from proxy.http.auth import Keys
from proxy.http.errors import (
    Dialect,
    Wording,
    native_dialect,
    openai_dialect,
    rejection_reason,
    respond,
    word,
)
from proxy.telemetry.metrics import Metrics

Handler = Callable[[web.BaseRequest, str], Awaitable[web.StreamResponse]]
"""(request, name of the caller's key) → the answer, written or to be written."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Route:
    """What answers at a path. `open` routes need no key."""

    handlers: Mapping[str, Handler]
    dialect: Dialect
    open: bool = False


class RouteTable:
    """All routes of one configuration, who may use them, and where they are counted.

    `prefixes` are tried, longest first, for paths that are not in `routes`.
    """

    def __init__(
        self,
        routes: Mapping[str, Route],
        prefixes: Mapping[str, Route],
        keys: Keys,
        metrics: Metrics,
        base_path: str = "",
    ) -> None:
        self.keys = keys
        self.metrics = metrics
        self.routes = {base_path + path: route for path, route in routes.items()}
        """By their whole paths."""
        self._prefixes = sorted(
            ((base_path + path, route) for path, route in prefixes.items()),
            key=lambda item: -len(item[0]),
        )

    def find(self, path: str) -> Route | None:
        """The route of a path that has none of its own."""
        return next((route for prefix, route in self._prefixes if path.startswith(prefix)), None)


class Dispatcher:
    """The handler of aiohttp's low-level server. A call keeps the table that it began with."""

    def __init__(self, table: RouteTable) -> None:
        self._table = table
        self.active = 0
        """Requests under way, for the drain."""

    def adopt(self, table: RouteTable) -> None:
        """Use another table from the next call on."""
        self._table = table

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        table, path = self._table, request.path
        route = table.routes.get(path) or table.find(path)
        dialect = _dialect_of(path) if route is None else route.dialect
        self.active += 1
        try:
            name = "" if route is not None and route.open else table.keys.admit(request)
            handler = None if route is None else route.handlers.get(request.method)
            if handler is None:
                raise _misplaced(request, route)
            return await handler(request, name)
        except RequestError as error:
            table.metrics.rejected(rejection_reason(error))
            return respond(word(error), dialect)
        except RecordingRefused as error:
            table.metrics.rejected("journal_full")
            return respond(word(error), dialect)
        except ZeroProxyError as error:
            return respond(word(error), dialect)
        except web.HTTPRequestEntityTooLarge as error:
            table.metrics.rejected("too_large")
            too_large = PayloadTooLarge(
                f"The body is too large: {error.text} (`zeroproxy.limits.max_request_bytes`)"
            )
            return respond(word(too_large), dialect)
        except (ConnectionError, web.HTTPException):
            raise
        except Exception:
            log.exception("a request failed inside")
            return respond(Wording(500, "internal error", "internal_error"), dialect)
        finally:
            self.active -= 1


def _misplaced(request: web.BaseRequest, route: Route | None) -> RequestError:
    """Why nobody answers here."""
    if route is None:
        return NotFound(_unknown(request))
    return MethodNotAllowed(
        f"{request.method} is not possible at {request.path}", allowed=tuple(route.handlers)
    )


def _dialect_of(path: str) -> Dialect:
    """The dialect of a path that has no route: OpenAI's clients read only their own."""
    if "/openai/v1" in path:
        return native_dialect
    return openai_dialect if "/v1/" in path or path.endswith("/v1") else native_dialect


def _unknown(request: web.BaseRequest) -> str:
    found = f"Route not found: {request.method} {request.path}"
    if request.path.startswith(("/chat/", "/embeddings", "/responses", "/completions")):
        return f"{found}. A client's `base_url` has to end in /v1 (or in /openai/v1)."
    return found

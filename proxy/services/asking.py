"""Asking one model: the attempts of a leg, over whatever providers, repeats and protocols."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

import orjson

from proxy.errors import InvalidRequest, RewriteFailed, UpstreamError, UpstreamTimeout
from proxy.models.model import Route, fetched
from proxy.models.policy import CallLog, Candidate, Classify
from proxy.models.rewrite import NO_REWRITES, HeaderRewrite, Rewrite, rewrite_body, rewrite_headers
from proxy.providers.base import Attempt, HttpProvider, NeutralProvider, answers_neutrally
from proxy.services.faults import explain
from proxy.services.infer_call import InferenceCall, InferProgress, Scope
from proxy.services.infer_sink import ChunkOutlet, InferSink
from proxy.services.lane import Lane
from proxy.services.leg import Failure, Leg
from proxy.services.tasks import Asked
from proxy.telemetry.metrics import RouteCells
from proxy.types.ids import new_identifier
from proxy.types.immutable import immutable, replace
from proxy.types.ports import Headers, Limits, OutgoingRequest
from proxy.types.request import NO_EXTRAS, NO_REST, Extras
from proxy.types.secrets import Secret, is_pending

OpenChunks = Callable[[Leg, RouteCells], ChunkOutlet]
"""Where the chunks of an attempt go; called once it is known who is asked."""


@immutable
class Overrides:
    """What changes the request of one attempt: rules of variant, provider and caller."""

    configured_body: tuple[Rewrite, ...]
    provider_body: tuple[Rewrite, ...]
    body: tuple[tuple[Scope, Rewrite], ...]
    configured_headers: tuple[HeaderRewrite, ...]
    provider_headers: tuple[HeaderRewrite, ...]
    headers: tuple[tuple[Scope, HeaderRewrite], ...]

    @property
    def body_rules(self) -> list[Rewrite]:
        """All, in their order."""
        given = [rule for _, rule in self.body]
        return [*self.configured_body, *self.provider_body, *given]

    @property
    def header_rules(self) -> list[HeaderRewrite]:
        """All, in their order."""
        given = [rule for _, rule in self.headers]
        return [*self.configured_headers, *self.provider_headers, *given]


_NO_HEADERS: Headers = ()
NO_OVERRIDES = Overrides((), (), (), (), (), ())


class Asking:
    """Runs legs, and keeps in `InferProgress` what came of them."""

    def __init__(self, lane: Lane, classify: Classify) -> None:
        self._lane = lane
        self._now = lane.watchdog.now
        self._settings = lane.settings
        self._classify = classify

    def run(
        self, progress: InferProgress, leg: Leg, open_chunks: OpenChunks | None
    ) -> Awaitable[object]:
        """Ask until there is an answer; who gave it, None when there is none.

        Without `open_chunks` the answer is asked for whole, and is in `leg.answer`.
        """
        progress.legs.append(leg)
        asking = self._lane.policy.run(
            (leg.candidate,),
            partial(self._attempt, progress, leg, open_chunks),
            leg.log,
            stream=leg.task.stream,
            classify=self._classify,
        )
        return asking if leg.log is progress.log else _told(asking, leg.log, progress.log)

    async def _attempt(
        self,
        progress: InferProgress,
        leg: Leg,
        open_chunks: OpenChunks | None,
        candidate: Candidate,
        route: Route,
        limits: Limits,
    ) -> UpstreamError | None:
        """What failed, unless the client has been sent some of the answer."""
        lane, call, provider = self._lane, progress.call, route.provider
        settings, now = self._settings, self._now
        cells = lane.metrics.for_route(
            call.target.function_name, leg.variant_name, candidate.model.name, route.name
        )
        began = now()
        leg.begin(route, new_identifier(), settings.record_limit, began)
        chunks = None if open_chunks is None else open_chunks(leg, cells)
        if not progress.waiting:
            progress.waiting_since = began
        progress.waiting += 1
        error: UpstreamError | None = None
        try:
            overrides = _overrides(progress, leg, route)
            if answers_neutrally(provider):
                await self._ask_neutrally(progress, leg, provider, limits, overrides, chunks)
            else:
                found = route.secret(call.credentials)
                secret = await fetched(found, limits) if is_pending(found) else found
                outgoing = self._outgoing(call, leg, provider, limits, overrides, secret)
                reader = leg.task.reader(provider)
                leg.wire = reader.wire
                sink = InferSink(
                    leg, chunks, reader, settings.peek_limit, settings.answer_limit, secret, now
                )
                await lane.transport.send(outgoing, sink)
                error = sink.error
        except UpstreamError as raised:
            error = raised
        finally:
            if chunks is not None:
                chunks.close()
            ended = now()
            progress.waiting -= 1
            if not progress.waiting:
                progress.waited += ended - progress.waiting_since
        if error is None:
            leg.error = None
            cells.attempt("ok", now() - began)
            return None
        return self._failed(progress, leg, cells, error, limits, now() - began)

    def _failed(
        self,
        progress: InferProgress,
        leg: Leg,
        cells: RouteCells,
        error: UpstreamError,
        limits: Limits,
        seconds: float,
    ) -> UpstreamError | None:
        """The error of an attempt; None where the client has been sent some of the answer."""
        route = leg.route
        assert route is not None
        explain(error, route.provider)
        if leg.started:
            if isinstance(error, UpstreamTimeout):
                error.scope = limits.scopes.get(error.limit)
            cells.attempt("ok", seconds)
            leg.error = error
            return None
        cells.attempt(error.kind, seconds)
        failed = Failure(leg.variant_name, route.name, route.provider.type, error)
        leg.failures.append(failed)
        progress.failures.append(failed)
        return error

    async def _ask_neutrally(
        self,
        progress: InferProgress,
        leg: Leg,
        provider: NeutralProvider,
        limits: Limits,
        overrides: Overrides,
        chunks: ChunkOutlet | None,
    ) -> None:
        """Ask a provider without HTTP to the end."""
        assert leg.route is not None
        extras = NO_EXTRAS if overrides is NO_OVERRIDES else _extras(overrides)
        credentials = progress.call.credentials
        asked = Asked(leg.candidate.model.name, leg.route, credentials, extras)
        leg.raw_request = provider.raw_request
        flight = self._lane.watchdog.watch(limits)
        with flight:
            leg.answer = await leg.task.ask(provider, asked, chunks, flight)
        leg.last_at = self._now()

    def _outgoing(
        self,
        call: InferenceCall,
        leg: Leg,
        provider: HttpProvider,
        limits: Limits,
        overrides: Overrides,
        secret: Secret,
    ) -> OutgoingRequest:
        """The HTTP request, as it is to be sent and recorded."""
        route, headers = leg.route, _NO_HEADERS
        assert route is not None
        if overrides is not NO_OVERRIDES:
            headers = rewrite_headers((), overrides.header_rules)
        attempt = Attempt(
            secret, limits, route.budget.try_retry, headers, leg.candidate.model.name, route.name
        )
        members = call.members if leg.takes_extras else NO_REST
        outgoing, ignored = leg.task.encode(provider, attempt, call.credentials, members)
        if ignored:
            self._lane.metrics.ignored(provider.type, ignored)
        body = outgoing.body
        assert isinstance(body, bytes)
        if overrides is not NO_OVERRIDES:
            body = _rewritten(body, overrides)
            outgoing = replace(outgoing, body=body)
        leg.raw_request = body
        return outgoing.sealed()


async def _told(asking: Awaitable[object], own: CallLog, whole: CallLog) -> object:
    """What comes of `asking`; how its own log ends, that of the whole call then says, too."""
    served = await asking
    whole.last = own.last or whole.last
    whole.refused = whole.refused or own.refused
    return served


def _overrides(progress: InferProgress, leg: Leg, route: Route) -> Overrides:
    call, own, theirs = progress.call, leg.rewrites, route.rewrites
    asked = call.extra_body or call.extra_headers
    if own is NO_REWRITES and theirs is NO_REWRITES and not asked:
        return NO_OVERRIDES
    given = leg.takes_extras and asked
    if not (given or own.body or own.headers or theirs.body or theirs.headers):
        return NO_OVERRIDES
    names = (leg.variant_name, leg.candidate.model.name, route.name)
    body = [each for each in call.extra_body if each[0].holds(*names)]
    headers = [each for each in call.extra_headers if each[0].holds(*names)]
    return Overrides(
        configured_body=tuple(own.body),
        provider_body=tuple(theirs.body),
        body=tuple(body) if leg.takes_extras else (),
        configured_headers=tuple(own.headers),
        provider_headers=tuple(theirs.headers),
        headers=tuple(headers) if leg.takes_extras else (),
    )


def _rewritten(body: bytes, overrides: Overrides) -> bytes:
    """The body with all rules applied, in their order.

    Raises:
        RewriteFailed: a rule has nothing to write into; the next provider's body may have.
    """
    try:
        return rewrite_body(body, overrides.body_rules)
    except InvalidRequest as error:
        raise RewriteFailed(str(error)) from error


def _extras(overrides: Overrides) -> Extras:
    """The same for a provider that is not asked over HTTP, as rules and as their effect."""
    if not overrides.body_rules and not overrides.header_rules:
        return NO_EXTRAS
    configured, headers = overrides.configured_body, overrides.configured_headers
    body_rules = {
        "extra_body": [_body_rule(rule) for rule in configured] or None,
        "inference_extra_body": [_scope(at) | _body_rule(rule) for at, rule in overrides.body],
    }
    header_rules = {
        "variant_extra_headers": [_header_rule(rule) for rule in headers] or None,
        "inference_extra_headers": [
            _scope(at) | _header_rule(rule) for at, rule in overrides.headers
        ],
    }
    return Extras(
        orjson.dumps(body_rules),
        orjson.dumps(header_rules),
        _rewritten(b"{}", overrides),
        tuple(rewrite_headers((), overrides.header_rules)),
    )


def _scope(scope: Scope) -> dict[str, object]:
    named = {
        "variant_name": scope.variant_name,
        "model_name": scope.model_name,
        "provider_name": scope.provider_name,
    }
    return {key: name for key, name in named.items() if name is not None}


def _body_rule(rule: Rewrite) -> dict[str, object]:
    escaped = (token.replace("~", "~0").replace("/", "~1") for token in rule.pointer)
    pointer = "".join(f"/{token}" for token in escaped)
    said = {"delete": True} if rule.delete else {"value": rule.value}
    return {"pointer": pointer, **said}


def _header_rule(rule: HeaderRewrite) -> dict[str, object]:
    said = {"delete": True} if rule.value is None else {"value": rule.value}
    return {"name": rule.name, **said}

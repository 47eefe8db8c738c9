"""Asking one model: the attempts of a leg, over whatever providers, repeats and protocols."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import orjson

from proxy.errors import InvalidRequest, RewriteFailed, UpstreamError, UpstreamTimeout
from proxy.models.model import Route
from proxy.models.policy import Candidate, Classify
from proxy.models.rewrite import HeaderRewrite, Rewrite, rewrite_body, rewrite_headers
from proxy.providers.base import answers_neutrally
from proxy.services.faults import explain
from proxy.services.infer_call import InferProgress, Scope
from proxy.services.infer_sink import ChunkOutlet, InferSink
from proxy.services.lane import Lane
from proxy.services.leg import Failure, Leg
from proxy.services.tasks import Asked
from proxy.telemetry.metrics import RouteCells
from proxy.types.ids import new_identifier
from proxy.types.immutable import immutable
from proxy.types.ports import Headers, Limits
from proxy.types.request import NO_EXTRAS, NO_REST, Extras

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


NO_OVERRIDES = Overrides((), (), (), (), (), ())


class Asking:
    """Runs legs, and keeps in `InferProgress` what came of them."""

    def __init__(self, lane: Lane, classify: Classify) -> None:
        self._lane = lane
        self._classify = classify

    async def run(self, progress: InferProgress, leg: Leg, open_chunks: OpenChunks | None) -> bool:
        """Ask until there is an answer; False when there is none.

        Without `open_chunks` the answer is asked for whole, and is in `leg.answer`.
        """

        async def attempt(
            candidate: Candidate, route: Route, limits: Limits
        ) -> UpstreamError | None:
            return await self._attempt(progress, leg, route, limits, open_chunks)

        progress.legs.append(leg)
        served = await self._lane.policy.run(
            (leg.candidate,),
            attempt,
            leg.log,
            stream=leg.task.stream,
            classify=self._classify,
        )
        if leg.log is not progress.log:
            progress.log.last = leg.log.last or progress.log.last
            progress.log.refused = progress.log.refused or leg.log.refused
        return served is not None

    async def _attempt(
        self,
        progress: InferProgress,
        leg: Leg,
        route: Route,
        limits: Limits,
        open_chunks: OpenChunks | None,
    ) -> UpstreamError | None:
        now = self._lane.watchdog.now
        cells = self._lane.metrics.for_route(
            progress.call.target.function_name,
            leg.variant_name,
            leg.candidate.model.name,
            route.name,
        )
        began = now()
        leg.begin(route, new_identifier(), self._lane.settings.record_limit, began)
        chunks = None if open_chunks is None else open_chunks(leg, cells)
        _begin_waiting(progress, began)
        error: UpstreamError | None = None
        try:
            error = await self._ask(progress, leg, limits, chunks)
        except UpstreamError as raised:
            error = raised
        finally:
            if chunks is not None:
                chunks.close()
            _end_waiting(progress, now())
        if error is not None:
            explain(error, route.provider)
        if leg.started and isinstance(error, UpstreamTimeout):
            error.scope = limits.scopes.get(error.limit)
        failure = None if leg.started else error
        cells.attempt(failure.kind if failure else "ok", now() - began)
        if failure is not None:
            failed = Failure(leg.variant_name, route.name, route.provider.type, failure)
            leg.failures.append(failed)
            progress.failures.append(failed)
        else:
            leg.error = error
        return failure

    async def _ask(
        self, progress: InferProgress, leg: Leg, limits: Limits, chunks: ChunkOutlet | None
    ) -> UpstreamError | None:
        """Ask the provider to the end; what broke its answer off, if anything did."""
        task, route, lane = leg.task, leg.route, self._lane
        assert route is not None
        call, provider = progress.call, route.provider
        overrides = _overrides(progress, leg, route)
        headers: Headers = ()
        if overrides is not NO_OVERRIDES:
            headers = rewrite_headers((), overrides.header_rules)
        members = call.members if leg.takes_extras else NO_REST
        model = leg.candidate.model.name
        if answers_neutrally(provider):
            extras = _extras(overrides)
            asked = Asked(model, route, call.credentials, limits, headers, extras, members)
            leg.raw_request = provider.raw_request
            flight = lane.watchdog.watch(limits)
            with flight:
                leg.answer = await task.ask(provider, asked, chunks, flight)
            leg.last_at = lane.watchdog.now()
            return None
        asked = Asked(model, route, call.credentials, limits, headers, NO_EXTRAS, members)
        secret = await route.secret(call.credentials, limits)
        outgoing, ignored = task.encode(provider, asked, secret)
        if ignored:
            lane.metrics.ignored(provider.type, ignored)
        body = outgoing.body
        assert isinstance(body, bytes)
        if overrides is not NO_OVERRIDES:
            body = _rewritten(body, overrides)
            outgoing = replace(outgoing, body=body)
        reader = task.reader(provider)
        leg.raw_request, leg.wire = body, reader.wire
        settings, now = lane.settings, lane.watchdog.now
        sink = InferSink(
            leg, chunks, reader, settings.peek_limit, settings.answer_limit, secret, now
        )
        await lane.transport.send(outgoing.sealed(), sink)
        return sink.error


def _begin_waiting(progress: InferProgress, now: float) -> None:
    if not progress.waiting:
        progress.waiting_since = now
    progress.waiting += 1


def _end_waiting(progress: InferProgress, now: float) -> None:
    progress.waiting -= 1
    if not progress.waiting:
        progress.waited += now - progress.waiting_since


def _overrides(progress: InferProgress, leg: Leg, route: Route) -> Overrides:
    call, own, theirs = progress.call, leg.rewrites, route.rewrites
    given = leg.takes_extras and (call.extra_body or call.extra_headers)
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

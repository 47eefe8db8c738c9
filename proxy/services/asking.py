"""Asking one model: the attempts of a leg, over whatever providers, repeats and protocols."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

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
from proxy.types.ids import new_id
from proxy.types.ports import Limits
from proxy.types.request import NO_EXTRAS, NO_REST, Extras

OpenChunks = Callable[[Leg, RouteCells], ChunkOutlet]
"""Where the chunks of an attempt go; called once it is known who is asked."""


@dataclass(frozen=True, slots=True)
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
        leg.begin(route, new_id(), self._lane.settings.record_limit, began)
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
        task, route = leg.task, leg.route
        assert route is not None
        provider = route.provider
        overrides = _overrides(progress, leg, route)
        asked = Asked(
            leg.candidate.model.name,
            route,
            progress.call.credentials,
            limits,
            rewrite_headers((), overrides.header_rules),
            _extras(overrides) if answers_neutrally(provider) else NO_EXTRAS,
            progress.call.members if leg.takes_extras else NO_REST,
        )
        if answers_neutrally(provider):
            leg.raw_request = provider.raw_request
            flight = self._lane.watchdog.watch(limits)
            with flight:
                leg.answer = await task.ask(provider, asked, chunks, flight)
            leg.last_at = self._lane.watchdog.now()
            return None
        secret = await route.secret(progress.call.credentials, limits)
        outgoing, ignored = task.encode(provider, asked, secret)
        self._lane.metrics.ignored(provider.type, ignored)
        assert isinstance(outgoing.body, bytes)
        body = _rewritten(outgoing.body, overrides)
        reader = task.reader(provider)
        leg.raw_request, leg.wire = body, reader.wire
        sink = InferSink(
            leg,
            chunks,
            reader,
            error_limit=self._lane.settings.peek_limit,
            answer_limit=self._lane.settings.answer_limit,
            secret=secret,
            now=self._lane.watchdog.now,
        )
        await self._lane.transport.send(replace(outgoing, body=body).sealed(), sink)
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
    call = progress.call
    names = (leg.variant_name, leg.candidate.model.name, route.name)
    body = [each for each in call.extra_body if each[0].holds(*names)]
    headers = [each for each in call.extra_headers if each[0].holds(*names)]
    return Overrides(
        configured_body=tuple(leg.rewrites.body),
        provider_body=tuple(route.rewrites.body),
        body=tuple(body) if leg.takes_extras else (),
        configured_headers=tuple(leg.rewrites.headers),
        provider_headers=tuple(route.rewrites.headers),
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

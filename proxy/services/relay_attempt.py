"""One attempt at one provider, on the relay: the client's body goes out, its answer into a sink."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Sequence
from dataclasses import replace
from functools import lru_cache

import msgspec

from proxy.errors import UpstreamError, UpstreamUnserved
from proxy.inference.variant import Variant
from proxy.models.model import Route, fetched
from proxy.models.policy import Candidate
from proxy.models.rewrite import NO_REWRITES, rewrite_body, rewrite_headers
from proxy.providers.base import (
    Attempt,
    HttpProvider,
    NeutralProvider,
    answers_neutrally,
    makes_vectors,
)
from proxy.services.endpoints import CHAT_COMPLETIONS, EMBEDDINGS
from proxy.services.faults import explain
from proxy.services.lane import Lane
from proxy.services.neutral_attempt import answer_embeddings, answer_neutrally
from proxy.services.outgoing import outgoing_body
from proxy.services.recording_tap import RecordingTap
from proxy.services.relay_call import Progress, RelayCall
from proxy.services.relay_sink import RelaySink
from proxy.services.translation import TranslatingSink, Translation, Wording
from proxy.telemetry.metrics import RouteCells
from proxy.types.edits import Edit
from proxy.types.ports import Body, Client, FixedHeaders, Headers, Limits
from proxy.types.request import ModelRequest
from proxy.types.secrets import Secret, is_pending
from proxy.wire.chat_completions.encode_stream import Author
from proxy.wire.chat_completions.request import decode_request
from proxy.wire.chat_completions.usage_filter import UsageFilter

USAGE_WIRES = ("chat_completions", "completions")


class _Sending(msgspec.Struct):
    """One attempt on its way out."""

    progress: Progress
    variant: Variant
    route: Route
    secret: Secret
    limits: Limits
    sink: RelaySink
    untouched: bool
    """Whether the configuration rewrites nothing of it."""

    def __repr__(self) -> str:
        return f"_Sending({self.route.name})"

    def rewritten(self, body: bytes | Body, edits: Sequence[Edit] = ()) -> bytes | Body:
        """The body after the rules of the configuration, in the provider's protocol. `edits` made
        it of the client's."""
        self.progress.edits = edits if self.untouched else ()
        if not isinstance(body, bytes):
            self.progress.raw_request = b""
            return body
        for rewrites in () if self.untouched else (self.variant.rewrites, self.route.rewrites):
            if rewrites.body:
                body = rewrite_body(body, rewrites.body)
        self.progress.raw_request = body
        return body

    def headers(self, given: Headers) -> Headers:
        """The headers after the same."""
        for rewrites in () if self.untouched else (self.variant.rewrites, self.route.rewrites):
            if rewrites.headers:
                given = rewrite_headers(given, rewrites.headers)
        return given

    def completed(self, asked: ModelRequest) -> ModelRequest:
        """With what the variant asks for and OpenAI's protocol has no member for."""
        budget = self.variant.spec.params.thinking_budget_tokens
        if budget is None:
            return asked
        return replace(asked, params=replace(asked.params, thinking_budget_tokens=budget))

    def author(self, candidate: Candidate | None) -> Author:
        """Who will give the answer."""
        model_name = None if candidate is None else candidate.model.name
        return Author(self.route.provider.type, model_name, self.route.name)

    def attempt(self, candidate: Candidate | None) -> Attempt:
        """The same, for the provider."""
        return Attempt(
            secret=self.secret,
            limits=self.limits,
            may_resend=self.route.budget.try_retry,
            headers=self.headers(()),
            model_name=None if candidate is None else candidate.model.name,
            provider_name=self.route.name,
        )


class RelayAttempts:
    """Makes attempts, and keeps in `Progress` what came of the last."""

    def __init__(self, lane: Lane) -> None:
        self._lane = lane
        self._now = lane.watchdog.now
        self._metrics = lane.metrics
        self._transport = lane.transport

    async def attempt(
        self,
        progress: Progress,
        client: Client,
        candidate: Candidate,
        route: Route,
        limits: Limits,
    ) -> UpstreamError | None:
        """None when the client has been sent some of the answer, or is to be; else the error.

        Raises:
            RequestError: the call cannot be put to this provider as the client made it.
        """
        now = self._now
        variant = progress.variant
        assert variant is not None
        cells = self._metrics.for_route(
            progress.target.function_name, variant.name, candidate.model.name, route.name
        )
        sink = self._sink(progress, candidate, route, client, cells)
        progress.attempt_began = began = now()
        try:
            found = route.secret(progress.call.credentials)
            secret = await fetched(found, limits) if is_pending(found) else found
            sink.secret = secret
            untouched = variant.rewrites is NO_REWRITES and route.rewrites is NO_REWRITES
            await self._sending(_Sending(progress, variant, route, secret, limits, sink, untouched))
        except UpstreamError as error:
            sink.on_end(error)
        finally:
            took = now() - began
            progress.waited += took
            if sink.started:
                sink.settle()
        failure = None if sink.started else sink.error
        if failure is None:
            cells.attempt("ok", took)
            return None
        explain(failure, route.provider)
        cells.attempt(failure.kind, took)
        return failure

    def _sink(
        self,
        progress: Progress,
        candidate: Candidate,
        route: Route,
        client: Client,
        cells: RouteCells,
    ) -> RelaySink:
        call, settings = progress.call, self._lane.settings

        def on_start(sink: RelaySink, length: int | None) -> None:
            if call.peek.stream:
                cells.first_token(sink.last_at - call.began)
            progress.status = sink.status
            client.start(sink.status, sink.headers, *ours(progress), length=length)
            sink.headers = ()  # They have gone out, and a stream may be long.

        progress.candidate, progress.route = candidate, route
        progress.neutral = progress.translation = None
        asks_usage = call.peek.stream and self._asks_usage(call, route)
        progress.sink = sink = RelaySink(
            client,
            endpoint=call.endpoint,
            stream=call.peek.stream,
            peek_limit=settings.peek_limit,
            tap=RecordingTap(settings.record_limit),
            now=self._now,
            on_start=on_start,
            on_gaps=cells.gaps,
            strip=UsageFilter() if asks_usage else None,
        )
        return sink

    def _sending(self, sending: _Sending) -> Awaitable[None]:
        """Ask the provider, in the way in which it can be asked. Raises what `attempt` handles, at
        once or when awaited."""
        progress, route, sink = sending.progress, sending.route, sending.sink
        call, provider = progress.call, route.provider
        changed = None if progress.function is None else progress.function.changed
        body, edits = outgoing_body(call, sending.variant, route, changed, ask_usage=sink.strips)
        relay = route.relay
        progress.raw = relay is not None and not _is_foreign(call, relay)
        if relay is not None and progress.raw:
            request = relay.encode_relay(
                call.upstream_path,
                sending.rewritten(body, edits),
                sending.headers(call.headers),
                sending.secret,
                sending.limits,
                route.budget.try_retry,
                method=call.method,
                query=call.query,
            )
            return self._transport.send(request.sealed(), sink)
        if answers_neutrally(provider):
            return self._ask(progress, provider, sending.rewritten(body), sending.limits, sink)
        if call.endpoint is CHAT_COMPLETIONS and isinstance(body, bytes):
            return self._translate(sending, provider, body)
        raise _unserved(provider, call)

    async def _translate(self, sending: _Sending, provider: HttpProvider, body: bytes) -> None:
        """To a provider of another protocol, asked in its own."""
        progress, settings = sending.progress, self._lane.settings
        call = progress.call
        asked = decode_request(body, model_name=provider.model_name, stream=call.peek.stream)
        outgoing, ignored = provider.encode_chat(
            sending.completed(asked), sending.attempt(progress.candidate)
        )
        self._metrics.ignored(provider.type, ignored)
        sent = sending.rewritten(outgoing.body)
        assert isinstance(sent, bytes)
        tap = RecordingTap(settings.record_limit)
        progress.translation = Translation(provider.reading, tap)
        sink = TranslatingSink(
            sending.sink,
            provider,
            Wording(
                str(call.id),
                call.peek.model,
                int(time.time()),
                call.peek.include_usage,
                sending.author(progress.candidate),
                sending.route.discards_unknown,
            ),
            tap,
            stream=call.peek.stream,
            error_limit=settings.peek_limit,
            answer_limit=settings.answer_limit,
        )
        await self._transport.send(replace(outgoing, body=sent).sealed(), sink)

    async def _ask(
        self,
        progress: Progress,
        provider: NeutralProvider,
        body: bytes | Body,
        limits: Limits,
        sink: RelaySink,
    ) -> None:
        """A provider that answers in neutral values."""
        call = progress.call
        if call.endpoint is CHAT_COMPLETIONS and isinstance(body, bytes):
            progress.neutral = await answer_neutrally(
                provider,
                body,
                identifier=str(call.id),
                model=call.peek.model,
                stream=call.peek.stream,
                include_usage=call.peek.include_usage,
                credentials=call.credentials.dynamic,
                flight=self._lane.watchdog.watch(limits),
                sink=sink,
            )
        elif call.endpoint is EMBEDDINGS and isinstance(body, bytes) and makes_vectors(provider):
            await answer_embeddings(
                provider,
                body,
                model=call.peek.model,
                credentials=call.credentials.dynamic,
                flight=self._lane.watchdog.watch(limits),
                sink=sink,
            )
        else:
            raise _unserved(provider, call)

    def _asks_usage(self, call: RelayCall, route: Route) -> bool:
        """Whether we ask for the usage chunk of a stream, and take it out again."""
        if not self._lane.settings.request_usage or call.endpoint.wire not in USAGE_WIRES:
            return False
        if not call.peek.stream or call.peek.include_usage:
            return False
        relay = route.relay
        return relay is not None and not _is_foreign(call, relay) and relay.usage == "ask"


def _is_foreign(call: RelayCall, provider: HttpProvider) -> bool:
    """Whether a chat is asked for that the provider would be told of in another protocol."""
    return call.endpoint is CHAT_COMPLETIONS and provider.wire != CHAT_COMPLETIONS.wire


def _unserved(provider: HttpProvider | NeutralProvider, call: RelayCall) -> UpstreamUnserved:
    return UpstreamUnserved(f"a provider of type `{provider.type}` does not serve {call.path}")


def ours(progress: Progress) -> tuple[Headers, FixedHeaders]:
    """Our headers of an answer: those that name the call, and those that name what served it."""
    call, target = progress.call, progress.target
    candidate, route = progress.candidate, progress.route
    identifier = str(call.id)
    named = (
        ("x-request-id", identifier),
        ("x-tensorzero-inference-id", identifier),
        ("x-tensorzero-episode-id", str(call.episode_id)),
    )
    if candidate is None or route is None:
        return named, _served_by(progress.raw, None, "", None, "" if route is None else route.name)
    function = None if target.function is None else target.function_name
    variant, model = candidate.variant_name, candidate.model.name
    return named, _served_by(progress.raw, function, variant, model, route.name)


@lru_cache(maxsize=1024)
def _served_by(
    raw: bool, function: str | None, variant: str, model: str | None, provider: str
) -> FixedHeaders:
    """The same for all calls that go one way."""
    named = [("x-tensorzero-relay", "raw" if raw else "translated")]
    if function is not None:
        named.append(("x-tensorzero-function-name", function))
        named.append(("x-tensorzero-variant-name", variant))
    if model is not None:
        named.append(("x-tensorzero-model-name", model))
        named.append(("x-tensorzero-provider-name", provider))
    return tuple(named)

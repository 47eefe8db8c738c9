"""The relay: an OpenAI application's call, routed, answered with the provider's bytes, recorded.

Bytes go through unchanged when the provider speaks the client's protocol (`raw`); otherwise the
neutral answer is written in the client's protocol, with nothing added (`translated`).

A plain model, and a function that is a plain chat, have the client's body passed on as it is. The
call of any other function is understood first; then its variants are tried, each in its own way.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable, Iterator, Sequence
from functools import partial
from typing import TypeVar

from proxy.errors import (
    AllVariantsFailed,
    Forbidden,
    InvalidRequest,
    NotSupported,
    RecordingError,
    RequestError,
    Unrenderable,
    UpstreamErrorInBody,
    UpstreamStatus,
    UpstreamTimeout,
    UpstreamUnsupported,
    ZeroProxyError,
)
from proxy.inference.prepare import prepare
from proxy.inference.variant import Variant
from proxy.models.policy import CallLog, Candidate, ErrorClass, classify
from proxy.services.endpoints import CHAT_COMPLETIONS, EMBEDDINGS
from proxy.services.failures import describe, unsupported
from proxy.services.function_call import read_function_call
from proxy.services.infer_call import VariantFailure
from proxy.services.lane import Lane
from proxy.services.relay_attempt import RelayAttempts, ours
from proxy.services.relay_call import FunctionProgress, Progress, RelayCall
from proxy.services.relay_record import build_exchange
from proxy.services.targets import Target
from proxy.services.translating import Translating
from proxy.types.exchange import EndReason
from proxy.types.ports import Client, Headers

FUNCTION_WIRES = ("chat_completions", "responses", "completions")
"""Where a chat function can be called: the protocols in which a variant's part can be said."""

AnyClient = TypeVar("AnyClient", bound=Client)


class RelayService:
    """Answers calls of one configuration."""

    def __init__(self, lane: Lane) -> None:
        self._lane = lane
        self._metrics = lane.metrics
        self._recorder = lane.recorder
        self._policy = lane.policy
        self._now = lane.watchdog.now
        self._settings = lane.settings
        self._attempts = RelayAttempts(lane)
        self._translating = Translating(lane)
        self.targets = lane.targets

    def admit(self) -> None:
        """Ask before a body is read; raises RecordingRefused when the journal is at its bound."""
        self._recorder.admit()

    async def relay(self, call: RelayCall, client: AnyClient) -> AnyClient:
        """Answer `client`, whatever happens; it is given back.

        Raises:
            RequestError: the call never got in; nothing was recorded.
            AllVariantsFailed: no provider answered; recorded, and the client is to be told.
            asyncio.CancelledError: the client left; recorded.
        """
        target = self._resolve(call)
        progress = Progress(call, target, CallLog(call.began))
        drawn = target.choose(call.episode_id, call.pinned)
        with self._metrics.in_flight(call.endpoint.name):
            try:
                if target.plain or call.endpoint is not CHAT_COMPLETIONS:
                    # All variants in one go: the body is passed on, whichever it is.
                    if await self._passed_on(progress, _candidates(progress, drawn), client):
                        await self._answer(progress, client)
                    else:
                        await self._answer_failure(progress, client)
                else:
                    await self._run_function(progress, drawn, client)
            except asyncio.CancelledError:
                await self._ended(progress, self._lane.closing.reason)
                client.abort()
                raise
            except ConnectionError:
                # The client left while it was sending.
                await self._ended(progress, EndReason.CLIENT_DISCONNECTED)
                client.abort()
                raise
            except RequestError:
                # The body turned out to be none that may pass; the answer may have begun already.
                if progress.sink is not None and progress.sink.started:
                    await self._ended(progress, EndReason.CLIENT_DISCONNECTED)
                    client.abort()
                    return client
                if progress.log.attempts:
                    await self._ended(progress, EndReason.UPSTREAM_ERROR)
                raise
            except ZeroProxyError:
                raise
            except Exception:
                await self._ended(progress, EndReason.INTERNAL)
                client.abort()
                raise
            finally:
                # The sink knows its progress: a circle that only the collector would find.
                progress.sink = None
        return client

    def _resolve(self, call: RelayCall) -> Target:
        """Where the call goes, if it may go there."""
        if call.endpoint is CHAT_COMPLETIONS:
            return self.targets.resolve(call.peek.model)
        if call.endpoint is EMBEDDINGS:
            target = self.targets.resolve_embedding(call.peek.model)
        else:
            target = self.targets.resolve(call.peek.model)
        if target.function is not None and call.endpoint.wire not in FUNCTION_WIRES:
            raise InvalidRequest(
                f"`{call.peek.model}` is a chat function; it cannot be called on {call.path}",
                param="model",
            )
        if not target.spec.plain:
            raise NotSupported(
                f"function `{target.function_name}` has schemas, tools or a JSON output; it is "
                f"served on chat completions, not on {call.path}",
                param="model",
            )
        if not call.endpoint.inference and not self._allowed(call.upstream_path):
            self._refuse_operators_keys(call, target)
        return target

    def _allowed(self, path: str) -> bool:
        allowed = self._lane.settings.allowed_paths
        return any(path == each or path.startswith(each + "/") for each in allowed)

    def _refuse_operators_keys(self, call: RelayCall, target: Target) -> None:
        if any(route.operators_key for route in target.routes()):
            raise Forbidden(
                f"{call.path} is no inference endpoint, so this proxy's own provider keys do not "
                "serve it; its operator can list the path in `zeroproxy.allowed_paths`"
            )

    def _passed_on(
        self, progress: Progress, candidates: Iterable[Candidate], client: Client
    ) -> Awaitable[object]:
        """Who has answered; None if nobody has."""
        attempt = partial(self._attempts.attempt, progress, client)
        stream = progress.call.peek.stream
        return self._policy.run(candidates, attempt, progress.log, stream=stream)

    # A function that is more than a plain chat.

    async def _run_function(
        self, progress: Progress, drawn: Iterator[Variant], client: Client
    ) -> None:
        """One variant after the other, each in its own way, until one has answered."""
        body = progress.call.body
        assert isinstance(body, bytes)
        asked = read_function_call(body, progress.target, self.targets)
        progress.function = function = FunctionProgress(asked)
        for variant in drawn:
            progress.assigned = progress.assigned or variant.name
            attempts = len(progress.log.attempts)
            if asked.is_translated(variant):
                served = await self._translating.run(progress, variant, client)
            else:
                served = await self._relay_variant(progress, function, variant, client)
            if served:
                return
            if len(progress.log.attempts) > attempts and _is_final(progress, variant):
                break
        await self._answer_failure(progress, client)

    async def _relay_variant(
        self, progress: Progress, function: FunctionProgress, variant: Variant, client: Client
    ) -> bool:
        """Whether the variant has answered, with its provider's bytes."""
        try:
            prepared = prepare(function.asked.checked, variant.spec)
        except Unrenderable as error:
            function.failed.append(VariantFailure(variant.name, str(error), error))
            return False
        function.prepared = prepared
        function.changed = function.asked.changed_members(prepared)
        progress.variant = variant
        if await self._passed_on(progress, (variant.candidate,), client) is None:
            return False
        await self._answer(progress, client)
        return True

    # The end.

    async def _answer(self, progress: Progress, client: Client) -> None:
        """The attempt succeeded: make the exchange safe, then let the client see the end."""
        sink, reason = progress.sink, EndReason.COMPLETE
        assert sink is not None
        if sink.error is None:
            progress.status = sink.status
        else:
            timed_out = isinstance(sink.error, UpstreamTimeout)
            reason = EndReason.TIMEOUT if timed_out else EndReason.UPSTREAM_CUT
        try:  # As `_recorded`, which would be one coroutine more for every call.
            recording = self._record(progress, reason)
            if recording is not None:
                await recording
        except RecordingError:
            client.abort()
            return
        if sink.error is not None:
            client.abort()
            return
        held = sink.body()
        if not sink.started:
            client.start(sink.status, sink.headers, *ours(progress), length=len(held))
        client.finish(held)

    async def _answer_failure(self, progress: Progress, client: Client) -> None:
        """All attempts failed: the last HTTP answer as it is, else an error for `http/` to word."""
        log = progress.log
        refusal = None if log.attempts else _refusal(progress)
        if refusal is not None:
            raise refusal
        if isinstance(log.last, UpstreamUnsupported) and _never_asked(log):
            raise unsupported(log.last)
        theirs = _last_answer(progress)
        if theirs is not None:
            progress.status, headers, held = theirs
            if not await self._recorded(progress, EndReason.UPSTREAM_ERROR, client):
                return
            named, served = ours(progress)
            extra = [("x-should-retry", "false")] if log.exhausted else []
            client.start(progress.status, headers, [*named, *extra], served, length=len(held))
            client.finish(held)
            return
        progress.status = 504 if isinstance(log.last, UpstreamTimeout) else 502
        if await self._recorded(progress, EndReason.UPSTREAM_ERROR, client):
            raise AllVariantsFailed(
                _failure_text(progress),
                log.last,
                exhausted=log.exhausted,
                inference_id=str(progress.call.id),
            )

    async def _recorded(self, progress: Progress, reason: EndReason, client: Client) -> bool:
        """Whether the client may now see the end; if not, its connection has been cut."""
        try:
            recording = self._record(progress, reason)
            if recording is not None:
                await recording
        except RecordingError:
            client.abort()
            return False
        return True

    async def _ended(self, progress: Progress, reason: EndReason) -> None:
        """Return when the call is recorded."""
        recording = self._record(progress, reason)
        if recording is not None:
            await recording

    def _record(self, progress: Progress, reason: EndReason) -> Awaitable[None] | None:
        """As `Recorder.exchange`."""
        function = progress.function
        if function is not None and function.translating and function.inferring is not None:
            return self._translating.record(function.inferring, reason)
        if progress.recorded:
            return None
        progress.recorded = True
        call, candidate = progress.call, progress.candidate
        seconds = self._now() - call.began
        overhead = max(0.0, seconds - progress.waited)
        self._metrics.ended(
            endpoint=call.endpoint.name,
            function_name=progress.target.function_name,
            variant_name=candidate.variant_name if candidate else "",
            model_name=candidate.model.name if candidate else "",
            reason=reason,
            status=progress.status,
            seconds=seconds,
            overhead=overhead,
        )
        return self._recorder.exchange(
            build_exchange(progress, reason, seconds, overhead, self._settings)
        )


def _candidates(progress: Progress, drawn: Iterator[Variant]) -> Iterator[Candidate]:
    for variant in drawn:
        progress.assigned = progress.assigned or variant.name
        progress.variant = variant
        yield variant.candidate


def _never_asked(log: CallLog) -> bool:
    """Whether no provider could be asked at all."""
    return all(attempt.error == UpstreamUnsupported.kind for attempt in log.attempts)


def _is_final(progress: Progress, variant: Variant) -> bool:
    """Whether the variant's failure is the caller's fault. Of a strategy's many questions one that
    was refused says nothing of the caller's."""
    last = progress.log.last
    return variant.strategy is None and last is not None and classify(last) is ErrorClass.FINAL


def _last_answer(progress: Progress) -> tuple[int, Headers, bytes] | None:
    """Status, headers and body of the last attempt's HTTP answer, if it had one."""
    sink, last = progress.sink, progress.log.last
    if sink is not None:
        return (sink.status, sink.headers, sink.body()) if sink.answered else None
    if isinstance(last, UpstreamStatus) and not isinstance(last, UpstreamErrorInBody):
        return (last.status or 502, last.headers, last.body)
    return None


def _refusal(progress: Progress) -> InvalidRequest | None:
    """Why no provider could have been asked, if that is the caller's fault."""
    failed = _failed(progress)
    if not failed:
        return InvalidRequest("this function has no variant that could be tried")
    errors = [each.error for each in failed if isinstance(each.error, Unrenderable)]
    return errors[0] if len(errors) == len(failed) else None


def _failed(progress: Progress) -> Sequence[VariantFailure]:
    return () if progress.function is None else progress.function.failed


def _failure_text(progress: Progress) -> str:
    attempts = progress.log.attempts
    if not attempts:
        return describe(_failed(progress), bare=False)
    tried = ", ".join(
        f"{attempt.provider_name}: {attempt.detail or attempt.error}" for attempt in attempts
    )
    return f"All providers failed: {tried}"

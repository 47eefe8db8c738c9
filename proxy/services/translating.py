"""Variants whose answers the relay writes anew: strategies, chains of thought, JSON mode `tool`.

They are asked as on the other lanes, with a call made of the relay's; the log of attempts is the
same for both, so that variants of either kind can follow each other in one call.
"""

from __future__ import annotations

from collections.abc import Awaitable

import orjson

from proxy.errors import InvalidRequest
from proxy.inference.variant import Variant
from proxy.models.policy import classify
from proxy.services.function_call import FunctionCall
from proxy.services.infer import InferService
from proxy.services.infer_call import InferenceCall, InferProgress
from proxy.services.lane import Lane
from proxy.services.relay_call import FunctionProgress, Progress
from proxy.services.relay_outlet import RelayOutlet
from proxy.services.tasks import ChatTask
from proxy.types.exchange import EndReason
from proxy.types.ports import Client
from proxy.wire.chat_completions.carried import find_uncarried
from proxy.wire.chat_completions.rebuild import check_system
from proxy.wire.envelope.params import OPENAI_PARAMS
from proxy.wire.splice import EXTENSION

UNDERSTOOD = frozenset(
    {
        "messages",
        "model",
        "n",
        "parallel_tool_calls",
        "response_format",
        "stream",
        "stream_options",
        "tool_choice",
        "tools",
        *OPENAI_PARAMS,
    }
)
"""Members that the neutral call says; all others go to the models as they are."""


class Translating:
    """Runs such variants for calls of the relay."""

    def __init__(self, lane: Lane) -> None:
        self._service = InferService(lane, classify)

    async def run(self, progress: Progress, variant: Variant, client: Client) -> bool:
        """Whether the variant has answered the client, who has been sent nothing otherwise.

        Raises:
            InvalidRequest: something in the request would be lost on the way to its models.
            asyncio.CancelledError: the client left; it is not yet recorded.
        """
        function, peek = progress.function, progress.call.peek
        assert function is not None
        check_translatable(function.asked, variant)
        outlet = RelayOutlet(peek.model, stream=peek.stream, include_usage=peek.include_usage)
        inferring = _begin(progress, function, variant)
        if await self._service.try_variant(inferring, variant, outlet, client):
            await self._service.finish(inferring, outlet, client)
            return True
        progress.waited = inferring.waited
        function.translating = False
        return False

    def record(self, inferring: InferProgress, reason: EndReason) -> Awaitable[None] | None:
        """Record a call that ends while such a variant is under way; as `Recorder.exchange`."""
        return self._service.record(inferring, reason)


def check_translatable(asked: FunctionCall, variant: Variant) -> None:
    """Refuse what the neutral form of the call would lose.

    Raises:
        InvalidRequest: naming the member.
    """
    check_system(asked.members["messages"], texts_only=True)
    lost = find_uncarried(asked.members) or asked.unread
    if lost is not None:
        raise InvalidRequest(
            f"`{lost}` cannot be passed on to variant `{variant.name}`, whose answer is not "
            "relayed as its model gives it",
            param=lost,
        )


def _begin(progress: Progress, function: FunctionProgress, variant: Variant) -> InferProgress:
    """Hand over from the variants that went before."""
    if function.inferring is None:
        call = _call(progress, function.asked)
        function.inferring = InferProgress(
            call, progress.log, progress.assigned, failed=function.failed
        )
    function.inferring.waited = progress.waited
    function.translating, progress.raw = True, True
    function.prepared = function.changed = None
    progress.sink = progress.route = None
    progress.candidate = variant.candidate
    return function.inferring


def _call(progress: Progress, asked: FunctionCall) -> InferenceCall:
    call, target = progress.call, progress.target
    assert isinstance(call.body, bytes)
    return InferenceCall(
        began=call.began,
        id=call.id,
        lane="relay",
        endpoint=call.endpoint.name,
        path=call.path,
        body=call.body,
        target=target,
        function_name=target.function_name,
        task=ChatTask(asked.checked, call.peek.stream),
        episode_id=call.episode_id,
        pinned=call.pinned,
        tags=orjson.loads(call.tags) if call.tags else {},
        credentials=call.credentials,
        user_agent=call.user_agent,
        api_key_name=call.api_key_name,
        members={
            key: raw
            for key, raw in asked.members.items()
            if key not in UNDERSTOOD and not key.startswith(EXTENSION)
        },
        relay="translated",
    )

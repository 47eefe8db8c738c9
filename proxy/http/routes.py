"""The table of routes: every path that this program answers."""

from __future__ import annotations

from proxy.http.errors import envelope_dialect, native_dialect, openai_dialect
from proxy.http.native.feedback import FeedbackHandler
from proxy.http.native.inference import InferenceHandler
from proxy.http.openai.envelope import EnvelopeHandler
from proxy.http.openai.models import ModelsHandler
from proxy.http.openai.relay import METHODS, PREFIX, RelayHandler
from proxy.http.operations import Operations
from proxy.http.server import Route


def build_routes(
    relay: RelayHandler,
    envelope: EnvelopeHandler,
    models: ModelsHandler,
    inference: InferenceHandler,
    feedback: FeedbackHandler,
    operations: Operations,
) -> dict[str, Route]:
    """Exact paths."""
    passed = dict.fromkeys(METHODS, relay.pass_on)
    known = {
        PREFIX + path: Route({**passed, "POST": handler}, openai_dialect)
        for path, handler in relay.known().items()
    }
    return {
        **known,
        "/v1/models": Route({"GET": models.list_models}, openai_dialect),
        "/openai/v1/chat/completions": Route({"POST": envelope.chat_completions}, envelope_dialect),
        "/openai/v1/embeddings": Route({"POST": envelope.embeddings}, envelope_dialect),
        "/inference": Route({"POST": inference.infer}, native_dialect),
        "/feedback": Route({"POST": feedback.submit}, native_dialect),
        "/health": Route({"GET": operations.health}, native_dialect, open=True),
        "/ready": Route({"GET": operations.ready}, native_dialect, open=True),
        "/status": Route({"GET": operations.status}, native_dialect, open=True),
        "/metrics": Route({"GET": operations.metrics}, native_dialect, open=True),
    }


def build_prefixes(relay: RelayHandler, models: ModelsHandler) -> dict[str, Route]:
    """Paths by their beginning."""
    return {
        "/v1/models/": Route(
            {"GET": models.retrieve_model, "DELETE": relay.pass_on}, openai_dialect
        ),
        "/v1/realtime": Route(dict.fromkeys(METHODS, relay.realtime), openai_dialect),
        PREFIX: Route(dict.fromkeys(METHODS, relay.pass_on), openai_dialect),
    }

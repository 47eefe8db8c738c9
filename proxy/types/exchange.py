"""The finished exchange: one HTTP call, as the journal carries it from a worker to the writer.

Flat, array-like structs of scalars and bytes: cheap to encode (one MessagePack array, no keys) and
nothing for the garbage collector to walk. New fields go to the end, with a default, so that the
journals of an older program stay readable.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from proxy.types.edits import Edit, apply_edits


class EndReason(StrEnum):
    """Why an exchange ended. The values are rows' and metrics' words."""

    COMPLETE = "complete"
    """The client was given the whole answer (an error answer included)."""
    CLIENT_DISCONNECTED = "client_disconnected"
    """The client left before the end of the answer."""
    UPSTREAM_CUT = "upstream_cut"
    """The provider's answer broke off after the client had begun to receive it."""
    UPSTREAM_ERROR = "upstream_error"
    """All attempts failed; the client was given an error answer."""
    TIMEOUT = "timeout"
    """A limit passed after the client had begun to receive the answer."""
    SHUTDOWN = "shutdown"
    """The drain's bound passed while the call was still under way."""
    INTERNAL = "internal"
    """A fault of this program."""


class Attempt(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One attempt at one provider. Times in milliseconds."""

    variant_name: str
    model_name: str
    provider_name: str
    status: int
    """HTTP status of the provider's answer; 0 when there was none."""
    error: str
    """Empty on success, else the error's kind, such as `reset` or `timeout`."""
    detail: str
    """A short text without secrets; the first 4 KiB of an error body."""
    started_ms: int
    """Milliseconds after the exchange began."""
    duration_ms: int
    waited_ms: int
    """Pause before this attempt."""
    fault: str = ""
    """What the provider's error says (`fault.FaultKind`), where it answered with one."""


class ModelCall(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One model call that produced output (whole or cut): becomes a `model_inferences` row."""

    id: bytes
    """UUIDv7, 16 bytes."""
    model_name: str
    provider_name: str
    wire: str
    """Protocol of `raw_response`, like `chat_completions`; `neutral` when `output` says it all."""
    stream: bool
    raw_request: bytes
    """Exact body sent to the provider; empty when it equals the exchange's `request_body`, or was
    made of it by `edits`."""
    raw_response: list[bytes]
    """Body received, in blocks as they came; at most `max_recorded_bytes` in all."""
    response_time_ms: int
    ttft_ms: int | None
    output: bytes
    """JSON list of blocks, only for wire `neutral`."""
    input_tokens: int | None
    """This and the next two only for wire `neutral`; otherwise decoded from `raw_response`."""
    output_tokens: int | None
    finish_reason: str
    cached: bool = False
    system: str | None = None
    """This and the next say what the model was told, where `raw_request` does not."""
    input_messages: bytes = b""
    """JSON list of messages; empty where `raw_request` or `request_body` says it."""
    cost: str = ""
    """Dollars, a decimal number; empty when it is not known, or is to be read by `prices`."""
    prices: bytes = b""
    """What `raw_response` is to be charged by (`models.cost.dump_prices`)."""
    provider_type: str = ""
    """Whose thoughts those are that the answer holds; empty when it is not known."""
    edits: tuple[Edit, ...] = ()
    """What was changed in the `request_body` to send it to the provider."""

    @property
    def changed(self) -> bool:
        """Whether the provider was sent another body than the client's."""
        return bool(self.raw_request or self.edits)

    def request(self, client: bytes) -> bytes:
        """The exact body that was sent, where it is known; `client` is the `request_body`."""
        return apply_edits(client, self.edits) if self.edits else self.raw_request or client


class InferenceDetails(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What the function makes of an inference, beside what the bodies say. All bytes are JSON, in
    the stored form of TensorZero's tables; what is empty is not given."""

    function_type: str = "chat"
    """`chat` or `json`: whose tables the rows go into."""
    output: bytes = b""
    """A list of blocks, or `{"raw", "parsed"}`. Empty: it is read from the last model call."""
    auxiliary_content: bytes = b"[]"
    """Blocks of a JSON function's answer that are not its output; with `output` only."""
    output_schema: bytes = b""
    """The schema in force."""
    extra_body: bytes = b"[]"
    dynamic_tools: bytes = b"[]"
    dynamic_provider_tools: bytes = b"[]"
    allowed_tools: bytes = b""
    tool_choice: bytes = b""
    parallel_tool_calls: bool | None = None
    tools: bytes = b""
    """What calls of tools are read by when `output` is empty: the list of offered tools, each
    `{"name", "parameters"}`."""


class Exchange(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One HTTP call on an inference endpoint, finished in whatever way."""

    id: bytes
    """UUIDv7, 16 bytes: the inference id."""
    episode_id: bytes
    """UUIDv7, 16 bytes."""
    method: str
    path: str
    endpoint: str
    """Such as `chat_completions`."""
    lane: str
    """`relay`, `envelope` or `native`."""
    relay: str
    """`raw`, `translated`, or empty when nothing was relayed."""
    stream: bool
    status: int
    """What the client was answered; 0 when it left before."""
    end_reason: str
    """An `EndReason`."""
    error: str
    """Kind of the error that the client saw; empty if none."""
    function_name: str
    """Empty when a passed-on model name went to the default provider."""
    variant_assigned: str
    """The variant that sampling (or the pin) chose first."""
    variant_served: str
    """The variant whose answer the client got; empty if none."""
    variant_pinned: bool
    model_name: str
    provider_name: str
    tags: bytes
    """JSON object of strings; empty bytes for none."""
    attempts: list[Attempt]
    processing_time_ms: int
    ttft_ms: int | None
    overhead_us: int
    """Time of the whole call not spent waiting for the provider or the client, in microseconds."""
    user_agent: str
    api_key_name: str
    config_hash: bytes
    """32 bytes."""
    upstream_request_id: str
    request_body: bytes
    """The client's body; empty when longer than `max_recorded_bytes`."""
    request_bytes: int
    request_sha256: bytes
    """Only when the body was too long to be kept."""
    response_body: list[bytes]
    """What the client was sent, where it differs from the last model call's `raw_response`."""
    response_bytes: int
    response_sha256: bytes
    response_content_type: str
    inference_params: bytes
    """JSON, TensorZero's `{"chat_completion": {…}}` in force."""
    model_calls: list[ModelCall]
    request_parts: bytes = b""
    """Of a multipart body: JSON list of its fields (name, text) and files (name, type, length)."""
    details: InferenceDetails | None = None
    """Of a function with tools, an output schema or a strategy; None says that the bodies say it
    all, as of a plain chat."""
    came_to_answer: bool = True
    """False of a strategy that ended before its answer: the calls of models that it had made are
    stored, an inference is not."""


class Feedback(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One feedback, validated against the configuration, not yet stored."""

    id: bytes
    """UUIDv7, 16 bytes."""
    metric_name: str
    metric_type: str
    """`boolean`, `float`, `comment` or `demonstration`."""
    level: str
    """`inference` or `episode`."""
    target_id: bytes
    """16 bytes; empty when `response_id` names the target."""
    response_id: str
    value: float
    """0.0 or 1.0 for a boolean; 0.0 for a comment and a demonstration."""
    tags: bytes
    config_hash: bytes
    target_known: bool
    """Whether the target was seen in Postgres; otherwise the writer checks it at insert, and a
    demonstration with it."""
    text: str = ""
    """A comment's text, a demonstration's JSON: in stored form, or as it came where the target was
    not known; of other kinds the value's JSON as it came."""


class ConfigSnapshot(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The text of a configuration, journalled before the first exchange that names its hash."""

    hash: bytes
    text: str
    version: str
    created_ms: int


class RecordKind:
    """The kind byte of a journal frame."""

    EXCHANGE = 1
    FEEDBACK = 2
    CONFIG = 3

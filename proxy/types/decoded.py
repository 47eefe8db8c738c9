"""What the writer asks of those who can read a provider's bytes.

The store keeps raw bytes and knows no protocol; the composition root hands it one decoder for
each wire, by the name that `ModelCall.wire` bears.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple, Protocol

import msgspec

from proxy.types.exchange import InferenceDetails, ModelCall


class Decoded(msgspec.Struct, frozen=True):
    """The meaning of one model call's raw answer."""

    output: bytes
    """JSON list of blocks as a model gave them (`content.blocks_to_json`); `[]` for none."""
    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read: int | None = None
    cache_write: int | None = None
    finish_reason: str | None = None
    """TensorZero's word."""
    response_id: str = ""
    """The provider's id of its answer, such as `chatcmpl-…`; empty when it gave none."""
    usage_found: bool = False
    """Whether the provider said anything of tokens."""
    complete: bool = True
    """Whether the answer ended as its protocol says it should."""
    error: str = ""
    """What could not be decoded; empty when all could."""
    is_inference: bool = True
    """Whether it becomes an inference's rows; an embedding, for one, is only an exchange."""
    inference_output: bytes = b""
    """The same blocks as an inference's `output` (`content.output_to_json`), which shows parsed
    tool arguments beside the raw ones; empty when it equals `output`."""
    events: Sequence[str] = ()
    """The provider's own texts of a stream's chunks."""
    reasoning: int | None = None
    """Output tokens spent on thoughts, as the provider counts them."""


class DecodedInput(NamedTuple):
    """The meaning of a request's body. Members that are not given stay empty."""

    input: bytes
    """JSON `{"system"?, "messages"}`, as an inference's input is stored."""
    system: str | None
    messages: bytes
    """JSON list of messages without the system text, as the model got them."""
    params: bytes = b""
    """JSON `{"chat_completion": {…}}`."""
    dynamic_tools: bytes = b""
    """JSON list of tools."""
    tool_choice: bytes = b""
    """JSON."""
    parallel_tool_calls: bool | None = None


class Decoder(Protocol):
    """Reads one wire. Either method may raise anything: the record is then kept raw."""

    def decode_call(self, call: ModelCall) -> Decoded: ...

    def decode_input(self, endpoint: str, request_body: bytes) -> DecodedInput: ...


class ReadOutput(NamedTuple):
    """An inference's output as it is stored, both JSON."""

    output: bytes
    """A list of blocks, or a JSON function's `{"raw", "parsed"}`."""
    auxiliary: bytes = b"[]"
    """The blocks of a JSON function's answer that are not its output."""


class OutputReader(Protocol):
    """Knows what a function makes of a model's answer. May raise anything: the answer's blocks are
    then kept as they are."""

    def read(self, details: InferenceDetails, blocks_json: bytes) -> ReadOutput:
        """Read a list of blocks (`Decoded.output`) by the details' tools or output schema."""

    def cost(self, call: ModelCall, events: Sequence[str]) -> Decimal | None:
        """Dollars for the call, by its `prices`; None when it is not known. `events` are its
        `Decoded.events`."""

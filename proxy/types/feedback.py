"""What feedback needs to know of its target, and who understands a demonstration."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

COMMENT = "comment"
DEMONSTRATION = "demonstration"
"""Names of metrics that no configuration has, and kinds of feedback."""

HUMAN_FEEDBACK = "tensorzero::human_feedback"
DATAPOINT_ID = "tensorzero::datapoint_id"
EVALUATOR_INFERENCE_ID = "tensorzero::evaluator_inference_id"
"""Tags of what a person says of an output that an evaluation has judged."""


@dataclass(frozen=True, slots=True)
class StoredInference:
    """What is stored of an inference, as far as its demonstrations depend on that. The bytes are
    JSON in the stored form; empty where there is none, or where it is no longer kept."""

    id: UUID
    function_name: str
    variant_name: str
    episode_id: UUID
    function_type: str
    """`chat` or `json`."""
    output_schema: bytes = b""
    """Of a JSON function: the one in force then."""
    dynamic_tools: bytes = b""
    """The tools that came with the call."""
    allowed_tools: bytes = b""
    """`{"tools", "choice"}`."""


class DemonstrationReader(Protocol):
    """Knows what a demonstration has to look like, for the functions of the configuration."""

    def read(self, value: bytes, inference: StoredInference) -> bytes:
        """The stored form (JSON) of a demonstration (raw JSON) for that inference.

        Raises:
            RequestError: it is none, or nobody knows its function any more.
        """

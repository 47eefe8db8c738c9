"""What all parts of the dummy provider share: its errors and its counts."""

from __future__ import annotations

from collections.abc import Mapping

from proxy.errors import UpstreamClientError
from proxy.types.usage import Usage

RAW_REQUEST = "raw request"

_USAGES: Mapping[str, tuple[int | None, int | None]] = {
    "input_tokens_zero": (0, None),
    "output_tokens_zero": (None, 0),
    "input_tokens_output_tokens_zero": (0, 0),
    "input_five_output_six": (5, 6),
}


def client_error(message: str, raw_response: str | None = None) -> UpstreamClientError:
    """An error with the raw request that this provider always shows."""
    return UpstreamClientError(message, raw_request=RAW_REQUEST, raw_response=raw_response)


def usage_of(name: str, outputs: int) -> Usage:
    """10 in, and one out for each block or chunk, but for the models named after their counts."""
    given_input, given_output = _USAGES.get(name, (None, None))
    return Usage(
        10 if given_input is None else given_input,
        outputs if given_output is None else given_output,
    )

"""OpenAI's API: the relay below `/v1`, for applications that only changed their `base_url`."""

from __future__ import annotations
